"""Coloured cells with numbers in them: the ground of every matrix figure.

The cells are opaque and their texts have colours of their own, so that they read alike in the
light and the dark theme and in a saved picture.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from facecore.charts_common import apply_style

FloatArray = npt.NDArray[np.float64]
Scale = list[list[Any]]

BLUES: Scale = [
    [0.0, "#e6eff5"],
    [0.25, "#b5d2e4"],
    [0.5, "#74acd0"],
    [0.75, "#2c7fb0"],
    [1.0, "#004b7a"],
]
ORANGE_TO_BLUE: Scale = [
    [0.0, "#7a3200"],
    [0.125, "#c05f17"],
    [0.25, "#e59a5c"],
    [0.5, "#f0f0f0"],
    [0.75, "#74acd0"],
    [0.875, "#2c7fb0"],
    [1.0, "#004b7a"],
]
_NEUTRAL = "#d5dade"
_DARK_TEXT, _LIGHT_TEXT = "#10171d", "#ffffff"
_LIGHT_TEXT_FROM = 0.75  # of the scale: both colours have a contrast of at least 4 there
_SELECTED = "#E69F00"
_ROW_PX = 30
_CORNER_PX = 67  # room for the words in the corner
TEXT_PX = 11


def build_cells(
    values: FloatArray,
    texts: npt.NDArray[np.str_],
    limits: tuple[float, float],
    scale: Scale = BLUES,
) -> go.Figure:
    """Return rows of cells from top to bottom, column i at x = i and row j at y = j.

    Args:
        values: float64 array of shape (rows, columns); nan cells are grey.
        texts: str array of the same shape.
        limits: the values at both ends of the scale; a scale around 0 has opposite ones.
        scale: plotly's stops from 0 to 1.
    """
    low, high = limits
    is_nan = np.isnan(values)
    figure = go.Figure(
        [
            _build_heatmap(
                np.where(is_nan, 1.0, np.nan), (0.0, 1.0), [[0, _NEUTRAL], [1, _NEUTRAL]]
            ),
            _build_heatmap(values, limits, scale),
        ]
    )
    is_dark = np.nan_to_num(np.abs(values), nan=0.0) >= _LIGHT_TEXT_FROM * max(abs(low), high)
    for color, here in ((_DARK_TEXT, ~is_dark), (_LIGHT_TEXT, is_dark)):
        y, x = np.nonzero(here)
        figure.add_trace(
            go.Scatter(
                x=x.tolist(),
                y=y.tolist(),
                text=texts[y, x].tolist(),
                mode="text",
                textfont={"size": [_fit(text) for text in texts[y, x]], "color": color},
                hoverinfo="skip",
            )
        )
    return figure


def add_marks(
    figure: go.Figure,
    x: Sequence[float],
    y: Sequence[float],
    cells: Sequence[tuple[str, str]],
    hovers: Sequence[str],
    name: str,
) -> None:
    """Lay marks over cells that are seen only when selected; ``customdata`` is each mark's cell.

    A heat map itself cannot be selected in Streamlit. The marks become the last trace.
    """
    figure.add_trace(
        go.Scatter(
            name=name,
            x=list(x),
            y=list(y),
            mode="markers",
            marker={"symbol": "square", "size": 26, "color": _SELECTED, "opacity": 0},
            selected={"marker": {"opacity": 0.5, "color": _SELECTED}},
            unselected={"marker": {"opacity": 0}},
            customdata=[list(cell) for cell in cells],
            text=list(hovers),
            hovertemplate="%{text}<extra></extra>",
            hoverlabel={"bgcolor": "#1c2833", "font": {"color": "#ffffff"}},
        )
    )


def label_cells(
    figure: go.Figure, columns: Sequence[str], rows: Sequence[str], corner: str = ""
) -> None:
    """Write the words of columns and rows, and what they are into the corner between them."""
    ticks = {"showgrid": False, "zeroline": False, "fixedrange": True, "ticks": ""}
    ticks["tickfont"] = {"size": TEXT_PX}
    # Wide enough for the fallback font too, with which browsers draw a saved picture.
    head_px = 12 + 6.5 * max(len(word) for word in columns)
    apply_style(figure, height=round(_ROW_PX * len(rows) + head_px + 8), right=4)
    figure.update_layout(margin_l=_CORNER_PX if corner else 8, margin_t=head_px)
    figure.update_xaxes(
        **ticks,
        side="top",
        tickangle=-90,
        tickvals=list(range(len(columns))),
        ticktext=list(columns),
        range=[-0.5, len(columns) - 0.5],
    )
    figure.update_yaxes(
        **ticks,
        tickvals=list(range(len(rows))),
        ticktext=list(rows),
        range=[len(rows) - 0.5, -0.5],
    )
    # A click anywhere in a cell belongs to its mark, however wide the cell is.
    figure.update_layout(hovermode="closest", hoverdistance=-1, dragmode=False)
    if corner:
        figure.add_annotation(
            text=corner,
            x=0,
            y=1,
            xref="paper",
            yref="paper",
            xanchor="right",
            yanchor="bottom",
            xshift=-3,
            yshift=2,
            align="right",
            showarrow=False,
            font={"size": TEXT_PX - 1},
        )


def outline_cells(figure: go.Figure, cells: Sequence[tuple[int, int]]) -> None:
    """Draw a frame inside cells given as (row, column)."""
    for y, x in cells:
        figure.add_shape(
            type="rect",
            x0=x - 0.45,
            x1=x + 0.45,
            y0=y - 0.43,
            y1=y + 0.43,
            line={"color": _DARK_TEXT, "width": 2},
        )


def _build_heatmap(values: FloatArray, limits: tuple[float, float], scale: Scale) -> go.Heatmap:
    return go.Heatmap(
        z=[[None if np.isnan(v) else v for v in row] for row in values.tolist()],
        zmin=limits[0],
        zmax=limits[1],
        colorscale=scale,
        showscale=False,
        xgap=1,
        ygap=1,
        hoverinfo="skip",
    )


def _fit(text: str) -> int:
    """Return a text size in pixels at which long numbers stay in a cell of 27 pixels."""
    return TEXT_PX - 2 * (len(text.replace("<b>", "").replace("</b>", "")) > 5)
