"""What the network is asked to answer for each training picture, and how much each one counts."""

import numpy as np
import numpy.typing as npt

from training.config import TrainConfig
from training.votes_head import append_votes

FloatArray = npt.NDArray[np.float32]


def compute_targets(
    y_true: npt.NDArray[np.int16],
    config: TrainConfig,
    votes: FloatArray | None = None,
    taught: FloatArray | None = None,
) -> FloatArray:
    """Return the wanted probabilities, float32 array of shape (n, num_classes).

    With ``config.votes_weight`` the crowd's are appended, see ``append_votes``.

    The label, mixed with the crowd's votes where there are any (soft targets after Barsoum et al.,
    2016), smoothed, and then mixed with the teachers' answers, which are smooth already.

    Args:
        y_true: int array of shape (n,).
        config: gives the shares.
        votes: votes per class, shape (n, num_classes); a row without any votes leaves the label.
        taught: the teachers' answers, shape (n, num_classes).
    """
    num_classes = len(config.labels)
    targets = np.eye(num_classes, dtype=np.float32)[y_true]
    if votes is not None and config.votes_share:
        num_votes = votes.sum(axis=1, keepdims=True)
        crowd = np.where(num_votes > 0, votes / np.maximum(num_votes, 1), targets)
        targets = (1 - config.votes_share) * targets + config.votes_share * crowd
    smoothing = config.label_smoothing
    targets = targets * (1 - smoothing) + smoothing / num_classes
    if taught is not None:
        targets = (1 - config.teachers_share) * targets + config.teachers_share * taught
    if votes is not None and config.votes_weight:
        targets = append_votes(targets, votes, config.votes_weight)
    return np.asarray(targets, dtype=np.float32)


def compute_class_weights(y_true: npt.NDArray[np.int16], config: TrainConfig) -> FloatArray:
    """Return the weight of each picture in the loss, float32 array of shape (n,), mean 1.

    A class weighs by the root of how much rarer it is than the average class, between 1 and
    ``config.max_class_weight`` before the mean is set to 1.
    """
    counts = np.bincount(y_true, minlength=len(config.labels))
    rarity = np.sqrt(counts.mean() / np.maximum(counts, 1))
    weights = np.clip(rarity, 1.0, max(1.0, config.max_class_weight))[y_true]
    return np.asarray(weights / weights.mean(), dtype=np.float32)


def compute_draw_chances(
    y_true: npt.NDArray[np.int16], groups: list[npt.NDArray[np.str_]], power: float
) -> npt.NDArray[np.float64] | None:
    """Return the chance of each picture to be drawn, shape (n,), or None for each one once.

    Args:
        y_true: int array of shape (n,).
        groups: one array of shape (n,) per attribute; equal values in all of them and in
            ``y_true`` make a group.
        power: 0 leaves the data as it is, 1 draws every group equally often.
    """
    if not groups:
        return None
    keys = np.stack([y_true.astype(np.str_), *(group.astype(np.str_) for group in groups)], axis=1)
    _, group_of, sizes = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    chances = (sizes.astype(np.float64) ** -power)[group_of.reshape(-1)]
    return np.asarray(chances / chances.sum())
