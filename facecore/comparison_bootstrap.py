"""How much each score would vary with other images: paired bootstrap over the images.

Every draw takes as many images as there are, with replacement, and scores all networks on the same
ones, so that differences between networks are paired (Efron and Tibshirani 1993).
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from facecore.comparison_types import ComparedModel, Comparison, FloatArray
from facecore.evaluation_metrics import NUM_BINS, SMALLEST_PROB

NUM_DRAWS = 1000
_DRAWS_AT_ONCE = 50  # bounds the memory: 50 draws of the whole of FER-2013 take 15 MB
_SEED = 0  # the same page for everybody

METRICS: Mapping[str, int] = {
    "accuracy": 1,
    "balanced_accuracy": 1,
    "macro_f1": 1,
    "log_loss": -1,
    "brier": -1,
    "ece": -1,
}
"""Names of ``Scores`` -> 1 where more is better, -1 where less is."""

MetricDraws = Mapping[str, FloatArray]
"""Metric -> float64 array of shape (num_draws, num_models); nan where a network has no score."""


def compute_draws(comparison: Comparison, num_draws: int = NUM_DRAWS) -> MetricDraws:
    """Score all networks on resampled images.

    All scores follow from sums over images, so that a draw is a row of image weights times each
    network's table of summands.

    Args:
        comparison: of any number of networks.
        num_draws: at least 2.
    """
    n, num_classes = len(comparison.y_true), len(comparison.labels)
    truth = np.eye(num_classes, dtype=np.float32)[comparison.y_true]
    tables = [_tabulate(model, truth) for model in comparison.models]
    rng = np.random.default_rng(_SEED)
    drawn: dict[str, list[FloatArray]] = {metric: [] for metric in METRICS}
    for start in range(0, num_draws, _DRAWS_AT_ONCE):
        weights = _draw_weights(rng, min(_DRAWS_AT_ONCE, num_draws - start), n)
        support = (weights @ truth).astype(np.float64)
        scores = [
            _score((weights @ table).astype(np.float64), support, n, model.scores.log_loss is None)
            for model, table in zip(comparison.models, tables, strict=True)
        ]
        for metric in METRICS:
            drawn[metric].append(np.stack([score[metric] for score in scores], axis=1))
    return {metric: np.concatenate(parts) for metric, parts in drawn.items()}


def compute_interval(draws: FloatArray) -> tuple[float, float]:
    """Return the 95 % percentile interval of draws of shape (num_draws,)."""
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)


def compute_normal_p(difference: float, draws: FloatArray) -> float:
    """Return the two-sided p of a difference whose spread is that of its draws.

    The normal distribution gives smaller p than a thousand draws could count.
    """
    spread = float(draws.std(ddof=1))
    if spread == 0:  # the same summands on every image
        return float(difference == 0)
    return float(2 * ndtr(-abs(difference) / spread))


def _draw_weights(rng: np.random.Generator, num_draws: int, n: int) -> npt.NDArray[np.float32]:
    """Return how often each image was drawn: float32 array of shape (num_draws, n)."""
    images = rng.integers(0, n, size=(num_draws, n)) + n * np.arange(num_draws)[:, None]
    counts = np.bincount(images.ravel(), minlength=num_draws * n)
    return counts.reshape(num_draws, n).astype(np.float32)


def _tabulate(model: ComparedModel, truth: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return each image's summands: right by class, predicted by class, losses, gaps by bin."""
    answers = np.eye(truth.shape[1], dtype=np.float32)[model.predicted]
    of_truth = model.probs[np.arange(len(model.y_true)), model.y_true]
    confidence = model.probs.max(axis=1)
    index = np.clip(np.ceil(confidence * NUM_BINS).astype(np.int64) - 1, 0, NUM_BINS - 1)
    gaps = np.eye(NUM_BINS)[index] * (confidence - model.correct)[:, None]
    columns = [
        answers * truth,
        answers,
        -np.log(np.maximum(of_truth, SMALLEST_PROB))[:, None],
        ((model.probs - truth) ** 2).sum(axis=1)[:, None],
        gaps,
    ]
    return np.concatenate(columns, axis=1).astype(np.float32)


def _score(
    sums: FloatArray, support: FloatArray, n: int, lacks_log_loss: bool
) -> dict[str, FloatArray]:
    """Return every metric of every draw, each of shape (num_draws,)."""
    size = support.shape[1]
    right, predicted, rest = sums[:, :size], sums[:, size : 2 * size], sums[:, 2 * size :]
    shown = support > 0
    num_shown = shown.sum(axis=1)
    recall = np.divide(right, support, out=np.zeros_like(right), where=shown)
    f1 = np.divide(2 * right, support + predicted, out=np.zeros_like(right), where=shown)
    log_loss = rest[:, 0] / n
    return {
        "accuracy": right.sum(axis=1) / n,
        "balanced_accuracy": recall.sum(axis=1) / num_shown,
        "macro_f1": f1.sum(axis=1) / num_shown,
        "log_loss": np.full_like(log_loss, np.nan) if lacks_log_loss else log_loss,
        "brier": rest[:, 1] / n,
        "ece": np.abs(rest[:, 2:]).sum(axis=1) / n,
    }
