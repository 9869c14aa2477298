"""How fast and how long a video is by the file's own account."""

import re
from typing import Any

import av

# These store when the pictures end, which is their length only where they begin at 0.
_COUNTED_FROM_ZERO = {"matroska", "webm", "asf"}
_FALLBACK_FPS = 25.0
_CREDIBLE_FPS = 480.0
_DURATION_TAG = re.compile(r"(?P<hours>\d{1,4}):(?P<minutes>\d{1,2}):(?P<seconds>\d{1,2}(\.\d+)?)$")
"""As Matroska files write it; in damaged ones it may say anything."""


def mean_fps(stream: Any) -> float:
    """Return a video's mean frame rate, or a usual one where the file says nothing credible."""
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate and 0 < rate <= _CREDIBLE_FPS:
            return float(rate)
    return _FALLBACK_FPS


def announced_duration_s(container: Any, stream: Any) -> float | None:
    """Return how long the pictures last by the file's own account, None where it says nothing."""
    if container.format.name == "avi" and stream.frames:
        # The demuxer shortens the duration of a cut-off file, but not the number of frames.
        return float(stream.frames / mean_fps(stream))
    length_s = _stored_length_s(container, stream)
    if length_s is None or not _COUNTED_FROM_ZERO & set(container.format.name.split(",")):
        return length_s
    length_s -= float((stream.start_time or 0) * (stream.time_base or 0))
    return length_s if length_s > 0 else None


def _stored_length_s(container: Any, stream: Any) -> float | None:
    if stream.duration:
        return float(stream.duration * stream.time_base)
    if tag := _DURATION_TAG.match(stream.metadata.get("DURATION", "")):
        return int(tag["hours"]) * 3600 + int(tag["minutes"]) * 60 + float(tag["seconds"])
    # A sound track may be the longer one, so the whole file's length tells nothing then.
    if container.duration and not container.streams.audio:
        return float(container.duration / av.time_base)
    return None
