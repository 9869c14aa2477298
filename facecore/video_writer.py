"""Writing the annotated video: H.264 in MP4 with the source's times and sound."""

import fcntl
import glob
import secrets
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import av
import av.error
import cv2
import numpy as np
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)

from facecore.audio_copy import CopiedSound
from facecore.errors import VideoWriteError
from facecore.preprocessing import UInt8Array

TO_YUV = int(Interpolation.BILINEAR | Interpolation.ACCURATE_RND)
"""How colours are converted for the encoder: the faster default darkens grey by several levels."""

_TIME_BASE = Fraction(1, 90_000)  # fine enough to keep any variable frame rate in time
_LONGEST_STEP = 2**31 - 1  # what an MP4 can hold
_NOMINAL_FPS = 30  # for the encoder's rate control only
# No B-frames: pictures are then stored in the order and with the durations that they have.
_X264 = {"preset": "veryfast", "crf": "20", "bf": "0"}
_MAX_ENCODER_THREADS = 4


class VideoWriter:
    """Writes frames to an MP4 that browsers play; use it in a ``with`` statement.

    The file grows under ``<target>.<8 digits>.part`` and gets its name only when all went well;
    after an error nothing is left. What a killed program left of an earlier try is removed.

    Args:
        target: the file to write, usually with the suffix .mp4.
        size_wh: width and height of every frame; an odd side is filled up by one pixel.
        source: the video whose sound is taken along; None writes a silent video.
        start_s: the source's media time that becomes the start of the new video.
        end_s: where the sound ends; None takes it as far as the pictures go.

    Raises:
        VideoWriteError: if the file cannot be created, written or finished.
    """

    def __init__(
        self,
        target: Path,
        size_wh: tuple[int, int],
        source: Path | None = None,
        start_s: float = 0.0,
        end_s: float | None = None,
    ) -> None:
        self.target = target
        self.num_frames = 0
        self._size_wh = size_wh
        self._start_s = start_s
        self._end_s = end_s
        self._source = source
        # A name of its own: another program may be writing the same target.
        self._part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
        self._lock: IO[bytes] | None = None
        self._container: Any = None
        self._stream: Any = None
        self._audio: CopiedSound | None = None
        self._reformatter = VideoReformatter()  # one per frame would add up threads
        self._last_pts = -1
        self._step = round(1 / _NOMINAL_FPS / _TIME_BASE)

    def __enter__(self) -> Self:
        try:
            _remove_abandoned(self.target)
            self._lock = self._part.open("w+b")
            with suppress(OSError):  # without locks on this file system nothing is removed either
                fcntl.flock(self._lock, fcntl.LOCK_EX)
            self._container = av.open(
                str(self._part), "w", format="mp4", options={"movflags": "+faststart"}
            )
            self._stream = self._add_video_stream()
            if self._source is not None:
                self._audio = CopiedSound.open(self._source, self._container, self._start_s)
            self._container.start_encoding()
        except (av.error.FFmpegError, OSError) as error:
            self._discard()
            raise self._failure(error) from error
        return self

    def write(self, frame_bgr: UInt8Array, time_s: float, duration_s: float | None = None) -> None:
        """Append a frame.

        Args:
            frame_bgr: uint8 array of shape (H, W, 3), BGR, of the writer's size.
            time_s: its media time in the source; must grow from frame to frame.
            duration_s: how long it is shown if it is the last one; None: as long as the one before.

        Raises:
            ValueError: if the frame has another size.
            VideoWriteError: if the disk is full or the encoder fails.
        """
        if (frame_bgr.shape[1], frame_bgr.shape[0]) != self._size_wh:
            raise ValueError(f"expected a frame of size {self._size_wh}, got {frame_bgr.shape}")
        pts = max(round((time_s - self._start_s) / _TIME_BASE), self._last_pts + 1)
        if self._last_pts >= 0:
            self._step = pts - self._last_pts
        if duration_s is not None:
            end = round((time_s + duration_s - self._start_s) / _TIME_BASE)
            self._step = min(max(end - pts, 1), _LONGEST_STEP)
        self._last_pts = pts
        try:
            self._mux(self._stream.encode(self._to_video_frame(frame_bgr, pts)))
            if self._audio is not None:
                self._audio.mux_until(float(pts * _TIME_BASE))
        except av.error.FFmpegError as error:
            raise self._failure(error) from error
        self.num_frames += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None or self.num_frames == 0:
            self._discard()
            if kind is None:
                raise VideoWriteError(f"{self.target.name} was not written: it has no frames.")
            return
        try:
            self._finish()
        except (av.error.FFmpegError, OSError) as failure:
            self._discard()
            raise self._failure(failure) from failure

    def _finish(self) -> None:
        self._mux(self._stream.encode(None))
        if self._audio is not None:
            end_s = float((self._last_pts + self._step) * _TIME_BASE)
            if self._end_s is not None:
                end_s = min(end_s, self._end_s - self._start_s)
            self._audio.mux_until(end_s)
            self._audio.close()
        self._container.close()
        self._part.replace(self.target)
        self._unlock()

    def _discard(self) -> None:
        if self._audio is not None:
            self._audio.close()
        if self._container is not None:
            # On a full disk closing fails too; what is thrown away need not be whole.
            with suppress(av.error.FFmpegError, OSError):
                self._container.close()
        if self._lock is not None:
            self._part.unlink(missing_ok=True)
            self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _add_video_stream(self) -> Any:
        width, height = (side + side % 2 for side in self._size_wh)
        stream = self._container.add_stream("libx264", rate=_NOMINAL_FPS, options=_X264)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = stream.codec_context.time_base = _TIME_BASE
        context = stream.codec_context
        context.thread_count = _MAX_ENCODER_THREADS
        # Said explicitly, so that no player has to guess the colours from the size.
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        return stream

    def _to_video_frame(self, frame_bgr: UInt8Array, pts: int) -> Any:
        width, height = self._size_wh
        if width % 2 or height % 2:
            frame_bgr = np.asarray(
                cv2.copyMakeBorder(
                    frame_bgr, 0, height % 2, 0, width % 2, borderType=cv2.BORDER_REPLICATE
                ),
                dtype=np.uint8,
            )
        # Copied, never shared: the conversion below reads some bytes past the end of a frame.
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame_bgr), format="bgr24")
        frame = self._reformatter.reformat(
            frame,
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            interpolation=TO_YUV,
        )
        frame.pts, frame.time_base = pts, _TIME_BASE
        return frame

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            if packet.pts == self._last_pts:
                packet.duration = self._step  # nothing follows the last frame that would end it
            self._container.mux(packet)

    def _failure(self, error: Exception) -> VideoWriteError:
        return VideoWriteError(
            f"{self.target.name} could not be written ({error}); "
            "check that the folder exists and the disk is not full."
        )


def _remove_abandoned(target: Path) -> None:
    """Remove parts of the same target that no program is writing any more."""
    for part in target.parent.glob(f"{glob.escape(target.name)}.*.part"):
        if part.is_symlink():  # never one of ours
            continue
        with suppress(OSError), part.open("r+b") as left:
            fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()
