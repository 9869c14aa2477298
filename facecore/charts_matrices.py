"""Figures of confusion matrices and of their differences, with marks to select cells.

Matrices come with rows = truth; a figure can be turned to the paper's rows = predicted.
"""

from collections.abc import Collection, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from facecore.charts_cells import (
    ORANGE_TO_BLUE,
    FloatArray,
    add_marks,
    build_cells,
    label_cells,
    outline_cells,
)
from facecore.comparison import ConfusionTable
from facecore.comparison_tests import DifferenceTable
from facecore.labels import display_name

Measure = Literal["counts", "labelled", "predicted"]
"""Images, or their percentage of the labelled class (as in the paper) or the predicted class."""

Orientation = Literal["truth", "predicted"]
"""What the rows are: the label, or the prediction as in the paper."""

Cell = tuple[str, str]
"""(truth, predicted), canonical names."""

_CORNERS = {
    "truth": "Predicted →<br>Labelled ↓",
    "predicted": "Labelled →<br>Predicted ↓",
}


def find_top(tables: Sequence[ConfusionTable], measure: Measure) -> float:
    """Return the end of the colour scale that all these matrices share.

    Percentages run to 1. Counts are coloured by their share of all images of the table, so that
    tables of different sizes, such as the paper's, can stand side by side.
    """
    if measure != "counts":
        return 1.0
    return max((float(_to_shares(table, measure).max()) for table in tables), default=1.0)


def build_matrix(
    table: ConfusionTable,
    measure: Measure = "labelled",
    orientation: Orientation = "truth",
    top: float = 1.0,
    starred: Collection[Cell] = (),
) -> go.Figure:
    """Return one confusion matrix with its totals in the margins, as in the paper's Figure 5.2.3.

    Over every cell lies an invisible mark, to hover and to select; its ``customdata`` is the cell.

    Args:
        table: rows = truth.
        measure: what the cells show; the margins always count images.
        orientation: what the rows are.
        top: the share that has the full colour, from ``find_top``.
        starred: cells that get a star.
    """
    n = len(table.labels)
    counts, shares = table.to_array(), _to_shares(table, measure)
    values = np.full((n + 1, n + 1), np.nan)
    values[:n, :n] = shares
    texts = np.empty((n + 1, n + 1), dtype="U24")
    texts[n, :n] = [f"{total:,}" for total in counts.sum(axis=0)]
    texts[:n, n] = [f"{total:,}" for total in counts.sum(axis=1)]
    texts[n, n] = f"{table.total:,}"
    for i, truth in enumerate(table.labels):
        for j, guess in enumerate(table.labels):
            number = f"{counts[i, j]:,}" if measure == "counts" else to_percent(shares[i, j])
            texts[i, j] = number + "*" * ((truth, guess) in starred)
    figure = build_cells(_turn(values, orientation), _turn(texts, orientation), (0.0, top))
    of_labelled, of_predicted = table.fractions("labelled"), table.fractions("predicted")
    hovers = [
        f"{counts[i, j]:,} images<br>"
        f"{to_percent(of_labelled[i, j])} % of the labelled class<br>"
        f"{to_percent(of_predicted[i, j])} % of the predicted class"
        for i in range(n)
        for j in range(n)
    ]
    _add_cell_marks(figure, table.labels, orientation, hovers, table.title)
    words = [*map(display_name, table.labels), "Total"]
    label_cells(figure, words, words, _CORNERS[orientation])
    return figure


def build_difference_matrix(
    difference: DifferenceTable,
    measure: Literal["counts", "labelled"] = "labelled",
    orientation: Orientation = "truth",
) -> go.Figure:
    """Return one matrix less another; a frame and bold numbers mark significant cells.

    Args:
        difference: rows = truth.
        measure: images, or percentage points of the labelled class.
        orientation: what the rows are.
    """
    labels, marked = difference.labels, difference.significant
    values = difference.fractions
    if measure == "counts":
        values = difference.counts.astype(np.float64)
    texts = np.empty(values.shape, dtype="U24")
    hovers = []
    for (i, j), value in np.ndenumerate(values):
        number = _to_signed(float(value), measure)
        texts[i, j] = f"<b>{number}</b>" if marked[i, j] else number
        points = _to_signed(float(difference.fractions[i, j]), "labelled")
        hovers.append(
            f"{difference.counts[i, j]:+,} images<br>{points} points of the labelled class"
            f"<br>p = {difference.p_holm[i, j]:.2g}, corrected over all cells"
        )
    end = float(np.nanmax(np.abs(values))) or 1.0
    figure = build_cells(
        _turn(values, orientation), _turn(texts, orientation), (-end, end), ORANGE_TO_BLUE
    )
    outline_cells(figure, [(int(i), int(j)) for i, j in np.argwhere(_turn(marked, orientation))])
    name = f"{difference.title_a} less {difference.title_b}"
    _add_cell_marks(figure, labels, orientation, hovers, name)
    words = [display_name(label) for label in labels]
    label_cells(figure, words, words, _CORNERS[orientation])
    return figure


def to_percent(share: float) -> str:
    """Return ``"12.3"`` for 0.123, and a dash where there is no share."""
    return "–" if np.isnan(share) else f"{100 * share:.1f}"


def _add_cell_marks(
    figure: go.Figure,
    labels: Sequence[str],
    orientation: Orientation,
    hovers: Sequence[str],
    name: str,
) -> None:
    """Mark the cells (truth, predicted), which the hover texts follow row by row."""
    size = range(len(labels))
    truths, guesses = [i for i in size for _ in size], [j for _ in size for j in size]
    cells = [(labels[i], labels[j]) for i, j in zip(truths, guesses, strict=True)]
    texts = [
        f"<b>Labelled {display_name(truth)}, predicted {display_name(guess)}</b><br>{hover}"
        for (truth, guess), hover in zip(cells, hovers, strict=True)
    ]
    x, y = (guesses, truths) if orientation == "truth" else (truths, guesses)
    add_marks(figure, x, y, cells, texts, name)


def _turn(values: npt.NDArray[Any], orientation: Orientation) -> npt.NDArray[Any]:
    return values if orientation == "truth" else values.T


def _to_shares(table: ConfusionTable, measure: Measure) -> FloatArray:
    if measure == "counts":
        return table.to_array() / max(table.total, 1)
    return table.fractions(measure)


def _to_signed(value: float, measure: str) -> str:
    if np.isnan(value):
        return "–"
    text = f"{value:+,.0f}" if measure == "counts" else f"{100 * value:+.1f}"
    return text if text.strip("+-0.") else text[1:]
