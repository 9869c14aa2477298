"""When a network has to be asked about somebody again, and when its last answers are enough."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from facecore.labels import UNDECIDED, Task
from facecore.preprocessing import UInt8Array
from facecore.registry import ModelCard
from facecore.results import Face

# Neighbouring frames tell nearly the same: of a gender, which does not change, the first answers
# are spread over a second and a half.
_FIRST_GENDERS, _FIRST_WAIT_S = 8, 0.2
# More answers tell more where somebody is undecided.
_UNDECIDED_WAIT_S = 0.11
_TICK_S = 1e-6  # differences of times are rounded


class SupportsPredict(Protocol):
    """Anything that answers for a batch of faces; ``facecore.inference.Classifier`` does."""

    @property
    def card(self) -> ModelCard:
        """What the network expects and what its columns mean."""

    def predict_proba(self, batch: UInt8Array) -> npt.NDArray[np.float32]:
        """Return float32 probabilities of shape (n, num_classes), rows sum to 1."""


class AskSchedule:
    """Remembers, per person and network, how often it was asked and when last, in media time.

    And about whom it is undecided.
    """

    def __init__(self) -> None:
        self._asked: dict[tuple[int, Task], tuple[int, float]] = {}
        self._undecided: set[tuple[int, Task]] = set()

    def reset(self, task: Task | None = None) -> None:
        """Forget everything, or what belongs to one task."""
        if task is None:
            self._asked, self._undecided = {}, set()
            return
        self._asked = {key: state for key, state in self._asked.items() if key[1] != task}
        self._undecided = {key for key in self._undecided if key[1] != task}

    def choose(self, faces: Sequence[Face], task: Task, time_s: float, wait_s: float) -> list[int]:
        """Return the positions of the faces that a network is asked about, and remember that.

        Args:
            faces: those of the next frame; whoever has no number is always asked about.
            task: what the network answers.
            time_s: the frame's media time.
            wait_s: seconds for which an answer is enough as a rule; 0: leave nobody out.
        """
        chosen = []
        for position, face in enumerate(faces):
            if face.person_id is None:
                chosen.append(position)
            elif self._is_due((face.person_id, task), time_s, wait_s):
                chosen.append(position)
                key = (face.person_id, task)
                self._asked[key] = self._asked.get(key, (0, 0.0))[0] + 1, time_s
        return chosen

    def conclude(self, faces: Sequence[Face]) -> None:
        """Take in what is shown in a frame; it counts for what is chosen from now on."""
        for face in faces:
            for task, prediction in face.predictions.items():
                if face.person_id is None:
                    continue
                if prediction.label == UNDECIDED:
                    self._undecided.add((face.person_id, task))
                else:
                    self._undecided.discard((face.person_id, task))

    def _is_due(self, key: tuple[int, Task], time_s: float, wait_s: float) -> bool:
        if key not in self._asked:
            return True
        count, last_s = self._asked[key]
        if key[1] == "gender" and count < _FIRST_GENDERS:
            wait_s = min(wait_s, _FIRST_WAIT_S)
        if key in self._undecided:
            wait_s = min(wait_s, _UNDECIDED_WAIT_S)
        return not 0 <= time_s - last_s < wait_s - _TICK_S
