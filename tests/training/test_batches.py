"""Targets, weights, balance and mixing of the training batches, against numbers made by hand."""

import numpy as np
import pytest
import tensorflow as tf

from tests.training.test_config import VALUES
from training.batches import TrainingBatches, mix_pairs
from training.config import build_config
from training.data import TrainingData
from training.degrade import degrade
from training.targets import compute_class_weights, compute_draw_chances, compute_targets

Y = np.array([0, 0, 0, 1], dtype=np.int16)


def config(**changes):
    return build_config(VALUES | {"flip": False, "batch_size": 4} | changes)


def make_data(num=32, side=16, **more):
    images = np.random.default_rng(0).integers(0, 256, (num, side, side, 1), dtype=np.uint8)
    y = (np.arange(num) % 2).astype(np.int16)
    return TrainingData(images, y, images, y, **more)


def test_label_votes_and_smoothing_are_mixed():
    votes = np.array([[5, 5], [10, 0], [0, 0], [2, 8]], dtype=np.float32)
    targets = compute_targets(Y, config(votes_share=0.5, label_smoothing=0.2), votes)
    sharp = np.array([[0.75, 0.25], [1, 0], [1, 0], [0.1, 0.9]])
    np.testing.assert_allclose(targets, sharp * 0.8 + 0.1, atol=1e-6)
    np.testing.assert_array_equal(compute_targets(Y, config()), np.eye(2)[Y])


def test_rare_classes_weigh_more_up_to_the_cap():
    np.testing.assert_array_equal(compute_class_weights(Y, config()), 1)
    weights = compute_class_weights(Y, config(max_class_weight=3.0))
    assert weights.mean() == pytest.approx(1)
    assert weights[3] / weights[0] == pytest.approx(np.sqrt(2))
    capped = compute_class_weights(Y, config(max_class_weight=1.1))
    assert capped[3] / capped[0] == pytest.approx(1.1)


def test_small_groups_are_drawn_more_often():
    groups = [np.array(["a", "a", "b", "b"])]
    chances = compute_draw_chances(Y, groups, power=1.0)
    np.testing.assert_allclose(chances, [1 / 6, 1 / 6, 1 / 3, 1 / 3])
    np.testing.assert_allclose(compute_draw_chances(Y, groups, power=0.0), 0.25)
    assert compute_draw_chances(Y, [], power=1.0) is None


def test_balanced_epoch_draws_all_groups_alike():
    num = 4000
    rare = np.array(["x"] * (num - 200) + ["y"] * 200)
    data = TrainingData(
        np.zeros((num, 1, 1, 1), np.uint8),
        np.zeros(num, np.int16),
        np.zeros((1, 1, 1, 1), np.uint8),
        np.zeros(1, np.int16),
        train_groups=(rare,),
    )
    order = TrainingBatches(config(balance=["made"]), data)._draw_order(0)
    assert np.mean(rare[order] == "y") == pytest.approx(0.5, abs=0.05)


def test_mixed_pairs_stay_nearer_to_their_own_label():
    images = tf.random.stateless_uniform((6, 4, 4, 1), (0, 0), 0, 255)
    targets = tf.one_hot([0, 0, 0, 1, 1, 1], 2)
    weights = tf.constant([1.0, 1, 1, 3, 3, 3])
    mixed, soft, mixed_weights = mix_pairs((images, targets, weights), tf.constant([1, 2]), 0.4)
    share = np.where(np.arange(6) < 3, soft[:, 0], soft[:, 1])
    assert (share >= 0.5).all()
    assert (share < 1).any()
    np.testing.assert_allclose(soft.numpy().sum(axis=1), 1, atol=1e-5)
    expected = share[0] * images[0] + (1 - share[0]) * images[5]
    np.testing.assert_allclose(mixed[0], expected, atol=1e-3)
    assert float(mixed_weights[0]) == pytest.approx(share[0] + 3 * (1 - share[0]), rel=1e-4)


@pytest.mark.parametrize(("epoch", "side", "mixed"), [(0, 8, True), (1, 8, False), (2, 16, False)])
def test_sizes_and_mixing_end_when_they_should(epoch, side, mixed):
    settings = {
        "epochs": 4,
        "small_side": 8,
        "small_share": 0.5,
        "mixup": 1.0,
        "mixup_share": 0.25,
    }
    batches = TrainingBatches(config(**settings), make_data())
    images, targets, weights = next(iter(batches.iter_epoch(epoch)))
    assert images.shape == (4, side, side, 1)
    assert weights.shape == (4,)
    assert bool(np.any((targets > 0) & (targets < 1))) == mixed


def test_epochs_repeat_and_differ():
    batches = TrainingBatches(config(noise=5.0, jpeg=0.5, soften=0.5), make_data())

    def first(epoch):
        return next(iter(batches.iter_epoch(epoch)))[0].numpy()

    np.testing.assert_array_equal(first(0), first(0))
    assert not np.array_equal(first(0), first(1))


@pytest.mark.parametrize(
    ("changes", "touched"),
    [({"soften": 0.5}, slice(0, 4)), ({"jpeg": 0.5}, slice(4, 8)), ({"noise": 20.0}, slice(0, 8))],
)
def test_only_a_share_is_made_worse(changes, touched):
    images = tf.constant(make_data(8, 32).train_images, tf.float32)
    worse = degrade(images, tf.constant([1, 2]), config(**changes)).numpy()
    changed = np.abs(worse - images.numpy()).mean(axis=(1, 2, 3)) > 0.05
    expected = np.zeros(8, bool)
    expected[touched] = True
    np.testing.assert_array_equal(changed, expected)
    assert worse.min() >= 0
    assert worse.max() <= 255


@pytest.mark.parametrize("batch_size", [4, 16])
def test_share_of_a_small_batch_may_be_no_picture(batch_size):
    changes = {"batch_size": batch_size, "jpeg": 0.02, "soften": 0.02}
    data = make_data()
    plain = TrainingBatches(config(batch_size=batch_size), data).iter_epoch(0)
    worse = TrainingBatches(config(**changes), data).iter_epoch(0)
    for one, other in zip(plain, worse, strict=True):
        np.testing.assert_allclose(one[0], other[0], atol=1e-4)
