"""Beginning with dlib's face recognition network: its file, and what becomes of its layers."""

import struct
from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from facecore.errors import ConfigError
from tests.training.bundles import write_bundle
from tests.training.test_config import VALUES
from training.config import build_config
from training.dlib_file import MEAN_RGB, WIDTHS, read_face_layers
from training.network import build_network
from training.pretrained import find_weights, take_face_weights
from training.texts import describe_protocol, find_pretrained

NAME = "face.dat"
CONFIG = build_config(
    {k: v for k, v in VALUES.items() if k not in ("architecture", "base_width", "num_stages")}
    | {"architecture": "face_resnet", "height": 48, "width": 48, "pretrained": NAME}
)


def draw_layers():
    """Random layers of dlib's shapes: kernel (filters, channels, rows, columns), bias, affine."""
    rng, num_in = np.random.default_rng(0), 3
    for place, width in enumerate(WIDTHS):
        side = 3 if place else 7
        kernel = rng.normal(0, 0.5 / np.sqrt(num_in * side**2), (width, num_in, side, side))
        affine = rng.uniform((0.8, -0.2), (1.2, 0.2), (width, 2)).T
        yield tuple(np.float32(a) for a in (kernel, rng.normal(0, 0.1, width), affine))
        num_in = width


def pack_name(name):
    return bytes([1, len(name)]) + name


def pack_tensor(*arrays):
    numbers = np.concatenate([a.ravel() for a in arrays]).astype("<f4")
    count = struct.pack("<I", numbers.size).rstrip(b"\0") or b"\0"
    sizes = bytes([len(count)]) + count + b"\1\1" * 3
    return b"\1\2" + sizes + numbers.tobytes()


def pack(layers):
    parts = [pack_name(b"loss_metric_") + b"\x32\x03"]
    for kernel, bias, affine in layers:
        parts += [pack_name(b"con_4"), pack_tensor(kernel, bias), b"\1\3\1\3"]
        parts += [pack_name(b"affine_"), pack_tensor(affine), pack_name(b"relu_1")]
    return b"".join([*parts, pack_name(b"fc_2"), b"\1\x80"])


@pytest.fixture
def data_folder(tmp_path, monkeypatch):
    (tmp_path / NAME).write_bytes(pack(draw_layers()))
    monkeypatch.setenv("FACECORE_DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def images():
    """Smooth patterns, as pictures are: (n, 48, 48, 1), uint8."""
    coarse = np.random.default_rng(1).uniform(0, 255, (40, 6, 6, 1))
    return tf.image.resize(coarse, (48, 48)).numpy().astype(np.uint8)


def apply_layers(images):
    """The front of dlib's network by itself: fixed scalings, shortcuts that weigh nothing."""
    layers = draw_layers()

    def convolve(x, stride=1):
        kernel, bias, (scale, shift) = next(layers)
        x = tf.nn.conv2d(x, kernel.transpose(2, 3, 1, 0), stride, "SAME")
        return (x + bias) * scale + shift

    x = tf.image.resize(np.repeat(images, 3, axis=-1).astype(np.float32), (96, 96))
    x = tf.nn.relu(convolve((x - np.float32(MEAN_RGB)) / 256, 2))
    x = tf.nn.max_pool2d(x, 3, 2, "SAME")
    for stage, blocks in enumerate((3, 4, 3, 1)):
        for block in range(blocks):
            shrinks = stage > 0 and block == 0
            y = convolve(tf.nn.relu(convolve(x, 2 if shrinks else 1)))
            if shrinks:
                x = tf.nn.avg_pool2d(x, 2, 2, "VALID")
                x = tf.pad(x, [(0, 0), (0, 0), (0, 0), (0, y.shape[-1] - x.shape[-1])])
            x = tf.nn.relu(x + y)
    return tf.reduce_mean(x, axis=(1, 2)).numpy()


def get_features(network, images):
    """What goes into the last layer."""
    front = keras.Model(network.input, network.layers[-1].input)
    return front(images.astype(np.float32)).numpy()


def test_the_file_is_read_as_it_was_written(data_folder):
    layers = read_face_layers(data_folder / NAME)
    assert len(layers) == 29
    for layer, (kernel, bias, (scale, shift)) in zip(layers, draw_layers(), strict=True):
        np.testing.assert_array_equal(layer.kernel, kernel.transpose(2, 3, 1, 0))
        np.testing.assert_array_equal(layer.bias, bias)
        np.testing.assert_array_equal((layer.scale, layer.shift), (scale, shift))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"something else",
        pack(list(draw_layers())[:-1]),
        pack(list(draw_layers())[1:]),
        pack(draw_layers())[:100_000],
        pack_name(b"con_4") + b"\1\2",
    ],
    ids=["empty", "other", "too few layers", "no first layer", "cut off", "no numbers"],
)
def test_another_file_is_refused_with_a_sentence(tmp_path, content):
    path = tmp_path / NAME
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"face\.dat is not dlib's face recognition network"):
        read_face_layers(path)


def test_a_missing_file_is_named_with_where_to_get_it(tmp_path):
    with pytest.raises(ConfigError, match=r"face\.dat cannot be read .*training/README"):
        read_face_layers(tmp_path / NAME)


def test_the_data_folder_goes_before_the_package(data_folder, tmp_path, monkeypatch):
    package = SimpleNamespace(origin=str(tmp_path / "package" / "__init__.py"))
    monkeypatch.setattr("training.pretrained.find_spec", lambda name: package)
    assert find_weights(NAME) == data_folder / NAME
    assert find_weights("other.dat") == tmp_path / "package" / "models" / "other.dat"
    monkeypatch.setattr("training.pretrained.find_spec", lambda name: None)
    assert find_weights("other.dat") == data_folder / "other.dat"


@pytest.mark.parametrize("for_training", [False, True])
def test_the_network_sees_in_a_face_what_dlibs_sees(data_folder, images, for_training):
    model = build_network(CONFIG, for_training=for_training)
    take_face_weights(model, CONFIG, images)
    expected = apply_layers(images)
    spread = expected.std()
    differences = np.abs(get_features(model, images) - expected)
    # bfloat16, which training may use, keeps three digits.
    assert differences.max() < (0.3 if for_training else 0.01) * spread
    assert spread > 0.1


def test_a_step_of_a_rate_turns_its_filters_as_far_as_those_of_a_new_network(data_folder, images):
    fresh = build_network(CONFIG, for_training=False)
    model = build_network(CONFIG, for_training=False)
    take_face_weights(model, CONFIG, images)
    for new, old in zip(model.layers, fresh.layers, strict=True):
        if isinstance(new, keras.layers.Conv2D) and new.kernel_size != (1, 1):
            fan_in = np.prod(new.kernel.shape[:3])
            assert np.std(new.get_weights()[0]) == pytest.approx(np.sqrt(2 / fan_in), rel=1e-3)
            assert new.kernel.shape == old.kernel.shape


@pytest.mark.parametrize(
    "changes",
    [{"architecture": "small_resnet"}, {"base_width": 16}, {"color": "rgb"}],
    ids=lambda changes: next(iter(changes)),
)
def test_other_architectures_and_colours_are_refused(data_folder, images, changes):
    config = replace(CONFIG, **changes)
    with pytest.raises(ConfigError, match=r"grey pictures .*face_resnet"):
        take_face_weights(build_network(config, for_training=False), config, images)


def test_cards_name_the_first_weights_also_of_what_begins_with_such_a_network(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("FACECORE_MODELS_DIR", str(tmp_path))
    for config in (replace(CONFIG, name="first"), build_config(VALUES | {"name": "random"})):
        write_bundle(tmp_path, config, build_network(config, for_training=False))
    second = replace(CONFIG, name="second", pretrained="", start_from="first")
    write_bundle(tmp_path, second, build_network(second, for_training=False))
    for start, expected in (("first", NAME), ("second", NAME), ("random", "")):
        config = replace(CONFIG, name="next", pretrained="", start_from=start)
        assert find_pretrained(config) == expected
        assert ("dlib" in describe_protocol(config)) == bool(expected)
    assert "dlib" in describe_protocol(CONFIG)
