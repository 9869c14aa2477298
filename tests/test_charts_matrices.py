"""Matrix figures: numbers, margins, both orientations, shared colours, marks that are cells."""

import numpy as np
import pytest

from facecore.charts_matrices import build_difference_matrix, build_matrix, find_top
from facecore.comparison import ConfusionTable
from facecore.comparison_tests import DifferenceTable
from facecore.paper import load_paper

LABELS = ("angry", "happy")
TABLE = ConfusionTable("Model <1>", LABELS, ((6, 2), (1, 11)))


def read_texts(figure):
    """Return (row, column) -> the number in the cell, as the reader sees it."""
    texts = {}
    for trace in figure.data:
        if trace.type == "scatter" and trace.mode == "text":
            texts |= {(y, x): t for x, y, t in zip(trace.x, trace.y, trace.text, strict=True)}
    return texts


def read_colors(figure):
    """Return the coloured cells' values; the first heat map is the grey ground."""
    return [list(row) for row in figure.data[1].z]


def test_counts_with_totals_in_the_margins():
    figure = build_matrix(TABLE, "counts")
    assert read_texts(figure) == {
        (0, 0): "6",
        (0, 1): "2",
        (0, 2): "8",
        (1, 0): "1",
        (1, 1): "11",
        (1, 2): "12",
        (2, 0): "7",
        (2, 1): "13",
        (2, 2): "20",
    }
    assert list(figure.layout.xaxis.ticktext) == ["Angry", "Happy", "Total"]
    assert figure.layout.annotations[0].text == "Predicted →<br>Labelled ↓"


def test_rows_can_be_the_predictions_as_in_the_paper():
    figure = build_matrix(TABLE, "counts", "predicted")
    texts = read_texts(figure)
    assert (texts[0, 1], texts[1, 0]) == ("1", "2")
    assert (texts[0, 2], texts[2, 0]) == ("7", "8")
    assert figure.layout.annotations[0].text == "Labelled →<br>Predicted ↓"


@pytest.mark.parametrize(
    ("measure", "cells"),
    [
        ("labelled", ["75.0", "25.0", "8.3", "91.7"]),
        ("predicted", ["85.7", "15.4", "14.3", "84.6"]),
    ],
)
def test_percentages_of_label_and_prediction(measure, cells):
    texts = read_texts(build_matrix(TABLE, measure))
    assert [texts[0, 0], texts[0, 1], texts[1, 0], texts[1, 1]] == cells
    assert texts[2, 2] == "20"  # the margins go on counting images


def test_class_that_is_never_answered_has_dashes_on_grey():
    figure = build_matrix(ConfusionTable("A", LABELS, ((0, 8), (0, 12))), "predicted")
    texts = read_texts(figure)
    assert (texts[0, 0], texts[1, 0]) == ("–", "–")
    assert read_colors(figure)[0][0] is None
    assert figure.data[0].z[0][0] == 1


@pytest.mark.parametrize("orientation", ["truth", "predicted"])
def test_last_trace_is_one_selectable_mark_per_cell(orientation):
    figure = build_matrix(TABLE, "counts", orientation)
    marks, texts = figure.data[-1], read_texts(figure)
    assert marks.marker.opacity == 0
    assert marks.selected.marker.opacity > 0
    cells = [tuple(cell) for cell in marks.customdata]
    assert sorted(cells) == [(t, p) for t in LABELS for p in LABELS]
    for x, y, (truth, guess), hover in zip(marks.x, marks.y, cells, marks.text, strict=True):
        count = TABLE.counts[LABELS.index(truth)][LABELS.index(guess)]
        assert texts[y, x] == str(count)
        assert f"{count} images" in hover
        assert f"Labelled {truth.capitalize()}, predicted {guess.capitalize()}" in hover
    others = figure.data[:-1]
    assert {trace.hoverinfo for trace in others} == {"skip"}
    assert figure.layout.hoverdistance == -1


def test_misprinted_cells_have_a_star():
    paper = load_paper()
    for table in paper.tables:
        starred = {(c.labelled, c.predicted) for c in paper.find_corrected(table.title)}
        texts = read_texts(build_matrix(table, "labelled", "truth", 1.0, starred))
        found = {text for text in texts.values() if text.endswith("*")}
        assert found == ({"10.6*", "1.5*"} if table.title.endswith("3") else set())


def test_all_matrices_share_one_scale():
    half = ConfusionTable("B", LABELS, ((30, 10), (10, 50)))
    assert find_top([TABLE, half], "labelled") == find_top([TABLE], "predicted") == 1.0
    top = find_top([TABLE, half], "counts")
    assert top == pytest.approx(11 / 20)  # the largest share of all images: Happy of the first
    for table in (TABLE, half):
        figure = build_matrix(table, "counts", top=top)
        assert (figure.data[1].zmin, figure.data[1].zmax) == (0, top)
        assert read_colors(figure)[1][1] == pytest.approx(table.counts[1][1] / table.total)


def build_difference():
    counts = np.array([[3, -3], [0, 0]])
    return DifferenceTable(
        title_a="A",
        title_b="B",
        labels=LABELS,
        counts=counts,
        fractions=counts / np.array([[8], [12]]),
        p=np.array([[0.001, 0.2], [1.0, 1.0]]),
        p_holm=np.array([[0.004, 0.6], [1.0, 1.0]]),
    )


@pytest.mark.parametrize("orientation", ["truth", "predicted"])
def test_difference_frames_significant_cells_only(orientation):
    figure = build_difference_matrix(build_difference(), "counts", orientation)
    texts = read_texts(figure)
    other = (0, 1) if orientation == "truth" else (1, 0)
    assert texts[0, 0] == "<b>+3</b>"
    assert texts[other] == "-3"
    (frame,) = figure.layout.shapes
    assert frame.x0 < 0 < frame.x1
    assert frame.y0 < 0 < frame.y1
    assert (figure.data[1].zmin, figure.data[1].zmax) == (-3, 3)
    marks = figure.data[-1]
    hover = dict(zip(map(tuple, marks.customdata), marks.text, strict=True))
    assert "p = 0.6" in hover["angry", "happy"]


def test_difference_in_percentage_points():
    texts = read_texts(build_difference_matrix(build_difference(), "labelled"))
    assert (texts[0, 0], texts[0, 1]) == ("<b>+37.5</b>", "-37.5")


def test_equal_models_have_a_difference_of_nothing():
    zeros, ones = np.zeros((2, 2)), np.ones((2, 2))
    same = DifferenceTable("A", "B", LABELS, zeros.astype(np.int64), zeros, ones, ones)
    figure = build_difference_matrix(same, "counts")
    assert set(read_texts(figure).values()) == {"0"}
    assert not figure.layout.shapes
