"""Everything a run needs to go on where it was interrupted, in one file per run."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from facecore.errors import ConfigError, TrainingRunError
from facecore.untrusted_files import load_arrays, parse_json, shorten
from training.config import TrainConfig
from training.whole_files import writing

STATE_FILE = "state.npz"
# These change how a network is described, not how it is trained.
_DESCRIPTIVE = ("title", "margin", "shift_y", "wanted_accuracy", "notes", "role")

Arrays = list[npt.NDArray[Any]]


@dataclass(slots=True)
class RunState:
    """How far a run is.

    Args:
        history: one row per finished epoch.
        best_weights: those of the lowest validation loss so far.
        duration_s: spent on the finished epochs.
        average: moving average of the trainable weights; empty if there is none.
        labels_digest: of the labels that it learns from, see ``TrainingData``.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    best_weights: Arrays = field(default_factory=list)
    duration_s: float = 0.0
    average: Arrays = field(default_factory=list)
    labels_digest: str = ""

    @property
    def num_epochs(self) -> int:
        """Finished epochs."""
        return len(self.history)

    @property
    def best_epoch(self) -> int:
        """The epoch of the lowest validation loss, from 1."""
        return int(np.nanargmin([row["validation_loss"] for row in self.history])) + 1

    @property
    def lowest_loss(self) -> float:
        """The lowest validation loss so far; infinite before the first epoch."""
        # NaN, which older runs may have noted, hides every lower loss from min.
        losses = (row["validation_loss"] for row in self.history)
        return min((loss for loss in losses if np.isfinite(loss)), default=np.inf)


def save_state(run_dir: Path, config: TrainConfig, model: keras.Model, state: RunState) -> None:
    """Write the state of network, optimizer and run in one step.

    What is random follows from seed, epoch and step, so no generator needs saving but the
    network's own (dropout), which is among its variables.

    Raises:
        StorageError: if it cannot be written; the state of earlier epochs stays.
    """
    arrays = {
        f"{group}_{i:04d}": array
        for group, values in (
            ("model", [v.numpy() for v in _variables(model)]),
            ("optimizer", [v.numpy() for v in model.optimizer.variables]),
            ("best", state.best_weights),
            ("average", state.average),
        )
        for i, array in enumerate(values)
    }
    progress = {
        "config": asdict(config),
        "history": state.history,
        "duration_s": state.duration_s,
        "labels_digest": state.labels_digest,
    }
    part = run_dir / f"{STATE_FILE}.part"
    with writing(part):
        with part.open("wb") as file:
            np.savez(file, progress=np.array(json.dumps(progress)), **arrays)
        part.replace(run_dir / STATE_FILE)


def load_state(run_dir: Path) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Read what ``save_state`` wrote: the progress, and the arrays by name.

    Raises:
        FileNotFoundError: if the folder holds no run.
        TrainingRunError: if the file is damaged, as a power failure may leave it.
    """
    path = run_dir / STATE_FILE
    try:
        arrays = load_arrays(path)
        progress = parse_json(str(arrays.pop("progress")).encode())
        _ = len(progress["history"])
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _is_damaged(path, error) from error
    return progress, arrays


def restore_state(
    run_dir: Path, config: TrainConfig, model: keras.Model, labels_digest: str
) -> RunState:
    """Put network and optimizer where the run was; a new run starts with an empty state.

    Raises:
        ConfigError: if the folder holds a run with other settings or labels.
        TrainingRunError: if its file is damaged.
    """
    if not (run_dir / STATE_FILE).is_file():
        return RunState(labels_digest=labels_digest)
    progress, arrays = load_state(run_dir)
    if _select_settings(progress["config"]) != select_settings(config):
        raise ConfigError(
            f"{run_dir} holds a run of '{config.name}' with other settings; pass another "
            "--run-dir, or --restart to begin again."
        )
    # Runs from before it was noted are taken to have learned from what is there now.
    if progress.get("labels_digest", labels_digest) != labels_digest:
        changed = f"the corrections {config.corrections}" if config.corrections else "the data"
        raise ConfigError(
            f"The run of '{config.name}' in {run_dir} learned from other labels than "
            f"{changed} give now; put them back as they were, or train again from the start "
            "with --restart."
        )
    groups: dict[str, Arrays] = {"model": [], "optimizer": [], "best": [], "average": []}
    for key in sorted(arrays):
        groups[key.rpartition("_")[0]].append(arrays[key])
    variables = [*_variables(model), *model.optimizer.variables]
    try:
        for variable, value in zip(variables, groups["model"] + groups["optimizer"], strict=True):
            variable.assign(value)
    except ValueError as error:  # such as one of another version's network
        raise _is_damaged(run_dir / STATE_FILE, error) from error
    return RunState(
        progress["history"],
        groups["best"],
        progress["duration_s"],
        groups["average"],
        labels_digest,
    )


def _is_damaged(path: Path, error: Exception) -> TrainingRunError:
    return TrainingRunError(
        f"{path} is damaged ({shorten(error)}); delete the training, or pass --restart, and train "
        "again from the start."
    )


def _variables(model: keras.Model) -> list[keras.Variable]:
    return [*model.trainable_variables, *model.non_trainable_variables]


def select_settings(config: TrainConfig) -> dict[str, Any]:
    """Return the settings that decide a run, as JSON would hold them."""
    return _select_settings(asdict(config))


def _select_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Do so for saved settings; one that is newer than the saved run was at its default."""
    defaults = {f.name: f.default for f in fields(TrainConfig) if f.default is not MISSING}
    settings = json.loads(json.dumps({**defaults, **values}))  # tuples become lists
    return {key: value for key, value in settings.items() if key not in _DESCRIPTIVE}
