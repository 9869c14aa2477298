"""Who was seen, when, and what each person looked like to the models, summed over media time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median

import numpy as np

from facecore.label_sets import list_shown, order_labels
from facecore.labels import TASKS, UNDECIDED, Task
from facecore.results import Face, FrameResult, Prediction
from facecore.stats_edits import PeopleEdits

__all__ = [
    "PeopleEdits",
    "PersonSummary",
    "SessionStats",
    "SessionSummary",
    "compute_durations",
    "summarise",
    "summarise_photo",
]

_LONE_FRAME_S = 0.04  # how long a single frame counts where nothing tells its duration
# A longer gap that no file tells of is a pause or damage, unless the whole clip is that slow.
_LONGEST_FRAME_S = 1.0
_LONGEST_FRAME_STEPS = 4
_NO_TIME_S = 1e-6  # keeps the mean defined where all frames last 0 s


@dataclass(frozen=True, slots=True)
class PersonSummary:
    """One person of a clip, a live session or a photo.

    Args:
        person_id: the tracker's number, in a photo the face's number.
        name: "Person 1", or what the user calls them.
        first_s: media time of the first frame with this person.
        last_s: media time of the last one.
        num_frames: in how many frames the person was seen.
        seconds_by_label: per task, how long each label was shown, ``UNDECIDED`` among them.
        mean_probs: per task, each label's probability averaged over the person's time.
        thresholds: per task, the confidence below which an answer is undecided; missing: 0.
    """

    person_id: int
    name: str
    first_s: float
    last_s: float
    num_frames: int
    seconds_by_label: Mapping[Task, Mapping[str, float]]
    mean_probs: Mapping[Task, Mapping[str, float]]
    thresholds: Mapping[Task, float] = field(default_factory=dict)

    def dominant(self, task: Task) -> tuple[str, float]:
        """Return the person's label as a whole, which may be ``UNDECIDED``, and its share.

        For expressions the one shown for longest with its share of the time, 0 in a photo; gender
        does not change, so there it is that of the mean probabilities, with its confidence.

        Raises:
            KeyError: if nobody predicted this task for the person.
        """
        means, as_a_whole = self.mean_probs[task], self.prediction(task).label
        if task == "gender":
            return as_a_whole, means.get(as_a_whole, max(means.values()))
        shares = self.shares(task)
        if not any(shares.values()):
            return as_a_whole, 0.0
        label = max(shares, key=lambda name: (shares[name], means.get(name, 0.0)))
        return label, shares[label]

    def confidence(self, task: Task) -> float:
        """Return the mean probability of the person's label; while undecided, the highest one.

        Raises:
            KeyError: if nobody predicted this task for the person.
        """
        means = self.mean_probs[task]
        return means.get(self.dominant(task)[0], max(means.values()))

    def shares(self, task: Task) -> dict[str, float]:
        """Return each label's share of the person's time, 0-1."""
        seconds = self.seconds_by_label[task]
        total = sum(seconds.values())
        return {label: value / total if total else 0.0 for label, value in seconds.items()}

    def prediction(self, task: Task) -> Prediction:
        """Return the mean probabilities in the form of a prediction.

        Raises:
            KeyError: if nobody predicted this task for the person.
        """
        probs = self.mean_probs[task]
        values = np.array(list(probs.values()), dtype=np.float32)
        return Prediction(tuple(probs), values, self.thresholds.get(task, 0.0))


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """A clip, live session or photo in numbers.

    Args:
        duration_s: length of what was analysed.
        num_frames: analysed frames.
        num_faces_seen: faces in all frames together.
        people: by number.
    """

    duration_s: float = 0.0
    num_frames: int = 0
    num_faces_seen: int = 0
    people: tuple[PersonSummary, ...] = ()

    def counts(self, task: Task) -> dict[str, int]:
        """Return how many people have each label of the task; each is present, undecided too."""
        counts = dict.fromkeys(self.shown_labels(task), 0)
        for person in self.people:
            if task in person.mean_probs:
                counts[person.dominant(task)[0]] += 1
        return counts

    def seconds_by_label(self, task: Task) -> dict[str, float]:
        """Return each label's time, summed over all people; each is present, undecided too."""
        seconds = dict.fromkeys(self.shown_labels(task), 0.0)
        for person in self.people:
            for label, value in person.seconds_by_label.get(task, {}).items():
                seconds[label] += value
        return seconds

    def shown_labels(self, task: Task) -> tuple[str, ...]:
        """Return every label that people may be counted as, "undecided" last."""
        return list_shown(task, (k for p in self.people for k in p.mean_probs.get(task, {})))


class _PersonSums:
    """Running sums of one person."""

    def __init__(self, time_s: float) -> None:
        self.first_s = self.last_s = time_s
        self.num_frames = 0
        self.seconds: dict[Task, dict[str, float]] = {}
        self.weighted: dict[Task, dict[str, float]] = {}
        self.thresholds: dict[Task, float] = {}

    def add(self, face: Face, time_s: float, duration_s: float) -> None:
        self.last_s = max(self.last_s, time_s)
        self.num_frames += 1
        weight = max(duration_s, _NO_TIME_S)
        for task, prediction in face.predictions.items():
            seconds = self.seconds.setdefault(task, {UNDECIDED: 0.0})
            weighted = self.weighted.setdefault(task, {})
            # Not the averages on screen: the first answers would count in all that follow.
            probs = prediction.probs if prediction.latest is None else prediction.latest
            for label, p in zip(prediction.labels, probs, strict=True):
                seconds.setdefault(label, 0.0)
                weighted[label] = weighted.get(label, 0.0) + weight * float(p)
            seconds[prediction.label] += duration_s
            self.thresholds[task] = prediction.threshold  # the latest: it may be moved meanwhile

    def to_summary(self, person_id: int, name: str) -> PersonSummary:
        means: dict[Task, dict[str, float]] = {}
        for task in TASKS:
            if task in self.weighted:
                weighted = self.weighted[task]
                total = sum(weighted.values())
                means[task] = {k: weighted[k] / total for k in order_labels(weighted)}
        seconds = {t: {k: self.seconds[t][k] for k in (*means[t], UNDECIDED)} for t in means}
        return PersonSummary(
            person_id,
            name,
            self.first_s,
            self.last_s,
            self.num_frames,
            seconds,
            means,
            dict(self.thresholds),
        )


class SessionStats:
    """Sums results as they come; its memory grows with people, not with frames."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start afresh."""
        self._people: dict[int, _PersonSums] = {}
        self._num_frames = self._num_faces = 0
        self._duration_s = 0.0

    def update(self, result: FrameResult, frame_duration_s: float) -> None:
        """Take in a frame that stands for so many seconds of media time."""
        self._num_frames += 1
        self._num_faces += len(result.faces)
        self._duration_s += frame_duration_s
        for face in result.faces:
            if face.person_id is not None:
                sums = self._people.setdefault(face.person_id, _PersonSums(result.time_s))
                sums.add(face, result.time_s, frame_duration_s)

    def summary(
        self, duration_s: float | None = None, edits: PeopleEdits | None = None
    ) -> SessionSummary:
        """Return the numbers so far.

        Args:
            duration_s: length of what was analysed; default: the frames' durations together.
            edits: gives people their names; merges and removals belong before ``update``.
        """
        edits = edits or PeopleEdits()
        people = tuple(
            sums.to_summary(person_id, edits.name_of(person_id))
            for person_id, sums in sorted(self._people.items())
        )
        length_s = self._duration_s if duration_s is None else duration_s
        return SessionSummary(length_s, self._num_frames, self._num_faces, people)


def compute_durations(
    frames: Sequence[FrameResult], duration_s: float | None = None
) -> list[float]:
    """Return how many seconds each frame stands for: until the next one, the last to the end.

    Somebody on a picture that is held was seen for all that time; nobody was seen in a pause.

    Args:
        frames: in the order of time.
        duration_s: of the whole; None where it is unknown.
    """
    if not frames:
        return []
    steps = [max(b.time_s - a.time_s, 0.0) for a, b in pairwise(frames)]
    typical = median(steps) if steps else _LONE_FRAME_S
    longest = max(_LONGEST_FRAME_S, _LONGEST_FRAME_STEPS * typical)
    durations = [
        min(step, max(longest, frame.duration_s or 0.0))
        for step, frame in zip(steps, frames, strict=False)
    ]
    last_s = frames[-1].duration_s
    if duration_s:
        last_s = max(frames[0].time_s + duration_s - frames[-1].time_s, 0.0)
    return [*durations, typical if last_s is None else last_s]


def summarise(
    frames: Sequence[FrameResult],
    duration_s: float | None = None,
    edits: PeopleEdits | None = None,
) -> SessionSummary:
    """Return a clip's summary from its per-frame results.

    Args:
        frames: in the order of time, as the pipeline returned them.
        duration_s: length of what was analysed; default: the frames' durations together.
        edits: the user's changes; everything follows them.
    """
    edits = edits or PeopleEdits()
    stats = SessionStats()
    durations = compute_durations(frames, duration_s)
    for frame, frame_s in zip(edits.apply(frames), durations, strict=True):
        stats.update(frame, frame_s)
    return stats.summary(duration_s, edits)


def summarise_photo(result: FrameResult) -> SessionSummary:
    """Return a photo's summary: each face is a person with the face's number, for no time."""
    numbered = [replace(face, person_id=i) for i, face in enumerate(result.faces, start=1)]
    stats = SessionStats()
    stats.update(replace(result, faces=tuple(numbered)), 0.0)
    return stats.summary(0.0)
