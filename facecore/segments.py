"""When a person had which label: per-frame results joined into stretches of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from facecore.labels import Task
from facecore.results import FrameResult
from facecore.stats import compute_durations

_MAX_GAP_S = 1.0


@dataclass(frozen=True, slots=True)
class Segment:
    """A person's stretch of time with one label.

    Args:
        person_id: the tracker's number.
        label: canonical name.
        start_s: media time of its first frame.
        end_s: media time of its end.
        confidence: mean over its frames, 0-1.
    """

    person_id: int
    label: str
    start_s: float
    end_s: float
    confidence: float


def compute_segments(
    frames: Sequence[FrameResult], task: Task = "expression", max_gap_s: float = _MAX_GAP_S
) -> list[Segment]:
    """Return each person's stretches of equal label, by person and time.

    Args:
        frames: in the order of time; faces without ``person_id`` are left out.
        task: which prediction.
        max_gap_s: a person who is away longer than this begins a new stretch.
    """
    seen: dict[int, list[_Row]] = {}
    durations = compute_durations(frames)
    typical_s = median(durations) if durations else 0.0
    for frame, step_s in zip(frames, durations, strict=True):
        # A longer step that no file tells of is a pause, in which nobody is seen.
        shown_s = min(step_s, typical_s) if frame.duration_s is None else step_s
        for face in frame.faces:
            prediction = face.predictions.get(task)
            if face.person_id is not None and prediction is not None:
                end_s = frame.time_s + shown_s
                row = _Row(frame.time_s, end_s, prediction.label, prediction.confidence)
                seen.setdefault(face.person_id, []).append(row)
    segments = []
    for person_id, rows in sorted(seen.items()):
        run: list[_Row] = []
        for row in rows:
            if run and (row.label != run[-1].label or row.start_s - run[-1].end_s > max_gap_s):
                segments.append(_to_segment(person_id, run, row.start_s, max_gap_s))
                run = []
            run.append(row)
        segments.append(_to_segment(person_id, run, float("inf"), max_gap_s))
    return segments


@dataclass(frozen=True, slots=True)
class _Row:
    """A person in one frame, and from when to when it is shown."""

    start_s: float
    end_s: float
    label: str
    confidence: float


def _to_segment(person_id: int, run: Sequence[_Row], next_s: float, max_gap_s: float) -> Segment:
    """Close a run: it reaches to the next one, or to its frame's end where the person goes away."""
    last = run[-1]
    end_s = next_s if next_s - last.end_s <= max_gap_s else last.end_s
    confidence = sum(row.confidence for row in run) / len(run)
    return Segment(person_id, last.label, run[0].start_s, end_s, confidence)
