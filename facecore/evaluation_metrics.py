"""The numbers of an evaluation, from labels and probabilities alone. All are fractions 0-1."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

NUM_BINS = 15
_Z_95 = 1.959963984540054
_NUM_DRAWS = 1000
SMALLEST_PROB = 1e-7  # keeps the log loss finite; below float32's resolution near 1

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClassMetrics:
    """One class: a fraction whose denominator is 0 counts as 0."""

    precision: float
    recall: float
    f1: float
    support: int
    num_predicted: int


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The predictions whose confidence lies in (low, high]; an empty bin has means of 0."""

    low: float
    high: float
    num_images: int
    mean_confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Scores:
    """All numbers on one set of classes.

    Args:
        labels: the classes, the order of rows and columns.
        num_images: how many pictures.
        accuracy: share that is right.
        accuracy_interval: its 95 % Wilson interval.
        balanced_accuracy: mean recall of the classes that have pictures.
        macro_f1: mean F1 of the classes that have pictures or were predicted.
        per_class: precision, recall, F1 and support by label.
        confusion: counts; rows are the truth, columns the predictions.
        log_loss: mean negative log probability of the truth; None where the network lacks a class,
            whose probability is 0.
        brier: mean squared distance of the probabilities from the truth, summed over classes.
        ece: expected calibration error over the bins.
        bins: reliability by confidence.
    """

    labels: tuple[str, ...]
    num_images: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    balanced_accuracy: float
    macro_f1: float
    per_class: dict[str, ClassMetrics]
    confusion: tuple[tuple[int, ...], ...]
    log_loss: float | None
    brier: float
    ece: float
    bins: tuple[ReliabilityBin, ...]


def compute_scores(
    labels: tuple[str, ...], y_true: IntArray, probs: FloatArray, knows_all: bool = True
) -> Scores:
    """Compute all numbers.

    Args:
        labels: class names.
        y_true: int array of shape (n,), n at least 1.
        probs: float array of shape (n, len(labels)).
        knows_all: whether the network has every class.
    """
    confusion = compute_confusion_matrix(y_true, probs.argmax(axis=1), len(labels))
    per_class = compute_class_metrics(confusion, labels)
    bins = compute_reliability_bins(y_true, probs)
    num_right = int(confusion.trace())
    return Scores(
        labels=labels,
        num_images=len(y_true),
        accuracy=num_right / len(y_true),
        accuracy_interval=compute_wilson_interval(num_right, len(y_true)),
        balanced_accuracy=float(np.mean([m.recall for m in per_class.values() if m.support])),
        macro_f1=float(np.mean([m.f1 for m in per_class.values() if m.support or m.num_predicted])),
        per_class=per_class,
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        log_loss=compute_log_loss(y_true, probs) if knows_all else None,
        brier=compute_brier(y_true, probs),
        ece=compute_ece(bins),
        bins=bins,
    )


def compute_wilson_interval(num_right: int, n: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a share; n must be at least 1."""
    share, z2 = num_right / n, _Z_95**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z_95 * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def compute_macro_interval(confusion: IntArray) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of the macro F1; the same at every call.

    Drawing pictures with replacement is drawing cells of the confusion matrix (Efron, 1979).

    Args:
        confusion: counts of shape (num_classes, num_classes), at least one picture.
    """
    n = int(confusion.sum())
    draws = np.random.default_rng(0).multinomial(n, confusion.ravel() / n, _NUM_DRAWS)
    draws = draws.reshape(_NUM_DRAWS, *confusion.shape)
    right = np.diagonal(draws, axis1=1, axis2=2)
    either = draws.sum(axis=2) + draws.sum(axis=1)
    f1 = 2 * right / np.maximum(either, 1)
    means = f1.sum(axis=1) / (either > 0).sum(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def compute_confusion_matrix(y_true: IntArray, y_pred: IntArray, num_classes: int) -> IntArray:
    """Return counts of shape (num_classes, num_classes): rows truth, columns predictions."""
    cells = np.bincount(y_true * num_classes + y_pred, minlength=num_classes**2)
    return cells.reshape(num_classes, num_classes).astype(np.int64)


def compute_class_metrics(confusion: IntArray, labels: tuple[str, ...]) -> dict[str, ClassMetrics]:
    """Return the metrics of each class of a confusion matrix with rows = truth."""
    metrics = {}
    for i, label in enumerate(labels):
        right = int(confusion[i, i])
        support, predicted = int(confusion[i].sum()), int(confusion[:, i].sum())
        metrics[label] = ClassMetrics(
            precision=right / predicted if predicted else 0.0,
            recall=right / support if support else 0.0,
            f1=2 * right / (support + predicted) if support + predicted else 0.0,
            support=support,
            num_predicted=predicted,
        )
    return metrics


def compute_log_loss(y_true: IntArray, probs: FloatArray) -> float:
    """Return the mean negative natural logarithm of the truth's probability."""
    truth = probs[np.arange(len(y_true)), y_true]
    return float(-np.log(np.maximum(truth, SMALLEST_PROB)).mean())


def compute_brier(y_true: IntArray, probs: FloatArray) -> float:
    """Return the mean squared distance from the truth, summed over classes: 0 best, 2 worst."""
    truth = np.eye(probs.shape[1])[y_true]
    return float(((probs - truth) ** 2).sum(axis=1).mean())


def compute_reliability_bins(
    y_true: IntArray, probs: FloatArray, num_bins: int = NUM_BINS
) -> tuple[ReliabilityBin, ...]:
    """Return equally wide bins of the confidence, each with its accuracy."""
    confidence = probs.max(axis=1)
    is_right = probs.argmax(axis=1) == y_true
    index = np.clip(np.ceil(confidence * num_bins).astype(np.int64) - 1, 0, num_bins - 1)
    bins = []
    for i in range(num_bins):
        members = index == i
        num = int(members.sum())
        bins.append(
            ReliabilityBin(
                low=i / num_bins,
                high=(i + 1) / num_bins,
                num_images=num,
                mean_confidence=float(confidence[members].mean()) if num else 0.0,
                accuracy=float(is_right[members].mean()) if num else 0.0,
            )
        )
    return tuple(bins)


def compute_ece(bins: tuple[ReliabilityBin, ...]) -> float:
    """Return the mean distance of confidence and accuracy, weighted by the bins' pictures."""
    total = sum(b.num_images for b in bins)
    return sum(b.num_images * abs(b.mean_confidence - b.accuracy) for b in bins) / total
