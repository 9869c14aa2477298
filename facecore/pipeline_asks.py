"""When a network has to be asked about somebody again, and when its last answers are enough."""

from collections.abc import Sequence

from facecore.labels import UNDECIDED, Task
from facecore.results import Face

# After so many answers for a person a network is asked no oftener than every so many seconds. Both
# answers are averaged over longer: on filmed faces a probability then differs by 0.01 (mean) from
# that of asking in every frame, and no word of an expression does.
_RARER_AFTER: dict[Task, tuple[int, float]] = {"expression": (2, 0.11), "gender": (5, 0.45)}
# More answers tell more where somebody is undecided.
_UNDECIDED_WAIT_S = 0.11

MOST_TOGETHER = 8
"""Frames that are classified in one go; more bring the networks little, and progress would jerk."""


class AskSchedule:
    """Remembers, per person and network, how often it was asked and when last, in media time.

    And who was undecided in which frame: that counts ``MOST_TOGETHER`` frames later, so that it
    is the same whether frames are classified one by one or together.
    """

    def __init__(self) -> None:
        self._asked: dict[tuple[int, Task], tuple[int, float]] = {}
        self._undecided: dict[tuple[int, Task], list[tuple[int, bool]]] = {}
        self._num_frames = 0

    def reset(self, task: Task | None = None) -> None:
        """Forget everything, or what belongs to one task."""
        if task is None:
            self._asked, self._undecided = {}, {}
            return
        self._asked = {key: state for key, state in self._asked.items() if key[1] != task}
        self._undecided = {k: state for k, state in self._undecided.items() if k[1] != task}

    def choose(
        self,
        faces: Sequence[Face],
        task: Task,
        time_s: float,
        ahead: int = 0,
        everybody: bool = False,
    ) -> list[int]:
        """Return the positions of the faces that a network is asked about, and remember that.

        Args:
            faces: those of the next frame; whoever has no number is always asked about.
            task: what the network answers.
            time_s: the frame's media time.
            ahead: how many frames before it are chosen for, but not concluded.
            everybody: leave nobody out.
        """
        number = self._num_frames + ahead
        chosen = []
        for position, face in enumerate(faces):
            if face.person_id is None:
                chosen.append(position)
            elif everybody or self._is_due((face.person_id, task), number, time_s):
                chosen.append(position)
                key = (face.person_id, task)
                self._asked[key] = self._asked.get(key, (0, 0.0))[0] + 1, time_s
        return chosen

    def conclude(self, faces: Sequence[Face]) -> None:
        """Take in what is shown in the next frame."""
        for face in faces:
            if face.person_id is None:
                continue
            for task, prediction in face.predictions.items():
                states = self._undecided.setdefault((face.person_id, task), [(0, False)])
                is_undecided = prediction.label == UNDECIDED
                if is_undecided != states[-1][1]:
                    states.append((self._num_frames, is_undecided))
                while len(states) > 1 and states[1][0] <= self._num_frames - MOST_TOGETHER:
                    del states[0]  # a later one counts by now
        self._num_frames += 1

    def _is_due(self, key: tuple[int, Task], number: int, time_s: float) -> bool:
        count, last_s = self._asked.get(key, (0, 0.0))
        enough, wait_s = _RARER_AFTER[key[1]]
        if self._was_undecided(key, number - MOST_TOGETHER):
            wait_s = min(wait_s, _UNDECIDED_WAIT_S)
        return count < enough or not 0 <= time_s - last_s < wait_s

    def _was_undecided(self, key: tuple[int, Task], number: int) -> bool:
        known = [state for since, state in self._undecided.get(key, ()) if since <= number]
        return bool(known) and known[-1]
