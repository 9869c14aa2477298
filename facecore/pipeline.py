"""From a frame to its faces and their predictions; every way of running shares it."""

import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from facecore.detection import HaarDetector
from facecore.flip import predict_flipped
from facecore.labels import Task
from facecore.pipeline_options import PHOTO_PIPELINE, VIDEO_PIPELINE, PipelineOptions
from facecore.pipeline_search import FaceSearch, FoundFaces, SupportsDetect
from facecore.preprocessing import UInt8Array, crop_faces, to_batch
from facecore.registry import ModelCard
from facecore.results import Face, FrameResult, Prediction
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

# After so many answers for a person a network is asked no oftener than every so many seconds. Both
# answers are averaged over longer: on filmed faces a probability then differs by 0.01 (mean) from
# that of asking in every frame, and one word in 500.
_RARER_AFTER: dict[Task, tuple[int, float]] = {"expression": (2, 0.11), "gender": (5, 0.45)}


class SupportsPredict(Protocol):
    """Anything that answers for a batch of faces; ``facecore.inference.Classifier`` does."""

    @property
    def card(self) -> ModelCard:
        """What the network expects and what its columns mean."""

    def predict_proba(self, batch: UInt8Array) -> npt.NDArray[np.float32]:
        """Return float32 probabilities of shape (n, num_classes), rows sum to 1."""


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
        self._smoother.reset()
        self._keeper.reset()
        self._search.reset()

    def process(self, frame_bgr: UInt8Array, time_s: float = 0.0, index: int = 0) -> FrameResult:
        """Analyse one frame; frames of a stream come in order.

        Args:
            frame_bgr: uint8 array of shape (H, W, 3), BGR; is not changed.
            time_s: its media time; averages and tracks go by it, never by a clock.
            index: its number from 0.

        Returns:
            Its faces with one prediction per task, and the milliseconds of each stage.
        """
        return self.classify(self.find(frame_bgr, time_s, index))

    def find(self, frame_bgr: UInt8Array, time_s: float = 0.0, index: int = 0) -> FoundFaces:
        """Do the first half of ``process``: whose faces a frame has.

        The next frame's may be found in another thread while this one's are classified. Arguments
        as for ``process``.
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
                detect_every=self.options.detect_every,
                rescan_s=self.options.rescan_s,
            )
            faces = [
                Face(t.detection.xyxy, t.detection.score, t.person_id, {}, t.detection.tilt_deg)
                for t in tracked
            ]
        unsure = self._tracker.unsure_boxes(time_s) if self._tracker else ()
        timings = {"detect": _ms_since(start)}
        return FoundFaces(frame_bgr, time_s, index, tuple(faces), tuple(unsure), timings)

    def classify(self, found: FoundFaces) -> FrameResult:
        """Do the second half of ``process``: what the networks answer for these faces."""
        timings = dict(found.timings_ms)
        faces = list(found.faces)
        if faces:
            faces = self._classify(found.frame_bgr, faces, found.time_s, timings)
        height, width = found.frame_bgr.shape[:2]
        return FrameResult(
            found.index, found.time_s, (width, height), tuple(faces), timings, found.unsure
        )

    def _classify(
        self,
        frame_bgr: UInt8Array,
        faces: list[Face],
        time_s: float,
        timings: dict[str, float],
    ) -> list[Face]:
        predictions: list[dict[Task, Prediction]] = [{} for _ in faces]
        crops: dict[tuple[float, float], dict[int, UInt8Array]] = {}
        for task, classifier in self._classifiers.items():
            card = classifier.card
            threshold = self.options.thresholds.get(task, card.threshold)
            answers = self._recall(faces, task, time_s)
            if asked := [i for i in range(len(faces)) if i not in answers]:
                start = time.perf_counter()
                cut = crops.setdefault((card.input.margin, card.input.shift_y), {})
                _cut_missing(cut, asked, frame_bgr, faces, card)
                batch = to_batch([cut[i] for i in asked], card.input)
                timings["crop"] = timings.get("crop", 0.0) + _ms_since(start)
                start = time.perf_counter()
                predict = classifier.predict_proba
                rows = predict_flipped(predict, batch) if self.options.flip else predict(batch)
                timings[task] = _ms_since(start)
                for i, row in zip(asked, rows, strict=True):
                    answers[i] = self._smooth(faces[i], task, row, time_s)
            for i, face in enumerate(faces):
                prediction = Prediction(card.labels, answers[i], threshold)
                predictions[i][task] = self._keeper.decide(face.person_id, task, prediction)
        return [
            Face(f.xyxy, f.detection_score, f.person_id, known, f.tilt_deg)
            for f, known in zip(faces, predictions, strict=True)
        ]

    def _recall(
        self, faces: Sequence[Face], task: Task, time_s: float
    ) -> dict[int, npt.NDArray[np.float32]]:
        """Return the averages, as of a moment ago, of those of whom the network need not be asked.

        By their position among the faces.
        """
        known: dict[int, npt.NDArray[np.float32]] = {}
        if self.options.ask_always or not self._window_s(task):
            return known
        for i, face in enumerate(faces):
            if face.person_id is not None:
                probs = self._smoother.recall(face.person_id, task, time_s, *_RARER_AFTER[task])
                if probs is not None:
                    known[i] = probs
        return known

    def _smooth(
        self, face: Face, task: Task, probs: npt.NDArray[np.float32], time_s: float
    ) -> npt.NDArray[np.float32]:
        if face.person_id is None:
            return probs
        return self._smoother.update(face.person_id, task, probs, time_s, self._window_s(task))

    def _window_s(self, task: Task) -> float:
        options = self.options
        return options.smoothing if task == "expression" else options.gender_smoothing


def _cut_missing(
    cut: dict[int, UInt8Array],
    wanted: Sequence[int],
    frame_bgr: UInt8Array,
    faces: Sequence[Face],
    card: ModelCard,
) -> None:
    """Add the crops of faces, by their position, that are not cut out yet."""
    missing = [i for i in wanted if i not in cut]
    boxes, tilts = [faces[i].xyxy for i in missing], [faces[i].tilt_deg for i in missing]
    cut.update(zip(missing, crop_faces(frame_bgr, boxes, card.input, tilts), strict=True))


def _ms_since(start: float) -> float:
    return (time.perf_counter() - start) * 1000
