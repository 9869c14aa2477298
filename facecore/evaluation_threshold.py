"""Below which confidence a network's answer is shown as undecided: chosen on a validation split."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from facecore.errors import EvaluationError, IncomparableReportsError
from facecore.evaluation_hint import describe_making
from facecore.evaluation_report import (
    PREDICTIONS_FILE,
    evaluation_dir,
    load_predictions,
    load_report,
)
from facecore.labels import Task
from facecore.registry import ModelCard, load_card, save_card

DEFAULT_ACCURACY: dict[Task, float] = {"expression": 0.8, "gender": 0.95}
"""Of the decided answers, for a network whose training config says nothing."""

_STEPS = 100
"""Thresholds are whole percents: a finer one would be noise, and people move it by percents."""


@dataclass(frozen=True, slots=True)
class ThresholdChoice:
    """A threshold and what it does on the pictures it was chosen on.

    Args:
        threshold: answers of lower confidence are undecided, 0-1.
        wanted_accuracy: what was asked for, 0-1.
        accuracy: of the decided answers, 0-1; lower than wanted where no threshold reaches that.
        coverage: share of the pictures that is decided, 0-1.
        num_images: how many pictures there were.
    """

    threshold: float
    wanted_accuracy: float
    accuracy: float
    coverage: float
    num_images: int

    @property
    def reached(self) -> bool:
        """Whether the decided answers are as accurate as wanted."""
        return self.accuracy >= self.wanted_accuracy


def choose_threshold(
    confidence: npt.NDArray[np.floating[Any]],
    is_correct: npt.NDArray[np.bool_],
    wanted_accuracy: float,
) -> ThresholdChoice:
    """Return the lowest whole percent from which on answers are right as often as wanted.

    Where none is, the one whose decided answers are right most often.

    Args:
        confidence: float array of shape (n,), the highest probability of each answer; n > 0.
        is_correct: bool array of shape (n,).
        wanted_accuracy: of the answers that stay decided, 0-1.
    """
    if len(confidence) == 0 or confidence.shape != is_correct.shape:
        raise ValueError(f"shapes {confidence.shape} and {is_correct.shape} do not fit together")
    best: ThresholdChoice | None = None
    for percent in range(_STEPS + 1):
        threshold = percent / _STEPS
        decided = confidence >= threshold
        if not decided.any():
            break
        accuracy, coverage = float(is_correct[decided].mean()), float(decided.mean())
        choice = ThresholdChoice(threshold, wanted_accuracy, accuracy, coverage, len(confidence))
        if choice.reached:
            return choice
        if best is None or accuracy > best.accuracy:
            best = choice
    if best is None:
        raise ValueError("confidences must be between 0 and 1")
    return best


def write_threshold(
    bundle: Path, dataset: str, split: str, wanted_accuracy: float
) -> ThresholdChoice:
    """Choose a bundle's threshold from its stored predictions and write it into its card.

    A class that the network lacks counts as answered wrongly, as it will be in front of a camera.

    Args:
        bundle: folder of a network that was evaluated on the split.
        dataset: name of the data set.
        split: one on which choices are made, never one that is kept for the report.
        wanted_accuracy: of the decided answers, 0-1.

    Raises:
        ModelError: if the bundle has no usable card.
        EvaluationError: if its evaluation on the split is missing, damaged, or of another network.
    """
    card = load_card(bundle)
    folder = evaluation_dir(bundle, dataset, split)
    if not (folder / PREDICTIONS_FILE).is_file():
        raise EvaluationError(
            f"Model '{card.name}' was not evaluated on {dataset} {split}; "
            f"{describe_making(card.name, dataset, split)}"
        )
    if load_report(folder).model_sha256 != card.sha256:
        raise IncomparableReportsError(
            f"The evaluation of model '{card.name}' on {dataset} {split} is of an earlier network; "
            f"{describe_making(card.name, dataset, split)}"
        )
    predictions = load_predictions(folder)
    probs = predictions.aligned_probs()
    choice = choose_threshold(
        probs.max(axis=1), probs.argmax(axis=1) == predictions.y_true, wanted_accuracy
    )
    save_card(bundle, with_threshold(card, choice, dataset, split))
    return choice


def with_threshold(card: ModelCard, choice: ThresholdChoice, dataset: str, split: str) -> ModelCard:
    """Return the card with a threshold, and with how it was chosen."""
    numbers = {key: round(value, 4) for key, value in asdict(choice).items() if key != "threshold"}
    told = {"dataset": dataset, "split": split, **numbers}
    return replace(card, threshold=choice.threshold, threshold_choice=told)
