"""Live analysis: the picture never waits, one worker analyses the newest frame."""

import logging
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from facecore.annotation import AnnotationOptions, annotate
from facecore.detection import LIVE_HAAR
from facecore.errors import FaceCoreError, VideoWriteError
from facecore.live_drawing import draw_live
from facecore.live_numbers import DelayMeter, ExpressionHistory, LiveSnapshot, RateMeter
from facecore.live_pace import compute_rest
from facecore.live_recorder import MAX_CLIP_S, ClipRecorder, end_clip
from facecore.pipeline import (
    FacePipeline,
    PipelineOptions,
    SupportsDetect,
    SupportsPredict,
)
from facecore.preprocessing import UInt8Array
from facecore.program_end import start_thread
from facecore.results import FrameResult
from facecore.session_thumbnails import ThumbnailKeeper
from facecore.stats import SessionStats
from facecore.temp_folders import TempFolder
from facecore.tracking import TrackerOptions

__all__ = ["LIVE_PIPELINE", "MAX_CLIP_S", "LiveSession", "LiveSnapshot"]

LIVE_PIPELINE = PipelineOptions(haar=LIVE_HAAR, tracker=TrackerOptions(remember_s=60.0))
"""For live pictures: people come and go before a camera, and come back as who they were."""

_LONGEST_STEP_S = 1.0  # a longer gap between analysed frames is a pause
_STALE_S = 1.5  # boxes this old are on nobody's face any more

_log = logging.getLogger(__name__)


class LiveSession:
    """One stream's analysis. Every method may be called from any thread.

    ``submit`` and ``render`` belong into the stream's callback. Analysis runs in one thread with a
    detector of its own; an exception in it is kept for ``snapshot`` and the picture goes on.

    Args:
        classifiers: loaded networks, one per task; may be shared with other sessions.
        pipeline: how frames are analysed.
        annotation: what is drawn.
        window_s: how many seconds the running chart keeps.
        detector: finds the faces; default: Haar with the pipeline's options.
    """

    def __init__(
        self,
        classifiers: Sequence[SupportsPredict],
        pipeline: PipelineOptions = LIVE_PIPELINE,
        annotation: AnnotationOptions | None = None,
        *,
        window_s: float = 60.0,
        detector: SupportsDetect | None = None,
    ) -> None:
        self._classifiers, self._options = tuple(classifiers), pipeline
        self._annotation = annotation or AnnotationOptions()
        self._window_s, self._detector = window_s, detector
        self._condition = threading.Condition()
        self._closed = False
        self._newest: tuple[UInt8Array, float, float] | None = None
        self._submitted_s = 0.0
        self._error: str | None = None
        self._recorder: ClipRecorder | None = None
        self._folder: TempFolder | None = None
        self._displayed, self._analysed, self._delays = RateMeter(), RateMeter(), DelayMeter()
        self._start_afresh()
        self._thread = start_thread(self._work, self._ask_to_end, "live-analysis")

    def _start_afresh(self) -> None:
        self._stats = SessionStats()
        self._history = ExpressionHistory(self._window_s)
        self._thumbnails = ThumbnailKeeper()
        self._origin_s: float | None = None
        self._latest: tuple[UInt8Array, FrameResult] | None = None
        self._drawn_after_s = -1.0  # boxes of pictures up to then are not drawn; times begin at 0
        self._is_fresh = True  # the worker's pipeline still knows the people of before

    def submit(self, frame_bgr: UInt8Array, time_s: float) -> None:
        """Hand over the newest frame; never waits, and an older waiting frame is dropped.

        Args:
            frame_bgr: uint8 array of shape (H, W, 3), BGR; must not be changed afterwards.
            time_s: when it was taken, on any clock that runs evenly.
        """
        with self._condition:
            if self._closed:
                return
            if self._origin_s is None:
                self._origin_s = time_s
            self._submitted_s = time_s
            self._newest = frame_bgr, time_s - self._origin_s, time.perf_counter()
            self._condition.notify()

    def render(self, frame_bgr: UInt8Array) -> UInt8Array:
        """Draw the latest results on a frame, and add it to the clip being recorded.

        While faces are to be hidden and there is no fresh result, the whole picture is hidden.

        Args:
            frame_bgr: uint8 array of shape (H, W, 3), BGR; is not changed.

        Returns:
            A new array of the same shape.
        """
        with self._condition:
            latest, options, recorder = self._latest, self._annotation, self._recorder
            time_s = self._submitted_s
            after_s = max(self._drawn_after_s, time_s - (self._origin_s or 0.0) - _STALE_S)
            self._displayed.tick(time.perf_counter())
        result = latest[1] if latest and latest[1].time_s > after_s else None
        drawn = draw_live(frame_bgr, result, options)
        if recorder is not None:
            recorder.add(drawn, time_s)
        return drawn

    def snapshot(self) -> LiveSnapshot:
        """Return the numbers of this moment."""
        with self._condition:
            now_s = time.perf_counter()
            times_s, shares = self._history.points()
            recorder = self._recorder
            return LiveSnapshot(
                summary=self._stats.summary(),
                analysed_fps=self._analysed.rate(now_s),
                displayed_fps=self._displayed.rate(now_s),
                delay_ms=self._delays.mean(),
                last_error=self._error,
                result=self._latest[1] if self._latest else None,
                times_s=times_s,
                shares=shares,
                recording=recorder is not None,
                recorded_s=recorder.recorded_s if recorder else 0.0,
                thumbnails={} if self._annotation.hide_faces else dict(self._thumbnails.crops),
            )

    def set_options(
        self,
        *,
        classifiers: Sequence[SupportsPredict] | None = None,
        pipeline: PipelineOptions | None = None,
        annotation: AnnotationOptions | None = None,
    ) -> None:
        """Change the running stream: what is given acts from the next frame on.

        People keep their numbers and statistics.
        """
        with self._condition:
            if classifiers is not None:
                self._classifiers = tuple(classifiers)
            if pipeline is not None:
                self._options = pipeline
            if annotation is not None:
                self._annotation = annotation

    def drop_boxes(self) -> None:
        """Draw no box of any picture so far, as when the next is mirrored; all else goes on."""
        with self._condition:
            # A time rather than a result: one that is being computed is of before, too.
            if self._origin_s is not None:
                self._drawn_after_s = self._submitted_s - self._origin_s

    def reset(self) -> None:
        """Start the statistics afresh; people are numbered from 1 and times count from 0 again."""
        with self._condition:
            self._newest = None
            self._start_afresh()

    def take_photo(self) -> tuple[UInt8Array, FrameResult] | None:
        """Return the latest analysed frame with its own results drawn, and those results.

        None before the first analysed frame.
        """
        with self._condition:
            latest, options = self._latest, self._annotation
        if latest is None:
            return None
        return annotate(*latest, options), latest[1]

    def start_recording(self, target: Path | None = None) -> None:
        """Record what ``render`` draws from now on, at most ``MAX_CLIP_S`` seconds.

        Args:
            target: the MP4 to write; default: a temporary one that ``close`` deletes.

        Raises:
            ValueError: if a clip is being recorded already, or the session is closed.
            StorageError: if there is no temporary folder for the clip.
        """
        with self._condition:
            if self._recorder is not None or self._closed:
                raise ValueError("a clip is being recorded already, or the session is closed")
            if target is None:
                self._folder = self._folder or TempFolder("live")
                target = self._folder.path / f"clip-{time.time_ns()}.mp4"
            self._recorder = ClipRecorder(target)

    def stop_recording(self) -> Path | None:
        """Finish the clip and return its file; None if there is none.

        Raises:
            VideoWriteError: if the file could not be written; nothing is left of it.
        """
        with self._condition:
            recorder, self._recorder = self._recorder, None
        return recorder.stop() if recorder is not None else None

    def close(self) -> None:
        """Stop the thread and delete temporary files; may be called again.

        A clip that is being recorded into a file of the caller's is finished first.
        """
        self._ask_to_end()
        with self._condition:
            recorder, self._recorder = self._recorder, None
            folder, self._folder = self._folder, None
        if recorder is not None:
            try:
                end_clip(recorder, folder)
            except VideoWriteError as error:
                self._fail(error)
        if folder is not None:
            folder.close()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _ask_to_end(self) -> None:
        with self._condition:
            self._closed = True
            self._newest = self._latest = None
            self._condition.notify()

    def _work(self) -> None:
        pipeline: FacePipeline | None = None
        rest_s = 0.0
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._closed, rest_s)
                self._condition.wait_for(lambda: self._closed or self._newest is not None)
                if self._closed or self._newest is None:
                    return
                frame_bgr, time_s, submitted_s = self._newest
                self._newest = None
                classifiers, options = self._classifiers, self._options
                is_fresh, self._is_fresh = self._is_fresh, False
                stats = self._stats
            begun_s = time.perf_counter()
            # The one broad except: whatever goes wrong, the picture goes on and the page tells.
            try:
                if pipeline is None:
                    pipeline = FacePipeline(classifiers, options, self._detector)
                if is_fresh:
                    pipeline.reset()
                pipeline.set_options(options)
                if pipeline.classifiers != classifiers:
                    pipeline.set_classifiers(classifiers)
                result = pipeline.process(frame_bgr, time_s)
                self._take_in(frame_bgr, result, stats, submitted_s)
            except Exception as error:
                self._fail(error)
            rest_s = compute_rest(time.perf_counter() - begun_s)

    def _take_in(
        self, frame_bgr: UInt8Array, result: FrameResult, stats: SessionStats, submitted_s: float
    ) -> None:
        with self._condition:
            now_s = time.perf_counter()
            self._error = None
            self._analysed.tick(now_s)
            self._delays.add((now_s - submitted_s) * 1000)
            if stats is not self._stats or self._closed:  # reset in the meantime
                return
            last_s = self._latest[1].time_s if self._latest else result.time_s
            stats.update(result, min(max(result.time_s - last_s, 0.0), _LONGEST_STEP_S))
            self._latest = frame_bgr, result
            self._history.add(result)
            if self._annotation.hide_faces is None:
                self._thumbnails.update(frame_bgr, result)

    def _fail(self, error: Exception) -> None:
        message = f"The analysis of a picture failed ({type(error).__name__}: {error})."
        if isinstance(error, FaceCoreError):
            message = str(error)
        with self._condition:
            is_new = message != self._error
            self._error = message
        if is_new:
            _log.error("live analysis failed", exc_info=error)
