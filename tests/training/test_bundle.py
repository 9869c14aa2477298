"""What a network's file holds."""

import keras
import numpy as np

from tests.stubs import build_card
from training.bundle import export_network, round_weights, save_bundle


def test_weights_are_rounded_as_float16_rounds_them_but_keep_their_range():
    usual = np.random.default_rng(0).normal(0, 1, (50, 40)).astype(np.float32)
    np.testing.assert_array_equal(round_weights(usual), usual.astype(np.float16))
    ties = np.float32([1 + 2**-11, 1 + 3 * 2**-11, -1 - 2**-11])
    np.testing.assert_array_equal(round_weights(ties), [1, 1 + 2**-9, -1])
    extreme = np.float32([0, -0.0, 1e30, 1e-30])
    np.testing.assert_allclose(round_weights(extreme), extreme, rtol=2**-11)
    np.testing.assert_array_equal(round_weights(np.float32(0.1)), np.float16(0.1))


def test_rounded_network_answers_the_same_and_packs_to_two_thirds(tmp_path):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(256, 3, activation="relu")(inputs)
    x = keras.layers.Conv2D(256, 3, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    network = keras.Model(inputs, keras.layers.Dense(3, name="logits")(x))
    images = np.random.default_rng(2).uniform(0, 1, (32, 8, 8, 1)).astype(np.float32)
    expected = keras.ops.softmax(network(images) / 0.5).numpy()
    exported = export_network(network, temperature=0.5)
    np.testing.assert_allclose(exported(images).numpy(), expected, atol=0.001)
    save_bundle(tmp_path, exported, build_card(), [{"epoch": 1}])
    assert (tmp_path / "model.keras").stat().st_size < 0.67 * 4 * network.count_params()
