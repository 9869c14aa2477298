"""The process that takes training runs from the queue, one after another: see ``training_runs``.

``python -m facecore.training_worker`` ends when nothing waits any more, or another one is at work.
"""

import fcntl
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from facecore.errors import StorageError
from facecore.training_queue import (
    LOCK_FILE,
    PROJECT_DIR,
    QUEUED_FILE,
    RUNNING_FILE,
    check_room,
    list_queue,
)
from facecore.training_runs import (
    CONFIG_FILE,
    ENDED_FILE,
    LOG_FILE,
    STOP_FILE,
    TRAINER,
    State,
    describe_interruption,
    is_finished,
)
from facecore.user_files import user_models_dir, user_runs_dir

_NICENESS = 10
_POLL_S = 0.3
_PATIENCE_S = 10.0
_TRIES = 5
_ENDED_PART = f"{ENDED_FILE}.part"
# JSON needs six bytes at most for a letter.
_MAX_MESSAGE_CHARS, _ENDED_BYTES = 600, 4096


def work() -> None:
    """Train what waits, until nothing does.

    Raises:
        StorageError: if there is no room for the next one's files; it waits on.
    """
    root = user_runs_dir()
    root.mkdir(parents=True, exist_ok=True)
    # Again after letting go: a run may have come while this one still held the lock.
    while list_queue():
        lock = os.open(root / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not _lock(lock):
                return  # another worker has it
            _close_abandoned(root)
            while queue := list_queue():
                if _take_from_queue(root / queue[0]):
                    _train(root / queue[0], lock)
        finally:
            os.close(lock)


def _lock(lock: int) -> bool:
    """Return whether the lock is ours; who only looks holds it for a moment too."""
    for _ in range(_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_POLL_S)
        else:
            return True
    return False


def _close_abandoned(root: Path) -> None:
    """Tell of runs whose worker was killed: with the lock in hand, nobody trains them."""
    for path in root.glob(f"*/{RUNNING_FILE}"):
        with suppress(FileNotFoundError):  # somebody deletes the run
            _note_end(path.parent, "stopped", describe_interruption())


def _take_from_queue(folder: Path) -> bool:
    """Return whether a run is ours to train; its user may take it out of the queue meanwhile.

    Raises:
        StorageError: if there is no room for its log and its end; it waits on.
    """
    try:
        check_room(folder)
        _write_end(folder, "")  # keeps the room: what fills the disk is the very thing to tell then
        # In this order: whoever looks meanwhile finds it waiting or running.
        (folder / RUNNING_FILE).touch()
        (folder / QUEUED_FILE).unlink()
    except FileNotFoundError:
        for name in (RUNNING_FILE, _ENDED_PART):
            (folder / name).unlink(missing_ok=True)
        return False
    except OSError as error:
        raise StorageError(
            f"{folder} cannot be written ({error.strerror}); make room there, and its training "
            "begins."
        ) from error
    (folder / ENDED_FILE).unlink(missing_ok=True)
    return True


def _train(folder: Path, lock: int) -> None:
    # Unbuffered: progress and errors go to one log, which shall have them in their order.
    command = [sys.executable, "-u", str(TRAINER), "--config", str(folder / CONFIG_FILE)]
    command += ["--run-dir", str(folder), "--models-dir", str(user_models_dir())]
    command += ["--nice", str(_NICENESS), "--end-with-stdin"]
    with (folder / LOG_FILE).open("ab") as log:
        begin = log.tell()  # earlier attempts stand before it
        # The trainer ends with its standard input, so with this process, and keeps the lock until
        # then: however this one ends, no second training begins beside the first.
        trainer = subprocess.Popen(  # noqa: S603
            command,
            cwd=PROJECT_DIR,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            pass_fds=[lock],
        )
        (folder / RUNNING_FILE).write_text(str(trainer.pid), encoding="utf-8")
        was_stopped = False
        while trainer.poll() is None:
            if not was_stopped and (folder / STOP_FILE).exists():
                was_stopped = True
                _end(trainer)
            time.sleep(_POLL_S)
    (folder / STOP_FILE).unlink(missing_ok=True)
    if trainer.returncode == 0 and is_finished(folder.name):
        _note_end(folder, "done", "")
    elif was_stopped:
        _note_end(folder, "stopped", "")
    else:
        _note_end(folder, *_explain(folder, trainer.returncode, begin))


def _end(trainer: "subprocess.Popen[bytes]") -> None:
    trainer.terminate()
    try:
        trainer.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        trainer.kill()


def _explain(folder: Path, code: int, begin: int) -> tuple[State, str]:
    """Return how a trainer ended and why, from what it wrote to the log from byte ``begin`` on."""
    if code < 0:
        return "stopped", describe_interruption()
    with (folder / LOG_FILE).open("rb") as log:
        log.seek(begin)
        text = log.read().decode(errors="replace")
    lines = text.strip().splitlines()
    if lines and "Traceback" not in text:
        return "failed", lines[-1]
    return "failed", "The training met an error in the program; its log has the details."


def _note_end(folder: Path, state: State, message: str) -> None:
    text = json.dumps({"state": state, "message": message[:_MAX_MESSAGE_CHARS]})
    _write_end(folder, text)
    (folder / _ENDED_PART).replace(folder / ENDED_FILE)
    (folder / RUNNING_FILE).unlink(missing_ok=True)


def _write_end(folder: Path, text: str) -> None:
    """Write over the room that is kept for a run's end; after the text come spaces."""
    part = folder / _ENDED_PART
    part.touch()
    with part.open("r+b") as file:
        file.write(text.encode().ljust(_ENDED_BYTES))


if __name__ == "__main__":
    try:
        work()
    except StorageError as error:
        sys.exit(str(error))
