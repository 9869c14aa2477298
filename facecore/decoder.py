"""Uploaded pictures, videos and sound, read in another process: a crash there is one sentence here.

The same functions as in ``images`` and ``video``, which tell what they do. Additionally a file that
crashes the decoder, or keeps it busy without end, is told like a damaged one.
"""

import io
import logging
import os
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from facecore import errors
from facecore.decoder_process import DecoderGoneError, DecoderProcess, borrow_process
from facecore.errors import (
    BrokenVideoError,
    MediaError,
    MediaTooLargeError,
    UnreadableImageError,
    UnreadableVideoError,
)
from facecore.images import DecodedPicture, check_size
from facecore.limits import DEFAULT_LIMITS, MediaLimits, safe_name
from facecore.preprocessing import UInt8Array
from facecore.video import VideoFrame, VideoInfo

STALL_S = 10.0
"""A decoder that works for so long without a sign of life is ended; every packet is one."""
PICTURE_S = 30.0
"""How long one picture may take, in processor time: 80 million pixels are slow."""

_MOST_SLOTS = 6
# Short work only: long work is limited where it is started.
_turns = threading.BoundedSemaphore(max(2, os.cpu_count() or 1))
_log = logging.getLogger(__name__)


def decode_image(data: bytes, name: str, limits: MediaLimits = DEFAULT_LIMITS) -> UInt8Array:
    """Turn the bytes of a picture file into an upright frame; see ``decode_picture``."""
    return decode_picture(data, name, limits).bgr


def decode_picture(data: bytes, name: str, limits: MediaLimits = DEFAULT_LIMITS) -> DecodedPicture:
    """Turn the bytes of a picture file into an upright frame; see ``images.decode_picture``.

    Raises:
        UnreadableImageError: if the bytes are empty, cut off, no picture, or crash the decoder.
        MediaTooLargeError: if the file or its picture is over the limits.
    """
    check_size(data, name, limits)
    try:
        with _turns, borrow_process() as process:
            process.share(len(data))[:] = np.frombuffer(data, dtype=np.uint8)
            process.request(do="picture", num_bytes=len(data), name=name, limits=asdict(limits))
            told = _receive(process, PICTURE_S, name)
            shape = told["shape"]
            memory = _grant(process, shape, name, limits.max_pixels)
            _receive(process, PICTURE_S, name)
            bgr = memory.reshape(shape).copy()
            return DecodedPicture(bgr, told["number"], told["num_in_file"], told["is_animation"])
    except DecoderGoneError as error:
        _log.warning("a decoder process ended while it read a picture: %s", error)
        raise UnreadableImageError(
            f"{safe_name(name)} could not be read: it stopped the picture decoder; "
            "open it elsewhere, save it again and retry."
        ) from error


def read_video_info(
    path: Path, name: str | None = None, limits: MediaLimits = DEFAULT_LIMITS
) -> VideoInfo:
    """Read a video's size, speed and length; see ``video.read_video_info``.

    Raises:
        UnreadableVideoError: if the file is empty, no video, encrypted, without frames, or crashes
            the decoder.
        MediaTooLargeError: if the file or its pictures are over the limits.
    """
    shown = safe_name(name or path.name)
    try:
        with _turns, borrow_process() as process:
            place = str(path.absolute())
            process.request(do="info", path=place, name=shown, limits=asdict(limits))
            return VideoInfo(**_receive(process, STALL_S, shown)["info"])
    except DecoderGoneError as error:
        raise _stopped_at_once(shown, error) from error


def iter_frames(
    path: Path,
    start_s: float = 0.0,
    end_s: float | None = None,
    name: str | None = None,
    limits: MediaLimits = DEFAULT_LIMITS,
) -> Iterator[VideoFrame]:
    """Yield the frames of a video, or of a range of it; see ``video.iter_frames``.

    Some frames are decoded ahead, while the caller works on an earlier one.

    Raises:
        BrokenVideoError: after the last readable frame, if more was announced or the decoder
            crashed.
        UnreadableVideoError: if not one frame can be read.
        MediaTooLargeError: if the file or a picture is over the limits.
    """
    shown = safe_name(name or path.name)
    num_frames, reached_s = 0, start_s
    try:
        with borrow_process() as process:
            process.request(
                do="frames",
                path=str(path.absolute()),
                start_s=start_s,
                end_s=end_s,
                name=shown,
                limits=asdict(limits),
            )
            shape = _receive(process, STALL_S, shown)["shape"]
            memory = _grant(process, shape, shown, limits.max_video_pixels).reshape(shape)
            while "end" not in (message := _receive(process, STALL_S, shown)):
                slot = message.pop("slot")
                bgr = memory[slot].copy()
                process.send(free=slot)
                frame = VideoFrame(bgr, **message)
                num_frames, reached_s = num_frames + 1, frame.time_s + frame.duration_s
                yield frame
    except DecoderGoneError as error:
        if num_frames == 0:
            raise _stopped_at_once(shown, error) from error
        _log.warning("a decoder process ended while it read a video: %s", error)
        raise BrokenVideoError(
            f"{shown} is damaged: the video decoder stopped at {reached_s:.1f} s; the "
            f"{num_frames} frames before were kept.",
            num_frames,
        ) from error


def _grant(process: DecoderProcess, shape: list[int], name: str, max_pixels: int) -> UInt8Array:
    """Make room for frames of (n,) height, width, 3, unless they are larger than allowed."""
    height, width, channels = shape[-3:]
    slots = shape[0] if len(shape) == 4 else 1
    if channels != 3 or height * width > max_pixels or slots > _MOST_SLOTS or min(shape) < 1:
        raise MediaTooLargeError(
            f"{safe_name(name)} has pictures of {width}x{height} pixels, more than the "
            f"{max_pixels / 1e6:.0f} million allowed; make it smaller and try again."
        )
    memory = process.share(height * width * channels * slots)
    process.send(granted=True)
    return memory


def _receive(process: DecoderProcess, timeout_s: float, name: str) -> dict[str, Any]:
    """Return the next message that is more than a sign of life; raise a told error."""
    while "alive" in (message := process.receive(timeout_s)):
        pass
    if "error" not in message:
        return message
    if message["error"] == "memory":
        raise MediaTooLargeError(
            f"{safe_name(name)} needs more memory than a file may take; make it smaller."
        )
    kind = getattr(errors, message["error"])
    if kind is BrokenVideoError:
        raise BrokenVideoError(message["text"], message["frames_read"])
    if not issubclass(kind, MediaError):
        raise DecoderGoneError("an answer that makes no sense")
    raise kind(message["text"])


def _stopped_at_once(shown: str, error: DecoderGoneError) -> UnreadableVideoError:
    _log.warning("a decoder process ended while it opened a video: %s", error)
    return UnreadableVideoError(
        f"{shown} could not be read: it stopped the video decoder; "
        "convert it to an H.264 MP4 elsewhere and retry."
    )


class SoundStream(io.RawIOBase):
    """A video's sound as an MP4 file that is written by another process while it is read here.

    Args:
        path: the video.
        start_s: its media time that becomes zero.
    """

    def __init__(self, path: Path, start_s: float) -> None:
        super().__init__()
        self._lender = borrow_process()
        self._process = self._lender.__enter__()
        self._rest = b""
        self._ended = False
        try:
            self._process.request(do="sound", path=str(path.absolute()), start_s=start_s)
        except DecoderGoneError:
            self._ended = True

    def readable(self) -> bool:
        """Return that this file is for reading."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, none at the end: there also where the decoder crashed."""
        if not self._rest and not self._ended:
            self._rest = self._next()
        part, self._rest = self._rest[:size], self._rest[size:]
        return part

    def close(self) -> None:
        """Let the process go."""
        if not self.closed:
            super().close()
            self._lender.__exit__(None, None, None)

    def _next(self) -> bytes:
        try:
            data = self._process.receive_data(STALL_S)
        except DecoderGoneError as error:
            _log.warning("a decoder process ended while it read a video's sound: %s", error)
            data = None
        self._ended = data is None
        return data or b""
