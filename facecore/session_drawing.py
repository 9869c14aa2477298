"""The annotated video of an analysis: drawn and encoded beside it, and given up before it."""

from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from facecore.annotation import AnnotationOptions, annotate
from facecore.errors import VideoWriteError
from facecore.media import VideoFrame, VideoWriter
from facecore.results import FrameResult
from facecore.video_queue import InOrder


class AnnotatedVideo:
    """Draws and encodes each frame while the next one is analysed; use it in a ``with`` statement.

    Where the file cannot be written, as on a full disk, no more is drawn and nothing of it stays:
    the results of the analysis are worth more than their picture. ``error`` then says why.

    Args:
        target: the file to write.
        source: the video.
        annotation: what is drawn; default: everything.
        start_s: where the clip begins, media time.
        end_s: where it ends; None: with the video.
    """

    def __init__(
        self,
        target: Path,
        source: Path,
        annotation: AnnotationOptions | None,
        start_s: float,
        end_s: float | None,
    ) -> None:
        self.error: str | None = None
        self._target = target
        self._source = source
        self._annotation = annotation
        self._range_s = (start_s, end_s)
        self._parts = ExitStack()
        self._writer: VideoWriter | None = None
        self._beside: InOrder | None = None

    def __enter__(self) -> Self:
        return self

    def add(self, frame: VideoFrame, result: FrameResult) -> None:
        """Draw a frame soon; waits while too many are waiting."""
        if self.error is not None:
            return
        try:
            writer, beside = self._open(result)
            beside.submit(lambda: self._draw(writer, frame, result))
        except VideoWriteError as error:
            self.error = str(error)
            with suppress(VideoWriteError):  # the same again
                self._parts.__exit__(type(error), error, error.__traceback__)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._parts.__exit__(kind, error, trace)
        except VideoWriteError as failure:
            self.error = str(failure)

    def _draw(self, writer: VideoWriter, frame: VideoFrame, result: FrameResult) -> None:
        drawn = annotate(frame.bgr, result, self._annotation)
        writer.write(drawn, frame.time_s, frame.duration_s)

    def _open(self, result: FrameResult) -> tuple[VideoWriter, InOrder]:
        if self._writer is None or self._beside is None:
            self._writer = self._parts.enter_context(
                VideoWriter(self._target, result.size_wh, self._source, *self._range_s)
            )
            self._beside = self._parts.enter_context(InOrder())
        return self._writer, self._beside
