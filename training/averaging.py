"""A moving average of the weights, and batch statistics that belong to what is judged.

Averaged weights generalise better than the last ones (Polyak and Juditsky, 1992; Izmailov et al.,
2018), but the moving statistics of batch normalisation are those of the raw weights: judged with
them, averaged weights look far worse than they are. They are therefore measured again. So are those
of raw weights after few steps: the moving statistics are then still near what they began with.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import layers

# Updating every few steps costs a quarter and gives the same average.
UPDATE_EVERY = 4
STATISTICS_BATCHES = 48
STATISTICS_BATCH = 128

Arrays = list[npt.NDArray[Any]]


class WeightAverage(keras.callbacks.Callback):
    """Follows the trainable weights during ``fit``.

    Args:
        model: its weights are followed.
        decay: of the average per step; the first steps count less far back, so that the start
            does not linger.
        values: of an earlier run; empty for a new one.
        start: the network that training began with, in the order of the model's trainable
            variables; needed for ``start_share`` only.
        start_share: share of it in the weights that are judged. Halfway between a network and what
            further training made of it often sees more than both (Wortsman et al., 2022, "Robust
            fine-tuning of zero-shot models").
    """

    def __init__(
        self,
        model: keras.Model,
        decay: float,
        values: Sequence[Any] = (),
        start: Sequence[Any] = (),
        start_share: float = 0.0,
    ) -> None:
        super().__init__()
        self._weights = model.trainable_variables
        self._decay = decay
        self._start = start
        self._start_share = start_share
        first = values or [variable.numpy() for variable in self._weights]
        self._averages = [tf.Variable(value, trainable=False) for value in first]
        self._update = tf.function(self._move)

    @property
    def values(self) -> Arrays:
        """The averages, in the order of the model's trainable variables."""
        return [average.numpy() for average in self._averages]

    @property
    def judged(self) -> Arrays:
        """The averages mixed with the start, in the same order."""
        if not self._start_share:
            return self.values
        share = self._start_share
        pairs = zip(self._start, self.values, strict=True)
        return [share * start + (1 - share) * value for start, value in pairs]

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Move the averages a little towards the weights."""
        del logs
        if batch % UPDATE_EVERY:
            return
        step = float(self.model.optimizer.iterations.numpy())
        decay = min(self._decay, (1 + step) / (10 + step)) ** UPDATE_EVERY
        self._update(tf.constant(1 - decay, tf.float32))

    def _move(self, share: tf.Tensor) -> None:
        for average, weight in zip(self._averages, self._weights, strict=True):
            average.assign_sub(share * (average - tf.convert_to_tensor(weight, average.dtype)))


def measure_statistics(
    model: keras.Model, images: npt.NDArray[np.uint8], seed: int
) -> dict[str, Arrays]:
    """Return the mean and variance that every batch normalisation has for the current weights.

    Args:
        model: built for training; its moving statistics are changed on the way.
        images: training pictures, uint8 array of shape (n, H, W, C).
        seed: decides which pictures are looked at.

    Returns:
        Layer name -> [mean, variance], each float32 array of shape (channels,).
    """
    norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    rows = np.random.default_rng(seed).permutation(len(images))
    size = min(STATISTICS_BATCH, len(images))
    batches = [rows[i : i + size] for i in range(0, len(rows) - size + 1, size)]
    sums: dict[str, Arrays] = {}
    try:
        for norm in norms:
            norm.momentum = 0.0  # read when the function is traced: each batch replaces the last

        @tf.function
        def look(batch: tf.Tensor) -> None:
            model(tf.cast(batch, tf.float32), training=True)

        for batch in batches[:STATISTICS_BATCHES]:
            look(tf.constant(images[batch]))
            for norm in norms:
                pair = [norm.moving_mean.numpy(), norm.moving_variance.numpy()]
                old = sums.get(norm.name, [0.0, 0.0])
                sums[norm.name] = [a + b for a, b in zip(old, pair, strict=True)]
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
    num = len(batches[:STATISTICS_BATCHES])
    return {name: [total / num for total in pair] for name, pair in sums.items()}


class MeasuredStatistics:
    """Context in which a model has batch statistics that were measured for its weights.

    Args:
        model: built for training.
        images: training pictures, for the statistics.
        seed: as for ``measure_statistics``.
    """

    def __init__(self, model: keras.Model, images: npt.NDArray[np.uint8], seed: int) -> None:
        self._model = model
        self._images = images
        self._seed = seed
        self._raw: Arrays = []

    def __enter__(self) -> keras.Model:
        self._raw = [variable.numpy() for variable in self._model.variables]
        self._take_weights()
        statistics = measure_statistics(self._model, self._images, self._seed)
        for name, (mean, variance) in statistics.items():
            norm = self._model.get_layer(name)
            norm.moving_mean.assign(mean)
            norm.moving_variance.assign(variance)
        return self._model

    def __exit__(self, *_: object) -> None:
        for variable, value in zip(self._model.variables, self._raw, strict=True):
            variable.assign(value)

    def _take_weights(self) -> None:
        """Give the model the weights that are judged; here they are its own."""


class AveragedWeights(MeasuredStatistics):
    """Context in which a model has the averaged weights and their statistics.

    Args:
        model: built for training.
        average: of its weights.
        images: training pictures, for the statistics.
        seed: as for ``measure_statistics``.
    """

    def __init__(
        self,
        model: keras.Model,
        average: WeightAverage,
        images: npt.NDArray[np.uint8],
        seed: int,
    ) -> None:
        super().__init__(model, images, seed)
        self._average = average

    def _take_weights(self) -> None:
        pairs = zip(self._model.trainable_variables, self._average.judged, strict=True)
        for variable, value in pairs:
            variable.assign(value)
