"""Opening a video file safely and decoding its pictures; what video.py builds on."""

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import av.error
import cv2
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from facecore.errors import BrokenVideoError, MediaTooLargeError, UnreadableVideoError
from facecore.limits import MediaLimits, megabytes
from facecore.preprocessing import UInt8Array
from facecore.video_length import mean_fps

OnStep = Callable[[], None]
"""A sign of life while nothing else comes out."""

TO_BGR = int(Interpolation.BILINEAR)
"""How a file's colours are converted: exact rounding costs five times as much for equal greys."""

# Containers that hold a video themselves. Playlists and picture lists are left out on purpose:
# they name other files, and an upload must never make the server open one.
_DEMUXERS = "mov,matroska,webm,avi,gif,mpegts,mpeg,flv,asf,ogg"
# Others are searched by time alone and may land behind the key frame that is needed.
_INDEXED = {"mov", "matroska", "avi"}
_EARLIER_S = 0.5
_MOST_REORDERED = 16  # frames; no codec stores one farther from its place
# Each holds a frame, which counts with 4K videos; more than there are processors get in their way.
_DECODER_THREADS = min(4, os.cpu_count() or 1)
_SMALLEST_ASPECT = 0.25  # pixels narrower or wider than this are a wrong entry
_VIDEO_STARTS = ((4, b"ftyp"), (8, b"AVI "), (0, b"\x1aE\xdf\xa3"), (0, b"GIF8"), (0, b"FLV"))


def open_container(path: Path) -> Any:
    """Open a file of a known kind for reading, without following what it may name."""
    return av.open(
        str(path),
        container_options={"format_whitelist": _DEMUXERS, "protocol_whitelist": "file"},
        metadata_errors="replace",
    )


@contextmanager
def open_video(
    path: Path, shown: str, limits: MediaLimits, num_threads: int = _DECODER_THREADS
) -> Iterator[tuple[Any, Any]]:
    """Open a file and its first real video stream; both are closed at the end.

    Args:
        path: the file.
        shown: its name in messages.
        limits: what is refused.
        num_threads: frames that are decoded at the same time; the first one comes soonest with 1.

    Raises:
        UnreadableVideoError: if the file may not be read, is no video, or one of an unknown kind.
        MediaTooLargeError: if the file or its pictures are over the limits.
    """
    with _told_where_unreadable(shown):
        num_bytes = path.stat().st_size if path.is_file() else None
        exists, is_folder = path.exists(), path.is_dir()
    if num_bytes is None:
        problem = "is a folder, not a video" if is_folder else "does not exist"
        if exists and not is_folder:  # a pipe: videos are read from several places at once
            problem = "is no file of its own"
        raise UnreadableVideoError(f"{shown} {problem}; name a video file.")
    if num_bytes == 0:
        raise UnreadableVideoError(f"{shown} is empty (0 bytes); choose a video file.")
    if num_bytes > limits.max_video_bytes:
        raise MediaTooLargeError(
            f"{shown} has {megabytes(num_bytes)}, more than the "
            f"{megabytes(limits.max_video_bytes)} allowed for a video; cut or compress it."
        )
    try:
        container = open_container(path)
    except (av.error.FFmpegError, ValueError) as error:
        raise UnreadableVideoError(_describe_unopened(path, shown)) from error
    with container:
        stream = _pick_stream(container, shown)
        context = stream.codec_context
        _check_pixels(context.width, context.height, shown, limits)
        stream.thread_type = "AUTO"
        context.thread_count = num_threads
        # The pictures may turn out larger than the file says: the decoder refuses those itself.
        context.options = {"max_pixels": str(limits.max_video_pixels)}
        yield container, stream


def _pick_stream(container: Any, shown: str) -> Any:
    covers = av.stream.Disposition.attached_pic
    streams = [s for s in container.streams.video if not s.disposition & covers]
    if not streams:
        what = "only sound" if container.streams.audio else "no pictures that can be read"
        raise UnreadableVideoError(f"{shown} holds {what}; choose a video with pictures.")
    if streams[0].codec_context is None:
        raise UnreadableVideoError(
            f"{shown} is encoded in a way that is not supported here, or is protected; "
            "convert it to an H.264 MP4."
        )
    return streams[0]


def iter_packets(container: Any, stream: Any) -> Iterator[Any]:
    """Yield a stream's packets, at the end an empty one.

    Raises:
        FFmpegError: where the file can be read no further.
    """
    # So PyAV ends where a stream appeared in the middle of a damaged file; all packets have come.
    with contextlib.suppress(IndexError):
        yield from container.demux(stream)


def decode_frames(
    container: Any,
    stream: Any,
    shown: str,
    limits: MediaLimits,
    on_step: OnStep | None = None,
    on_loss: OnStep | None = None,
) -> Iterator[Any]:
    """Yield every frame that can be decoded.

    ``on_step`` is called for every packet, ``on_loss`` before the frame that follows missing ones.

    Raises:
        BrokenVideoError: at the end, if some packets could not be decoded.
        UnreadableVideoError: if the video is encrypted.
        MediaTooLargeError: if a picture is over the limits.
    """
    damage: Exception | None = None
    count = 0
    empty: Any = None
    packets = iter_packets(container, stream)
    reading = True
    while reading:
        if on_step is not None:
            on_step()
        try:
            packet = next(packets, None)
        except av.error.FFmpegError as error:
            damage, packet = error, None
        if packet is not None and packet.size == 0:
            # In the middle: the picture before it stays. The last one is PyAV's own.
            empty = packet
            continue
        reading = packet is not None
        try:
            if packet is not None:
                _check_clear(packet, shown)
            # From an empty packet, or none, the decoder gives the frames that it still holds; only
            # with a packet does it say what their times count.
            frames = stream.codec_context.decode(empty if packet is None else packet)
        except av.error.FFmpegError as error:
            # One bad packet does not end a video: the decoder finds its way at the next key frame.
            damage = error
            if on_loss is not None:
                on_loss()
            continue
        for frame in frames:
            if frame.is_corrupt:
                if on_loss is not None:
                    on_loss()
                continue
            _check_pixels(frame.width, frame.height, shown, limits)
            count += 1
            yield frame
    if damage is not None and count == 0:
        raise no_frames(shown) from damage
    if damage is not None:
        raise BrokenVideoError(f"{shown} is damaged.", count) from damage


def _check_clear(packet: Any, shown: str) -> None:
    if packet.has_sidedata("encryption_info"):
        raise UnreadableVideoError(
            f"{shown} is encrypted (copy protection) and cannot be read; choose an unprotected one."
        )


def _check_pixels(width: int, height: int, shown: str, limits: MediaLimits) -> None:
    if width * height > limits.max_video_pixels:
        raise MediaTooLargeError(
            f"{shown} has pictures of {width}x{height} pixels, more than the "
            f"{limits.max_video_pixels / 1e6:.0f} million allowed; scale the video down."
        )


def to_upright_bgr(frame: Any, stream: Any, reformatter: VideoReformatter) -> UInt8Array:
    """Return a decoded frame as uint8 array of shape (H, W, 3), BGR, as a player shows it.

    Args:
        frame: the frame.
        stream: what it was decoded from.
        reformatter: one per video; each holds threads, which one per frame would add up.
    """
    image = reformatter.reformat(frame, format="bgr24", interpolation=TO_BGR).to_ndarray()
    aspect = float(stream.sample_aspect_ratio or 1)
    if _SMALLEST_ASPECT < aspect < 1 / _SMALLEST_ASPECT and aspect != 1:
        size_wh = (max(1, round(image.shape[1] * aspect)), image.shape[0])
        image = cv2.resize(image, size_wh)
    x_right, x_down, y_right, y_down = display_axes(frame)
    if x_right == 0:
        image = image.transpose(1, 0, 2)
    flip_x, flip_y = (x_right or y_right) < 0, (y_down or x_down) < 0
    image = image[:: -1 if flip_y else 1, :: -1 if flip_x else 1]
    return np.ascontiguousarray(image, dtype=np.uint8)


def display_axes(frame: Any) -> tuple[int, int, int, int]:
    """Return where the stored picture's x and y axes point on the screen.

    Returns:
        x axis to the right, x axis down, y axis to the right, y axis down: each -1, 0 or 1.
    """
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return 1, 0, 0, 1
    a, b, _, c, d, *_ = np.frombuffer(bytes(matrix), dtype=np.int32).tolist()
    if abs(a) >= abs(b):
        return (-1 if a < 0 else 1), 0, 0, (-1 if d < 0 else 1)
    return 0, (-1 if b < 0 else 1), (-1 if c < 0 else 1), 0


def seek_before(container: Any, stream: Any, time_s: float) -> None:
    """Go to a key frame before a moment; stay at the start where the file has no index.

    Frames from before the moment may follow, but none is missing: those that are shown before a
    key frame and stored behind it can only be decoded from an earlier one.

    Args:
        container: the open file.
        stream: its video stream.
        time_s: media time, counted from the first frame.
    """
    if not _INDEXED & set(container.format.name.split(",")):
        return
    time_s = max(0.0, time_s - max(_EARLIER_S, _MOST_REORDERED / mean_fps(stream)))
    target = (stream.start_time or 0) + int(time_s / stream.time_base)
    try:
        container.seek(target, stream=stream, backward=True)
    except av.error.FFmpegError:
        # A damaged index; where even this fails, reading has not left the start yet.
        with contextlib.suppress(av.error.FFmpegError):
            container.seek(0)


def no_frames(shown: str, start_s: float = 0.0, end_s: float | None = None) -> UnreadableVideoError:
    """Return the error for a video, or a range of it, without a single picture."""
    if start_s > 0 or end_s is not None:
        until = "the end" if end_s is None else f"{end_s:.1f} s"
        return UnreadableVideoError(
            f"{shown} has no readable frame between {start_s:.1f} s and {until}; "
            "choose another range."
        )
    return UnreadableVideoError(
        f"{shown} has no frame that can be decoded: it is empty or damaged; choose another video."
    )


@contextmanager
def _told_where_unreadable(shown: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnreadableVideoError(
            f"{shown} cannot be read ({error.strerror}); check its rights and those of its folder."
        ) from error


def _describe_unopened(path: Path, shown: str) -> str:
    with _told_where_unreadable(shown), path.open("rb") as file:
        start = file.read(16)
    if any(start[at : at + len(magic)] == magic for at, magic in _VIDEO_STARTS):
        return (
            f"{shown} is an incomplete or damaged video and cannot be opened; "
            "copy or download it again."
        )
    return (
        f"{shown} is not a video in a known format; choose an MP4, MOV, AVI, WebM, MKV or GIF file."
    )
