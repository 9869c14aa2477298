"""How often each class is answered in all, against how often it is labelled (the paper's 5.7)."""

from collections.abc import Mapping
from dataclasses import dataclass

from facecore.comparison_types import ConfusionTable


@dataclass(frozen=True, slots=True)
class TotalPercentages:
    """Shares of all images, in percent as in the paper's Figure 5.7.1.

    Args:
        title: whose answers.
        actual: label -> percent of the images labelled so.
        predicted: label -> percent of the images predicted so.
        summed_difference: of the two over all classes, in percentage points.
    """

    title: str
    actual: dict[str, float]
    predicted: dict[str, float]
    summed_difference: float


def compute_total_percentages(table: ConfusionTable) -> TotalPercentages:
    """Return the totals of a confusion matrix with at least one image."""
    actual = {k: 100 * count / table.total for k, count in table.labelled_totals.items()}
    predicted = {k: 100 * count / table.total for k, count in table.predicted_totals.items()}
    return TotalPercentages(table.title, actual, predicted, sum_differences(predicted, actual))


def sum_differences(predicted: Mapping[str, float], actual: Mapping[str, float]) -> float:
    """Return the sum over the classes of how far the predicted share is off, sign left out.

    Figure 5.7.1 calls it the total difference: 0 where each class is answered as often as it is
    labelled, which says nothing about whether single answers are right.

    Args:
        predicted: label -> percent.
        actual: label -> percent, the same labels.
    """
    if set(predicted) != set(actual):
        raise ValueError(f"labels differ: {sorted(predicted)} and {sorted(actual)}")
    return sum(abs(predicted[label] - actual[label]) for label in actual)


def compute_classwise(table: ConfusionTable, label: str) -> dict[str, float] | None:
    """Return how the images of one label are distributed (the paper's Appendix II).

    Args:
        table: of a network or of the paper.
        label: one of the table's labels.

    Returns:
        Predicted label -> percent of the images labelled so; None where there are none.
    """
    row = table.counts[table.labels.index(label)]
    total = sum(row)
    if not total:
        return None
    return {name: 100 * count / total for name, count in zip(table.labels, row, strict=True)}
