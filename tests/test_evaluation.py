"""Scores against tables worked out by hand and against scikit-learn; files that survive a round."""

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as sk
from stubs import StubClassifier

from facecore.datasets import FaceDataset
from facecore.errors import EvaluationError, InvalidReportError
from facecore.evaluation import (
    Predictions,
    compute_predictions,
    compute_report,
    evaluate_model,
    evaluation_dir,
    load_predictions,
    load_report,
    save_evaluation,
)
from facecore.evaluation_card import find_confusions
from facecore.evaluation_metrics import (
    compute_brier,
    compute_class_metrics,
    compute_confusion_matrix,
    compute_ece,
    compute_log_loss,
    compute_macro_interval,
    compute_reliability_bins,
    compute_scores,
    compute_wilson_interval,
)
from facecore.registry import load_card, save_card

LABELS = ("angry", "happy", "sad")

# Worked out by hand: 4 of 6 are right.
Y_TRUE = np.array([0, 0, 1, 1, 1, 2])
PROBS = np.array(
    [
        [0.8, 0.1, 0.1],
        [0.2, 0.7, 0.1],
        [0.1, 0.9, 0.0],
        [0.3, 0.5, 0.2],
        [0.6, 0.3, 0.1],
        [0.2, 0.2, 0.6],
    ]
)


def make_predictions(columns=LABELS, y_true=Y_TRUE, probs=PROBS) -> Predictions:
    return Predictions(
        sample_ids=np.array([f"p{i}" for i in range(len(y_true))]),
        labels=LABELS,
        y_true=np.asarray(y_true, dtype=np.int16),
        columns=tuple(columns),
        probs=np.asarray(probs, dtype=np.float32),
    )


def test_scores_by_hand():
    scores = compute_scores(LABELS, Y_TRUE, PROBS)
    assert scores.confusion == ((1, 1, 0), (1, 2, 0), (0, 0, 1))
    assert scores.accuracy == pytest.approx(4 / 6)
    assert scores.balanced_accuracy == pytest.approx((1 / 2 + 2 / 3 + 1) / 3)
    assert scores.macro_f1 == pytest.approx((1 / 2 + 2 / 3 + 1) / 3)
    assert scores.per_class["happy"].precision == pytest.approx(2 / 3)
    assert scores.per_class["happy"].support == 3
    truth = [0.8, 0.2, 0.9, 0.5, 0.3, 0.6]
    assert scores.log_loss == pytest.approx(-np.log(truth).mean())
    squares = [0.06, 1.14, 0.02, 0.38, 0.86, 0.24]
    assert scores.brier == pytest.approx(np.mean(squares))


def test_calibration_by_hand():
    bins = compute_reliability_bins(Y_TRUE, PROBS, num_bins=2)
    # Confidences 0.8 0.7 0.9 0.5 0.6 0.6; only 0.5 lies in (0, 0.5], and is right.
    assert [b.num_images for b in bins] == [1, 5]
    assert bins[0].accuracy == 1
    assert bins[1].mean_confidence == pytest.approx(0.72)
    assert bins[1].accuracy == pytest.approx(3 / 5)
    assert compute_ece(bins) == pytest.approx((1 * 0.5 + 5 * 0.12) / 6)


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (50, 100, 0.4038, 0.5962)],
)
def test_wilson_interval(right, n, low, high):
    assert compute_wilson_interval(right, n) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_scores_against_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, 3, 200)
    probs = rng.dirichlet([0.5] * 3, 200)
    y_pred = probs.argmax(axis=1)
    scores = compute_scores(LABELS, y_true, probs)
    assert np.array_equal(scores.confusion, sk.confusion_matrix(y_true, y_pred))
    assert scores.accuracy == pytest.approx(sk.accuracy_score(y_true, y_pred))
    assert scores.balanced_accuracy == pytest.approx(sk.balanced_accuracy_score(y_true, y_pred))
    assert scores.macro_f1 == pytest.approx(sk.f1_score(y_true, y_pred, average="macro"))
    assert compute_log_loss(y_true, np.maximum(probs, 1e-7)) == pytest.approx(
        sk.log_loss(y_true, probs), rel=1e-4
    )
    one_hot = np.eye(3)[y_true]
    by_class = [sk.brier_score_loss(one_hot[:, i], probs[:, i]) for i in range(3)]
    assert compute_brier(y_true, probs) == pytest.approx(sum(by_class))
    table = sk.precision_recall_fscore_support(y_true, y_pred)
    for i, label in enumerate(LABELS):
        m = scores.per_class[label]
        assert (m.precision, m.recall, m.f1, m.support) == pytest.approx([row[i] for row in table])


def test_classes_without_pictures_or_predictions_count_as_zero():
    confusion = compute_confusion_matrix(np.array([0, 0]), np.array([0, 1]), 3)
    per_class = compute_class_metrics(confusion, LABELS)
    assert per_class["sad"].f1 == per_class["sad"].recall == per_class["happy"].recall == 0
    assert per_class["angry"].precision == 1


def test_network_without_a_class_is_scored_twice(make_card):
    card = make_card(labels=("happy", "angry"))
    probs = PROBS[:, [1, 0]] / PROBS[:, [1, 0]].sum(axis=1, keepdims=True)
    report = compute_report(make_predictions(("happy", "angry"), probs=probs), card, "made", "test")
    assert report.scores.num_images == 6
    assert report.scores.labels == LABELS
    assert report.scores.accuracy == pytest.approx(3 / 6)
    assert report.scores.per_class["sad"].recall == 0
    assert report.scores.log_loss is None
    assert report.known_scores.num_images == 5
    assert report.known_scores.labels == ("happy", "angry")
    assert report.known_scores.accuracy == pytest.approx(3 / 5)
    assert report.known_scores.log_loss is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"probs": PROBS[:5]},
        {"columns": ("angry", "happy", "fear")},
        {"y_true": [0, 0, 1, 1, 1, 3]},
        {"y_true": [], "probs": np.zeros((0, 3))},
    ],
    ids=["length", "columns", "codes", "empty"],
)
def test_predictions_have_to_fit_together(changes):
    with pytest.raises(ValueError, match=r"fit together|among|must be"):
        make_predictions(**changes)


def make_dataset(task="expression", n=6) -> FaceDataset:
    return FaceDataset(
        name="made",
        split="test",
        task=task,
        labels=LABELS,
        sample_ids=np.array([f"p{i}" for i in range(n)]),
        y_true=Y_TRUE[:n].astype(np.int16),
        image=lambda i: np.full((8, 8), i, dtype=np.uint8),
    )


class PixelClassifier:
    """Looks the answer up by the shade of the picture."""

    def __init__(self, card):
        self.card = card

    def predict_proba(self, batch):
        return PROBS[batch[:, 0, 0, 0]].astype(np.float32)


def test_evaluation_is_written_and_read_back(tmp_path, make_card):
    card = make_card(labels=LABELS, name="tiny", metrics={"other_train": {"accuracy": 1}})
    bundle = tmp_path / "tiny"
    save_card(bundle, card)
    steps = []
    report = evaluate_model(
        PixelClassifier(card), make_dataset(), bundle, lambda *step: steps.append(step)
    )
    folder = evaluation_dir(bundle, "made", "test")
    assert steps == [(6, 6), (6, 6)]  # the second time as mirror images
    assert load_report(folder) == report
    predictions = load_predictions(folder)
    assert predictions.sample_ids.tolist() == [f"p{i}" for i in range(6)]
    assert compute_report(predictions, card, "made", "test", report.images_per_s) == report
    metrics = load_card(bundle).metrics
    assert metrics["made_test"]["accuracy"] == pytest.approx(4 / 6)
    assert metrics["other_train"] == {"accuracy": 1}


def test_flip_averages_are_a_second_figure(tmp_path, make_card):
    """Every picture is darker on the left: the mirrored ones are read a shade further."""
    card = make_card(labels=("happy", "angry"), name="tiny")
    bundle = tmp_path / "tiny"
    save_card(bundle, card)
    pictures = [np.tile(np.array([i, i + 100], dtype=np.uint8), (8, 4)) for i in range(6)]
    dataset = replace(make_dataset(), image=pictures.__getitem__)

    def answer(batch):
        shade = batch[:, 0, 0, 0]
        is_happy = np.where(shade >= 100, 0.9, np.where(shade % 2, 0.6, 0.2))
        return np.stack([is_happy, 1 - is_happy], axis=1)

    report = evaluate_model(StubClassifier(card, answer=answer), dataset, bundle)
    predictions = load_predictions(evaluation_dir(bundle, "made", "test"))
    np.testing.assert_allclose(predictions.probs[:, 0], [0.2, 0.6] * 3, atol=1e-6)
    np.testing.assert_allclose(predictions.flip_probs[:, 0], [0.55, 0.75] * 3, atol=1e-6)
    assert report.scores.accuracy == pytest.approx(2 / 6)
    assert report.flip_scores.accuracy == pytest.approx(3 / 6)
    assert report.known_flip_scores.accuracy == pytest.approx(3 / 5)
    told = load_card(bundle).metrics["made_test"]
    assert (told["accuracy"], told["flip_accuracy"]) == pytest.approx((2 / 6, 3 / 6))
    assert told["flip_known_accuracy"] == pytest.approx(3 / 5)
    known = predictions.known_only()
    np.testing.assert_array_equal(known.flipped().probs, predictions.flip_probs[:5])


def test_reports_from_before_flip_averaging(saved):
    assert load_report(saved).flip_scores is None
    assert load_predictions(saved).flipped() is None
    values = json.loads((saved / "report.json").read_text())
    del values["flip_scores"], values["known_flip_scores"]
    (saved / "report.json").write_text(json.dumps(values))
    assert load_report(saved).flip_scores is None


def test_what_is_confused_with_what():
    found = find_confusions(compute_scores(LABELS, Y_TRUE, PROBS))
    assert [(pair["truth"], pair["answer"], pair["num_images"]) for pair in found] == [
        ("angry", "happy", 1),
        ("happy", "angry", 1),
    ]
    assert [pair["share"] for pair in found] == pytest.approx([1 / 2, 1 / 3])


def test_interval_of_the_macro_f1_holds_it_and_narrows():
    confusion = np.array([[60, 20, 20], [10, 80, 10], [30, 5, 65]])
    few, many = compute_macro_interval(confusion), compute_macro_interval(100 * confusion)
    value = np.mean([m.f1 for m in compute_class_metrics(confusion, LABELS).values()])
    assert few[0] < many[0] < value < many[1] < few[1]
    assert few[1] - few[0] == pytest.approx(10 * (many[1] - many[0]), rel=0.2)
    assert compute_macro_interval(np.diag([5, 0, 3])) == (1, 1)


def test_cancelled_evaluation_leaves_nothing(tmp_path, make_card):
    def cancel(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate_model(PixelClassifier(make_card(labels=LABELS)), make_dataset(), tmp_path, cancel)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("changes", [{"task": "gender"}, {"n": 0}])
def test_data_set_that_does_not_suit_the_network(make_card, changes):
    with pytest.raises(EvaluationError, match="cannot be evaluated"):
        compute_predictions(PixelClassifier(make_card(labels=LABELS)), make_dataset(**changes))


@pytest.fixture
def saved(tmp_path, make_card):
    predictions = make_predictions()
    report = compute_report(predictions, make_card(labels=LABELS), "made", "test")
    save_evaluation(tmp_path, report, predictions)
    return tmp_path


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values.pop("scores"),
        lambda values: values.update(schema_version=99),
        lambda values: values.update(surprise=1),
        lambda values: values["scores"].update(bins=3),
    ],
    ids=["missing", "schema", "unknown", "type"],
)
def test_damaged_report(saved, change):
    path = saved / "report.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))
    with pytest.raises(InvalidReportError, match="make it again"):
        load_report(saved)


@pytest.mark.parametrize("data", [b"", b"{", b"PK\x03\x04"], ids=["empty", "text", "cut"])
@pytest.mark.parametrize(
    ("load", "file"), [(load_report, "report.json"), (load_predictions, "predictions.npz")]
)
def test_broken_files(saved, load, file, data):
    (saved / file).write_bytes(data)
    with pytest.raises(InvalidReportError, match=file):
        load(saved)
