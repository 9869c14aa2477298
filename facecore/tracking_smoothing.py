"""Steadier answers: each person's probabilities averaged over media time."""

import math

import numpy as np

from facecore.labels import Task
from facecore.tracking_sightings import FloatArray


class ProbabilitySmoother:
    """Averages each person's probabilities over media time, newer frames counting more.

    The first answers count equally, so that one early mistake does not last.
    """

    def __init__(self) -> None:
        # When it was answered last, how often, the average, the last answer.
        self._states: dict[tuple[int, Task], tuple[float, int, FloatArray, FloatArray]] = {}

    def reset(self, task: Task | None = None) -> None:
        """Forget everything, or what belongs to one task."""
        kept = {} if task is None else self._states
        self._states = {key: state for key, state in kept.items() if key[1] != task}

    def update(
        self, person_id: int, task: Task, probs: FloatArray, time_s: float, window_s: float
    ) -> FloatArray:
        """Take in one answer and return the average so far.

        Args:
            person_id: whose answer it is.
            task: which network answered.
            probs: float32 array of shape (num_classes,).
            time_s: the frame's media time.
            window_s: after so long an answer counts for 37 %; 0 switches smoothing off.

        Returns:
            float32 array of shape (num_classes,), sums to 1 as ``probs`` does.
        """
        key = (person_id, task)
        last_s, count, mean, _ = self._states.get(key, (time_s, 0, probs, probs))
        if window_s > 0 and count:
            passed = 1 - math.exp(-max(time_s - last_s, 0.0) / window_s)
            mean = mean + max(passed, 1 / (count + 1)) * (probs - mean)
        else:
            mean = probs
        self._states[key] = (time_s, count + 1, np.asarray(mean, dtype=np.float32), probs)
        return self._states[key][2]

    def recall(self, person_id: int, task: Task) -> FloatArray:
        """Return a person's average as it was after the last answer.

        Args:
            person_id: whose it is.
            task: which network answered.

        Returns:
            float32 array of shape (num_classes,).

        Raises:
            KeyError: if there was no answer yet.
        """
        return self._states[person_id, task][2]

    def latest(self, person_id: int, task: Task) -> FloatArray:
        """Return a person's last answer by itself; arguments and errors as of ``recall``."""
        return self._states[person_id, task][3]
