"""The crowd's votes in a last layer of their own, which is not exported."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from facecore.inference import load_classifier
from tests.training.bundles import write_bundle
from tests.training.test_config import VALUES
from training import train as script
from training.config import build_config
from training.data import TrainingData
from training.network import build_network
from training.start import take_weights
from training.targets import compute_targets
from training.train import compute_logits
from training.votes_head import LabelsAndVotesLoss, append_votes, labels_accuracy

CONFIG = build_config(
    VALUES | {"base_width": 8, "num_stages": 1, "batch_size": 8, "votes_weight": 0.5}
)
TARGETS = np.array([[1, 0], [0, 1], [0, 1]], np.float32)
VOTES = np.array([[6, 2], [0, 4], [0, 0]], np.float32)


def make_data(num_images=48):
    """Bright pictures are labelled happy, but the crowd sees that in dark ones."""
    y = (np.arange(num_images) % 2).astype(np.int16)
    noise = np.random.default_rng(0).integers(0, 60, (num_images, 16, 16, 1))
    images = (noise + 150 * y[:, None, None, None]).astype(np.uint8)
    votes = 10 * np.eye(2, dtype=np.float32)[1 - y]
    return TrainingData(images, y, images, y, train_votes=votes)


def test_votes_are_appended_as_shares_and_none_count_for_nothing():
    both = append_votes(TARGETS, VOTES, 0.5)
    np.testing.assert_array_equal(both[:, :2], TARGETS)
    np.testing.assert_allclose(both[:, 2:], [[0.375, 0.125], [0, 0.5], [0, 0]])
    y = np.array([0, 1, 1], np.int16)
    np.testing.assert_allclose(compute_targets(y, CONFIG, VOTES), both)
    assert compute_targets(y, replace(CONFIG, votes_weight=0.0), VOTES).shape == (3, 2)


def test_the_loss_is_that_of_both_layers_and_the_accuracy_that_of_the_labels():
    both = append_votes(TARGETS, VOTES, 0.5)
    logits = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    of_labels, of_votes = tf.nn.log_softmax(logits[:, :2]), tf.nn.log_softmax(logits[:, 2:])
    shares = [[0.75, 0.25], [0, 1], [0, 0]]
    expected = -np.sum(TARGETS * of_labels, axis=1) - 0.5 * np.sum(shares * of_votes, axis=1)
    np.testing.assert_allclose(LabelsAndVotesLoss().call(both, logits), expected, rtol=1e-5)
    with tf.GradientTape() as tape:
        tape.watch(logits := tf.constant(logits))
        loss = LabelsAndVotesLoss().call(both, logits)
    pulls = tf.reshape(tape.gradient(loss, logits), (3, 2, 2))
    sums = both.reshape(3, 2, 2).sum(axis=2, keepdims=True)
    softmax = tf.nn.softmax(tf.reshape(logits, (3, 2, 2)))
    # Who has no votes pulls at nothing.
    np.testing.assert_allclose(pulls, softmax * sums - both.reshape(3, 2, 2), atol=1e-6)
    right = np.array([[3, 1, 0, 9], [3, 1, 9, 0], [1, 3, 0, 0]], np.float32)
    np.testing.assert_array_equal(labels_accuracy(both, right), [1, 0, 1])


def test_a_finished_network_answers_for_the_labels_alone(tmp_path):
    config = replace(CONFIG, epochs=25)
    script.train(config, make_data(), tmp_path / "run", tmp_path / CONFIG.name)
    classifier = load_classifier(tmp_path / CONFIG.name)
    assert classifier.model.output_shape == (None, 2)
    assert "votes" not in [layer.name for layer in classifier.model.layers]
    answers = classifier.predict_proba(make_data().validation_images)
    assert np.mean(answers.argmax(axis=1) == make_data().validation_y) > 0.9
    # Interrupted or not, what was saved is read again, with the votes' layer.
    card = script.train(config, make_data(), tmp_path / "run", tmp_path / "again")
    assert card.sha256 == classifier.card.sha256


def test_what_it_learned_of_the_votes_is_judged_by_nobody():
    model = build_network(CONFIG, for_training=True)
    assert model.output_shape == (None, 4)
    logits = compute_logits(model, make_data().train_images[:3])
    assert logits.shape == (3, 2)
    np.testing.assert_allclose(
        logits, model.predict(make_data().train_images[:3], verbose=0)[:, :2], rtol=1e-3
    )


def test_it_begins_with_a_network_that_has_no_votes(tmp_path, monkeypatch):
    monkeypatch.setenv("FACECORE_MODELS_DIR", str(tmp_path))
    plain = replace(CONFIG, name="start", votes_weight=0.0)
    network = build_network(plain, for_training=False)
    images = make_data().train_images[:4].astype(np.float32)
    expected = network(images).numpy()
    settings = {"config": {"base_width": 8, "num_stages": 1}}
    write_bundle(tmp_path, plain, network, 1.0, training=settings)
    model = build_network(CONFIG, for_training=True)
    before = model.get_layer("votes").get_weights()
    take_weights(model, replace(CONFIG, start_from="start"))
    tolerance = {"rtol": 0.1, "atol": 0.1}  # bfloat16 keeps three digits
    np.testing.assert_allclose(model(images).numpy()[:, :2], expected, **tolerance)
    for old, new in zip(before, model.get_layer("votes").get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert isinstance(model.layers[-1], keras.layers.Concatenate)


def test_a_negative_weight_is_refused():
    with pytest.raises(ValueError, match="votes_weight"):
        replace(CONFIG, votes_weight=-1.0)
