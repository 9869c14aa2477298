"""Figures of curves: one line per model, told apart by colour, dash and symbol."""

from collections.abc import Mapping

import plotly.graph_objects as go

from facecore.charts_common import GRID, apply_style, choose_looks, to_text
from facecore.comparison_curves import CoverageCurve, Curve, Reliability
from facecore.evaluation_metrics import ReliabilityBin

_HEIGHT_PX = 330
_GUESS = {"color": "rgba(127, 127, 127, 0.9)", "width": 1.2, "dash": "dot"}
_LARGEST_PX, _SMALLEST_PX = 18, 5


def build_roc_chart(curves: Mapping[str, Curve | None]) -> go.Figure:
    """Return one class against the rest: found images over false alarms.

    Args:
        curves: by a model's title, in its order; a model that lacks the class has None.
    """
    figure = _build_lines(curves, "False alarms among all others", "Found of the class")
    figure.add_trace(_build_guess([0, 1], [0, 1]))
    return figure


def build_precision_recall_chart(curves: Mapping[str, Curve | None]) -> go.Figure:
    """Return one class against the rest: right alarms over found images.

    Args:
        curves: by a model's title, in its order; a model that lacks the class has None.
    """
    figure = _build_lines(curves, "Found of the class (recall)", "Right alarms (precision)")
    baselines = [curve.baseline for curve in curves.values() if curve is not None]
    if baselines:
        figure.add_trace(_build_guess([0, 1], [baselines[0], baselines[0]]))
    return figure


def build_coverage_chart(curves: Mapping[str, CoverageCurve]) -> go.Figure:
    """Return accuracy over the share of images that are answered, the surest first.

    Args:
        curves: by a model's title, in its order.
    """
    figure, looks = go.Figure(), choose_looks(list(curves))
    for title, curve in curves.items():
        figure.add_trace(
            go.Scatter(
                name=to_text(title),
                x=curve.coverage.tolist(),
                y=curve.accuracy.tolist(),
                customdata=curve.confidence.tolist(),
                mode="lines",
                line={"color": looks[title].color, "dash": looks[title].dash, "width": 2.2},
                hovertemplate="%{x:.0%} answered, %{y:.1%} of them right<br>"
                "(at least %{customdata:.0%} sure)<extra>%{fullData.name}</extra>",
            )
        )
    _style_shares(figure, "Answered", "Right of those")
    # The first few, surest images say little: an accuracy of 1 of 1 would stretch the axis.
    lowest = min((float(curve.accuracy[-1]) for curve in curves.values()), default=0.0)
    figure.update_yaxes(range=[max(0.0, lowest - 0.05), 1.005], dtick=0.1)
    return figure


def build_reliability_chart(title: str, reliability: Reliability) -> go.Figure:
    """Return one model's accuracy over its confidence, before and after temperature scaling.

    The larger a point, the more images; a calibrated model lies on the diagonal.

    Args:
        title: the model's, for its colour.
        reliability: of the model.
    """
    look, figure = choose_looks([title])[title], go.Figure()
    parts = (
        ("Before temperature", reliability.bins_before, f"{look.symbol}-open", "dot"),
        ("As answered", reliability.bins_after, look.symbol, "solid"),
    )
    for name, bins, symbol, dash in parts:
        filled = [b for b in bins if b.num_images]
        figure.add_trace(
            go.Scatter(
                name=name,
                x=[b.mean_confidence for b in filled],
                y=[b.accuracy for b in filled],
                customdata=[b.num_images for b in filled],
                mode="lines+markers",
                line={"color": look.color, "dash": dash, "width": 1.6},
                marker={"symbol": symbol, "size": _sizes(filled), "color": look.color},
                hovertemplate="%{x:.0%} sure on average, %{y:.1%} right<br>"
                "%{customdata:,} images<extra>%{fullData.name}</extra>",
            )
        )
    figure.add_trace(_build_guess([0, 1], [0, 1], "Calibrated"))
    _style_shares(figure, "Confidence", "Accuracy")
    return figure


def _build_lines(curves: Mapping[str, Curve | None], x_title: str, y_title: str) -> go.Figure:
    figure, looks = go.Figure(), choose_looks(list(curves))
    for title, curve in curves.items():
        if curve is None:
            continue
        figure.add_trace(
            go.Scatter(
                name=f"{to_text(title)} ({curve.area:.3f})",
                x=curve.x.tolist(),
                y=curve.y.tolist(),
                mode="lines",
                line={"color": looks[title].color, "dash": looks[title].dash, "width": 2.2},
                hovertemplate="x %{x:.1%}, y %{y:.1%}<extra>%{fullData.name}</extra>",
            )
        )
    _style_shares(figure, x_title, y_title)
    return figure


def _build_guess(x: list[float], y: list[float], name: str = "Guessing") -> go.Scatter:
    return go.Scatter(name=name, x=x, y=y, mode="lines", line=_GUESS, hoverinfo="skip")


def _sizes(bins: list[ReliabilityBin]) -> list[float]:
    """Return sizes in pixels whose areas follow the numbers of images."""
    most = max((b.num_images for b in bins), default=1)
    return [max(_SMALLEST_PX, _LARGEST_PX * (b.num_images / most) ** 0.5) for b in bins]


def _style_shares(figure: go.Figure, x_title: str, y_title: str) -> None:
    apply_style(figure, height=_HEIGHT_PX, legend=True)
    axis = {
        "tickformat": ".0%",
        "dtick": 0.25,
        "tickfont": {"size": 11},
        "gridcolor": GRID,
        "zerolinecolor": GRID,
        "fixedrange": True,
    }
    figure.update_xaxes(title=x_title, range=[-0.005, 1.005], **axis)
    figure.update_yaxes(title=y_title, range=[-0.005, 1.02], **axis)
    figure.update_layout(dragmode=False)
