"""The training batches: order, changed pictures, mixed pairs; all follow from seed, epoch, step."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from training.augment import augment
from training.config import TrainConfig
from training.data import TrainingData
from training.degrade import degrade
from training.network import count_steps
from training.targets import (
    FloatArray,
    compute_class_weights,
    compute_draw_chances,
    compute_targets,
)

Batch = tuple[tf.Tensor, tf.Tensor, tf.Tensor]


class TrainingBatches:
    """Makes the batches of any epoch.

    Args:
        config: decides everything random.
        data: pictures in memory.
        taught: the teachers' answers, see ``ask_teachers``.
    """

    def __init__(
        self, config: TrainConfig, data: TrainingData, taught: FloatArray | None = None
    ) -> None:
        self._config = config
        self._num_images = len(data.train_y)
        self._images = tf.constant(data.train_images)
        targets = compute_targets(data.train_y, config, data.train_votes, taught)
        self._targets = tf.constant(targets)
        self._weights = tf.constant(compute_class_weights(data.train_y, config))
        self._chances = compute_draw_chances(
            data.train_y, list(data.train_groups), config.balance_power
        )

    def iter_epoch(self, epoch: int) -> tf.data.Dataset:
        """Return one epoch's batches: pictures (n, H, W, C), targets (n, classes), weights (n,)."""
        config = self._config
        side = config.small_side if epoch < round(config.small_share * config.epochs) else 0

        def show(rows: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
            pictures = tf.cast(tf.gather(self._images, rows), tf.float32)
            return change_pictures(pictures, seed, config, side)

        order = self._draw_order(epoch)
        return batch_epoch(config, epoch, order, show, self._targets, self._weights)

    def _draw_order(self, epoch: int) -> np.ndarray:
        rng = np.random.default_rng([self._config.seed, epoch])
        if self._chances is None:
            return rng.permutation(self._num_images)
        return rng.choice(self._num_images, self._num_images, p=self._chances)


def change_pictures(
    pictures: tf.Tensor, seed: tf.Tensor, config: TrainConfig, side: int = 0
) -> tf.Tensor:
    """Return the pictures, shape (n, H, W, C), changed and damaged at random; see ``augment``."""
    changed = augment(pictures, seed, config, side)
    return degrade(changed, tf.random.split(seed, 2)[0], config)


def batch_epoch(
    config: TrainConfig,
    epoch: int,
    order: npt.NDArray[np.intp],
    show: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    targets: tf.Tensor,
    weights: tf.Tensor,
) -> tf.data.Dataset:
    """Return one epoch's batches: pictures (n, H, W, C), targets (n, classes), weights (n,).

    Args:
        config: gives size, seed and mixup.
        epoch: from 0.
        order: rows of targets and weights, in the order of the epoch.
        show: returns the pictures of the given rows, for a seed of shape (2,).
        targets: shape (pictures, classes).
        weights: shape (pictures,).
    """
    rows_in_order = tf.constant(order)
    mixes = config.mixup > 0 and epoch < round(config.mixup_share * config.epochs)

    def make_batch(step: tf.Tensor) -> Batch:
        rows = rows_in_order[step * config.batch_size : (step + 1) * config.batch_size]
        seed = tf.stack([config.seed * 10_000 + epoch, tf.cast(step, tf.int32)])
        batch = show(rows, seed), tf.gather(targets, rows), tf.gather(weights, rows)
        return mix_pairs(batch, tf.random.split(seed, 2)[1], config.mixup) if mixes else batch

    steps = tf.data.Dataset.range(count_steps(config, len(order)))
    return steps.map(make_batch, num_parallel_calls=2, deterministic=True).prefetch(4)


def mix_pairs(batch: Batch, seed: tf.Tensor, alpha: float) -> Batch:
    """Return weighted means of each picture and another, and of their targets.

    Mixup (Zhang et al., 2018); the other is the one at the mirrored place in the batch.
    """
    images, targets, weights = batch
    seeds = tf.unstack(tf.random.split(seed, 2))
    n = tf.shape(images)[0]
    a = tf.random.stateless_gamma((n,), seeds[0], alpha)
    b = tf.random.stateless_gamma((n,), seeds[1], alpha)
    share = tf.where(a + b > 0, a / tf.maximum(a + b, 1e-12), 0.5)
    # The larger share stays at its own place: the same pairs, and the accuracy means something.
    share = tf.maximum(share, 1 - share)

    def mix(values: tf.Tensor) -> tf.Tensor:
        weight = tf.reshape(share, [-1] + [1] * (len(values.shape) - 1))
        return weight * values + (1 - weight) * tf.reverse(values, [0])

    return mix(images), mix(targets), mix(weights)
