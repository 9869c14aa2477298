"""Flip averaging: each face is also shown mirrored, and the two answers are averaged.

A face means the same in a mirror, so that the average of both answers is a little more often right
than one of them (test-time augmentation, Krizhevsky et al., 2012). It costs twice the network's
time.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from facecore.preprocessing import UInt8Array

Probs = npt.NDArray[np.float32]


def mirror(batch: UInt8Array) -> UInt8Array:
    """Return the pictures of a batch (n, H, W, C), left and right exchanged."""
    return np.ascontiguousarray(batch[:, :, ::-1])


def predict_flipped(predict: Callable[[UInt8Array], Probs], batch: UInt8Array) -> Probs:
    """Return the mean answer for each picture and its mirror image, in one call.

    Args:
        predict: answers for a batch, as ``Classifier.predict_proba``.
        batch: uint8 array of shape (n, H, W, C); n may be 0.

    Returns:
        float32 array of shape (n, num_classes); rows sum to 1.
    """
    answers = predict(np.concatenate([batch, mirror(batch)]))
    return average(answers[: len(batch)], answers[len(batch) :])


def average(straight: Probs, mirrored: Probs) -> Probs:
    """Return the mean of two arrays of answers of the same shape, float32."""
    return np.asarray((straight + mirrored) / 2, dtype=np.float32)
