"""What is shown for each person over time: a label that changes only for a clear reason."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from facecore.labels import UNDECIDED, Task
from facecore.results import Face, FrameResult, Prediction

Thresholds = Mapping[Task, float]
"""Per task the confidence below which an answer is shown as undecided, 0-1."""

_MARGIN = 0.1  # benchmarks/label_changes.py tells what it does


class LabelKeeper:
    """Keeps each person's shown label until the probabilities leave it by a margin (hysteresis).

    Without the margin, probabilities that hover around a threshold, or two that hover around each
    other, make the word flicker. Below the threshold a label is never kept.
    """

    def __init__(self) -> None:
        self._shown: dict[tuple[int, Task], str] = {}

    def reset(self, task: Task | None = None) -> None:
        """Forget everything, or what belongs to one task."""
        kept = {} if task is None else self._shown
        self._shown = {key: label for key, label in kept.items() if key[1] != task}

    def decide(self, person_id: int | None, task: Task, prediction: Prediction) -> Prediction:
        """Return a prediction that knows what is shown.

        Args:
            person_id: whose it is; None: nobody is followed, so that it stands by itself.
            task: which network answered.
            prediction: the person's (smoothed) probabilities and the threshold.
        """
        free = replace(prediction, held=None, held_confidence=None)
        if person_id is None:
            return free
        shown = _choose(free, self._shown.get((person_id, task)))
        self._shown[person_id, task] = shown
        return replace(free, held=shown)


def _choose(prediction: Prediction, shown: str | None) -> str:
    threshold, top = prediction.threshold, prediction.top_label
    highest = prediction.probability(top)
    if shown == UNDECIDED and threshold > 0:
        # Near 1 there is no room for the whole margin.
        needed = threshold + min(_MARGIN, (1 - threshold) / 2)
        return top if highest >= needed else UNDECIDED
    if shown in prediction.labels:
        own = prediction.probability(shown)
        if own >= threshold and highest < own + _MARGIN:
            return shown
    return prediction.label


def decide_again(frames: Iterable[FrameResult], thresholds: Thresholds) -> tuple[FrameResult, ...]:
    """Return results as they would be with other thresholds.

    Args:
        frames: of one picture or clip, in the order of time, as the pipeline returned them.
        thresholds: a task that is not named keeps its own.
    """
    keeper = LabelKeeper()
    return tuple(
        replace(frame, faces=tuple(_decide_face(face, thresholds, keeper) for face in frame.faces))
        for frame in frames
    )


def _decide_face(face: Face, thresholds: Thresholds, keeper: LabelKeeper) -> Face:
    decided = {
        task: keeper.decide(
            face.person_id,
            task,
            replace(prediction, threshold=thresholds.get(task, prediction.threshold)),
        )
        for task, prediction in face.predictions.items()
    }
    return replace(face, predictions=decided)
