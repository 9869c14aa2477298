"""Videos: what a file holds, and its frames in order, upright and in media time."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from facecore.errors import BrokenVideoError
from facecore.limits import DEFAULT_LIMITS, MediaLimits, safe_name
from facecore.preprocessing import UInt8Array
from facecore.video_file import (
    OnStep,
    decode_frames,
    display_axes,
    iter_packets,
    no_frames,
    open_video,
    seek_before,
    to_upright_bgr,
)
from facecore.video_gif import is_cut_gif
from facecore.video_length import announced_duration_s, mean_fps

_SEEK_FROM_S = 1.0  # an earlier start is reached by decoding from the beginning
_TICK_S = 1e-6
# A video that ends earlier than announced by more than this was cut off.
_MISSING_S, _MISSING_SHARE = 0.5, 0.005


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What is known of a video before it is read.

    Args:
        width: of the upright picture, pixels.
        height: of the upright picture, pixels.
        fps: mean frames per second.
        num_frames: how many frames the file announces; an estimate, None where unknown.
        duration_s: length of the video, None where unknown.
        has_audio: whether there is a sound track.
        rotation_deg: how far a phone's pictures are turned clockwise to be upright.
    """

    width: int
    height: int
    fps: float
    num_frames: int | None
    duration_s: float | None
    has_audio: bool
    rotation_deg: int


@dataclass(frozen=True, slots=True, eq=False)
class VideoFrame:
    """One frame of a video.

    Args:
        bgr: uint8 array of shape (H, W, 3), upright; every frame has the size of the first.
        time_s: when it is shown, counted from the video's first frame.
        index: its number from 0 within what is read.
        duration_s: how long it is shown, within what is read.
        is_told: whether the file itself says so; else a long time may as well be a pause or damage.
    """

    bgr: UInt8Array
    time_s: float
    index: int
    duration_s: float
    is_told: bool = False


def read_video_info(
    path: Path,
    name: str | None = None,
    limits: MediaLimits = DEFAULT_LIMITS,
    on_step: OnStep | None = None,
) -> VideoInfo:
    """Read a video's size, speed and length, and make sure that its first frame can be decoded.

    Args:
        path: the file.
        name: its name in messages, where the file itself has a temporary one.
        limits: what is refused.
        on_step: called for every packet that was read.

    Raises:
        UnreadableVideoError: if the file is empty, no video, encrypted, or without frames.
        MediaTooLargeError: if the file or its pictures are over the limits.
    """
    shown = safe_name(name or path.name)
    with open_video(path, shown, limits, num_threads=1) as (container, stream):
        first = next(decode_frames(container, stream, shown, limits, on_step), None)
        if first is None:
            raise no_frames(shown)
        height, width = to_upright_bgr(first, stream, VideoReformatter()).shape[:2]
        axes = display_axes(first)
        fps = mean_fps(stream)
        duration_s = announced_duration_s(container, stream)
        num_frames = stream.frames or (round(duration_s * fps) if duration_s else None)
        has_audio = bool(container.streams.audio)
    if duration_s is None:
        # Recordings made by a browser and GIFs tell their length only by their packets.
        num_frames, duration_s = _measure(path, shown, limits, on_step)
        fps = num_frames / duration_s if num_frames and duration_s else fps
    rotation_deg = round(np.degrees(np.arctan2(axes[1], axes[0]))) % 360
    return VideoInfo(width, height, fps, num_frames, duration_s, has_audio, rotation_deg)


def iter_frames(
    path: Path,
    start_s: float = 0.0,
    end_s: float | None = None,
    name: str | None = None,
    limits: MediaLimits = DEFAULT_LIMITS,
    on_step: OnStep | None = None,
) -> Iterator[VideoFrame]:
    """Yield the frames of a video, or of a range of it, one at a time.

    Args:
        path: the file; is closed when the generator ends or is closed.
        start_s: the first moment wanted, media time.
        end_s: the first moment no longer wanted; None reads to the end.
        name: the file's name in messages.
        limits: what is refused.
        on_step: called for every packet that was read, also those before the range.

    Raises:
        BrokenVideoError: after the last readable frame, if more was announced.
        UnreadableVideoError: if not one frame can be read.
        MediaTooLargeError: if the file or a picture is over the limits.
    """
    shown = safe_name(name or path.name)
    index, reached_s, damaged = 0, 0.0, False
    size_wh: tuple[int, int] | None = None
    reformatter = VideoReformatter()
    with open_video(path, shown, limits) as (container, stream):
        announced_s = announced_duration_s(container, stream)
        if start_s > _SEEK_FROM_S:
            seek_before(container, stream, start_s)
        try:
            timed = _timed(container, stream, shown, limits, on_step)
            for frame, time_s, duration_s, is_told in timed:
                if end_s is not None and time_s >= end_s:
                    break
                reached_s = time_s + duration_s
                if reached_s <= start_s + _TICK_S:
                    continue
                bgr = to_upright_bgr(frame, stream, reformatter)
                size_wh = size_wh or (bgr.shape[1], bgr.shape[0])
                if (bgr.shape[1], bgr.shape[0]) != size_wh:
                    bgr = np.asarray(cv2.resize(bgr, size_wh), dtype=np.uint8)
                # The first and the last frame of a range may be on screen outside of it, too.
                shown_s = max(time_s, start_s)
                until_s = reached_s if end_s is None else min(reached_s, end_s)
                yield VideoFrame(bgr, shown_s, index, until_s - shown_s, is_told)
                index += 1
            else:
                damaged = is_cut_gif(path)
        except BrokenVideoError:
            damaged = True
        slack_s = max(_MISSING_S, 3 / mean_fps(stream), _MISSING_SHARE * (announced_s or 0))
    wanted_s = min(np.inf if end_s is None else end_s, announced_s or 0.0)
    if index == 0:
        raise no_frames(shown, start_s, end_s)
    if damaged or reached_s < wanted_s - slack_s:
        of = f" of {announced_s:.1f} s" if announced_s and announced_s > reached_s else ""
        raise BrokenVideoError(
            f"{shown} is damaged or cut off: {index} frames up to {reached_s:.1f} s{of} could be "
            "read and were kept.",
            index,
        )


def _timed(
    container: Any, stream: Any, shown: str, limits: MediaLimits, on_step: OnStep | None
) -> Iterator[tuple[Any, float, float, bool]]:
    """Yield decoded frames, their time, how long they are shown, whether the file tells that.

    Times always grow.
    """
    typical_s = 1 / mean_fps(stream)
    origin = stream.start_time or 0
    is_avi = container.format.name == "avi"
    # These list the times of all pictures, so that a long one is no gap unless some were lost.
    lists_all = container.format.name.startswith("mov,")
    is_whole = True

    def note_loss() -> None:
        nonlocal is_whole
        is_whole = False

    waiting, waiting_s = None, -typical_s
    damage: BrokenVideoError | None = None
    try:
        for frame in decode_frames(container, stream, shown, limits, on_step, note_loss):
            # Files without usable times exist; theirs follow the frame rate.
            time_s = waiting_s + typical_s
            ticks = _ticks_by_output(frame, stream) if is_avi else frame.pts
            if ticks is not None and frame.time_base:
                stored_s = float((ticks - origin) * frame.time_base)
                time_s = stored_s if waiting is None or stored_s > waiting_s else time_s
            if waiting is not None:
                # Until the next one comes: stored durations are often wrong.
                shown_s = time_s - waiting_s
                is_told = (lists_all and is_whole) or _stored_s(waiting) >= shown_s - _TICK_S
                yield waiting, waiting_s, shown_s, is_told
            waiting, waiting_s = frame, time_s
    except BrokenVideoError as error:
        damage = error
    if waiting is not None:
        stored_s = _stored_s(waiting)
        yield waiting, waiting_s, stored_s or typical_s, stored_s > 0
    if damage is not None:
        raise damage


def _stored_s(frame: Any) -> float:
    """Return how long a frame is shown by the file's own account, 0 where it says nothing."""
    return max(0.0, float((frame.duration or 0) * (frame.time_base or 0)))


def _ticks_by_output(frame: Any, stream: Any) -> int | None:
    """Return when a frame of a file that stores no times is shown, None where that is unknown.

    An AVI tells only the order in which frames are decoded, one per tick; FFmpeg's guess of their
    times is wrong where they are shown in another order. A frame leaves the decoder when it is
    shown, too late by as many ticks as the decoder has to hold frames back.
    """
    if frame.dts is None:
        return None
    context = stream.codec_context
    # Older versions of PyAV say only whether it holds any back.
    held_back = getattr(context, "reorder_depth", int(context.has_b_frames))
    return max(0, int(frame.dts - held_back))


def _measure(
    path: Path, shown: str, limits: MediaLimits, on_step: OnStep | None
) -> tuple[int, float | None]:
    """Return the number of packets and the time they span, without decoding them."""
    times_s, last_s = [], 0.0
    with open_video(path, shown, limits) as (container, stream):
        for packet in iter_packets(container, stream):
            if on_step is not None:
                on_step()
            if packet.pts is not None and packet.size and packet.time_base:
                times_s.append(float(packet.pts * packet.time_base))
                last_s = float((packet.duration or 0) * packet.time_base)
        typical_s = 1 / mean_fps(stream)
    span_s = max(times_s) - min(times_s) + (last_s or typical_s) if times_s else None
    return len(times_s), span_s
