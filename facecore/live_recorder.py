"""Recording a clip from live pictures: written by its own thread, so that no picture waits."""

import queue
import threading
from pathlib import Path

import numpy as np

from facecore.errors import FaceCoreError
from facecore.live_drawing import has_same_shape
from facecore.media import VideoWriter
from facecore.preprocessing import UInt8Array, to_batch
from facecore.program_end import start_thread
from facecore.registry import InputSpec
from facecore.temp_folders import TempFolder

MAX_CLIP_S = 600.0
"""A clip ends by itself after this time."""

_MAX_WAITING = 16  # pictures; more would only fill the memory where the encoder is too slow
_POLL_S = 0.05


class ClipRecorder:
    """Writes pictures to a silent MP4 from its creation until ``stop`` or ``discard``.

    Args:
        target: the file to write.
        max_s: later pictures are left out.
    """

    def __init__(self, target: Path, max_s: float = MAX_CLIP_S) -> None:
        self.target = target
        self.recorded_s = 0.0
        self._max_s = max_s
        self._start_s: float | None = None
        self._error: FaceCoreError | None = None
        self._num_written = 0
        self._waiting: queue.Queue[tuple[UInt8Array, float]] = queue.Queue(_MAX_WAITING)
        self._stopping = threading.Event()
        self._thread = start_thread(self._work, self._stopping.set, "clip-recorder")

    def add(self, frame_bgr: UInt8Array, time_s: float) -> None:
        """Hand over a picture; never waits: where the encoder is too slow pictures are dropped.

        Args:
            frame_bgr: uint8 array of shape (H, W, 3), BGR; must not be changed afterwards.
            time_s: when it was taken.
        """
        if self._stopping.is_set() or self._error is not None:
            return
        if self._start_s is None:
            self._start_s = time_s
        if time_s - self._start_s > self._max_s:
            return
        try:
            self._waiting.put_nowait((frame_bgr, time_s))
        except queue.Full:
            return
        self.recorded_s = max(self.recorded_s, time_s - self._start_s)

    def stop(self) -> Path | None:
        """Finish the file and return it; None if there was no picture.

        Raises:
            VideoWriteError: if the file could not be written; nothing is left of it.
        """
        self._stopping.set()
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self.target if self._num_written else None

    def discard(self) -> None:
        """End the recording and delete the file."""
        self._stopping.set()
        self._thread.join()
        self.target.unlink(missing_ok=True)

    def _work(self) -> None:
        try:
            self._write_all()
        except FaceCoreError as error:
            self._error = error

    def _write_all(self) -> None:
        first = self._next()
        if first is None:
            return
        frame_bgr, start_s = first
        size_wh = (frame_bgr.shape[1], frame_bgr.shape[0])
        with VideoWriter(self.target, size_wh, start_s=start_s) as writer:
            item: tuple[UInt8Array, float] | None = first
            while item is not None:
                writer.write(_fit(item[0], size_wh), item[1])
                self._num_written += 1
                item = self._next()

    def _next(self) -> tuple[UInt8Array, float] | None:
        while True:
            # Asked before the queue: what came in before the stop is still written.
            stopping = self._stopping.is_set()
            try:
                return self._waiting.get(timeout=0 if stopping else _POLL_S)
            except queue.Empty:
                if stopping:
                    return None


def end_clip(recorder: ClipRecorder, folder: TempFolder | None) -> None:
    """Delete a clip that lies in a folder which goes, too; finish any other one.

    Raises:
        VideoWriteError: if the file could not be written; nothing is left of it.
    """
    if folder is not None and recorder.target.parent == folder.path:
        recorder.discard()
    else:
        recorder.stop()


def _fit(frame_bgr: UInt8Array, size_wh: tuple[int, int]) -> UInt8Array:
    """Return a picture in the clip's size: browsers change theirs with the connection.

    One of another shape, from a camera that was turned, is put in the middle of black.
    """
    width, height = size_wh
    rows, columns = frame_bgr.shape[:2]
    if (rows, columns) == (height, width):
        return frame_bgr
    inner_width, inner_height = width, height
    if not has_same_shape((columns, rows), size_wh):
        scale = min(width / columns, height / rows)
        inner_width, inner_height = max(1, round(columns * scale)), max(1, round(rows * scale))
    left, top = (width - inner_width) // 2, (height - inner_height) // 2
    fitted = np.zeros((height, width, 3), dtype=np.uint8)
    spec = InputSpec(inner_height, inner_width, "rgb")
    fitted[top : top + inner_height, left : left + inner_width] = to_batch([frame_bgr], spec)[
        0, :, :, ::-1
    ]
    return fitted
