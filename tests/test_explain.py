"""Heat maps of networks whose answer is known to depend on a corner; how a map is drawn."""

import numpy as np
import pytest

from facecore.errors import ModelError
from facecore.heat_maps import draw_heat_map
from facecore.labels import to_rgb

keras = pytest.importorskip("keras")
explain = pytest.importorskip("facecore.explain")

SIZE = 16
LABELS = ("angry", "happy", "sad")
TOP_LEFT, BOTTOM_RIGHT = np.s_[:8, :8], np.s_[8:, 8:]


def end(x, inputs, name="logits"):
    logits = keras.layers.Dense(len(LABELS), name=name)(x)
    return keras.Model(inputs, keras.layers.Softmax(name="probabilities")(logits))


@pytest.fixture(scope="module")
def corner_network():
    """ "Angry" grows with the light in the top left quarter, "happy" with that in the bottom right.

    "Sad" has a constant logit.
    """
    inputs = keras.Input((SIZE, SIZE, 1))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(1, 1, use_bias=False, name="fields")(x)
    network = end(keras.layers.Flatten()(x), inputs)
    network.get_layer("fields").set_weights([np.ones((1, 1, 1, 1), np.float32)])
    weights = np.zeros((SIZE, SIZE, len(LABELS)), np.float32)
    weights[(*TOP_LEFT, 0)] = 1
    weights[(*BOTTOM_RIGHT, 1)] = 1
    network.get_layer("logits").set_weights([weights.reshape(-1, len(LABELS)), np.zeros(3)])
    return network


@pytest.fixture(scope="module")
def averaging_network():
    """Sees nothing but the top left quarter, through filters and an average as ours have."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((SIZE, SIZE, 1))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Cropping2D(((0, 8), (0, 8)))(x)
    x = keras.layers.ZeroPadding2D(((0, 8), (0, 8)))(x)
    branch = keras.layers.Conv2D(4, 3, padding="same", use_bias=False, activation="relu")(x)
    x = keras.layers.Add(name="joined")(
        [branch, keras.layers.Conv2D(4, 1, use_bias=False, activation="relu")(x)]
    )
    small = keras.layers.AveragePooling2D(4)(x)
    return end(keras.layers.GlobalAveragePooling2D()(small), inputs)


@pytest.fixture
def light():
    """Bright everywhere, so that brightness alone tells nothing."""
    return np.random.default_rng(0).integers(150, 256, (SIZE, SIZE, 1), dtype=np.uint8)


def test_the_corner_that_decides_is_found(corner_network, light):
    angry = explain.compute_heat_map(corner_network, LABELS, light, "angry")
    assert angry.dtype == np.float32
    assert angry[TOP_LEFT].min() > 0.5
    assert angry.max() == 1
    angry[TOP_LEFT] = 0
    assert not angry.any()
    happy = explain.compute_heat_map(corner_network, LABELS, light, "happy")
    assert happy[BOTTOM_RIGHT].min() > 0.5
    assert not happy[TOP_LEFT].any()


def test_why_this_and_not_that_has_two_signs(corner_network, light):
    heat = explain.compute_heat_map(corner_network, LABELS, light, "angry", "happy")
    assert heat[TOP_LEFT].min() > 0.5
    assert heat[BOTTOM_RIGHT].max() < -0.5
    assert not heat[:8, 8:].any()
    other = explain.compute_heat_map(corner_network, LABELS, light, "happy", "angry")
    np.testing.assert_allclose(other, -heat)


def test_what_moved_nothing_is_empty(corner_network, light):
    assert not explain.compute_heat_map(corner_network, LABELS, light, "sad").any()


def test_a_network_with_filters_and_an_average(averaging_network, light):
    for label in LABELS:
        against = LABELS[LABELS.index(label) - 1]
        heat = explain.compute_heat_map(averaging_network, LABELS, light, label, against)
        assert np.abs(heat).max() == 1
        assert np.abs(heat[9:]).max() == np.abs(heat[:, 9:]).max() == 0


def test_the_layer_is_the_deepest_fine_one_that_everything_passes(averaging_network):
    assert explain.find_layer(averaging_network) == "joined", "not a branch, not the 4x4 average"


def test_networks_in_a_row_have_layers_too(light):
    network = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 1)),
            keras.layers.Conv2D(2, 3, name="deep"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, name="logits"),
            keras.layers.Softmax(),
        ]
    )
    assert explain.compute_heat_map(network, LABELS, light, "sad", "angry").shape == (14, 14)


def test_without_filters_the_picture_itself_is_explained(light):
    inputs = keras.Input((SIZE, SIZE, 1))
    network = end(keras.layers.Flatten()(inputs), inputs)
    assert explain.compute_heat_map(network, LABELS, light, "sad", "angry").shape == (SIZE, SIZE)


def test_a_network_without_logits_cannot_be_explained():
    inputs = keras.Input((SIZE, SIZE, 1))
    network = end(keras.layers.Flatten()(inputs), inputs, name="scores")
    with pytest.raises(ModelError, match="no layer 'logits'"):
        explain.find_layer(network)


def test_drawn_colours_tell_the_sign_and_the_face_stays():
    crop = np.full((20, 20, 3), 100, np.uint8)
    crop[:, 10:] = 180
    heat = np.zeros((4, 4), np.float32)
    heat[0, 0], heat[3, 3] = 1, -1
    drawn = draw_heat_map(crop, heat, side_px=80)
    assert drawn.shape == (80, 80, 3)
    orange, blue = (np.array(to_rgb(color)[::-1]) for color in ("#E69F00", "#0072B2"))
    assert np.abs(drawn[8, 8] - orange.astype(int)).max() < 60
    assert np.abs(drawn[72, 72] - blue.astype(int)).max() < 60
    np.testing.assert_allclose(drawn[8, 72], 180, atol=8)
    np.testing.assert_allclose(drawn[72, 8], 100, atol=8)
    assert (crop[:, :10] == 100).all()


def test_grey_and_narrow_pictures_are_drawn():
    assert draw_heat_map(np.zeros((48, 24), np.uint8), np.ones((6, 6), np.float32)).shape == (
        320,
        160,
        3,
    )
