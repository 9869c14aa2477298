"""Curves of one network's answers: how ranking, confidence and undecided images trade off.

Each class against the rest, as the networks' probabilities rank the images. Curves are thinned to
what a chart can show; areas are of the whole curve.
"""

from dataclasses import dataclass

import numpy as np

from facecore.comparison_types import ComparedModel, FloatArray, IntArray
from facecore.evaluation_metrics import (
    ReliabilityBin,
    compute_ece,
    compute_log_loss,
    compute_reliability_bins,
)

_MAX_POINTS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One line of a chart.

    Args:
        x: float64 array of shape (k,), ascending or level, k at most 200.
        y: float64 array of shape (k,).
        area: under the whole curve.
        baseline: the area of a network that guesses.
    """

    x: FloatArray
    y: FloatArray
    area: float
    baseline: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """Confidence against accuracy, as answered and as it was before temperature scaling.

    Args:
        temperature: by which the network's logits are divided (Guo et al. 2017).
        bins_before: of the undivided logits.
        bins_after: of the probabilities that the network gives.
        ece_before: expected calibration error of the first.
        ece_after: of the second.
        log_loss_before: of the first; None where the network lacks a class of the images. The
            temperature is chosen by it, so that the calibration error may go either way.
        log_loss_after: of the second.
    """

    temperature: float
    bins_before: tuple[ReliabilityBin, ...]
    bins_after: tuple[ReliabilityBin, ...]
    ece_before: float
    ece_after: float
    log_loss_before: float | None
    log_loss_after: float | None


@dataclass(frozen=True, slots=True, eq=False)
class CoverageCurve:
    """Accuracy on the images that remain when the least sure answers are left undecided.

    Args:
        coverage: share of images that are answered, float64 array of shape (k,), ascending to 1.
        accuracy: on those, float64 array of shape (k,).
        confidence: the least that is still answered, float64 array of shape (k,).
    """

    coverage: FloatArray
    accuracy: FloatArray
    confidence: FloatArray


def compute_roc(model: ComparedModel, label: str) -> Curve | None:
    """Return the share of a class that is found (y) against false alarms (x).

    Args:
        model: of a comparison.
        label: the class to tell from all others.

    Returns:
        None where the network lacks the class, or all images or none show it.
    """
    counts = _count_by_threshold(model, label)
    if counts is None:
        return None
    found, alarms = counts
    x, y = alarms / alarms[-1], found / found[-1]
    kept = _thin(len(x))
    return Curve(x[kept], y[kept], float(np.trapezoid(y, x)), baseline=0.5)


def compute_precision_recall(model: ComparedModel, label: str) -> Curve | None:
    """Return the share of right alarms (y) against the share of a class that is found (x).

    The area is the average precision: each step of recall weighs the precision reached there.

    Args:
        model: of a comparison.
        label: the class to tell from all others.

    Returns:
        None where the network lacks the class, or all images or none show it.
    """
    counts = _count_by_threshold(model, label)
    if counts is None:
        return None
    found, alarms = counts[0][1:], counts[1][1:]  # nothing is found at the start: no precision
    recall, precision = found / found[-1], found / (found + alarms)
    area = float((np.diff(recall, prepend=0) * precision).sum())
    kept = _thin(len(recall))
    share = float(found[-1] / (found[-1] + alarms[-1]))
    return Curve(recall[kept], precision[kept], area, baseline=share)


def compute_reliability(model: ComparedModel) -> Reliability:
    """Return the reliability bins before and after the temperature that the card names."""
    temperature = model.card.temperature
    # The stored probabilities are softmax(z / T); those of z follow from their T-th powers.
    powers = model.probs**temperature
    probs = powers / powers.sum(axis=1, keepdims=True)
    bins, log_loss = compute_reliability_bins(model.y_true, probs), model.scores.log_loss
    return Reliability(
        temperature=temperature,
        bins_before=bins,
        bins_after=model.scores.bins,
        ece_before=compute_ece(bins),
        ece_after=model.scores.ece,
        log_loss_before=None if log_loss is None else compute_log_loss(model.y_true, probs),
        log_loss_after=log_loss,
    )


def compute_coverage(model: ComparedModel) -> CoverageCurve:
    """Return accuracy against the share of images that are answered, surest first.

    Images of the same confidence are answered together.
    """
    confidence = model.probs.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    ends = _ends_of_ties(confidence[order])
    answered = ends + 1
    right = np.cumsum(model.correct[order])[ends]
    kept = _thin(len(ends))
    return CoverageCurve(
        coverage=(answered / len(order))[kept],
        accuracy=(right / answered)[kept],
        confidence=confidence[order][ends][kept],
    )


def _count_by_threshold(model: ComparedModel, label: str) -> tuple[FloatArray, FloatArray] | None:
    """Return images of the class and others at or above each threshold, from none to all."""
    code = model.labels.index(label)
    is_class = model.y_true == code
    if label not in model.card.labels or is_class.all() or not is_class.any():
        return None
    scores = model.probs[:, code]
    order = np.argsort(-scores, kind="stable")
    ends = _ends_of_ties(scores[order])
    found = np.cumsum(is_class[order])[ends].astype(np.float64)
    return np.append(0.0, found), np.append(0.0, ends + 1 - found)


def _ends_of_ties(descending: FloatArray) -> IntArray:
    """Return the last index of each run of equal values."""
    return np.append(np.flatnonzero(np.diff(descending)), len(descending) - 1)


def _thin(num_points: int) -> IntArray:
    """Return the indices of evenly spread points, the first and the last among them."""
    spread = np.linspace(0, num_points - 1, min(num_points, _MAX_POINTS))
    return np.rint(spread).astype(np.int64)
