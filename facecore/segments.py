"""When a person had which label: per-frame results joined into stretches of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from facecore.labels import Task
from facecore.results import FrameResult

_MAX_GAP_S = 1.0
_LONE_FRAME_S = 0.04  # how long a single frame counts where no second one tells the step


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
    seen: dict[int, list[tuple[float, str, float]]] = {}
    for frame in frames:
        for face in frame.faces:
            prediction = face.predictions.get(task)
            if face.person_id is not None and prediction is not None:
                row = (frame.time_s, prediction.label, prediction.confidence)
                seen.setdefault(face.person_id, []).append(row)
    step_s = _median_step(frames)
    segments = []
    for person_id, rows in sorted(seen.items()):
        run: list[tuple[float, str, float]] = []
        for row in rows:
            if run and (row[1] != run[-1][1] or row[0] - run[-1][0] > max_gap_s):
                segments.append(_to_segment(person_id, run, row[0], step_s, max_gap_s))
                run = []
            run.append(row)
        segments.append(_to_segment(person_id, run, float("inf"), step_s, max_gap_s))
    return segments


def _median_step(frames: Sequence[FrameResult]) -> float:
    steps = [b.time_s - a.time_s for a, b in pairwise(frames)]
    return median(steps) if steps else _LONE_FRAME_S


def _to_segment(
    person_id: int,
    run: Sequence[tuple[float, str, float]],
    next_s: float,
    step_s: float,
    max_gap_s: float,
) -> Segment:
    """Close a run: it reaches to the next one, or one frame on where the person goes away."""
    last_s = run[-1][0]
    end_s = next_s if next_s - last_s <= max_gap_s else last_s + step_s
    confidence = sum(row[2] for row in run) / len(run)
    return Segment(person_id, run[0][1], run[0][0], end_s, confidence)
