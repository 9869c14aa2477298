"""Figures of how networks were trained: loss and accuracy by epoch, the kept epoch marked."""

from collections.abc import Sequence
from typing import Literal

import plotly.graph_objects as go

from facecore.charts_common import GRID, apply_style, choose_looks
from facecore.comparison import TrainingEpoch

_HEIGHT_PX = 270


def build_training_chart(
    title: str,
    history: Sequence[TrainingEpoch],
    kept_epoch: int | None,
    quantity: Literal["loss", "accuracy"],
) -> go.Figure:
    """Return one model's training and validation curve.

    Args:
        title: the model's, for its colour.
        history: at least one epoch.
        kept_epoch: the epoch whose weights were kept; None where it is not known.
        quantity: what is shown.
    """
    look, figure = choose_looks([title])[title], go.Figure()
    epochs = [row.epoch for row in history]
    unit = ":.1%" if quantity == "accuracy" else ":.3f"
    validation = [getattr(row, f"validation_{quantity}") for row in history]
    parts = (
        ("Training images", [getattr(row, quantity) for row in history], "dot", 1.6),
        ("Validation images", validation, "solid", 2.4),
    )
    for name, values, dash, width in parts:
        figure.add_trace(
            go.Scatter(
                name=name,
                x=epochs,
                y=values,
                mode="lines",
                line={"color": look.color, "dash": dash, "width": width},
                hovertemplate="Epoch %{x}: %{y" + unit + "}<extra>%{fullData.name}</extra>",
            )
        )
    if kept_epoch in epochs:
        value = validation[epochs.index(kept_epoch)]
        figure.add_vline(x=kept_epoch, line={"color": "rgba(127, 127, 127, 0.9)", "width": 1})
        figure.add_trace(
            go.Scatter(
                name=f"Kept: epoch {kept_epoch}",
                x=[kept_epoch],
                y=[value],
                mode="markers",
                marker={"symbol": look.symbol, "size": 12, "color": look.color},
                hovertemplate="Kept: epoch %{x}, %{y" + unit + "}<extra></extra>",
            )
        )
    apply_style(figure, height=_HEIGHT_PX, legend=True)
    figure.update_xaxes(title="Epoch", gridcolor=GRID, fixedrange=True, zeroline=False)
    figure.update_yaxes(
        title=quantity.capitalize(),
        gridcolor=GRID,
        fixedrange=True,
        zeroline=False,
        tickformat=".0%" if quantity == "accuracy" else None,
    )
    figure.update_layout(dragmode=False)
    return figure
