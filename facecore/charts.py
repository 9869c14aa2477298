"""Plotly figures of results. Pure functions; one fixed colour per label, and always its word."""

from collections.abc import Mapping, Sequence
from typing import Literal

import plotly.graph_objects as go

from facecore.charts_common import GRID, OUTLINE, apply_style, to_text
from facecore.label_sets import compute_colors, list_shown
from facecore.labels import Task, display_name
from facecore.results import FrameResult
from facecore.segments import compute_segments
from facecore.stats import compute_durations

_ROW_PX = 30
_MAX_POINTS = 600  # more points than pixels only slow the browser down
_SHORTEST_AXIS_S = 0.1
_MOST_SINGLE_TICKS = 6  # with more, plotly's own steps are whole numbers


def build_counts_chart(counts: Mapping[str, float], unit: str = "people") -> go.Figure:
    """Return horizontal bars, one per label, each with its word and number.

    Args:
        counts: label -> number; labels keep this order from top to bottom.
        unit: what is counted, for the hover text.
    """
    labels = list(counts)
    values = [counts[label] for label in labels]
    figure = go.Figure(
        go.Bar(
            x=values,
            y=[display_name(label) for label in labels],
            orientation="h",
            marker=_markers(labels, values),
            text=[f"{value:g}" for value in values],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x} " + unit + "<extra></extra>",
        )
    )
    apply_style(figure, height=_ROW_PX * len(labels) + 20, right=36)
    figure.update_xaxes(visible=False, range=[0, max([*values, 1]) * 1.08])
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure


def build_timeline(
    frames: Sequence[FrameResult],
    names: Mapping[int, str] | None = None,
    task: Task = "expression",
) -> go.Figure:
    """Return one row per person over time, coloured by label; zooms sideways.

    A bar's ``customdata`` starts with ``(start_s, end_s)``: a page can move its player there.

    Args:
        frames: in the order of time.
        names: person_id -> name; default "Person <id>".
        task: which prediction.
    """
    names = names or {}
    segments = compute_segments(frames, task)
    people = sorted({s.person_id for s in segments})
    figure = go.Figure()
    labels = _list_labels(frames, task)
    colors = compute_colors(labels)
    for label in labels:
        own = [s for s in segments if s.label == label]
        if not own:
            continue
        figure.add_trace(
            go.Bar(
                name=display_name(label),
                base=[s.start_s for s in own],
                x=[s.end_s - s.start_s for s in own],
                y=[s.person_id for s in own],
                orientation="h",
                width=0.62,
                marker={"color": colors[label], "line": {"color": OUTLINE, "width": 0.5}},
                customdata=[[s.start_s, s.end_s, _name(s.person_id, names)] for s in own],
                text=[f"{s.confidence:.0%}" for s in own],
                textposition="none",
                hovertemplate="%{customdata[2]}: "
                + display_name(label)
                + "<br>%{customdata[0]:.1f} s to %{customdata[1]:.1f} s, %{text} sure"
                + "<extra></extra>",
            )
        )
    apply_style(figure, height=44 * max(1, len(people)) + 110, legend=True)
    figure.update_layout(barmode="overlay", dragmode="zoom")
    figure.update_xaxes(title="Seconds", range=_time_range(frames), gridcolor=GRID)
    figure.update_yaxes(
        tickvals=people,
        ticktext=[_name(person, names) for person in people],
        autorange="reversed",
        fixedrange=True,
        showgrid=False,
    )
    return figure


def build_counts_over_time(frames: Sequence[FrameResult], task: Task = "expression") -> go.Figure:
    """Return the number of faces of each label over time as stacked areas.

    Args:
        frames: in the order of time; many frames are averaged into at most 600 steps.
        task: which prediction.
    """
    per_point = max(1, -(-len(frames) // _MAX_POINTS))
    bins = [frames[i : i + per_point] for i in range(0, len(frames), per_point)]
    times = [group[0].time_s for group in bins]
    range_s = _time_range(frames)
    figure = go.Figure()
    labels = _list_labels(frames, task)
    colors = compute_colors(labels)
    for label in labels:
        counts = [sum(_count(frame, task, label) for frame in group) / len(group) for group in bins]
        if any(counts):
            # A point counts until the next one, the last one until its frames end.
            x, y = [*times, range_s[1]], [*counts, counts[-1]]
            figure.add_trace(_area(x, y, label, colors[label], "%{y:.3g} at %{x:.1f} s", "hv"))
    apply_style(figure, height=240, legend=True)
    figure.update_xaxes(title="Seconds", range=range_s, gridcolor=GRID)
    figure.update_yaxes(title="Faces", rangemode="tozero", fixedrange=True, gridcolor=GRID)
    if max((len(frame.faces) for frame in frames), default=0) <= _MOST_SINGLE_TICKS:
        figure.update_yaxes(dtick=1)  # plotly's own steps would be halves and fifths of a face
    return figure


def build_running_chart(
    times_s: Sequence[float],
    shares: Mapping[str, Sequence[float]],
    window_s: float = 60.0,
) -> go.Figure:
    """Return the last seconds of a live session: each expression's share as stacked areas.

    Args:
        times_s: one time per point, ascending.
        shares: label -> one value 0-1 per point.
        window_s: how much of the past is shown.
    """
    end_s = times_s[-1] if times_s else 0.0
    figure = go.Figure()
    colors = compute_colors(shares)
    for label, values in shares.items():
        ago = [time_s - end_s for time_s in times_s]
        figure.add_trace(_area(ago, values, label, colors[label], "%{y:.0%}"))
    apply_style(figure, height=260, legend=True)
    figure.update_xaxes(title="Seconds ago", range=[-window_s, 0], gridcolor=GRID, fixedrange=True)
    figure.update_yaxes(range=[0, 1], tickformat=".0%", fixedrange=True, gridcolor=GRID)
    return figure


def _time_range(frames: Sequence[FrameResult]) -> tuple[float, float]:
    """Return the first frame's time and the last one's end, a tenth of a second apart at least."""
    if not frames:
        return 0.0, _SHORTEST_AXIS_S
    start_s, end_s = frames[0].time_s, frames[-1].time_s + compute_durations(frames)[-1]
    return start_s, max(end_s, start_s + _SHORTEST_AXIS_S)


def _list_labels(frames: Sequence[FrameResult], task: Task) -> tuple[str, ...]:
    predictions = (face.predictions.get(task) for frame in frames for face in frame.faces)
    networks = dict.fromkeys(p.labels for p in predictions if p is not None)
    return list_shown(task, (label for labels in networks for label in labels))


def _area(
    times: Sequence[float],
    values: Sequence[float],
    label: str,
    color: str,
    hover: str,
    shape: Literal["linear", "hv"] = "linear",
) -> go.Scatter:
    word = display_name(label)
    return go.Scatter(
        x=list(times),
        y=list(values),
        name=word,
        mode="lines",
        stackgroup="all",
        line={"width": 0.8, "color": color, "shape": shape},
        fillcolor=color,
        hovertemplate=word + ": " + hover + "<extra></extra>",
    )


def _count(frame: FrameResult, task: Task, label: str) -> int:
    predictions = [face.predictions.get(task) for face in frame.faces]
    return sum(1 for p in predictions if p is not None and p.label == label)


def _name(person_id: int, names: Mapping[int, str]) -> str:
    return to_text(names.get(person_id, f"Person {person_id}"))


def _markers(labels: Sequence[str], values: Sequence[float]) -> dict[str, object]:
    widths = [1 if value else 0 for value in values]  # no edge around nothing
    colors = list(compute_colors(labels).values())
    return {"color": colors, "line": {"color": OUTLINE, "width": widths}}
