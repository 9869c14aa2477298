"""Cells of a matrix, pictures by id, likely label errors, and what became of a class."""

import numpy as np
import pandas as pd
import pytest
from stubs import build_card

from facecore.comparison import load_comparison
from facecore.datasets_ferplus import TIE, VOTE_COLUMNS
from facecore.drilldown import (
    count_reclassified,
    encode_samples,
    find_label_errors,
    find_worst_cell,
    select_cell,
)
from facecore.errors import InvalidDatasetError
from facecore.evaluation_report import Predictions, compute_report, save_evaluation
from facecore.images import decode_image
from facecore.labels import EXPRESSIONS
from facecore.registry import save_card

LABELS = ("angry", "disgust", "happy")
TRUTH = ["angry", "disgust", "disgust", "happy", "happy"]
# Per network, the answer to each image and how sure it is.
FIRST = [("angry", 0.6), ("disgust", 0.7), ("disgust", 0.5), ("angry", 0.55), ("angry", 0.9)]
SECOND = [("angry", 0.6), ("angry", 0.7), ("happy", 0.8), ("angry", 0.6), ("angry", 0.7)]


def to_probs(answers, columns):
    rows = []
    for label, confidence in answers:
        row = np.full(len(columns), (1 - confidence) / (len(columns) - 1))
        row[columns.index(label)] = confidence
        rows.append(row)
    return np.array(rows, dtype=np.float32)


@pytest.fixture
def comparison(tmp_path):
    bundles = []
    for name, columns, answers in (
        ("first", LABELS, FIRST),
        ("second", ("angry", "happy"), SECOND),
    ):
        card = build_card(labels=columns, name=name)
        predictions = Predictions(
            np.array(["10", "11", "12", "13", "14"]),
            LABELS,
            np.array([LABELS.index(label) for label in TRUTH], dtype=np.int16),
            columns,
            to_probs(answers, columns),
        )
        save_card(tmp_path / name, card)
        report = compute_report(predictions, card, "fer2013", "validation")
        folder = tmp_path / name / "evaluations" / "fer2013_validation"
        save_evaluation(folder, report, predictions)
        bundles.append(tmp_path / name)
    return load_comparison(bundles, "fer2013", "validation")


def ids(comparison, rows):
    return comparison.sample_ids[rows].tolist()


@pytest.mark.parametrize(
    ("model", "truth", "predicted", "expected"),
    [
        ("first", "happy", "angry", ["14", "13"]),  # the surer one first
        ("first", "disgust", None, ["11", "12"]),
        ("first", None, "angry", ["14", "10", "13"]),
        ("second", "happy", "happy", []),
        ("second", None, None, ["12", "11", "14", "10", "13"]),
    ],
)
def test_cell_holds_its_images_the_surest_first(comparison, model, truth, predicted, expected):
    assert ids(comparison, select_cell(comparison, model, truth, predicted)) == expected


def test_worst_cell_is_the_most_frequent_mistake(comparison):
    assert find_worst_cell(comparison.model("first")) == ("happy", "angry")


def make_votes(comparison, majorities, own=3):
    """Seven votes for the majority, three for the label."""
    table = pd.DataFrame(0, index=comparison.sample_ids.tolist(), columns=list(VOTE_COLUMNS))
    for sample_id, majority, label in zip(table.index, majorities, TRUTH, strict=True):
        table.loc[sample_id, label] += own
        if majority != TIE:
            table.loc[sample_id, majority] += 10 - own
    table["majority"] = majorities
    return table


def test_label_errors_are_those_on_which_all_disagree_with_the_label(comparison):
    votes = make_votes(comparison, ["happy", "angry", "disgust", "sad", "angry"])
    table = find_label_errors(comparison, votes)
    # 10: the networks are right; 11: one is; 12: the crowd is with the label.
    assert table["sample_id"].tolist() == ["14", "13"]
    first = table.iloc[0]
    assert (first["label"], first["crowd"], first["first"], first["second"]) == (
        "happy",
        "angry",
        "angry",
        "angry",
    )
    assert (first["models_with_crowd"], first["crowd_votes"], first["label_votes"]) == (2, 7, 3)
    assert first["first_confidence"] == pytest.approx(0.9)
    assert first["votes_angry"] == 7
    assert table.iloc[1]["models_with_crowd"] == 0, "nobody saw sad but the crowd"
    assert comparison.sample_ids[table["row"]].tolist() == ["14", "13"]


def test_tie_of_the_crowd_is_no_objection_but_no_face_is(comparison):
    votes = make_votes(comparison, [TIE, TIE, TIE, TIE, "not_a_face"])
    assert find_label_errors(comparison, votes)["sample_id"].tolist() == ["14"]


def test_no_label_errors_is_an_empty_table(comparison):
    table = find_label_errors(comparison, make_votes(comparison, TRUTH))
    assert len(table) == 0 and "first_confidence" in table


def test_reclassified_images_are_those_that_a_knowing_network_recognises(comparison):
    table = count_reclassified(comparison, "disgust")
    assert list(table.columns) == ["Second"]
    assert table["Second"].to_dict() == {"angry": 1, "disgust": 0, "happy": 1}
    assert count_reclassified(comparison, "happy").empty


class TestEncodeSamples:
    @pytest.fixture
    def dataset(self):
        from facecore.datasets import FaceDataset

        return FaceDataset(
            name="fer2013",
            split="validation",
            task="expression",
            labels=EXPRESSIONS,
            sample_ids=np.array(["7", "8"]),
            y_true=np.array([0, 3], dtype=np.int16),
            image=lambda i: np.full((48, 48), 40 * i, np.uint8),
        )

    def test_pictures_come_in_the_order_asked_for(self, dataset):
        files = encode_samples(dataset, ["8", "7"], ["happy", "angry"])
        values = [decode_image(data, "x.png")[0, 0].tolist() for data in files]
        assert values == [[40, 40, 40], [0, 0, 0]]

    @pytest.mark.parametrize(("sample_id", "label"), [("9", "happy"), ("8", "sad")])
    def test_another_version_of_the_data_is_refused(self, dataset, sample_id, label):
        with pytest.raises(InvalidDatasetError, match="another version"):
            encode_samples(dataset, [sample_id], [label])
