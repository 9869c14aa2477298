"""Results by group as words and as a table."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from facecore.evaluation_groups import ADULTS, LABEL, GroupTable, GroupView, RecallGap, Share
from facecore.labels import display_name, display_plural

_PEOPLE = {ADULTS: "aged 20 and older"}


def display_group(attribute: str, value: str) -> str:
    """Return a value as a person reads it: FairFace's "Latino_Hispanic", or a label's plural."""
    return display_plural(value) if attribute == LABEL else value.replace("_", " or ")


def describe_view(view: GroupView, attribute: str) -> str:
    """Say in two or three sentences how right the network is, where worst, and the largest gap.

    Args:
        view: with results by this attribute.
        attribute: such as "group".

    Raises:
        ValueError: if the view has no such attribute.
    """
    table = view.get_table(attribute)
    if table is None:
        raise ValueError(f"no results by {attribute}")
    people = " ".join(filter(None, ["faces", _PEOPLE.get(view.people)]))
    sentences = [
        f"Of {view.accuracy.num_images:,} {people}, {_with_interval(view.accuracy)} were given "
        "the label that they have in the data set."
    ]
    worst, best = table.results[0], table.results[-1]
    if len(table.results) > 1:
        sentences.append(
            f"Worst by {attribute}: {display_group(attribute, worst.value)} with "
            f"{_with_interval(worst.accuracy)}; best: {display_group(attribute, best.value)} with "
            f"{_with_interval(best.accuracy)}."
        )
    if table.gaps:
        sentences.append(_describe_gap(table, table.gaps[0]))
    return " ".join(sentences)


def _with_interval(share: Share) -> str:
    low, high = share.interval
    return f"{share.value:.1%} (95% interval {low:.1%} to {high:.1%})"


def _describe_gap(table: GroupTable, gap: RecallGap) -> str:
    shares = {result.value: result.recalls.get(gap.label) for result in table.results}
    low, high = (
        f"{share.value:.1%} of {share.num_images:,} ({display_group(table.attribute, value)})"
        for value in (gap.lowest, gap.highest)
        if (share := shares[value]) is not None
    )
    return (
        f"Largest gap in true-positive rate: {display_plural(gap.label)} are recognised in {low} "
        f"but in {high}, {100 * gap.gap:.1f} points apart."
    )


def groups_to_table(table: GroupTable, labels: Sequence[str]) -> pd.DataFrame:
    """Return one row per value, worst accuracy first; shares are fractions 0-1.

    Args:
        table: results by one attribute.
        labels: class names in the order of the confusion matrices.

    Returns:
        The attribute, images, accuracy with its interval; then by label its images, recall with
        interval and the counts of what they were taken for ("woman_as_man").
    """
    return pd.DataFrame([_to_row(table, i, labels) for i in range(len(table.results))])


def _to_row(table: GroupTable, i: int, labels: Sequence[str]) -> dict[str, Any]:
    result = table.results[i]
    row: dict[str, Any] = {table.attribute: result.value, "images": result.accuracy.num_images}
    row |= _to_columns("accuracy", result.accuracy)
    for truth, counts in zip(labels, result.confusion, strict=True):
        row[f"{truth}_images"] = sum(counts)
        row |= _to_columns(f"{truth}_recall", result.recalls.get(truth))
        row |= {f"{truth}_as_{guess}": n for guess, n in zip(labels, counts, strict=True)}
    return row


def _to_columns(name: str, share: Share | None) -> dict[str, float | None]:
    low, high = share.interval if share else (None, None)
    return {name: share.value if share else None, f"{name}_low": low, f"{name}_high": high}


def display_cell(truth: str, guess: str) -> str:
    """Return the head of a confusion matrix' cell: "Women → Man"."""
    return f"{display_plural(truth)} → {display_name(guess)}"
