"""Results by group against a table worked out by hand and against scikit-learn."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from sklearn import metrics as sk

from facecore.comparison import load_comparison
from facecore.datasets_info import describe_excluded
from facecore.errors import InvalidReportError
from facecore.evaluation import (
    Predictions,
    compute_report,
    evaluation_dir,
    load_predictions,
    load_report,
    save_evaluation,
    summarise,
)
from facecore.evaluation_groups import compute_group_views, to_group_view
from facecore.registry import save_card

LABELS = ("man", "woman")

# Group A: 3 of 4 right, B: 2 of 4; the child is the one mistake of A.
Y_TRUE = np.array([0, 0, 1, 1, 0, 0, 1, 1])
Y_PRED = np.array([0, 1, 1, 1, 0, 0, 0, 0])
GROUPS = np.array(["A"] * 4 + ["B"] * 4)
AGES = np.array(["20-29", "3-9", "20-29", "more than 70", "20-29", "30-39", "60-69", "20-29"])


def make_views():
    return compute_group_views(LABELS, Y_TRUE, Y_PRED, {"group": GROUPS, "age": AGES})


def test_groups_by_hand_worst_first():
    everyone, adults = make_views()
    assert everyone.people == "everyone"
    assert [table.attribute for table in everyone.tables] == ["group", "age", "label"]
    table = everyone.get_table("group")
    assert [(r.value, r.accuracy.value) for r in table.results] == [("B", 0.5), ("A", 0.75)]
    assert table.results[0].confusion == ((2, 0), (2, 0))
    assert table.results[1].recalls["man"].value == 0.5
    assert table.results[1].recalls["man"].num_images == 2
    assert table.results[0].accuracy.interval == pytest.approx((0.150, 0.850), abs=1e-3)
    woman, man = table.gaps
    assert (woman.label, woman.lowest, woman.highest, woman.gap) == ("woman", "B", "A", 1.0)
    assert (man.label, man.lowest, man.highest, man.gap) == ("man", "A", "B", 0.5)
    assert adults.people == "adults"
    assert adults.accuracy.num_images == 7
    by_group = {r.value: r.accuracy.value for r in adults.get_table("group").results}
    assert by_group == {"A": 1.0, "B": 0.5}


def test_label_is_the_last_table_and_has_no_gaps():
    table = make_views()[0].tables[-1]
    assert [(r.value, r.accuracy.value) for r in table.results] == [("woman", 0.5), ("man", 0.75)]
    assert table.gaps == ()
    assert make_views()[0].get_table("usage") is None


def test_groups_against_scikit_learn():
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.integers(0, 2, (2, 300))
    groups = rng.choice(["A", "B", "C"], 300)
    (view,) = compute_group_views(LABELS, y_true, y_pred, {"group": groups})
    table = view.get_table("group")
    assert [r.accuracy.value for r in table.results] == sorted(
        sk.accuracy_score(y_true[groups == g], y_pred[groups == g]) for g in "ABC"
    )
    for result in table.results:
        rows = groups == result.value
        assert np.array_equal(result.confusion, sk.confusion_matrix(y_true[rows], y_pred[rows]))
        recalls = sk.recall_score(y_true[rows], y_pred[rows], average=None)
        assert [result.recalls[name].value for name in LABELS] == pytest.approx(recalls)


def test_without_attributes_or_adults():
    assert compute_group_views(LABELS, Y_TRUE, Y_PRED, {}) == ()
    views = compute_group_views(LABELS, Y_TRUE, Y_PRED, {"age": np.array(["3-9"] * 8)})
    assert [view.people for view in views] == ["everyone"]


def test_views_survive_json():
    for view in make_views():
        assert to_group_view(json.loads(json.dumps(asdict(view)))) == view


@pytest.fixture
def saved(tmp_path, make_card):
    predictions = Predictions(
        sample_ids=np.array([f"p{i}" for i in range(8)]),
        labels=LABELS,
        y_true=Y_TRUE.astype(np.int16),
        columns=LABELS,
        probs=np.where(np.eye(2)[Y_PRED] > 0, 0.9, 0.1).astype(np.float32),
        attributes={"group": GROUPS, "age": AGES},
    )
    card = make_card("gender")
    report = compute_report(predictions, card, "made", "test", excluded={"second face": 3})
    save_evaluation(tmp_path, report, predictions)
    return tmp_path, report


def test_report_and_predictions_keep_groups(saved, make_card):
    folder, report = saved
    assert load_report(folder) == report
    assert report.excluded == {"second face": 3}
    predictions = load_predictions(folder)
    assert predictions.attributes["group"].tolist() == GROUPS.tolist()
    assert predictions.attributes["age"].tolist() == AGES.tolist()
    assert predictions.select(np.array([7, 0])).attributes["group"].tolist() == ["B", "A"]
    again = compute_report(
        predictions, make_card("gender"), "made", "test", excluded=report.excluded
    )
    assert again == report


def test_card_states_groups_worst_first(saved):
    numbers = summarise(saved[1])
    assert numbers["excluded"] == {"second face": 3}
    adults = numbers["groups"]["adults"]
    assert adults["accuracy"] == pytest.approx(5 / 7)
    by_group = adults["by"]["group"]
    assert [row["value"] for row in by_group["worst_first"]] == ["B", "A"]
    assert by_group["largest_recall_gap"]["label"] == "woman"
    assert adults["by"]["label"]["largest_recall_gap"] is None
    assert json.loads(json.dumps(numbers)) == numbers


def test_files_from_before_groups_are_read(saved):
    folder, _ = saved
    path = folder / "report.json"
    values = json.loads(path.read_text())
    del values["groups"], values["excluded"]
    path.write_text(json.dumps(values))
    assert load_report(folder).groups == ()
    assert load_report(folder).excluded == {}
    with np.load(folder / "predictions.npz") as archive:
        arrays = {k: archive[k] for k in archive.files if not k.startswith("attribute_")}
    np.savez(folder / "predictions.npz", **arrays)
    assert load_predictions(folder).attributes == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values.update(groups=[{}]),
        lambda values: values.update(groups=3),
        lambda values: values["groups"][0]["accuracy"].pop("interval"),
        lambda values: values.update(excluded=[1]),
    ],
)
def test_damaged_groups(saved, change):
    path = saved[0] / "report.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))
    with pytest.raises(InvalidReportError, match="make it again"):
        load_report(saved[0])


def test_attributes_have_to_fit(saved):
    path = saved[0] / "predictions.npz"
    with np.load(path) as archive:
        arrays = {k: archive[k] for k in archive.files}
    np.savez(path, **{**arrays, "attribute_age": AGES[:3]})
    with pytest.raises(InvalidReportError, match="age"):
        load_predictions(saved[0])


def test_comparison_knows_what_the_data_set_left_out(saved, tmp_path, make_card):
    folder, report = saved
    bundle = tmp_path / "stub"
    save_card(bundle, make_card("gender"))
    save_evaluation(evaluation_dir(bundle, "made", "test"), report, load_predictions(folder))
    comparison = load_comparison([bundle], "made", "test")
    assert comparison.excluded == {"second face": 3}
    views = compute_group_views(
        comparison.labels,
        comparison.y_true,
        comparison.models[0].predicted,
        comparison.models[0].predictions.attributes,
    )
    assert views == report.groups


def test_what_was_left_out_in_words():
    assert describe_excluded({}) == ""
    assert describe_excluded({"not_a_face": 11, "tie": 1_157}) == (
        "1,168 images of the split have no usable label (tie 1,157, not a face 11)"
    )
