"""Figures and words of results by group, worst first."""

import numpy as np
import pytest

from facecore.charts_groups import build_group_chart, build_group_confusions
from facecore.evaluation_groups import compute_group_views
from facecore.evaluation_groups_text import describe_view, display_group, groups_to_table

LABELS = ("man", "woman")
Y_TRUE = np.array([0, 0, 1, 1, 0, 0, 1, 1])
Y_PRED = np.array([0, 1, 1, 1, 0, 0, 0, 0])
GROUPS = np.array(["<A>"] * 4 + ["Latino_Hispanic"] * 4)


@pytest.fixture
def view():
    return compute_group_views(LABELS, Y_TRUE, Y_PRED, {"group": GROUPS})[0]


def test_chart_has_the_worst_group_on_top(view):
    figure = build_group_chart(view.get_table("group"), view.accuracy, LABELS)
    assert figure.layout.yaxis.range == (1.5, -0.5)
    assert figure.layout.yaxis.ticktext == ("Latino or Hispanic  50.0%", "&lt;A>  75.0%")
    traces = {trace.name: trace for trace in figure.data}
    assert traces["All"].x == (0.5, 0.75)
    low = 0.5 - traces["All"].error_x.arrayminus[0]
    assert low == pytest.approx(0.150, abs=1e-3)
    assert traces["Women"].x == (0.0, 1.0)
    assert traces["Men"].text[1].startswith("1 of 2 right, 50.0% (")
    assert figure.layout.shapes[0].x0 == view.accuracy.value == 5 / 8
    assert figure.layout.xaxis.range[0] == 0


def test_chart_by_label_has_one_kind_of_mark(view):
    figure = build_group_chart(view.get_table("label"), view.accuracy, LABELS)
    assert [trace.name for trace in figure.data] == ["All"]
    assert not figure.layout.showlegend


def test_confusions_are_shares_of_the_label(view):
    figure = build_group_confusions(view.get_table("group"), LABELS)
    heat = figure.data[1]
    assert np.array_equal(heat.z, [[1, 0, 1, 0], [0.5, 0.5, 0, 1]])
    heads = ("Men → Man", "Men → Woman", "Women → Man", "Women → Woman")
    assert figure.layout.xaxis.ticktext == heads
    marks = figure.data[-1]
    assert marks.text[2] == "Latino or Hispanic, Women → Man: 2 of 2"
    assert list(marks.customdata[4]) == ["<A>", "Men → Man"]


def test_group_without_a_label():
    views = compute_group_views(LABELS, Y_TRUE, Y_PRED, {"side": np.array(list("xxyyxxyy"))})
    table = views[0].get_table("side")
    figure = build_group_confusions(table, LABELS)
    assert "–" in {text for trace in figure.data[2:4] for text in trace.text}
    build_group_chart(table, views[0].accuracy, LABELS)
    assert groups_to_table(table, LABELS)["woman_recall"].isna().tolist() == [False, True]


def test_table_holds_counts_and_intervals(view):
    table = groups_to_table(view.get_table("group"), LABELS)
    assert table["group"].tolist() == ["Latino_Hispanic", "<A>"]
    assert table["images"].tolist() == [4, 4]
    assert table["woman_as_man"].tolist() == [2, 0]
    assert table["man_recall"].tolist() == [1.0, 0.5]
    assert (table["accuracy_low"] < table["accuracy"]).all()


def test_words(view):
    text = describe_view(view, "group")
    assert text.startswith("Of 8 faces, 62.5% (95% interval ")
    assert "Worst by group: Latino or Hispanic with 50.0%" in text
    assert "Women are recognised in 0.0% of 2 (Latino or Hispanic) but in 100.0% of 2 (<A>)" in text
    assert "100.0 points apart" in text
    assert "gap" not in describe_view(view, "label")
    with pytest.raises(ValueError, match="height"):
        describe_view(view, "height")


def test_labels_are_shown_as_plurals():
    assert display_group("label", "woman") == "Women"
    assert display_group("age", "more than 70") == "more than 70"
