"""Figures of results by group: accuracies with their intervals, and each group's confusions."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from facecore.charts_cells import add_marks, build_cells, label_cells
from facecore.charts_common import GRID, OUTLINE, apply_style, to_text
from facecore.evaluation_groups import GroupTable, Share
from facecore.evaluation_groups_text import display_cell, display_group
from facecore.label_sets import compute_colors
from facecore.labels import display_plural

_ROW_PX = 38
_SYMBOLS = ("triangle-up", "square", "diamond", "x")
_ALL = "All"
_ALL_COLOR = "#7F7F7F"  # grey: seen on light and dark, and no label's colour
_ROOM = 0.02


def build_group_chart(table: GroupTable, overall: Share, labels: Sequence[str]) -> go.Figure:
    """Return one row per group, worst on top: accuracy with its interval, and recall by label.

    A dotted line marks the accuracy of all; the axis shows percent and begins below the lowest
    interval.

    Args:
        table: results by one attribute.
        overall: accuracy of the same pictures taken together.
        labels: class names; those without recalls of their own get no marks.
    """
    results = table.results
    rows = list(range(len(results)))
    figure = go.Figure()
    shown = [label for label in labels if table.gaps and any(label in r.recalls for r in results)]
    shares = [r.accuracy for r in results]
    figure.add_trace(
        go.Scatter(
            name=_ALL,
            x=[share.value for share in shares],
            y=rows,
            mode="markers",
            marker={"symbol": "circle", "size": 11, "color": _ALL_COLOR},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [share.interval[1] - share.value for share in shares],
                "arrayminus": [share.value - share.interval[0] for share in shares],
                "color": _ALL_COLOR,
                "thickness": 1.6,
                "width": 5,
            },
            text=[_describe(share) for share in shares],
            hovertemplate="Accuracy: %{text}<extra></extra>",
        )
    )
    for symbol, label in zip(_SYMBOLS, shown, strict=False):
        pairs = [(row, r.recalls[label]) for row, r in enumerate(results) if label in r.recalls]
        marker = {
            "symbol": symbol,
            "size": 9,
            "color": compute_colors(labels)[label],
            "line": {"color": OUTLINE, "width": 1},
        }
        figure.add_trace(
            go.Scatter(
                name=display_plural(label),
                x=[share.value for _, share in pairs],
                y=[row for row, _ in pairs],
                mode="markers",
                marker=marker,
                text=[_describe(share) for _, share in pairs],
                hovertemplate=f"{display_plural(label)}: %{{text}}<extra></extra>",
            )
        )
    lowest = [s.interval[0] for s in shares]
    lowest += [share.value for r in results for label in shown if (share := r.recalls.get(label))]
    apply_style(figure, height=_ROW_PX * len(rows) + 80, legend=bool(shown))
    figure.add_vline(x=overall.value, line={"color": _ALL_COLOR, "dash": "dot", "width": 1.5})
    figure.update_xaxes(
        tickformat=".0%",
        range=[max(0.0, min(lowest) - _ROOM), 1 + _ROOM / 2],
        gridcolor=GRID,
        zeroline=False,
        fixedrange=True,
    )
    figure.update_yaxes(
        tickvals=rows,
        ticktext=[
            to_text(f"{display_group(table.attribute, r.value)}  {r.accuracy.value:.1%}")
            for r in results
        ],
        range=[len(rows) - 0.5, -0.5],
        showgrid=False,
        zeroline=False,
        fixedrange=True,
    )
    return figure


def build_group_confusions(table: GroupTable, labels: Sequence[str]) -> go.Figure:
    """Return each group's confusion matrix as one row of cells, worst accuracy on top.

    The cells hold the percentage of the pictures with that label; a cell's mark says the counts.

    Args:
        table: results by one attribute.
        labels: class names in the order of the confusion matrices.
    """
    counts = np.array([r.confusion for r in table.results], dtype=np.float64)
    totals = counts.sum(axis=2, keepdims=True)
    shares = np.full(counts.shape, np.nan)
    np.divide(counts, totals, out=shares, where=totals > 0)
    values = shares.reshape(len(counts), -1)
    texts = np.array([["–" if np.isnan(v) else f"{v:.1%}" for v in row] for row in values])
    figure = build_cells(values, texts, (0.0, 1.0))
    heads = [display_cell(truth, guess) for truth in labels for guess in labels]
    names = [display_group(table.attribute, r.value) for r in table.results]
    y, x = np.indices(values.shape).reshape(2, -1)
    flat, all_of = counts.reshape(len(counts), -1), np.repeat(totals[:, :, 0], len(labels), axis=1)
    add_marks(
        figure,
        x.tolist(),
        y.tolist(),
        [(table.results[i].value, heads[j]) for i, j in zip(y, x, strict=True)],
        [
            f"{to_text(names[i])}, {heads[j]}: {flat[i, j]:,.0f} of {all_of[i, j]:,.0f}"
            for i, j in zip(y, x, strict=True)
        ],
        "Cells",
    )
    label_cells(figure, heads, [to_text(name) for name in names])
    return figure


def _describe(share: Share) -> str:
    low, high = share.interval
    return (
        f"{share.num_right:,} of {share.num_images:,} right, {share.value:.1%} "
        f"({low:.1%} to {high:.1%})"
    )
