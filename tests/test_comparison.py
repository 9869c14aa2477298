"""Loading evaluations side by side: order, views, and every way in which they do not fit."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from comparison_files import HISTORY, draw_answers, write_bundle

from facecore.comparison import (
    ConfusionTable,
    EvaluationKey,
    list_evaluations,
    load_comparison,
    load_history,
)
from facecore.datasets_info import HELD_OUT
from facecore.errors import EvaluationError, IncomparableReportsError, InvalidReportError
from facecore.registry import list_bundles, load_card, save_card

LABELS = ("angry", "disgust", "happy")

# Worked out by hand: a knows all three classes, b lacks disgust.
Y_TRUE = [0, 0, 1, 1, 2, 2]
PROBS_A = [
    [0.8, 0.1, 0.1],
    [0.3, 0.6, 0.1],
    [0.1, 0.9, 0.0],
    [0.5, 0.3, 0.2],
    [0.1, 0.1, 0.8],
    [0.2, 0.1, 0.7],
]
PROBS_B = [[0.9, 0.1], [0.4, 0.6], [0.7, 0.3], [0.2, 0.8], [0.4, 0.6], [0.7, 0.3]]


@pytest.fixture
def two(tmp_path):
    return [
        write_bundle(tmp_path, "a", Y_TRUE, PROBS_A, labels=LABELS),
        write_bundle(tmp_path, "b", Y_TRUE, PROBS_B, columns=("angry", "happy"), labels=LABELS),
    ]


def test_all_images_by_hand(two):
    comparison = load_comparison(two, "made", "test")
    a, b = comparison.models
    assert comparison.labels == comparison.scored_labels == LABELS
    assert comparison.y_true.tolist() == Y_TRUE
    assert comparison.num_left_out == 0
    assert a.table.counts == ((1, 1, 0), (1, 1, 0), (0, 0, 2))
    assert b.table.counts == ((1, 0, 1), (1, 0, 1), (1, 0, 1))
    assert a.correct.tolist() == [True, False, True, False, True, True]
    assert b.predicted.tolist() == [0, 2, 0, 2, 2, 0]
    assert b.probs[:, 1].tolist() == [0] * 6
    assert a.scores.accuracy == pytest.approx(4 / 6)
    assert b.scores.accuracy == pytest.approx(2 / 6)
    assert b.scores.log_loss is None
    assert a.images_per_s == 100
    assert [epoch.validation_accuracy for epoch in a.history] == [0.35, 0.40]
    assert comparison.model("b") is b
    with pytest.raises(ValueError, match="'c'"):
        comparison.model("c")


def test_fair_view_leaves_out_images_but_no_answers(two):
    comparison = load_comparison(two, "made", "test", "known")
    a, b = comparison.models
    assert comparison.scored_labels == ("angry", "happy")
    assert comparison.num_left_out == 2
    assert comparison.sample_ids.tolist() == ["p00000", "p00001", "p00004", "p00005"]
    # a's "disgust" for an angry face stays a wrong answer.
    assert comparison.labels == LABELS
    assert a.table.counts == ((1, 1, 0), (0, 0, 0), (0, 0, 2))
    assert a.table == ConfusionTable(
        "A", LABELS, ((1, 1, 0), (1, 1, 0), (0, 0, 2))
    ).without_images_of(["disgust"])
    assert a.scores.accuracy == pytest.approx(3 / 4)
    assert a.scores.macro_f1 == pytest.approx((2 / 3 + 1) / 2)
    assert b.scores.accuracy == pytest.approx(2 / 4)
    assert b.scores.log_loss == pytest.approx(-np.log([0.9, 0.4, 0.6, 0.3]).mean())
    assert b.predictions.sample_ids.tolist() == comparison.sample_ids.tolist()


def test_fair_view_of_networks_that_all_lack_a_class_has_no_trace_of_it(two):
    comparison = load_comparison(two[1:], "made", "test", "known")
    assert comparison.labels == comparison.scored_labels == ("angry", "happy")
    assert comparison.models[0].table.counts == ((1, 1), (1, 1))


def test_rows_and_classes_may_be_stored_in_any_order(tmp_path, two):
    order = [5, 3, 1, 0, 2, 4]
    codes = [1, 2, 0]  # of angry, disgust, happy among the labels below
    c = write_bundle(
        tmp_path,
        "c",
        [codes[Y_TRUE[i]] for i in order],
        np.array(PROBS_A)[order][:, [2, 1, 0]],
        columns=("happy", "disgust", "angry"),
        labels=("happy", "angry", "disgust"),
        sample_ids=[f"p{i:05}" for i in order],
    )
    a, same = load_comparison([two[0], c], "made", "test").models
    assert same.table.counts == a.table.counts
    assert same.predicted.tolist() == a.predicted.tolist()
    assert same.scores.log_loss == pytest.approx(a.scores.log_loss)


def test_more_than_three_networks(tmp_path):
    y_true = np.arange(70) % 7
    bundles = [
        write_bundle(tmp_path, f"m{i}", y_true, draw_answers(y_true, 7, i, seed=i))
        for i in range(5)
    ]
    comparison = load_comparison(bundles, "made", "test")
    assert [model.name for model in comparison.models] == ["m0", "m1", "m2", "m3", "m4"]


def test_titles_are_short_and_differ(tmp_path):
    def titles_of(*titles):
        root = tmp_path / "-".join(titles).replace(" ", "").replace(":", "")
        bundles = [
            write_bundle(root, f"m{i}", Y_TRUE, PROBS_A, labels=LABELS) for i in range(len(titles))
        ]
        for bundle, title in zip(bundles, titles, strict=True):
            card = json.loads((bundle / "card.json").read_text())
            (bundle / "card.json").write_text(json.dumps({**card, "title": title}))
        return [model.title for model in load_comparison(bundles, "made", "test").models]

    assert titles_of("Model 1: all", "Model 2: six") == ["Model 1", "Model 2"]
    assert titles_of("Mine: first", "Mine: second") == ["m0", "m1"]


def test_tables_by_hand():
    table = ConfusionTable("A", LABELS, ((3, 1, 0), (0, 0, 0), (1, 0, 4)))
    labelled, predicted = table.fractions("labelled"), table.fractions("predicted")
    assert labelled[0].tolist() == [0.75, 0.25, 0]
    assert np.isnan(labelled[1]).all()
    assert predicted[:, 0].tolist() == [0.75, 0, 0.25]
    assert predicted[:, 1].tolist() == [1, 0, 0]
    assert table.labelled_totals == {"angry": 4, "disgust": 0, "happy": 5}
    assert table.predicted_totals == {"angry": 4, "disgust": 1, "happy": 4}
    assert table.total == 9
    with pytest.raises(ValueError, match="3 rows"):
        ConfusionTable("A", LABELS, ((1, 2), (3, 4)))


def test_evaluations_are_listed(two):
    (two[0] / "evaluations" / "imdb_crop_all").mkdir()
    (two[0] / "evaluations" / "imdb_crop_all" / "report.json").touch()  # damaged: listed, too
    (two[0] / "evaluations" / "notes").mkdir()
    assert list_evaluations(two[0]) == (
        EvaluationKey("imdb_crop", "all"),
        EvaluationKey("made", "test"),
    )
    shutil.rmtree(two[1] / "evaluations")
    assert list_evaluations(two[1]) == ()


def test_pictures_that_a_run_held_out_are_compared(tmp_path):
    answers = {"a": PROBS_A, "b": PROBS_A[::-1]}
    bundles = [
        write_bundle(tmp_path, name, Y_TRUE, probs, labels=LABELS, dataset="my_set", split=HELD_OUT)
        for name, probs in answers.items()
    ]
    (key,) = list_evaluations(bundles[0])
    assert key == EvaluationKey("my_set", HELD_OUT)
    assert load_comparison(bundles, key.dataset, key.split).split == HELD_OUT

    what_does = r"only its own training makes that evaluation.*training/publish\.py"
    save_card(bundles[0], replace(load_card(bundles[0]), sha256="1" * 64))
    with pytest.raises(IncomparableReportsError, match=f"another network .* 'a'; {what_does}"):
        load_comparison(bundles, key.dataset, key.split)
    shutil.rmtree(bundles[1] / "evaluations")
    with pytest.raises(EvaluationError, match=f"'b' has not been .* held_out; {what_does}") as told:
        load_comparison(bundles[1:], key.dataset, key.split)
    assert "facecore evaluate" not in str(told.value), "no data set has such a split"


def test_missing_evaluation_tells_the_command(two):
    shutil.rmtree(two[1] / "evaluations")
    command = "python -m facecore evaluate --model b --dataset made --split test"
    with pytest.raises(EvaluationError, match=command):
        load_comparison(two, "made", "test")


@pytest.mark.parametrize("file", ["report.json", "predictions.npz"])
@pytest.mark.parametrize("damage", ["missing", "empty", "text", "cut", "flipped"])
def test_damaged_file_names_itself(two, file, damage):
    path = two[1] / "evaluations" / "made_test" / file
    data = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "flipped":
        middle = len(data) // 2
        path.write_bytes(
            data[:middle] + bytes(b ^ 255 for b in data[middle : middle + 40]) + data[middle + 40 :]
        )
    else:
        path.write_bytes({"empty": b"", "text": b"<html>", "cut": data[:-40]}[damage])
    with pytest.raises(InvalidReportError, match=f"b/evaluations/made_test/{file}"):
        load_comparison(two, "made", "test")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"sample_ids": [f"q{i}" for i in range(6)]}, r"other images \(0 of 6 and 6 shared\)"),
        ({"y_true": [0, 0, 1, 1, 2, 1]}, "same images under other labels"),
        ({"labels": (*LABELS, "sad"), "columns": LABELS}, "with other labels"),
    ],
)
def test_other_images_or_labels_are_refused(tmp_path, two, changes, what):
    values = {"y_true": Y_TRUE, "probs": PROBS_A, "labels": LABELS} | changes
    c = write_bundle(tmp_path, "c", **values)
    with pytest.raises(IncomparableReportsError, match=f"'a' and 'c' were evaluated .*{what}"):
        load_comparison([two[0], c], "made", "test")


def test_other_task_is_refused(tmp_path, two):
    probs = [[0.6, 0.4]] * 6
    gender = write_bundle(tmp_path, "g", [0, 1] * 3, probs, task="gender")
    with pytest.raises(IncomparableReportsError, match="with other labels"):
        load_comparison([two[0], gender], "made", "test")


def test_other_split_in_the_folder_is_refused(two):
    evaluations = two[0] / "evaluations"
    (evaluations / "made_test").rename(evaluations / "made_train")
    with pytest.raises(IncomparableReportsError, match=r"about made test, .* says made train"):
        load_comparison(two[:1], "made", "train")


def test_evaluation_of_another_network_is_refused(two):
    card = json.loads((two[0] / "card.json").read_text())
    (two[0] / "card.json").write_text(json.dumps({**card, "sha256": "1" * 64}))
    with pytest.raises(
        IncomparableReportsError, match=r"another network .* 'a'; run: .* --model a --dataset"
    ):
        load_comparison(two, "made", "test")


def test_networks_without_a_common_class_have_no_fair_view(tmp_path):
    labels, probs = ("angry", "happy", "sad", "fear"), [[0.6, 0.4]] * 4
    bundles = [
        write_bundle(tmp_path, name, [0, 1, 2, 3], probs, columns=columns, labels=labels)
        for name, columns in (("a", labels[:2]), ("b", labels[2:]))
    ]
    assert load_comparison(bundles, "made", "test").models
    with pytest.raises(IncomparableReportsError, match="a and b all have"):
        load_comparison(bundles, "made", "test", "known")


def test_answers_have_to_be_the_cards(two):
    shutil.copy(
        two[1] / "evaluations/made_test/predictions.npz",
        two[0] / "evaluations/made_test/predictions.npz",
    )
    with pytest.raises(InvalidReportError, match=r"does not have the classes of 'a' \(disgust\)"):
        load_comparison(two[:1], "made", "test")


def test_image_that_stands_twice_is_refused(tmp_path):
    ids = ["p0", "p1", "p2", "p0", "p4", "p5"]
    c = write_bundle(tmp_path, "c", Y_TRUE, PROBS_A, labels=LABELS, sample_ids=ids)
    with pytest.raises(InvalidReportError, match="names an image twice"):
        load_comparison([c], "made", "test")


def test_bundles_are_named_once(two):
    for bundles in ([], [two[0], two[0]]):
        with pytest.raises(ValueError, match="only once"):
            load_comparison(bundles, "made", "test")


@pytest.mark.parametrize("text", ["epoch,loss\n1,0.5\n", HISTORY[:-20], "\xff"])
def test_damaged_history_names_itself(two, text):
    (two[0] / "history.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidReportError, match=r"a/history\.csv is damaged"):
        load_comparison(two, "made", "test")


def test_history_may_be_missing(two):
    (two[0] / "history.csv").unlink()
    assert load_history(two[0]) == ()
    assert load_comparison(two, "made", "test").models[0].history == ()


@pytest.mark.parametrize("view", ["all", "known"])
def test_published_networks_compare(view):
    bundles = [b for b in list_bundles() if load_card(b).task == "expression"]
    comparison = load_comparison(bundles, "fer2013", "validation", view)
    for model in comparison.models:
        stored = model.card.metrics["fer2013_validation"]
        key = "accuracy" if view == "all" or "disgust" in model.card.labels else "known_accuracy"
        if view == "all" or "disgust" not in model.card.labels:
            assert model.scores.accuracy == pytest.approx(stored[key])
        assert len(model.history) == model.card.training["epochs"]


def test_comparing_needs_no_network():
    code = (
        "import sys; from facecore import comparison, comparison_tests, comparison_curves, "
        "comparison_totals; sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
