"""Figures say what the results say: words, colours, times."""

from dataclasses import replace

import numpy as np
import pytest

from facecore.charts import (
    build_counts_chart,
    build_counts_over_time,
    build_running_chart,
    build_timeline,
)
from facecore.labels import COLORS, EXPRESSIONS
from facecore.results import Face, FrameResult, Prediction
from facecore.segments import compute_segments


def prediction(label, confidence=0.9):
    probs = np.full(len(EXPRESSIONS), (1 - confidence) / 6, dtype=np.float32)
    probs[EXPRESSIONS.index(label)] = confidence
    return Prediction(EXPRESSIONS, probs)


def frame(time_s, **labels):
    """A frame whose faces are given as p1="happy", p2="sad"."""
    faces = tuple(
        Face((0, 0, 9, 9), 1.0, int(key[1:]), {"expression": prediction(label)})
        for key, label in labels.items()
    )
    return FrameResult(round(time_s * 10), time_s, (64, 48), faces)


FRAMES = [
    frame(0.0, p1="happy"),
    frame(0.1, p1="happy", p2="sad"),
    frame(0.2, p1="sad", p2="sad"),
    frame(0.3),
    frame(5.0, p2="sad"),
]


def test_bars_have_word_number_and_fixed_colour():
    (bar,) = build_counts_chart({"happy": 3, "sad": 0, "neutral": 12}).data
    assert list(bar.y) == ["Happy", "Sad", "Neutral"]
    assert list(bar.x) == [3, 0, 12]
    assert list(bar.text) == ["3", "0", "12"]
    assert list(bar.marker.color) == [COLORS["happy"], COLORS["sad"], COLORS["neutral"]]


def test_segments_join_equal_labels_and_split_at_changes_and_gaps():
    found = [(s.person_id, s.label, s.start_s, round(s.end_s, 3)) for s in compute_segments(FRAMES)]
    assert found == [
        (1, "happy", 0.0, 0.2),
        (1, "sad", 0.2, 0.3),
        (2, "sad", 0.1, 0.3),
        (2, "sad", 5.0, 5.1),
    ]


def test_a_stretch_goes_on_while_a_picture_is_held_but_not_through_a_pause():
    times = (0.0, 0.1, 0.2, 5.0, 5.1)
    frames = [frame(time_s, p1="happy") for time_s in times]
    assert [(s.start_s, round(s.end_s, 3)) for s in compute_segments(frames)] == [
        (0.0, 0.3),
        (5.0, 5.2),
    ]
    told = [replace(f, duration_s=d) for f, d in zip(frames, (0.1, 0.1, 4.8, 0.1, 3), strict=True)]
    assert [(s.start_s, round(s.end_s, 3)) for s in compute_segments(told)] == [(0.0, 8.1)]


def test_undecided_has_a_stretch_an_area_and_a_colour_of_its_own():
    unsure = replace(prediction("happy", 0.5), threshold=0.6)
    face = replace(FRAMES[0].faces[0], predictions={"expression": unsure})
    frames = [*FRAMES[:3], replace(FRAMES[3], faces=(face,))]
    assert [(s.label, s.start_s) for s in compute_segments(frames) if s.person_id == 1] == [
        ("happy", 0.0),
        ("sad", 0.2),
        ("undecided", 0.3),
    ]
    timeline, areas = build_timeline(frames), build_counts_over_time(frames)
    assert [bar.name for bar in timeline.data] == ["Happy", "Sad", "Undecided"]
    assert timeline.data[2].marker.color == COLORS["undecided"]
    (area,) = (area for area in areas.data if area.name == "Undecided")
    assert list(area.y) == [0, 0, 0, 1, 1]
    (bars,) = build_counts_chart({"happy": 3, "undecided": 2}).data
    assert list(bars.marker.color) == [COLORS["happy"], COLORS["undecided"]]


@pytest.mark.parametrize("frames", [[], [frame(0.0)]])
def test_no_people_is_an_empty_figure(frames):
    assert compute_segments(frames) == []
    assert len(build_timeline(frames).data) == 0
    assert len(build_counts_over_time(frames).data) == 0


def test_timeline_has_a_row_per_person_with_its_name():
    figure = build_timeline(FRAMES, {2: "Ada <b>"})
    assert list(figure.layout.yaxis.ticktext) == ["Person 1", "Ada &lt;b>"]
    assert {trace.name for trace in figure.data} == {"Happy", "Sad"}
    happy = next(trace for trace in figure.data if trace.name == "Happy")
    assert happy.customdata[0][0] == 0.0
    assert happy.marker.color == COLORS["happy"]


@pytest.mark.parametrize(("frames", "axis"), [
    ([frame(300 + i / 25, p1="happy") for i in range(250)], (300, 310)),  # a part of a video
    ([frame(0), frame(1), frame(2), frame(3, p1="sad")], (0, 4)),  # somebody in the last picture
    ([frame(0, p1="sad"), frame(1), frame(2)], (0, 3)),  # nobody in it
    ([frame(0), frame(1), frame(3, p1="sad")], (0, 4.5)),  # as long as is usual
    ([frame(5, p1="sad")], (5, 5.1)),
    ([], (0, 0.1)),
])  # fmt: skip
def test_time_axes_are_from_the_first_frame_to_the_last_ones_end(frames, axis):
    for figure in (build_timeline(frames), build_counts_over_time(frames)):
        assert tuple(figure.layout.xaxis.range) == pytest.approx(axis)
    assert all(segment.end_s <= axis[1] + 1e-6 for segment in compute_segments(frames))


@pytest.mark.parametrize(("frames", "x", "y"), [
    ([frame(0), frame(1), frame(2), frame(3, p1="sad")], [0, 1, 2, 3, 4], [0, 0, 0, 1, 1]),
    ([frame(0, p1="sad"), frame(1)], [0, 1, 2], [1, 0, 0]),
    ([frame(5, p1="sad")], [5, 5.1], [1, 1]),
])  # fmt: skip
def test_a_count_is_shown_until_the_next_frame_and_the_last_one_until_its_end(frames, x, y):
    figure = build_counts_over_time(frames)
    (area,) = figure.data
    assert list(area.x) == pytest.approx(x) and list(area.y) == y
    assert area.line.shape == "hv"
    assert area.x[-1] == figure.layout.xaxis.range[1]


def test_counts_over_time_are_averaged_into_few_points():
    frames = [frame(i / 25, p1="happy", p2="happy") for i in range(5000)]
    (area,) = build_counts_over_time(frames).data
    assert len(area.x) <= 600
    assert set(area.y) == {2.0}
    assert area.x[-1] == pytest.approx(200)


@pytest.mark.parametrize(("num_faces", "step"), [(1, 1), (6, 1), (7, None)])
def test_few_faces_are_counted_in_whole_numbers(num_faces, step):
    (face, *_) = frame(0, p1="happy").faces
    crowd = replace(frame(0), faces=(face,) * num_faces)
    assert build_counts_over_time([crowd, crowd]).layout.yaxis.dtick == step


def test_running_chart_counts_back_from_now():
    figure = build_running_chart([10.0, 11.0], {"happy": [0.2, 0.4], "sad": [0.8, 0.6]}, 30)
    assert list(figure.data[0].x) == [-1.0, 0.0]
    assert tuple(figure.layout.xaxis.range) == (-30, 0)


def test_running_chart_without_points_is_drawn():
    assert len(build_running_chart([], {"happy": []}).data) == 1
