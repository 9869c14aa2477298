"""Figures that go class by class: classwise columns, and bars of a number per class and model."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from facecore.charts_cells import add_marks, build_cells, label_cells
from facecore.charts_common import GRID, OUTLINE, apply_style, choose_looks, to_text
from facecore.comparison import ConfusionTable
from facecore.comparison_totals import TotalPercentages, compute_classwise
from facecore.label_sets import order_labels
from facecore.labels import display_name

_LONGEST_TITLE = 18
_BAR_PX = 13


def order_classwise(labels: Collection[str]) -> list[str]:
    """Return classes with Disgust first, as the paper's Figure 5.6.4 leads with it."""
    return sorted(order_labels(labels), key=lambda name: name != "disgust")


def build_classwise(
    tables: Sequence[ConfusionTable],
    label: str,
    starred: Mapping[str, Collection[tuple[str, str]]] | None = None,
) -> go.Figure:
    """Return what each model makes of the images of one label: a column per model (Appendix II).

    The cells are percentages of the labelled class, each column adds to 100; a frame marks the
    row of right answers. ``customdata`` of the marks is (truth, predicted).

    Args:
        tables: at least one, each with rows = truth; one without images of the label is grey.
        label: the labelled class.
        starred: by a table's title, cells (truth, predicted) that get a star.
    """
    starred = starred or {}
    rows = list(order_labels(name for table in tables for name in table.labels))
    values = np.full((len(rows), len(tables)), np.nan)
    texts = np.full(values.shape, "–", dtype="U8")
    x, y, cells, hovers = [], [], [], []
    for j, table in enumerate(tables):
        shares = compute_classwise(table, label) if label in table.labels else None
        for i, guess in enumerate(rows):
            if shares is None or guess not in shares:
                continue
            values[i, j] = shares[guess]
            is_starred = (label, guess) in starred.get(table.title, ())
            texts[i, j] = f"{shares[guess]:.1f}" + "*" * is_starred
            x.append(j)
            y.append(i)
            cells.append((label, guess))
            hovers.append(
                f"<b>{to_text(table.title)}</b><br>{shares[guess]:.2f} % of the images labelled "
                f"{display_name(label)}<br>are predicted {display_name(guess)}"
            )
    figure = build_cells(values, texts, (0.0, 100.0))
    if label in rows:
        own = rows.index(label)
        figure.add_shape(
            type="rect",
            x0=-0.47,
            x1=len(tables) - 0.53,
            y0=own - 0.46,
            y1=own + 0.46,
            line={"color": "#D55E00", "width": 2},
        )
    add_marks(figure, x, y, cells, hovers, display_name(label))
    titles = [_shorten(table.title) for table in tables]
    label_cells(figure, titles, [display_name(name) for name in rows], "Predicted ↓")
    return figure


def build_totals_chart(totals: Sequence[TotalPercentages]) -> go.Figure:
    """Return how often each class is answered, each bar with a line at its actual share.

    Args:
        totals: at least one; percentages as in the paper's Figure 5.7.1.
    """
    return build_class_bars(
        {total.title: total.predicted for total in totals},
        {total.title: total.actual for total in totals},
        "% of all images",
    )


def build_class_bars(
    values: Mapping[str, Mapping[str, float]],
    marks: Mapping[str, Mapping[str, float]] | None = None,
    unit: str = "%",
) -> go.Figure:
    """Return horizontal bars grouped by class, one per model.

    Args:
        values: title -> class -> number of the bar; a class may lack.
        marks: the same for a line across each bar, "Actual".
        unit: of the numbers.
    """
    titles, looks = list(values), choose_looks(list(values))
    labels = list(order_labels(name for own in values.values() for name in own))
    width = 0.84 / len(titles)
    figure = go.Figure()
    for k, title in enumerate(titles):
        own = [name for name in labels if name in values[title]]
        figure.add_trace(
            go.Bar(
                name=to_text(title),
                x=[values[title][name] for name in own],
                y=[labels.index(name) + _offset(k, len(titles)) for name in own],
                width=width * 0.9,
                orientation="h",
                marker={
                    "color": looks[title].color,
                    "line": {"color": OUTLINE, "width": 0.5},
                    "pattern": {"shape": looks[title].pattern, "fillmode": "replace", "size": 5},
                },
                customdata=[display_name(name) for name in own],
                hovertemplate="%{customdata}: %{x:.2f} " + unit + "<extra>%{fullData.name}</extra>",
            )
        )
    if marks is not None:
        _add_actual_marks(figure, marks, labels, unit)
    height = len(labels) * max(34, _BAR_PX * len(titles) + 10) + 90
    apply_style(figure, height=height, legend=True)
    figure.update_layout(barmode="overlay", dragmode=False)
    figure.update_xaxes(
        title=unit, rangemode="tozero", gridcolor=GRID, zerolinecolor=GRID, fixedrange=True
    )
    figure.update_yaxes(
        tickvals=list(range(len(labels))),
        ticktext=[display_name(name) for name in labels],
        range=[len(labels) - 0.5, -0.5],
        showgrid=False,
        zeroline=False,
        fixedrange=True,
    )
    return figure


def _add_actual_marks(
    figure: go.Figure, marks: Mapping[str, Mapping[str, float]], labels: Sequence[str], unit: str
) -> None:
    x, y, words = [], [], []
    for k, actual in enumerate(marks.values()):
        for name, value in actual.items():
            x.append(value)
            y.append(labels.index(name) + _offset(k, len(marks)))
            words.append(display_name(name))
    figure.add_trace(
        go.Scatter(
            name="Actual",
            x=x,
            y=y,
            mode="markers",
            marker={
                "symbol": "line-ns-open",
                "size": _BAR_PX,
                "line": {"width": 3},
                "color": "#7f7f7f",
            },
            customdata=words,
            hovertemplate="%{customdata}: %{x:.2f} " + unit + "<extra>Actual</extra>",
        )
    )


def _offset(k: int, num: int) -> float:
    return (k - (num - 1) / 2) * 0.84 / num


def _shorten(title: str) -> str:
    short = title if len(title) <= _LONGEST_TITLE else title[: _LONGEST_TITLE - 1] + "…"
    return to_text(short)
