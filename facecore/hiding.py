"""Hiding faces also where a video's analysis had not found them yet."""

from collections.abc import Sequence
from dataclasses import replace

from facecore.pipeline import PipelineOptions
from facecore.results import Box, FrameResult

_EARLY_S = 1.0  # longer than an analysis waits until it searches what has changed


def search_at_once(options: PipelineOptions) -> PipelineOptions:
    """Return the options with every whole frame searched: who comes must be hidden at once."""
    return replace(options, rescan_s=0.0, detect_every=1)


def hide_arrivals(frames: Sequence[FrameResult]) -> list[FrameResult]:
    """Mark the places where somebody will be found within a second.

    An analysis that was not made for hiding may notice a face some frames after it came; drawn
    later with hidden faces, these frames would show it.

    Args:
        frames: an analysis' results in the order of time.

    Returns:
        The same, with these places among ``unsure``, which are hidden but told of nowhere.
    """
    ahead: dict[int, tuple[float, Box]] = {}
    marked: list[FrameResult] = []
    for frame in reversed(frames):
        ahead = {p: near for p, near in ahead.items() if near[0] - frame.time_s <= _EARLY_S}
        here = {face.person_id: face.xyxy for face in frame.faces if face.person_id is not None}
        early = tuple(box for person, (_, box) in ahead.items() if person not in here)
        marked.append(replace(frame, unsure=(*frame.unsure, *early)) if early else frame)
        ahead |= {person: (frame.time_s, box) for person, box in here.items()}
    return marked[::-1]
