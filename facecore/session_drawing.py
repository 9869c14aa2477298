"""The annotated video: drawn and encoded beside an analysis, or afterwards from its results."""

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from facecore.annotation import AnnotationOptions, annotate
from facecore.errors import BrokenVideoError, VideoWriteError
from facecore.hiding import hide_arrivals
from facecore.media import VideoFrame, VideoWriter, iter_frames
from facecore.progress import OnProgress
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


def draw_results(
    source: Path,
    target: Path,
    frames: Sequence[FrameResult],
    annotation: AnnotationOptions | None = None,
    start_s: float = 0.0,
    end_s: float | None = None,
    on_progress: OnProgress | None = None,
) -> None:
    """Draw a video from stored results; nothing is analysed anew.

    Args:
        source: the video.
        target: the file to write; one that is there stays until the new one is whole.
        frames: the analysis' results, one per frame of the clip.
        annotation: what is drawn; default: everything.
        start_s: where the clip begins, media time.
        end_s: where it ends; None: with the video.
        on_progress: called after each frame; what it raises ends the drawing.

    Raises:
        VideoWriteError: if the file cannot be written.
    """
    size_wh = frames[0].size_wh
    if annotation is not None and annotation.hide_faces is not None:
        frames = hide_arrivals(frames)
    with (
        VideoWriter(target, size_wh, source=source, start_s=start_s, end_s=end_s) as writer,
        InOrder() as beside,
    ):
        pictures = iter_frames(source, start_s, end_s)
        for done, (result, frame) in enumerate(zip(frames, pictures, strict=False), start=1):
            drawn = annotate(frame.bgr, result, annotation)
            beside.submit(partial(writer.write, drawn, frame.time_s, frame.duration_s))
            if on_progress is not None:
                on_progress(done, len(frames))
        with suppress(BrokenVideoError):  # after the last result, as in the analysis
            next(pictures, None)  # a reader that was not at its end would be thrown away
