"""Class by class: Disgust first, columns that add to 100, bars with their actual lines."""

import pytest

from facecore.charts_classes import (
    build_class_bars,
    build_classwise,
    build_totals_chart,
    order_classwise,
)
from facecore.charts_common import choose_looks
from facecore.comparison import ConfusionTable
from facecore.comparison_totals import compute_total_percentages
from facecore.labels import EXPRESSIONS
from facecore.paper import load_paper

LABELS = ("angry", "disgust", "happy")
FIRST = ConfusionTable("Model 1", LABELS, ((6, 2, 2), (5, 4, 1), (0, 0, 10)))
SECOND = ConfusionTable("Model <2>", ("angry", "happy"), ((7, 3), (1, 9)))


def test_disgust_comes_first():
    assert order_classwise(EXPRESSIONS)[:3] == ["disgust", "angry", "fear"]
    assert order_classwise(["happy", "angry"]) == ["angry", "happy"]


def read_column(figure, x):
    texts = {}
    for trace in figure.data:
        if trace.type == "scatter" and trace.mode == "text":
            texts |= {y: t for i, y, t in zip(trace.x, trace.y, trace.text, strict=True) if i == x}
    return [texts[y] for y in sorted(texts)]


def test_classwise_is_appendix_two():
    paper = load_paper()
    starred = {
        t.title: [(c.labelled, c.predicted) for c in paper.find_corrected(t.title)]
        for t in paper.tables
    }
    figure = build_classwise(paper.tables, "disgust", starred)
    assert list(figure.layout.xaxis.ticktext) == [t.title for t in paper.tables]
    # In the order of EXPRESSIONS: angry, disgust, fear, happy, sad, surprise, neutral.
    assert read_column(figure, 0) == ["28.9", "44.8", "3.7", "4.4", "12.3", "1.2", "4.6"]
    assert read_column(figure, 1)[1] == "0.0"
    angry = build_classwise(paper.tables, "angry", starred)
    assert read_column(angry, 2)[4:6] == ["10.6*", "1.5*"]
    assert not any("*" in text for text in read_column(angry, 1))


def test_classwise_frames_the_right_answers_and_marks_cells():
    figure = build_classwise([FIRST, SECOND], "happy")
    (frame,) = figure.layout.shapes
    assert (frame.y0 + frame.y1) / 2 == pytest.approx(2)  # angry, disgust, happy
    cells = [tuple(cell) for cell in figure.data[-1].customdata]
    assert cells.count(("happy", "angry")) == 2
    assert cells.count(("happy", "disgust")) == 1  # the second table has no such class


def test_table_without_the_label_is_grey():
    figure = build_classwise([FIRST, SECOND], "disgust")
    assert read_column(figure, 1) == ["–", "–", "–"]
    assert figure.layout.xaxis.ticktext[1] == "Model &lt;2>"


def test_totals_have_a_bar_and_an_actual_line_per_class_and_model():
    totals = [compute_total_percentages(table) for table in (FIRST, SECOND)]
    figure = build_totals_chart(totals)
    first, second, actual = figure.data
    assert list(first.x) == pytest.approx([1100 / 30, 600 / 30, 1300 / 30])
    assert list(second.x) == pytest.approx([40, 60])
    assert list(first.customdata) == ["Angry", "Disgust", "Happy"]
    assert list(actual.x) == pytest.approx([100 / 3] * 3 + [50] * 2)
    # Each line lies across its own model's bar.
    assert list(actual.y) == pytest.approx([*first.y, *second.y])


def test_paper_has_our_colour_hatched():
    looks = choose_looks(["Model 1", "Model 2", "Paper: Model 1", "my own"])
    assert looks["Model 1"].color == looks["Paper: Model 1"].color
    assert (looks["Model 1"].pattern, looks["Paper: Model 1"].pattern) == ("", "/")
    assert len({look.color for look in looks.values()}) == 3
    assert len({look.dash for title, look in looks.items() if "Paper" not in title}) == 3


def test_models_keep_their_looks_whichever_are_chosen():
    assert choose_looks(["Model 3"])["Model 3"] == choose_looks(["Model 1", "Model 3"])["Model 3"]
    assert len(set(choose_looks([f"own {i}" for i in range(6)]).values())) == 6


def test_bars_of_a_metric_may_miss_a_class():
    figure = build_class_bars(
        {"A": {"angry": 50.0}, "B": {"angry": 40.0, "sad": 30.0}}, unit="% F1"
    )
    assert list(figure.layout.yaxis.ticktext) == ["Angry", "Sad"]
    assert [list(trace.x) for trace in figure.data] == [[50.0], [40.0, 30.0]]
    assert figure.layout.xaxis.title.text == "% F1"
