"""From a frame to its faces and their predictions; every way of running shares it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from facecore.detection import PHOTO_HAAR, VIDEO_HAAR, HaarDetector, HaarOptions
from facecore.flip import predict_flipped
from facecore.labels import Task
from facecore.pipeline_search import FaceSearch, FoundFaces, SupportsDetect
from facecore.preprocessing import UInt8Array, crop_faces, to_batch
from facecore.registry import ModelCard
from facecore.results import Face, FrameResult, Prediction
from facecore.tracking import IouTracker, TrackerOptions
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

# After so many answers for a person a network is asked no oftener than every so many seconds. Looks
# change within tenths of a second, gender does not; both are averaged over longer.
_RARER_AFTER: dict[Task, tuple[int, float]] = {"expression": (1, 0.06), "gender": (10, 0.45)}


class SupportsPredict(Protocol):
    """Anything that answers for a batch of faces; ``facecore.inference.Classifier`` does."""

    @property
    def card(self) -> ModelCard:
        """What the network expects and what its columns mean."""

    def predict_proba(self, batch: UInt8Array) -> npt.NDArray[np.float32]:
        """Return float32 probabilities of shape (n, num_classes), rows sum to 1."""


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """How frames are analysed.

    Args:
        haar: how faces are searched.
        tracker: how faces become people; None for photos, where nobody has a number.
        smoothing: expressions are averaged over about so many seconds per person, and looked at
            15 times a second at most; 0 = off, in every frame.
        gender_smoothing: the same for gender, which does not change and is asked less often.
        detect_every: faces are searched in every n-th frame and followed in between; in every
            frame while somebody new may have come or somebody known is missing.
        rescan_s: the frame is searched for new faces only so often, in media time, and for the
            smallest ones half as often; oftener while nobody is there or somebody known is missing,
            always until a new face counts. Everybody known is looked for in every frame. 0: faces
            of all sizes in every frame.
        thresholds: per task the confidence below which an answer is shown as undecided; a task
            that is not named has the threshold of its network's card.
        flip: average the answers for each face and its mirror image; twice the network's time.
    """

    haar: HaarOptions = VIDEO_HAAR
    tracker: TrackerOptions | None = field(default_factory=TrackerOptions)
    smoothing: float = 0.4
    gender_smoothing: float = 10.0
    detect_every: int = 1
    rescan_s: float = 0.4
    thresholds: Mapping[Task, float] = field(default_factory=dict)
    flip: bool = False

    def __post_init__(self) -> None:
        if self.smoothing < 0 or self.gender_smoothing < 0:
            raise ValueError("smoothing must be 0 or more seconds")
        if self.rescan_s < 0:
            raise ValueError(f"rescan_s must be 0 or more seconds, got {self.rescan_s}")
        if self.detect_every < 1:
            raise ValueError(f"detect_every must be 1 or more, got {self.detect_every}")
        if not all(0 <= threshold <= 1 for threshold in self.thresholds.values()):
            raise ValueError(f"thresholds must be between 0 and 1, got {dict(self.thresholds)}")


PHOTO_PIPELINE = PipelineOptions(haar=PHOTO_HAAR, tracker=None, smoothing=0, gender_smoothing=0)
"""For single pictures: every face counts at once, nobody is tracked."""

VIDEO_PIPELINE = PipelineOptions()
"""For video files."""


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
        boxes, tilts = [f.xyxy for f in faces], [f.tilt_deg for f in faces]
        crops: dict[tuple[float, float], list[UInt8Array]] = {}
        for task, classifier in self._classifiers.items():
            card = classifier.card
            threshold = self.options.thresholds.get(task, card.threshold)
            if (recent := self._recall_all(faces, task, time_s)) is not None:
                for face, probs, known in zip(faces, recent, predictions, strict=True):
                    prediction = Prediction(card.labels, probs, threshold)
                    known[task] = self._keeper.decide(face.person_id, task, prediction)
                continue
            start = time.perf_counter()
            framing = (card.input.margin, card.input.shift_y)
            if framing not in crops:
                crops[framing] = crop_faces(frame_bgr, boxes, card.input, tilts)
            batch = to_batch(crops[framing], card.input)
            timings["crop"] = timings.get("crop", 0.0) + _ms_since(start)
            start = time.perf_counter()
            predict = classifier.predict_proba
            rows = predict_flipped(predict, batch) if self.options.flip else predict(batch)
            timings[task] = _ms_since(start)
            for face, row, known in zip(faces, rows, predictions, strict=True):
                smoothed = self._smooth(face, task, row, time_s)
                prediction = Prediction(card.labels, smoothed, threshold)
                known[task] = self._keeper.decide(face.person_id, task, prediction)
        return [
            Face(f.xyxy, f.detection_score, f.person_id, known, f.tilt_deg)
            for f, known in zip(faces, predictions, strict=True)
        ]

    def _recall_all(
        self, faces: Sequence[Face], task: Task, time_s: float
    ) -> list[npt.NDArray[np.float32]] | None:
        """Return everybody's averages as of a moment ago; None where the network must be asked."""
        if not self._window_s(task):
            return None
        known = []
        for face in faces:
            if face.person_id is None:
                return None
            probs = self._smoother.recall(face.person_id, task, time_s, *_RARER_AFTER[task])
            if probs is None:
                return None
            known.append(probs)
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


def _ms_since(start: float) -> float:
    return (time.perf_counter() - start) * 1000
