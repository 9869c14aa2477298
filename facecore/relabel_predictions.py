"""Out-of-sample predictions for the pictures of a split, and how doubtful they make its labels.

``training/cross_validate.py`` writes them: each picture was judged by a network that had not been
fitted on it, nor on a copy of it.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facecore.datasets_common import FaceDataset
from facecore.errors import InvalidDatasetError, StorageError
from facecore.relabel_decisions import relabel_dir
from facecore.untrusted_files import load_arrays, parse_json, shorten

PREDICTIONS_FILE = "predictions.npz"


@dataclass(frozen=True, slots=True, eq=False)
class OutOfSample:
    """Cross-validated answers on a split.

    Args:
        sample_ids: str array of shape (n,).
        labels: class names; columns of ``probs``.
        y_true: int16 array of shape (n,) into ``labels``, as labelled.
        probs: float32 array of shape (n, num_classes).
        quality: float32 array of shape (n,), 0-1: the probability of the given label
            (self-confidence; Northcutt et al., 2021).
        is_issue: bool array of shape (n,): whether confident learning takes the label for wrong.
        num_folds: how many networks shared the work.
    """

    sample_ids: npt.NDArray[np.str_]
    labels: tuple[str, ...]
    y_true: npt.NDArray[np.int16]
    probs: npt.NDArray[np.float32]
    quality: npt.NDArray[np.float32]
    is_issue: npt.NDArray[np.bool_]
    num_folds: int

    @property
    def accuracy(self) -> float:
        """Share of the labels that the networks gave too."""
        return float(np.mean(self.probs.argmax(axis=1) == self.y_true))


def predictions_path(dataset: str, split: str) -> Path:
    """Return where the predictions for a split are, or would be."""
    return relabel_dir(dataset, split) / PREDICTIONS_FILE


def save_predictions(path: Path, predictions: OutOfSample) -> None:
    """Write predictions in one step.

    Raises:
        StorageError: if they cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            np.savez_compressed(
                file,
                about=np.array(
                    json.dumps({"labels": predictions.labels, "num_folds": predictions.num_folds})
                ),
                sample_ids=predictions.sample_ids,
                y_true=predictions.y_true,
                probs=predictions.probs,
                quality=predictions.quality,
                is_issue=predictions.is_issue,
            )
        part.replace(path)
    except OSError as error:
        raise StorageError(
            f"The predictions cannot be written to {path} ({error.strerror}); make room there."
        ) from error


def load_predictions_for(dataset: FaceDataset) -> OutOfSample | None:
    """Return the predictions for a split; None where nobody has made them yet.

    Raises:
        InvalidDatasetError: if the file is damaged or about other data.
    """
    path = predictions_path(dataset.name, dataset.split)
    command = f"python training/cross_validate.py --dataset {dataset.name} --restart"
    try:
        arrays = load_arrays(path)
        about = parse_json(str(arrays["about"]).encode())
        predictions = OutOfSample(
            sample_ids=arrays["sample_ids"],
            labels=tuple(about["labels"]),
            y_true=arrays["y_true"],
            probs=arrays["probs"],
            quality=arrays["quality"],
            is_issue=arrays["is_issue"],
            num_folds=int(about["num_folds"]),
        )
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidDatasetError(
            f"{path} is damaged ({shorten(error)}); make it again: {command}."
        ) from error
    same = predictions.labels == dataset.labels and all(
        np.array_equal(ours, theirs)
        for ours, theirs in (
            (predictions.sample_ids, dataset.sample_ids),
            (predictions.y_true, dataset.y_true),
        )
    )
    if not same or predictions.probs.shape != (len(dataset), len(dataset.labels)):
        raise InvalidDatasetError(
            f"{path} is about other pictures or labels than {dataset.name} {dataset.split} has "
            f"now; make it again: {command}."
        )
    return predictions
