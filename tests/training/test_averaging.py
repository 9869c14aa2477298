"""Averaged weights follow slowly and are judged with statistics of their own."""

import keras
import numpy as np
import pytest

from training.architectures import FusedBatchNormalization
from training.averaging import (
    UPDATE_EVERY,
    AveragedWeights,
    MeasuredStatistics,
    WeightAverage,
    measure_statistics,
)


@pytest.fixture
def model():
    keras.utils.set_random_seed(3)
    inputs = keras.Input((None, None, 1))
    x = keras.layers.Conv2D(4, 3, use_bias=False)(inputs)
    x = FusedBatchNormalization(name="norm")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    model.compile("sgd", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (256, 8, 8, 1), dtype=np.uint8)


def test_statistics_are_those_of_the_layers_input(model, images):
    statistics = measure_statistics(model, images, seed=0)
    seen = keras.Model(model.input, model.layers[1].output)(images.astype(np.float32)).numpy()
    mean, variance = statistics["norm"]
    np.testing.assert_allclose(mean, seen.mean(axis=(0, 1, 2)), rtol=1e-3, atol=1e-2)
    np.testing.assert_allclose(variance, seen.var(axis=(0, 1, 2)), rtol=0.03)
    assert model.get_layer("norm").momentum == 0.99


def test_average_follows_by_its_decay(model):
    average = WeightAverage(model, decay=0.5)
    average.set_model(model)
    before = average.values
    model.optimizer.iterations.assign(1000)
    for weight in model.trainable_variables:
        weight.assign(weight + 1)
    average.on_train_batch_end(0)
    for old, new in zip(before, average.values, strict=True):
        np.testing.assert_allclose(new - old, 1 - 0.5**UPDATE_EVERY, rtol=1e-4)
    after = average.values
    average.on_train_batch_end(1)  # between two updates
    np.testing.assert_array_equal(average.values[0], after[0])


def test_start_has_its_share_in_what_is_judged_and_not_in_the_average(model, images):
    start = [value.numpy() for value in model.trainable_variables]
    average = WeightAverage(model, 0.9, [w + 4 for w in start], start, start_share=0.25)
    with AveragedWeights(model, average, images, seed=0) as judged:
        for variable, value in zip(judged.trainable_variables, start, strict=True):
            np.testing.assert_allclose(variable.numpy(), value + 3, rtol=1e-5)
    for value, old in zip(average.values, start, strict=True):
        np.testing.assert_allclose(value, old + 4, rtol=1e-6)


def test_context_has_the_average_and_gives_everything_back(model, images):
    average = WeightAverage(model, decay=0.9)
    kernels = average.values[0].copy()
    for weight in model.trainable_variables:
        weight.assign(weight * 2)
    raw = [value.numpy() for value in model.variables]
    with AveragedWeights(model, average, images, seed=0) as averaged:
        np.testing.assert_array_equal(averaged.trainable_variables[0].numpy(), kernels)
        assert averaged.get_layer("norm").moving_variance.numpy().mean() > 10
    for value, variable in zip(raw, model.variables, strict=True):
        np.testing.assert_array_equal(value, variable.numpy())


def test_measured_statistics_leave_the_weights_and_give_everything_back(model, images):
    expected, _ = measure_statistics(model, images, seed=0)["norm"]
    raw = [value.numpy() for value in model.variables]
    kernels = [value.numpy() for value in model.trainable_variables]
    with MeasuredStatistics(model, images, seed=0) as measured:
        np.testing.assert_array_equal(measured.get_layer("norm").moving_mean.numpy(), expected)
        for value, variable in zip(kernels, measured.trainable_variables, strict=True):
            np.testing.assert_array_equal(value, variable.numpy())
    for value, variable in zip(raw, model.variables, strict=True):
        np.testing.assert_array_equal(value, variable.numpy())
