"""How right a network is about one part of the people and about another.

For each attribute of the pictures (group, age, ...) and for the label itself: accuracy with its
interval, worst first, the confusion matrix, and the largest gap between two parts in the rate at
which a class is recognised (the difference in true-positive rates, Hardt et al., 2016). All shares
are fractions 0-1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facecore.datasets_common import AGE_RANGES
from facecore.evaluation_metrics import (
    IntArray,
    compute_confusion_matrix,
    compute_wilson_interval,
)

EVERYONE = "everyone"
ADULTS = "adults"
AGE = "age"
LABEL = "label"
ADULT_RANGES = AGE_RANGES[AGE_RANGES.index("20-29") :]


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many, as a fraction with its 95 % Wilson interval."""

    num_right: int
    num_images: int
    value: float
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class GroupResult:
    """The pictures that share one value of an attribute.

    Args:
        value: of the attribute, such as "20-29".
        accuracy: share that is right.
        recalls: by class, share of its pictures that is recognised; classes with pictures only.
        confusion: counts; rows are the truth, columns the predictions.
    """

    value: str
    accuracy: Share
    recalls: dict[str, Share]
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class RecallGap:
    """The two values of an attribute between which a class' true-positive rate differs most."""

    label: str
    lowest: str
    highest: str
    gap: float


@dataclass(frozen=True, slots=True)
class GroupTable:
    """Results by one attribute: ``results`` worst accuracy first, ``gaps`` largest first."""

    attribute: str
    results: tuple[GroupResult, ...]
    gaps: tuple[RecallGap, ...]


@dataclass(frozen=True, slots=True)
class GroupView:
    """Everything by group for one choice of pictures.

    Args:
        people: "everyone", or "adults": aged 20 and older.
        accuracy: of all of them.
        tables: one per attribute, the label last.
    """

    people: str
    accuracy: Share
    tables: tuple[GroupTable, ...]

    def get_table(self, attribute: str) -> GroupTable | None:
        """Return the results by an attribute, or None where the data set does not have it."""
        return next((table for table in self.tables if table.attribute == attribute), None)


def compute_group_views(
    labels: Sequence[str],
    y_true: IntArray,
    y_pred: IntArray,
    attributes: Mapping[str, npt.NDArray[np.str_]],
) -> tuple[GroupView, ...]:
    """Compute the results by each attribute and by label.

    Args:
        labels: class names.
        y_true: int array of shape (n,), n at least 1.
        y_pred: int array of shape (n,).
        attributes: str arrays of shape (n,).

    Returns:
        The view of everyone and, where ages are known and some are adults, the one of adults.
        Empty if the pictures have no attributes.
    """
    if not attributes:
        return ()
    columns = {**attributes, LABEL: np.array(labels)[y_true]}
    views = [_compute_view(EVERYONE, labels, y_true, y_pred, columns)]
    if AGE in attributes:
        rows = np.flatnonzero(np.isin(attributes[AGE], ADULT_RANGES))
        if len(rows):
            columns = {name: values[rows] for name, values in columns.items()}
            views.append(_compute_view(ADULTS, labels, y_true[rows], y_pred[rows], columns))
    return tuple(views)


def _compute_view(
    people: str,
    labels: Sequence[str],
    y_true: IntArray,
    y_pred: IntArray,
    columns: Mapping[str, npt.NDArray[np.str_]],
) -> GroupView:
    tables = []
    for attribute, values in columns.items():
        results = [
            _compute_result(str(value), labels, y_true[values == value], y_pred[values == value])
            for value in np.unique(values)
        ]
        results.sort(key=lambda result: (result.accuracy.value, result.value))
        tables.append(GroupTable(attribute, tuple(results), _compute_gaps(labels, results)))
    return GroupView(people, _compute_share(y_true == y_pred), tuple(tables))


def _compute_share(is_right: npt.NDArray[np.bool_]) -> Share:
    num_right, n = int(is_right.sum()), len(is_right)
    return Share(num_right, n, num_right / n, compute_wilson_interval(num_right, n))


def _compute_result(
    value: str, labels: Sequence[str], y_true: IntArray, y_pred: IntArray
) -> GroupResult:
    is_right = y_true == y_pred
    return GroupResult(
        value=value,
        accuracy=_compute_share(is_right),
        recalls={
            label: _compute_share(is_right[y_true == code])
            for code, label in enumerate(labels)
            if (y_true == code).any()
        },
        confusion=tuple(
            tuple(row) for row in compute_confusion_matrix(y_true, y_pred, len(labels)).tolist()
        ),
    )


def _compute_gaps(labels: Sequence[str], results: Sequence[GroupResult]) -> tuple[RecallGap, ...]:
    gaps = []
    for label in labels:
        rates = [(r.recalls[label].value, r.value) for r in results if label in r.recalls]
        if len(rates) > 1:
            (low, lowest), (high, highest) = min(rates), max(rates)
            gaps.append(RecallGap(label, lowest, highest, high - low))
    return tuple(sorted(gaps, key=lambda gap: -gap.gap))


def to_group_view(values: Mapping[str, Any]) -> GroupView:
    """Build a view from its JSON form.

    Raises:
        ValueError, TypeError, KeyError: where the data is not of that form.
    """
    return GroupView(
        people=values["people"],
        accuracy=_to_share(values["accuracy"]),
        tables=tuple(
            GroupTable(
                attribute=table["attribute"],
                results=tuple(_to_result(result) for result in table["results"]),
                gaps=tuple(RecallGap(**gap) for gap in table["gaps"]),
            )
            for table in values["tables"]
        ),
    )


def _to_share(values: Mapping[str, Any]) -> Share:
    low, high = values["interval"]
    return Share(**{**values, "interval": (low, high)})


def _to_result(values: Mapping[str, Any]) -> GroupResult:
    return GroupResult(
        value=values["value"],
        accuracy=_to_share(values["accuracy"]),
        recalls={label: _to_share(share) for label, share in values["recalls"].items()},
        confusion=tuple(tuple(row) for row in values["confusion"]),
    )


def summarise_groups(views: Sequence[GroupView]) -> dict[str, Any]:
    """Return what a model card states by group, worst first; people -> attribute -> rows."""
    return {
        view.people: {
            "num_images": view.accuracy.num_images,
            "accuracy": view.accuracy.value,
            "accuracy_interval": list(view.accuracy.interval),
            "by": {table.attribute: _summarise_table(table) for table in view.tables},
        }
        for view in views
    }


def _summarise_table(table: GroupTable) -> dict[str, Any]:
    rows = [
        {
            "value": result.value,
            "num_images": result.accuracy.num_images,
            "accuracy": result.accuracy.value,
            "accuracy_interval": list(result.accuracy.interval),
        }
        for result in table.results
    ]
    gaps = [
        {"label": g.label, "lowest": g.lowest, "highest": g.highest, "gap": g.gap}
        for g in table.gaps[:1]
    ]
    return {"worst_first": rows, "largest_recall_gap": gaps[0] if gaps else None}
