"""Training runs that the dashboard starts: one at a time, in a queue that outlives the server.

Everything about a run lies in its folder below ``<user folder>/runs``, so that any process can read
and steer it: its config, ``queued`` while it waits, ``running`` with the trainer's process id while
it is trained, ``stop`` to ask for its end, ``ended.json`` with how it ended, the trainer's own
state and its log. A process of its own (``training_worker``) takes run after run; it holds a lock
while it or its trainer lives.
"""

import math
import os
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from facecore.comparison import TrainingEpoch
from facecore.errors import TrainingRunError
from facecore.model_titles import is_title_taken
from facecore.registry import CARD_FILE, models_dir
from facecore.training_config import load_values, to_toml
from facecore.training_queue import (
    PROJECT_DIR,
    QUEUED_FILE,
    RUNNING_FILE,
    ensure_worker,
    is_worker_alive,
    is_worker_busy,
    list_queue,
)
from facecore.untrusted_files import load_arrays, load_json, parse_json, shorten
from facecore.user_files import changing, to_name, user_models_dir, user_runs_dir

CONFIG_FILE, LOG_FILE, STATE_FILE, ENDED_FILE = "config.toml", "log.txt", "state.npz", "ended.json"
STOP_FILE = "stop"

TRAINER = PROJECT_DIR / "training" / "train.py"

State = Literal["queued", "running", "done", "stopped", "failed"]

_LOG_TAIL_BYTES = 20_000


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """One run as it is now.

    Args:
        name: of its folder and of the bundle it makes.
        values: its config.
        state: queued, running, done, stopped (also by the end of the machine), or failed.
        message: one sentence where it failed or was ended from outside; else empty.
        num_ahead: runs that come before it while it is queued.
        history: the finished epochs.
        changed_s: when it last came on, seconds since 1970.
    """

    name: str
    values: Mapping[str, Any]
    state: State
    message: str
    num_ahead: int
    history: tuple[TrainingEpoch, ...]
    changed_s: float

    @property
    def title(self) -> str:
        """As the user calls it."""
        return str(self.values.get("title", self.name))

    @property
    def num_epochs(self) -> int:
        """How many epochs it shall have."""
        return int(self.values.get("epochs", 0))

    @property
    def is_active(self) -> bool:
        """Whether it waits or is trained."""
        return self.state in ("queued", "running")

    @property
    def best(self) -> TrainingEpoch:
        """The epoch of the lowest validation loss; there must be one. NaN counts as the highest."""
        return min(self.history, key=lambda e: (math.isnan(e.validation_loss), e.validation_loss))

    @property
    def seconds_left(self) -> float | None:
        """Time to the end at the speed so far; None before the first epoch is done."""
        if not self.history:
            return None
        per_epoch = sum(row.duration_s for row in self.history) / len(self.history)
        gone = time.time() - self.changed_s if self.state == "running" else 0.0
        return max(0.0, per_epoch * (self.num_epochs - len(self.history)) - gone)


def is_trainer_there() -> bool:
    """Tell whether this installation has the training script."""
    return TRAINER.is_file()


def choose_run_name(title: str) -> str:
    """Return the folder name for a title.

    Raises:
        TrainingRunError: if the title cannot be one or is taken by a model or a run.
    """
    name = to_name(title)
    if not name:
        raise TrainingRunError("Give the model a name with letters a-z or digits.")
    folders = (models_dir(), user_models_dir(), user_runs_dir())
    if is_title_taken(title) or any((folder / name).exists() for folder in folders):
        raise _is_taken(title)
    return name


def _is_taken(title: object) -> TrainingRunError:
    return TrainingRunError(f"There is a model called “{title}” already; take another name.")


def create_run(values: Mapping[str, Any]) -> str:
    """Write a run's config and put the run at the end of the queue; return its name.

    Args:
        values: the settings of ``training/config.py``; "title" names the run.

    Raises:
        TrainingRunError: if the name is taken, or there is no trainer here.
        StorageError: if nothing can be written.
    """
    name = choose_run_name(str(values["title"]))
    folder = user_runs_dir() / name
    with changing(user_runs_dir()):
        try:
            folder.mkdir(parents=True)
        except FileExistsError as error:  # another server on this folder was quicker
            raise _is_taken(values["title"]) from error
        _write(folder / CONFIG_FILE, to_toml({**values, "name": name}))
    queue_run(name)
    return name


def queue_run(name: str) -> None:
    """Put a new, stopped or failed run at the end of the queue; it goes on where it was.

    Raises:
        TrainingRunError: if there is no such run, it is active already, or there is no trainer.
        StorageError: if it cannot be noted down.
    """
    if not is_trainer_there():
        raise TrainingRunError(
            "This installation has no training script; install the whole project to train."
        )
    if load_run(name).state in ("queued", "running", "done"):
        raise TrainingRunError("This training waits, runs or is finished already.")
    folder = user_runs_dir() / name
    with changing(folder):
        (folder / STOP_FILE).unlink(missing_ok=True)
        _write(folder / QUEUED_FILE, str(time.time_ns()))
        ensure_worker()


def stop_run(name: str) -> None:
    """Take a run out of the queue, or ask for its end; the epoch at hand is lost.

    Raises:
        TrainingRunError: if there is no such run.
        StorageError: if that cannot be noted down.
    """
    is_active = load_run(name).is_active
    folder = user_runs_dir() / name
    with changing(folder):
        if is_active:  # first, and where it waits too: the worker may just be taking it
            _write(folder / STOP_FILE, "")
        (folder / QUEUED_FILE).unlink(missing_ok=True)


def delete_run(name: str) -> None:
    """Delete a run's folder; a bundle that it made stays.

    Raises:
        TrainingRunError: if there is no such run, or it waits or runs.
        StorageError: if it cannot be deleted.
    """
    if load_run(name).is_active:
        raise TrainingRunError("This training waits or runs; stop it first.")
    folder = user_runs_dir() / name
    with changing(folder):
        (folder / CONFIG_FILE).unlink(missing_ok=True)  # from now on it is no run
    shutil.rmtree(folder, ignore_errors=True)


def list_runs() -> list[TrainingRun]:
    """Return all runs: the one being trained, those that wait in their order, then the latest."""
    runs = []
    for path in user_runs_dir().glob(f"*/{CONFIG_FILE}"):
        with suppress(TrainingRunError):  # deleted or damaged meanwhile
            runs.append(load_run(path.parent.name))
    ranks = {"running": 0, "queued": 1}
    return sorted(runs, key=lambda r: (ranks.get(r.state, 2), r.num_ahead, -r.changed_s, r.name))


def load_run(name: str) -> TrainingRun:
    """Return a run as it is now.

    Raises:
        TrainingRunError: if there is no such run or its config is damaged.
    """
    folder = user_runs_dir() / name
    if name != to_name(name) or not (folder / CONFIG_FILE).is_file():
        raise TrainingRunError(f"There is no training called '{name}' on this server any more.")
    values = load_values(folder / CONFIG_FILE)
    # In the order in which the worker's files come and go: it writes "running" before it takes
    # "queued" away, and "ended.json" before "running".
    queue = list_queue()
    is_running = (folder / RUNNING_FILE).exists() and is_worker_alive()
    state: State
    if name in queue:
        state, message = "queued", ""
    elif is_running:
        state, message = "running", ""
    else:
        state, message = _read_ended(folder)
    num_ahead = queue.index(name) + is_worker_busy() if name in queue else 0
    try:
        history = read_history(folder)
    except TrainingRunError as error:
        history = ()
        if state in ("stopped", "failed"):
            state, message = "failed", str(error)
    return TrainingRun(name, values, state, message, num_ahead, history, _find_change_s(folder))


def read_history(folder: Path) -> tuple[TrainingEpoch, ...]:
    """Return the finished epochs of a run from the state that its trainer saves.

    Raises:
        TrainingRunError: if that file is damaged.
    """
    path = folder / STATE_FILE
    try:
        rows = parse_json(str(load_arrays(path, ["progress"])["progress"]).encode())["history"]
        return tuple(TrainingEpoch(**row) for row in rows)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingRunError(
            f"{path} is damaged ({shorten(error)}); delete the training."
        ) from error


def read_log(name: str) -> str:
    """Return the end of a run's log, empty if there is none."""
    try:
        with (user_runs_dir() / name / LOG_FILE).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_TAIL_BYTES))
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""


def describe_interruption() -> str:
    """Return the sentence about a run that ended without a word of its own."""
    return (
        "The training was ended from outside, as by a restart of the machine or a lack of memory; "
        "Resume goes on after the last finished epoch."
    )


def is_finished(name: str) -> bool:
    """Tell whether a run's bundle is there."""
    return (user_models_dir() / name / CARD_FILE).is_file()


def _find_change_s(folder: Path) -> float:
    """Return when a file of a run last changed, seconds since 1970; 0 without any."""
    changed_s = 0.0
    with suppress(FileNotFoundError):  # the folder
        for path in folder.iterdir():
            with suppress(FileNotFoundError):  # the worker's notes come and go
                changed_s = max(changed_s, path.stat().st_mtime)
    return changed_s


def _read_ended(folder: Path) -> tuple[State, str]:
    try:
        values = load_json(folder / ENDED_FILE)
        return values["state"], str(values["message"])
    except FileNotFoundError:
        return "stopped", describe_interruption() if (folder / LOG_FILE).exists() else ""
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingRunError(f"{folder / ENDED_FILE} is damaged; delete it.") from error


def _write(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
