"""From a frame to its faces and their predictions; every way of running shares it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from facecore.detection import HaarDetector
from facecore.labels import Task
from facecore.pipeline_asks import AskSchedule, SupportsPredict
from facecore.pipeline_between import fill_between
from facecore.pipeline_classify import Answers, Asked, ask, ask_all
from facecore.pipeline_options import PHOTO_PIPELINE, VIDEO_PIPELINE, PipelineOptions
from facecore.pipeline_search import FaceSearch, FoundFaces, SupportsDetect
from facecore.preprocessing import UInt8Array
from facecore.results import Box, Face, FrameResult, Prediction
from facecore.tracking import IouTracker
from facecore.tracking_labels import LabelKeeper
from facecore.tracking_smoothing import ProbabilitySmoother

__all__ = [
    "PHOTO_PIPELINE",
    "VIDEO_PIPELINE",
    "FacePipeline",
    "FoundFaces",
    "PipelineOptions",
    "SupportsDetect",
    "SupportsPredict",
]

_SLIDE_S = 1.0


class FacePipeline:
    """Finds, tracks and classifies the faces of successive frames.

    One instance per stream and thread. The classifiers may be shared.
    """

    def __init__(
        self,
        classifiers: Sequence[SupportsPredict],
        options: PipelineOptions = VIDEO_PIPELINE,
        detector: SupportsDetect | None = None,
    ) -> None:
        """Build a pipeline.

        Args:
            classifiers: at most one per task; a task without one is not predicted.
            options: how frames are analysed.
            detector: finds the faces; default: Haar with ``options.haar``.

        Raises:
            ValueError: if two classifiers have the same task.
            DetectorError: if the Haar cascade is missing.
        """
        self.options = options
        self._detector: SupportsDetect = detector or HaarDetector(options.haar)
        self._tracker = IouTracker(options.tracker) if options.tracker else None
        self._asks = AskSchedule()
        self._smoother = ProbabilitySmoother()
        self._keeper = LabelKeeper()
        self._search = FaceSearch()
        self._classifiers: dict[Task, SupportsPredict] = {}
        self.set_classifiers(classifiers)
        self.reset()

    @property
    def classifiers(self) -> tuple[SupportsPredict, ...]:
        """The networks in use, one per task."""
        return tuple(self._classifiers.values())

    def set_classifiers(self, classifiers: Sequence[SupportsPredict]) -> None:
        """Swap the networks; people keep their numbers, averages of a new network start afresh.

        Raises:
            ValueError: if two classifiers have the same task.
        """
        by_task = {classifier.card.task: classifier for classifier in classifiers}
        if len(by_task) < len(classifiers):
            raise ValueError("expected at most one classifier per task")
        for task, old in self._classifiers.items():
            if by_task.get(task) is not old:
                self._asks.reset(task)
                self._smoother.reset(task)
                self._keeper.reset(task)
        self._classifiers = by_task

    def set_options(self, options: PipelineOptions) -> None:
        """Change how frames are analysed; people keep their numbers while tracking goes on.

        Raises:
            DetectorError: if the Haar cascade is missing; nothing is changed then.
        """
        if options.haar != self.options.haar:
            self._detector = HaarDetector(options.haar)
        if options.tracker is None or self._tracker is None:
            self._tracker = IouTracker(options.tracker) if options.tracker else None
        else:
            self._tracker.set_options(options.tracker)
        self.options = options

    def reset(self, min_hits: int | None = None) -> None:
        """Forget all people; numbers start at 1 again.

        Args:
            min_hits: replaces the tracker's until the next reset; 1 for clips of a few frames.
        """
        if self._tracker is not None:
            self._tracker.reset(min_hits)
        self._asks.reset()
        self._smoother.reset()
        self._keeper.reset()
        self._search.reset()
        self._unsure: tuple[Box, ...] = ()

    def process(self, frame_bgr: UInt8Array, time_s: float = 0.0, index: int = 0) -> FrameResult:
        """Analyse one frame; frames of a stream come in order.

        Args:
            frame_bgr: uint8 array of shape (H, W, 3), BGR; is not changed.
            time_s: its media time; averages and tracks go by it, never by a clock.
            index: its number from 0.

        Returns:
            Its faces with one prediction per task, and the milliseconds of each stage.
        """
        return self.classify_all([self.find(frame_bgr, time_s, index)])[0]

    def find(
        self, frame_bgr: UInt8Array, time_s: float = 0.0, index: int = 0, held_s: float = 0.0
    ) -> FoundFaces:
        """Do the first half of ``process``: whose faces a frame has.

        The next frame's may be found in another thread while this one's are classified.

        Args:
            frame_bgr: as for ``process``, like the next two.
            time_s: its media time.
            index: its number.
            held_s: for how long the frame is known to be shown. On a slide, which does not come
                again, a face counts at once.
        """
        start = time.perf_counter()
        if self._tracker is None:
            faces = [
                Face(d.xyxy, d.score, tilt_deg=d.tilt_deg) for d in self._detector.detect(frame_bgr)
            ]
        else:
            tracked = self._search.track(
                frame_bgr,
                time_s,
                self._detector,
                self._tracker,
                rescan_s=self.options.rescan_s,
                quick=self.options.quick and self.options.rescan_s > 0,
                at_once=held_s >= _SLIDE_S,
            )
            faces = [
                Face(t.detection.xyxy, t.detection.score, t.person_id, {}, t.detection.tilt_deg)
                for t in tracked
            ]
        self._unsure = tuple(self._tracker.unsure_boxes(time_s) if self._tracker else ())
        timings = {"detect": _ms_since(start)}
        return FoundFaces(frame_bgr, time_s, index, tuple(faces), self._unsure, timings)

    @property
    def may_skip(self) -> bool:
        """Whether the next frame needs no search of its own: nobody is new or missing."""
        return self._tracker is not None and not self._unsure

    def find_between(
        self,
        frame_bgr: UInt8Array,
        time_s: float,
        index: int,
        neighbours: tuple[FoundFaces, FoundFaces],
    ) -> FoundFaces:
        """Do what ``find`` does for a frame that was left out, from those before and after it.

        Args:
            frame_bgr: as for ``find``, like the next two.
            time_s: its media time.
            index: its number.
            neighbours: what ``find`` gave for the frames before and after.
        """
        start = time.perf_counter()

        def search(face: Face) -> Face | None:
            return self._search.search_person(frame_bgr, face, self._detector, self._tracker)

        faces = fill_between(neighbours, time_s, search)
        return FoundFaces(frame_bgr, time_s, index, faces, (), {"detect": _ms_since(start)})

    def classify_all(self, frames: Sequence[FoundFaces]) -> list[FrameResult]:
        """Do the second half of ``process``: what the networks answer for these faces.

        Each network gets the faces of all these frames at once: together they take half the time
        that one by one they would.

        Args:
            frames: the next ones of the stream, in order.

        Returns:
            One result per frame, the same as for each frame by itself; but that a network is
            undecided about somebody is known, and it is asked oftener, from the next call on.
        """
        try:
            asked = self._ask_all(frames)
        except Exception:
            self._asks.reset()  # what was answered is lost: everybody has to be asked about again
            raise
        results = []
        for k, found in enumerate(frames):
            height, width = found.frame_bgr.shape[:2]
            faces = self._conclude(found, {task: asked[task].answers[k] for task in asked})
            self._asks.conclude(faces)
            spent_ms = dict(found.timings_ms)
            for network in asked.values():
                for stage, ms in network.spent_ms[k].items():
                    spent_ms[stage] = spent_ms.get(stage, 0.0) + ms
            size_wh = (width, height)
            results.append(
                FrameResult(found.index, found.time_s, size_wh, faces, spent_ms, found.unsure)
            )
        return results

    def _ask_all(self, frames: Sequence[FoundFaces]) -> dict[Task, Asked]:
        def prepare(task: Task) -> Callable[[], Asked]:
            wait_s = self.options.wait_s(task)
            chosen = [self._asks.choose(f.faces, task, f.time_s, wait_s) for f in frames]
            classifier, flip = self._classifiers[task], self.options.flip
            return lambda: ask(classifier, frames, chosen, flip)

        # A single frame is one of a stream: another stream's needs the other core.
        return ask_all({task: prepare(task) for task in self._classifiers}, len(frames) > 1)

    def _conclude(self, found: FoundFaces, answers: Mapping[Task, Answers]) -> tuple[Face, ...]:
        """Return a frame's faces with what is shown for them, old answers where none is new."""
        faces = []
        for i, face in enumerate(found.faces):
            predictions: dict[Task, Prediction] = {}
            for task, classifier in self._classifiers.items():
                card = classifier.card
                threshold = self.options.thresholds.get(task, card.threshold)
                if face.person_id is None or i in answers[task]:
                    probs = self._smooth(face, task, answers[task][i], found.time_s)
                else:
                    probs = self._smoother.recall(face.person_id, task)
                latest = None
                if face.person_id is not None:
                    latest = self._smoother.latest(face.person_id, task)
                prediction = Prediction(card.labels, probs, threshold, latest=latest)
                predictions[task] = self._keeper.decide(face.person_id, task, prediction)
            faces.append(replace(face, predictions=predictions))
        return tuple(faces)

    def _smooth(
        self, face: Face, task: Task, probs: npt.NDArray[np.float32], time_s: float
    ) -> npt.NDArray[np.float32]:
        if face.person_id is None:
            return probs
        return self._smoother.update(
            face.person_id, task, probs, time_s, self.options.window_s(task)
        )


def _ms_since(start: float) -> float:
    return (time.perf_counter() - start) * 1000
