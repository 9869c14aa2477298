"""The paper's figures, turned to rows = truth, agree with what its text and tables state."""

import json
from pathlib import Path

import numpy as np
import pytest

from facecore.comparison_totals import compute_total_percentages
from facecore.labels import EXPRESSIONS
from facecore.paper import load_paper

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
LABELLED = {  # as counted in the paper, N of Appendix II
    "angry": 4808,
    "disgust": 567,
    "fear": 5089,
    "happy": 9299,
    "neutral": 5915,
    "sad": 6174,
    "surprise": 4015,
}


def test_titles_and_classes():
    tables = load_paper().tables
    assert [t.title for t in tables] == ["Paper: Model 1", "Paper: Model 2", "Paper: Model 3"]
    assert {t.labels for t in tables} == {EXPRESSIONS}


def test_rows_are_the_labels():
    first, second, third = load_paper().tables
    assert first.labelled_totals == LABELLED
    assert second.labelled_totals == LABELLED
    # Model 3's Happy percentages fit 9,300 images only.
    assert third.labelled_totals == {**LABELLED, "happy": 9300}
    angry, disgust = EXPRESSIONS.index("angry"), EXPRESSIONS.index("disgust")
    assert first.counts[disgust][angry] == 164  # 28.92 % of 567 Disgust images, called Angry
    assert first.counts[angry][disgust] == 22


def test_predicted_totals_that_the_text_quotes():
    first, second, _ = load_paper().tables
    assert first.predicted_totals["neutral"] == 7420
    assert first.predicted_totals["disgust"] == 303
    assert second.predicted_totals["neutral"] == 5714
    assert second.predicted_totals["sad"] == 8468


def test_counts_round_to_the_printed_percentages():
    for model in load_paper().models:
        shares = model.table.fractions(of="labelled") * 100
        printed = np.array([model.classwise_percent[label] for label in EXPRESSIONS])
        assert np.abs(shares - printed).max() <= 0.0051
        assert np.abs(printed.sum(axis=1) - 100).max() < 0.015


def test_images_and_accuracy_on_the_whole_data_set():
    images = [table.total for table in load_paper().tables]
    assert images == [35867, 35867, 35868]
    right = [int(table.to_array().trace()) for table in load_paper().tables]
    assert right == [27078, 25779, 24152]
    assert load_paper().stated_images == 35864


def test_summed_differences_of_printed_percentages_are_the_printed_ones():
    paper = load_paper()
    sums = [total.summed_difference for total in paper.printed_totals()]
    assert [round(value, 2) for value in sums] == [14.97, 13.11, 10.14]
    assert [model.total_difference for model in paper.models] == [14.97, 13.11, 10.14]
    rebuilt = [compute_total_percentages(table).summed_difference for table in paper.tables]
    assert [round(value, 2) for value in rebuilt] == [14.95, 13.12, 10.15]


def test_fair_view_leaves_out_disgust_images_and_keeps_disgust_answers():
    known = [label for label in EXPRESSIONS if label != "disgust"]
    tables = load_paper().select_tables(known)
    assert [table.total for table in tables] == [35300, 35300, 35301]
    assert [table.labelled_totals["disgust"] for table in tables] == [0, 0, 0]
    assert [table.predicted_totals["disgust"] for table in tables] == [49, 0, 0]
    assert load_paper().select_tables(EXPRESSIONS) == load_paper().tables


def test_corrected_cells_belong_to_the_third_model():
    paper = load_paper()
    cells = paper.find_corrected("Paper: Model 3")
    assert [(c.labelled, c.predicted) for c in cells] == [("angry", "sad"), ("angry", "surprise")]
    assert [(c.printed_percent, c.percent, c.count, c.count_range) for c in cells] == [
        (21.87, 10.57, 508, (507, 509)),
        (3.17, 1.48, 71, (70, 72)),
    ]
    assert paper.find_corrected("Paper: Model 1") == ()
    assert paper.find_corrected("Model 3") == ()
    counts = paper.tables[2].counts[EXPRESSIONS.index("angry")]
    assert [counts[EXPRESSIONS.index(c.predicted)] for c in cells] == [508, 71]
    printed = sum(paper.models[2].classwise_percent["angry"]) + sum(
        c.printed_percent - c.percent for c in cells
    )
    assert printed == pytest.approx(112.99, abs=0.01)


def test_headline_numbers():
    paper = load_paper()
    assert [m.validation_accuracy for m in paper.models] == pytest.approx([0.601, 0.613, 0.572])
    assert [m.best_epoch for m in paper.models] == [33, 73, 83]
    assert (paper.split, paper.epochs) == ("75/25", 100)
    assert paper.gender_accuracy == pytest.approx(0.9504)


def test_eye_test_scores_three_five_and_four_of_six():
    scores = [sum(k == v for k, v in m.eye_test.items()) for m in load_paper().models]
    assert scores == [3, 5, 4]
    assert load_paper().models[2].eye_test["fear"] == "fear"


def test_group_photo_has_28_faces_per_model():
    for model, angry in zip(load_paper().models, (4, 11, 13), strict=True):
        assert [face.person for face in model.solvay] == list(range(1, 29))
        assert sum(face.expression == "angry" for face in model.solvay) == angry
        assert sum(face.gender == "woman" for face in model.solvay) == 3
        assert {face.expression for face in model.solvay} <= set(EXPRESSIONS)


@pytest.mark.shared
def test_package_data_are_the_rebuilt_tables():
    source = SHARED / "paper" / "paper_tables.json"
    if not source.is_file():
        pytest.skip("the shared folder is not beside the project")
    package = Path(__file__).resolve().parent.parent / "facecore" / "paper_tables.json"
    assert json.loads(package.read_text()) == json.loads(source.read_text())
