"""A run of few steps is judged and exported with batch statistics that belong to its weights."""

from contextlib import nullcontext
from dataclasses import replace

import keras
import numpy as np
import pytest

from facecore.inference import load_network
from tests.training.bright_data import make_bright_data
from tests.training.test_config import CONFIGS, VALUES
from training import train as script
from training.averaging import AveragedWeights, MeasuredStatistics, WeightAverage
from training.config import build_config, load_config
from training.data import TrainingData
from training.network import build_network, compile_network

SMALL = {"base_width": 8, "num_stages": 1, "batch_size": 8}
CONFIG = build_config(VALUES | SMALL | {"epochs": 3, "warmup_epochs": 0.5})


@pytest.fixture(scope="module")
def data() -> TrainingData:
    """32 pictures to fit and 16 to choose on; the bright ones are happy."""
    return make_bright_data(48)


def test_exported_statistics_are_those_of_the_pictures(data, tmp_path):
    script.train(CONFIG, data, tmp_path / "run", tmp_path / "tiny")
    network = load_network(tmp_path / "tiny")
    norm = next(x for x in network.layers if isinstance(x, keras.layers.BatchNormalization))
    seen = keras.Model(network.input, norm.input)(data.train_images.astype(np.float32)).numpy()
    spread = seen.std()
    np.testing.assert_allclose(norm.moving_mean, seen.mean(axis=(0, 1, 2)), atol=0.1 * spread)
    np.testing.assert_allclose(norm.moving_variance, seen.var(axis=(0, 1, 2)), rtol=0.1)


def test_training_itself_goes_on_with_the_moving_statistics(data, tmp_path):
    """So that a run does not depend on how it is judged."""
    model = build_network(CONFIG, for_training=True)
    compile_network(model, CONFIG, num_train=32)
    raw = [variable.numpy() for variable in model.variables]
    average = WeightAverage(model, CONFIG.average_decay)
    with script.choose_weights(model, average, CONFIG, data, epoch=0):
        changed = [variable.numpy() for variable in model.variables]
    assert not all(map(np.array_equal, raw, changed))
    for old, variable in zip(raw, model.variables, strict=True):
        np.testing.assert_array_equal(old, variable.numpy())


@pytest.mark.parametrize(
    ("changes", "num_images", "kind"),
    [
        ({"epochs": 100}, 49 * 8, MeasuredStatistics),
        ({"epochs": 100}, 50 * 8, nullcontext),
        ({"epochs": 9}, 50 * 8, MeasuredStatistics),
        ({"epochs": 10}, 50 * 8, nullcontext),
        ({"epochs": 3, "max_steps_per_epoch": 5}, 1000 * 8, MeasuredStatistics),
        ({"epochs": 100, "average_decay": 0.9}, 50 * 8, AveragedWeights),
        ({"epochs": 3, "average_decay": 0.9}, 8, AveragedWeights),
    ],
)
def test_statistics_are_measured_where_the_moving_ones_are_late(data, changes, num_images, kind):
    rows = np.zeros(num_images, dtype=np.intp)
    many = replace(data, train_images=data.train_images[rows], train_y=data.train_y[rows])
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    config = replace(CONFIG, **changes)
    average = WeightAverage(model, config.average_decay)
    assert type(script.choose_weights(model, average, config, many, epoch=0)) is kind


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_published_runs_are_judged_as_they_were(data, path, monkeypatch):
    monkeypatch.setattr("training.config._inherit", lambda _: {"architecture": "small_resnet"})
    sides = {"height": 48, "width": 48}
    config = load_config(path, {} if "height" in path.read_text() else sides)
    num_images = config.images_per_class * len(config.labels) or 20_000
    rows = np.zeros(num_images, dtype=np.intp)
    many = replace(data, train_images=data.train_images[rows], train_y=data.train_y[rows])
    context = script.choose_weights(None, None, config, many, epoch=0)
    assert type(context) in (nullcontext, AveragedWeights)
