"""Augmentation depends on its seed alone and keeps shape, range and, when switched off, pixels."""

import numpy as np
import pytest
import tensorflow as tf

from tests.training.test_config import VALUES
from training.augment import augment
from training.config import build_config

PLAIN = build_config(VALUES | {"flip": False})
STRONG = build_config(
    VALUES
    | {"shift": 0.2, "zoom": 0.2, "rotate_deg": 20, "brightness": 40, "contrast": 0.4, "erase": 0.5}
)


@pytest.fixture
def images():
    return tf.constant(np.random.default_rng(0).integers(0, 256, (12, 16, 16, 1)), tf.float32)


def run(images, config, seed=(1, 2)):
    return augment(images, tf.constant(seed, tf.int32), config).numpy()


def test_nothing_switched_on_changes_nothing(images):
    np.testing.assert_allclose(run(images, PLAIN), images, atol=1e-3)


def test_flip_mirrors_some_pictures_exactly(images):
    flipped = run(images, build_config(VALUES | {"flip": True}))
    same = [np.allclose(a, b, atol=1e-2) for a, b in zip(flipped, images, strict=True)]
    mirrored = [
        np.allclose(a[:, ::-1], b, atol=1e-2) for a, b in zip(flipped, images.numpy(), strict=True)
    ]
    assert sum(same) + sum(mirrored) == 12
    assert 0 < sum(mirrored) < 12


def test_seed_decides(images):
    first, again, other = (run(images, STRONG, seed) for seed in ((1, 2), (1, 2), (1, 3)))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert first.shape == images.shape
    assert first.min() >= 0
    assert first.max() <= 255


def test_pictures_of_a_batch_change_differently():
    same = tf.repeat(tf.random.stateless_uniform((1, 16, 16, 1), (0, 0), 0, 255), 4, axis=0)
    changed = run(same, STRONG)
    assert not np.allclose(changed[0], changed[1])


def test_smaller_copies_show_the_whole_picture():
    ramp = np.broadcast_to(np.linspace(0, 255, 48, dtype=np.float32)[None, :, None], (48, 48, 1))
    images = tf.constant(np.stack([ramp, ramp.transpose(1, 0, 2)]))
    small = augment(images, tf.constant((1, 2), tf.int32), PLAIN, side=32).numpy()
    assert small.shape == (2, 32, 32, 1)
    expected = tf.image.resize(images, (32, 32)).numpy()
    np.testing.assert_allclose(small, expected, atol=1.0)
