"""Curves against scikit-learn and against points worked out by hand."""

import numpy as np
import pytest
from comparison_files import draw_answers, write_bundle
from sklearn import metrics as sk

from facecore.comparison import load_comparison
from facecore.comparison_curves import (
    compute_coverage,
    compute_precision_recall,
    compute_reliability,
    compute_roc,
)
from facecore.evaluation_metrics import compute_ece, compute_reliability_bins
from facecore.labels import EXPRESSIONS

LABELS = ("angry", "happy", "sad")


def load_one(root, y_true, probs, **changes):
    bundle = write_bundle(root, "a", y_true, probs, **changes)
    return load_comparison([bundle], "made", "test").models[0]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """900 random images; probabilities in steps of 0.01, so that many are equal."""
    y_true = np.random.default_rng(3).integers(0, 7, 900)
    probs = np.round(draw_answers(y_true, 7, 1.5), 2) + 0.001
    probs /= probs.sum(axis=1, keepdims=True)
    return load_one(tmp_path_factory.mktemp("curves"), y_true, probs)


@pytest.mark.parametrize("label", EXPRESSIONS)
def test_areas_against_scikit_learn(model, label):
    code = model.labels.index(label)
    is_class, scores = model.y_true == code, model.probs[:, code]
    roc, pr = compute_roc(model, label), compute_precision_recall(model, label)
    assert roc.area == pytest.approx(sk.roc_auc_score(is_class, scores))
    assert pr.area == pytest.approx(sk.average_precision_score(is_class, scores))
    assert roc.baseline == 0.5
    assert pr.baseline == pytest.approx(is_class.mean())
    assert len(roc.x) == len(roc.y) <= 200
    assert (roc.x[0], roc.y[0], roc.x[-1], roc.y[-1]) == (0, 0, 1, 1)
    assert pr.x[-1] == 1
    assert (np.diff(roc.x) >= 0).all()
    assert (np.diff(pr.x) >= 0).all()


def test_points_by_hand(tmp_path):
    # Angry scores 0.9 0.6 | 0.6 0.2: one angry face and one other share the threshold 0.6.
    first = np.array([0.9, 0.6, 0.6, 0.2])
    probs = np.stack([first, (1 - first) * 0.75, (1 - first) * 0.25], axis=1)
    model = load_one(tmp_path, [0, 0, 1, 1], probs, labels=LABELS)
    roc, pr = compute_roc(model, "angry"), compute_precision_recall(model, "angry")
    assert roc.x.tolist() == [0, 0, 0.5, 1]
    assert roc.y.tolist() == [0, 0.5, 1, 1]
    assert roc.area == pytest.approx(0.875)
    assert pr.x.tolist() == [0.5, 1, 1]
    assert pr.y.tolist() == pytest.approx([1, 2 / 3, 0.5])
    assert pr.area == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert compute_roc(model, "sad") is None  # no image shows it


def test_class_that_the_network_lacks_has_no_curve(tmp_path):
    model = load_one(
        tmp_path, [0, 1, 2], [[0.6, 0.4]] * 3, columns=("angry", "happy"), labels=LABELS
    )
    assert compute_roc(model, "sad") is None
    assert compute_precision_recall(model, "sad") is None
    assert compute_roc(model, "angry").area == 0.5


@pytest.mark.parametrize("temperature", [0.6, 1.0, 2.5])
def test_reliability_before_and_after_temperature(tmp_path, temperature):
    rng = np.random.default_rng(5)
    y_true = rng.integers(0, 3, 400)
    logits = rng.normal(scale=2, size=(400, 3))
    before, after = (np.exp(z) for z in (logits, logits / temperature))
    before /= before.sum(axis=1, keepdims=True)
    after /= after.sum(axis=1, keepdims=True)
    model = load_one(tmp_path, y_true, after, labels=LABELS, temperature=temperature)
    reliability = compute_reliability(model)
    assert reliability.temperature == temperature
    expected = compute_reliability_bins(y_true, before)
    assert reliability.ece_before == pytest.approx(compute_ece(expected), abs=1e-4)
    assert [b.num_images for b in reliability.bins_before] == pytest.approx(
        [b.num_images for b in expected], abs=1
    )
    assert reliability.ece_after == pytest.approx(model.scores.ece)
    assert reliability.log_loss_before == pytest.approx(sk.log_loss(y_true, before), abs=1e-4)
    assert reliability.log_loss_after == pytest.approx(sk.log_loss(y_true, after), abs=1e-4)
    assert sum(b.num_images for b in reliability.bins_after) == 400


def test_coverage_by_hand(tmp_path):
    # Confidences 0.9 (right), 0.8 (wrong), 0.8 (right), 0.5 (wrong).
    probs = [[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.1, 0.8, 0.1], [0.5, 0.3, 0.2]]
    model = load_one(tmp_path, [0, 0, 1, 2], probs, labels=LABELS)
    curve = compute_coverage(model)
    assert curve.coverage.tolist() == [0.25, 0.75, 1]
    assert curve.accuracy.tolist() == pytest.approx([1, 2 / 3, 0.5])
    assert curve.confidence.tolist() == pytest.approx([0.9, 0.8, 0.5])


def test_coverage_ends_at_all_images(model):
    curve = compute_coverage(model)
    assert curve.coverage[-1] == 1
    assert curve.accuracy[-1] == pytest.approx(model.scores.accuracy)
    assert len(curve.coverage) <= 200
