"""The numbers behind the figures, as a CSV holds them."""

import numpy as np
import pytest
from comparison_files import write_bundle

from facecore import charts_data as data
from facecore.comparison import ConfusionTable, load_comparison
from facecore.comparison_curves import compute_coverage, compute_reliability, compute_roc
from facecore.comparison_tests import compute_difference_table
from facecore.comparison_totals import compute_total_percentages
from facecore.export_tables import to_csv

LABELS = ("angry", "happy")
TABLE = ConfusionTable("Model 1", LABELS, ((6, 0), (3, 0)))


@pytest.fixture
def comparison(tmp_path):
    y_true = [0, 0, 1, 1]
    right = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]])
    bundles = [
        write_bundle(tmp_path, name, y_true, probs, labels=LABELS, training={"best_epoch": 2})
        for name, probs in (("a", right), ("b", right[:, ::-1]))
    ]
    return load_comparison(bundles, "made", "test")


def test_every_cell_of_every_matrix():
    table = data.matrices_to_table([TABLE, TABLE])
    assert len(table) == 8
    first = table.iloc[2]
    assert (first["labelled"], first["predicted"], first["images"]) == ("happy", "angry", 3)
    assert (first["share_of_labelled"], first["share_of_predicted"]) == (1.0, pytest.approx(1 / 3))


def test_scores_that_have_no_denominator_are_empty():
    angry, happy = data.classes_to_table([TABLE]).to_dict("records")
    assert angry == {
        "model": "Model 1",
        "class": "angry",
        "precision": pytest.approx(6 / 9),
        "recall": 1.0,
        "f1": pytest.approx(0.8),
        "support": 6,
        "predicted": 9,
    }
    assert np.isnan(happy["precision"])
    assert (happy["recall"], happy["f1"]) == (0.0, 0.0)
    unseen = ConfusionTable("A", LABELS, ((6, 1), (0, 0)))
    last = data.classes_to_table([unseen]).to_dict("records")[1]
    assert np.isnan(last["recall"])
    assert np.isnan(last["f1"])


def test_totals():
    table = data.totals_to_table([compute_total_percentages(TABLE)])
    assert table["predicted_percent"].tolist() == [100.0, 0.0]
    assert table["summed_difference"].tolist() == pytest.approx([200 / 3] * 2)


def test_difference(comparison):
    difference = compute_difference_table(*comparison.models)
    table = data.difference_to_table(difference)
    assert table["difference_images"].tolist() == [2, -2, -2, 2]
    assert table["significant"].tolist() == [False] * 4
    assert table["p"].tolist() == [0.5] * 4


def test_curves(comparison):
    first = comparison.models[0]
    curves = {"angry": {"A": compute_roc(first, "angry"), "B": None}}
    table = data.curves_to_table(curves, "false_alarm_rate", "recall")
    assert set(table["model"]) == {"A"}
    assert table["area"].iloc[0] == 1.0
    assert list(data.curves_to_table({"angry": {"B": None}}, "x", "y")) == [
        "model",
        "class",
        "x",
        "y",
        "area",
    ]


def test_reliability_coverage_and_history(comparison):
    first = comparison.models[0]
    bins = data.reliability_to_table({"A": compute_reliability(first)})
    assert bins.groupby("when")["images"].sum().to_dict() == {"after": 4, "before": 4}
    assert bins["accuracy"].isna().sum() == (bins["images"] == 0).sum()
    coverage = data.coverage_to_table({"A": compute_coverage(first)})
    assert coverage["coverage"].iloc[-1] == 1.0
    history = data.histories_to_table(comparison.models)
    assert history["kept"].tolist() == [False, True] * 2
    assert to_csv(history).startswith(b"model,epoch,loss")
