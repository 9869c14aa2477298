"""Multiply-adds are counted as on paper, and limits are told."""

import pytest

keras = pytest.importorskip("keras")

from benchmarks.networks import Measurement, count_multiply_adds, main  # noqa: E402
from facecore.inference import load_classifier  # noqa: E402

layers = keras.layers


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (layers.Conv2D(4, 3, padding="same"), 8 * 8 * 9 * 2 * 4),
        (layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False), 4 * 4 * 9 * 2 * 4),
        (layers.Conv2D(4, 3, groups=2, padding="valid"), 6 * 6 * 9 * 1 * 4),
        (layers.DepthwiseConv2D(3, padding="same"), 8 * 8 * 9 * 2),
        (layers.SeparableConv2D(5, 3, padding="same"), 8 * 8 * (9 * 2 + 2 * 5)),
        (layers.Dense(7), 8 * 8 * 2 * 7),
        (layers.UpSampling2D(2, interpolation="bilinear"), 16 * 16 * 2 * 4),
        (layers.Resizing(12, 12), 12 * 12 * 2 * 4),
        (layers.BatchNormalization(), 0),
        (layers.GroupNormalization(1, scale=False), 8 * 8 * 2 * 2),
        (layers.GroupNormalization(2), 8 * 8 * 2 * 3),
    ],
    ids=lambda value: value.name if isinstance(value, layers.Layer) else "",
)
def test_layer(layer, expected):
    inputs = keras.Input((8, 8, 2))
    assert count_multiply_adds(keras.Model(inputs, layer(inputs))) == expected


def test_networks_inside_a_network_count_too():
    inner = keras.Sequential([keras.Input((8, 8, 2)), layers.Conv2D(4, 1), layers.Flatten()])
    inputs = keras.Input((8, 8, 2))
    outputs = layers.Dense(3)(inner(inputs))
    assert count_multiply_adds(keras.Model(inputs, outputs)) == 8 * 8 * 2 * 4 + 256 * 3


def test_unknown_layer_is_not_passed_over():
    inputs = keras.Input((8, 8))
    model = keras.Model(inputs, layers.LSTM(4)(inputs))
    with pytest.raises(TypeError, match="LSTM"):
        count_multiply_adds(model)


def test_each_exceeded_limit_is_a_sentence():
    good = Measurement("a", "expression", 3_000_000, 250_000_000, 12_000_000, {1: (15.0, 99.0)})
    assert good.broken_limits() == []
    bad = Measurement("a", "gender", 3_000_001, 250_000_001, 12_000_001, {1: (30.1, 31.0)})
    assert len(bad.broken_limits()) == 4


@pytest.mark.parametrize("arguments", [["nobody"], ["--config", "nobody.toml"]])
def test_what_is_not_there_is_a_sentence(arguments, monkeypatch, capsys):
    monkeypatch.setattr("benchmarks.networks.use_few_cores", lambda: None)
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert "nobody" in error
    assert "Traceback" not in error


def test_limits_of_networks_before_a_missing_one_are_told(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("benchmarks.networks.use_few_cores", lambda: None)
    large = Measurement("large", "gender", 4_000_000, 1, 1, dict.fromkeys((1, 4, 16), (1.0, 1.0)))

    def measure(bundle, seconds):
        return large if bundle == tmp_path else load_classifier(bundle)

    monkeypatch.setattr("benchmarks.networks.measure", measure)
    assert main([str(tmp_path), "nobody"]) == 1
    told = capsys.readouterr()
    assert "LIMIT: large has 4e+06 parameters" in told.out
    assert "nobody" in told.err
