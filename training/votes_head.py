"""A second last layer that learns the crowd's votes, while the first one learns the labels.

FER-2013's label and what ten people of FER+ saw are two answers to two questions. Mixed into one
target, each spoils the other a little; a layer of its own for each lets what lies before them learn
from both (multi-task learning; Caruana, 1997). Only the labels' layer is exported.
"""

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import layers

VOTES = "votes"
"""Name of the second last layer; its weights are the network's last."""

FloatArray = npt.NDArray[np.float32]


def add_votes_head(model: keras.Model) -> keras.Model:
    """Return the network with twice as many logits: of the labels, then of the crowd's choices.

    Args:
        model: ends in the layer "logits", whose weights stay those of the result.
    """
    votes = layers.Dense(model.output.shape[-1], dtype="float32", name=VOTES)
    features = model.get_layer("logits").input
    return keras.Model(
        model.input, layers.Concatenate(dtype="float32")([model.output, votes(features)])
    )


def append_votes(targets: FloatArray, votes: FloatArray, weight: float) -> FloatArray:
    """Return targets for both layers, float32 array of shape (n, 2 * num_classes).

    Args:
        targets: of the labels, shape (n, num_classes).
        votes: votes per class, shape (n, num_classes); a row without any counts for nothing.
        weight: how much the crowd's answers count in the loss, where the labels' count 1.
    """
    shares = weight * votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)
    return np.concatenate([targets, shares], axis=1).astype(np.float32)


class LabelsAndVotesLoss(keras.losses.Loss):
    """Cross-entropies of both layers; the targets' sums say how much each one counts."""

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Return one loss per picture, shape (n,)."""
        parts = zip(tf.split(y_true, 2, axis=1), tf.split(y_pred, 2, axis=1), strict=True)
        # Not TensorFlow's own cross-entropy: its gradient takes every row of targets to sum to 1.
        return tf.add_n(
            [-tf.reduce_sum(true * tf.nn.log_softmax(logits), axis=1) for true, logits in parts]
        )


def labels_accuracy(y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
    """Return 1 for each picture whose label is the likeliest of the labels' layer, else 0."""
    return keras.metrics.categorical_accuracy(
        tf.split(y_true, 2, axis=1)[0], tf.split(y_pred, 2, axis=1)[0]
    )
