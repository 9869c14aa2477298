"""Which differences between networks are real: paired tests on the same images.

Exact McNemar tests (McNemar 1947) of who is right where the other is wrong, corrected over all
tests of one table after Holm (1979).
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr

from facecore.comparison_bootstrap import (
    METRICS,
    MetricDraws,
    compute_draws,
    compute_interval,
    compute_normal_p,
)
from facecore.comparison_types import ComparedModel, Comparison, FloatArray, IntArray

SIGNIFICANT_P = 0.05


@dataclass(frozen=True, slots=True)
class McNemar:
    """How often only one of two is right, and the two-sided exact p that this is chance."""

    only_a: int
    only_b: int
    p: float


@dataclass(frozen=True, slots=True)
class PairTest:
    """Two networks on the same images.

    Args:
        name_a: bundle name of the first.
        name_b: bundle name of the second.
        only_a: images that only the first has right.
        only_b: images that only the second has right.
        difference: accuracy of the first less that of the second, as a fraction.
        interval: its 95 % bootstrap interval over images.
        p: two-sided exact McNemar test.
        p_holm: the same, corrected over all pairs.
    """

    name_a: str
    name_b: str
    only_a: int
    only_b: int
    difference: float
    interval: tuple[float, float]
    p: float
    p_holm: float

    @property
    def significant(self) -> bool:
        """Whether the corrected p lies under 5 %."""
        return self.p_holm < SIGNIFICANT_P


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many images the compared networks get right together and alone.

    Args:
        num_images: in all.
        all_right: every network is right.
        all_wrong: every network is wrong.
        same_answer: every network answers the same, right or wrong.
        same_wrong_answer: every network gives the same wrong answer.
        only_right: by name, images that this network alone has right.
        only_wrong: by name, images that this network alone has wrong.
    """

    num_images: int
    all_right: int
    all_wrong: int
    same_answer: int
    same_wrong_answer: int
    only_right: dict[str, int]
    only_wrong: dict[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class DifferenceTable:
    """One confusion matrix less another, cell by cell; rows are the truth.

    Args:
        title_a: of the first network.
        title_b: of the second, whose counts are taken off.
        labels: canonical names, the order of rows and columns.
        counts: int64 array of shape (num_classes, num_classes).
        fractions: the same as shares of the images labelled so; nan where there are none.
        p: exact McNemar test of "the image falls into this cell", float64 of the same shape.
        p_holm: corrected over all cells.
    """

    title_a: str
    title_b: str
    labels: tuple[str, ...]
    counts: IntArray
    fractions: FloatArray
    p: FloatArray
    p_holm: FloatArray

    @property
    def significant(self) -> npt.NDArray[np.bool_]:
        """Whether the corrected p lies under 5 %: bool array of the same shape."""
        return np.asarray(self.p_holm < SIGNIFICANT_P)


def compute_exact_p(only_a: npt.ArrayLike, only_b: npt.ArrayLike) -> FloatArray:
    """Return the two-sided exact McNemar p of discordant counts, element by element.

    Under chance each discordant image falls to either side like a fair coin; none of them is no
    evidence, p = 1.
    """
    a, b = np.asarray(only_a, dtype=np.float64), np.asarray(only_b, dtype=np.int64)
    p: FloatArray = np.minimum(1.0, 2 * bdtr(np.minimum(a, b), (a + b).astype(np.int64), 0.5))
    return p


def compute_mcnemar(correct_a: npt.NDArray[np.bool_], correct_b: npt.NDArray[np.bool_]) -> McNemar:
    """Test whether two networks are right equally often on the same images.

    Args:
        correct_a: bool array of shape (n,).
        correct_b: bool array of shape (n,), the same images.
    """
    only_a, only_b = int((correct_a & ~correct_b).sum()), int((correct_b & ~correct_a).sum())
    return McNemar(only_a, only_b, float(compute_exact_p(only_a, only_b)))


def adjust_holm(p: npt.ArrayLike) -> FloatArray:
    """Return p values corrected for their number, in the order and shape given."""
    raw = np.asarray(p, dtype=np.float64)
    order = np.argsort(raw, axis=None)
    stepped = raw.ravel()[order] * np.arange(raw.size, 0, -1)
    adjusted = np.empty(raw.size)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return adjusted.reshape(raw.shape)


def compare_pairs(comparison: Comparison, draws: MetricDraws | None = None) -> list[PairTest]:
    """Test every pair of networks, in their order.

    Args:
        comparison: of any number of networks; fewer than two make no pair.
        draws: of this comparison, to save drawing them again.
    """
    draws = draws or compute_draws(comparison)
    pairs = list(combinations(range(len(comparison.models)), 2))
    tests = [
        compute_mcnemar(comparison.models[i].correct, comparison.models[j].correct)
        for i, j in pairs
    ]
    corrected = adjust_holm([test.p for test in tests])
    accuracy = draws["accuracy"]
    return [
        PairTest(
            name_a=comparison.models[i].name,
            name_b=comparison.models[j].name,
            only_a=test.only_a,
            only_b=test.only_b,
            difference=(test.only_a - test.only_b) / len(comparison.y_true),
            interval=compute_interval(accuracy[:, i] - accuracy[:, j]),
            p=test.p,
            p_holm=float(p_holm),
        )
        for (i, j), test, p_holm in zip(pairs, tests, corrected, strict=True)
    ]


def best_models(
    comparison: Comparison, metric: str, draws: MetricDraws | None = None
) -> frozenset[str]:
    """Return the names of the networks that deserve a mark in a metric's column.

    The best one and those that a paired test cannot tell from it; nobody where the test can tell
    none from the best. Accuracy goes by the McNemar test, the others by a paired bootstrap over
    images; both are corrected over all pairs after Holm.

    Args:
        comparison: of any number of networks.
        metric: one of ``METRICS``. Networks that have no such number take no part.
        draws: of this comparison, to save drawing them again.
    """
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {metric!r}")
    scores = [getattr(model.scores, metric) for model in comparison.models]
    values = {i: float(value) for i, value in enumerate(scores) if value is not None}
    pairs = list(combinations(values, 2))
    if not pairs:
        return frozenset()
    if metric == "accuracy":
        models = comparison.models
        p = [compute_mcnemar(models[i].correct, models[j].correct).p for i, j in pairs]
    else:
        drawn = (draws or compute_draws(comparison))[metric]
        p = [compute_normal_p(values[i] - values[j], drawn[:, i] - drawn[:, j]) for i, j in pairs]
    top = max(values, key=lambda i: values[i] * METRICS[metric])
    worse = {
        i + j - top
        for (i, j), p_holm in zip(pairs, adjust_holm(p), strict=True)
        if top in (i, j) and p_holm < SIGNIFICANT_P
    }
    return frozenset(comparison.models[i].name for i in values if i not in worse and worse)


def compute_agreement(comparison: Comparison) -> Agreement:
    """Count the images that the networks have right together and alone."""
    correct = np.stack([model.correct for model in comparison.models])
    predicted = np.stack([model.predicted for model in comparison.models])
    num_right, num_models = correct.sum(axis=0), len(comparison.models)
    same = (predicted == predicted[0]).all(axis=0)
    has_others = num_models > 1
    return Agreement(
        num_images=len(comparison.y_true),
        all_right=int((num_right == num_models).sum()),
        all_wrong=int((num_right == 0).sum()),
        same_answer=int(same.sum()),
        same_wrong_answer=int((same & (num_right == 0)).sum()),
        only_right={
            model.name: int((right & (num_right == 1)).sum())
            for model, right in zip(comparison.models, correct, strict=True)
            if has_others
        },
        only_wrong={
            model.name: int((~right & (num_right == num_models - 1)).sum())
            for model, right in zip(comparison.models, correct, strict=True)
            if has_others
        },
    )


def compute_difference_table(a: ComparedModel, b: ComparedModel) -> DifferenceTable:
    """Return the first network's confusion matrix less the second's, with a test of each cell.

    Args:
        a: a network of a comparison.
        b: another one of the same comparison.
    """
    size = len(a.labels)
    differ = a.predicted != b.predicted

    def count(model: ComparedModel) -> IntArray:
        cells = (model.y_true * size + model.predicted)[differ]
        return np.bincount(cells, minlength=size**2).reshape(size, size).astype(np.int64)

    only_a, only_b = count(a), count(b)
    p = compute_exact_p(only_a, only_b)
    return DifferenceTable(
        title_a=a.title,
        title_b=b.title,
        labels=a.labels,
        counts=only_a - only_b,
        fractions=a.table.fractions("labelled") - b.table.fractions("labelled"),
        p=p,
        p_holm=adjust_holm(p),
    )
