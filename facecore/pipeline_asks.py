"""When a network has to be asked about somebody again, and when its last answers are enough."""

from collections.abc import Sequence

from facecore.labels import Task
from facecore.results import Face

# After so many answers for a person a network is asked no oftener than every so many seconds. Both
# answers are averaged over longer: on filmed faces a probability then differs by 0.01 (mean) from
# that of asking in every frame, and no word of an expression does.
_RARER_AFTER: dict[Task, tuple[int, float]] = {"expression": (2, 0.11), "gender": (5, 0.45)}


class AskSchedule:
    """Remembers, per person and network, how often it was asked and when last, in media time."""

    def __init__(self) -> None:
        self._asked: dict[tuple[int, Task], tuple[int, float]] = {}

    def reset(self, task: Task | None = None) -> None:
        """Forget everything, or what belongs to one task."""
        kept = {} if task is None else self._asked
        self._asked = {key: state for key, state in kept.items() if key[1] != task}

    def choose(
        self, faces: Sequence[Face], task: Task, time_s: float, everybody: bool = False
    ) -> list[int]:
        """Return the positions of the faces that a network is asked about, and remember that.

        Args:
            faces: those of the next frame; whoever has no number is always asked about.
            task: what the network answers.
            time_s: the frame's media time.
            everybody: leave nobody out.
        """
        chosen = []
        for position, face in enumerate(faces):
            if face.person_id is None:
                chosen.append(position)
            elif everybody or self._is_due(face.person_id, task, time_s):
                chosen.append(position)
                key = (face.person_id, task)
                self._asked[key] = self._asked.get(key, (0, 0.0))[0] + 1, time_s
        return chosen

    def _is_due(self, person_id: int, task: Task, time_s: float) -> bool:
        count, last_s = self._asked.get((person_id, task), (0, 0.0))
        enough, wait_s = _RARER_AFTER[task]
        return count < enough or not 0 <= time_s - last_s < wait_s
