"""Which faces a frame of a stream has: searched everywhere, found again, or only followed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from facecore.detection import TILTS_DEG, Detection
from facecore.detection_changes import ChangeWatch
from facecore.preprocessing import UInt8Array, square_box
from facecore.results import Box, Face
from facecore.tracking import IouTracker, TrackedFace
from facecore.tracking_bridge import GapBridge
from facecore.tracking_sightings import Sighting, compute_sightings

_UNSURE_RESCAN_S = 0.2  # while nobody is there, or somebody known is missing
# A face that a search just failed to find may be found in a picture that looks the same.
_WHOLE_S = 2.0
_LARGE_IN_TURN = 2
# Somebody missing is looked for in every frame: a head that leans more is found in the next one.
_TILTS_IN_TURN = (TILTS_DEG[:3], (TILTS_DEG[0], *TILTS_DEG[3:]))


@dataclass(frozen=True, slots=True, eq=False)
class FoundFaces:
    """A frame whose faces are found and not classified yet; what ``FrameResult`` holds beside."""

    frame_bgr: UInt8Array
    time_s: float
    index: int
    faces: tuple[Face, ...]
    unsure: tuple[Box, ...]
    timings_ms: Mapping[str, float]


class SupportsDetect(Protocol):
    """Anything that finds faces; ``facecore.detection.HaarDetector`` does."""

    def detect(self, frame_bgr: UInt8Array) -> list[Detection]:
        """Return the faces of a frame."""

    def detect_near(self, frame_bgr: UInt8Array, known: Sequence[Box]) -> list[Detection | None]:
        """Return one answer per known box: the face found near it, or None."""


@runtime_checkable
class SupportsDetectAgain(Protocol):
    """A detector that finds some faces at less cost than all: large ones, known ones.

    ``between`` asks for the sizes between those that are searched otherwise; ``known`` are faces
    that were just found in the frame and are left out.
    """

    def detect_near(
        self, frame_bgr: UInt8Array, known: Sequence[Box], tilts_deg: Sequence[float] = TILTS_DEG
    ) -> list[Detection | None]:
        """Return one answer per known box: the face found near it, as upright or tilted."""

    def confirm(
        self, frame_bgr: UInt8Array, boxes: Sequence[Box], known: Sequence[Detection] = ()
    ) -> list[Detection]:
        """Return those of the last frame's faces that are still there, on the same evidence."""

    def detect(
        self, frame_bgr: UInt8Array, between: bool = False, known: Sequence[Detection] = ()
    ) -> list[Detection]:
        """Return the faces of a frame."""

    def detect_large(
        self, frame_bgr: UInt8Array, between: bool = False, known: Sequence[Detection] = ()
    ) -> list[Detection]:
        """Return the faces that are not among the smallest."""

    def detect_in(
        self,
        frame_bgr: UInt8Array,
        areas: Sequence[Box],
        between: bool = False,
        known: Sequence[Detection] = (),
    ) -> list[Detection]:
        """Return the faces in parts of a frame, on the same evidence."""

    def detect_again(
        self, frame_bgr: UInt8Array, known: Sequence[Detection]
    ) -> list[Detection | None]:
        """Return one answer per known face: where it is now, or None."""


class FaceSearch:
    """Chooses for every frame of a stream the least work that misses nobody known."""

    def __init__(self) -> None:
        self._bridge = GapBridge()
        self._watch = ChangeWatch()
        self.reset()

    def reset(self) -> None:
        """Begin a new stream."""
        self._bridge.reset()
        self._searched_s: float | None = None
        self._whole_s: float | None = None
        self._num_large = 0
        self._between = True  # the first search is a usual one
        self._was_whole = False  # the last frame's search, and the first of two
        self._num_frames = 0
        self._watch.reset()
        self._kept: list[TrackedFace] = []
        self._kept_size_wh: tuple[int, int] | None = None

    def track(
        self,
        frame_bgr: UInt8Array,
        time_s: float,
        detector: SupportsDetect,
        tracker: IouTracker,
        *,
        rescan_s: float = 0.0,
        quick: bool = False,
        at_once: bool = False,
    ) -> list[TrackedFace]:
        """Return the known people of the next frame.

        Args:
            frame_bgr: uint8 array of shape (H, W, 3), BGR; is not changed.
            time_s: its media time.
            detector: finds faces.
            tracker: knows the people of this stream.
            rescan_s: how often new faces are searched, see ``PipelineOptions``.
            quick: look for new and lost faces with less work, see ``PipelineOptions``.
            at_once: whoever is on this frame counts.
        """
        size_wh = (frame_bgr.shape[1], frame_bgr.shape[0])

        def search_near(boxes: list[Box]) -> list[Sighting | None]:
            if quick and isinstance(detector, SupportsDetectAgain):
                tilts_deg = _TILTS_IN_TURN[self._num_frames % 2]
                answers = detector.detect_near(frame_bgr, boxes, tilts_deg)
            else:
                answers = detector.detect_near(frame_bgr, boxes)
            return [
                next(iter(compute_sightings(frame_bgr, [a] if a is not None else [])), None)
                for a in answers
            ]

        if size_wh != self._kept_size_wh:
            self.reset()
        self._num_frames += 1
        found = self._find(frame_bgr, time_s, detector, tracker, rescan_s, quick)
        sightings = compute_sightings(frame_bgr, found)
        seen = tracker.update(sightings, time_s, search_near, at_once)
        self._kept = self._bridge.fill(frame_bgr, time_s, seen, tracker)
        self._kept_size_wh = size_wh
        return self._kept

    def search_person(
        self,
        frame_bgr: UInt8Array,
        face: Face,
        detector: SupportsDetect,
        tracker: IouTracker | None,
    ) -> Face | None:
        """Look for one person of the last frames in a frame between them; nothing is remembered.

        Args:
            frame_bgr: uint8 array of shape (H, W, 3), BGR; is not changed.
            face: where the person was in a neighbouring frame.
            detector: finds faces.
            tracker: knows what the person looks like; None knows nobody.
        """
        if tracker is None:
            return None
        known = Detection(face.xyxy, face.detection_score, face.tilt_deg)
        if isinstance(detector, SupportsDetectAgain):
            answers = detector.detect_again(frame_bgr, [known])
        else:
            answers = detector.detect_near(frame_bgr, [known.xyxy])
        for seen in compute_sightings(frame_bgr, [a for a in answers if a is not None]):
            if face.person_id is not None and tracker.looks_like(face.person_id, seen.look):
                box, score = seen.detection.xyxy, seen.detection.score
                return Face(box, score, face.person_id, {}, seen.detection.tilt_deg)
        return None

    def _find(
        self,
        frame_bgr: UInt8Array,
        time_s: float,
        detector: SupportsDetect,
        tracker: IouTracker,
        rescan_s: float,
        quick: bool,
    ) -> list[Detection]:
        if not rescan_s or not isinstance(detector, SupportsDetectAgain):
            return detector.detect(frame_bgr)
        newcomers = tracker.newcomer_boxes(time_s)
        # Where a whole search finds somebody new, the sizes between show who else there is.
        once_more, self._was_whole = quick and self._was_whole and bool(newcomers), False
        if once_more or (newcomers and not quick):
            wait_s = 0.0  # such a search has the most evidence that tells a face from a false box
        else:
            wait_s = self._choose_wait(tracker, time_s, rescan_s)
        if not _is_due(self._searched_s, time_s, wait_s):
            known = self._find_known(frame_bgr, detector)
            return known + detector.confirm(frame_bgr, newcomers, known)
        self._searched_s = time_s
        self._between = not self._between
        whole = once_more or _is_due(self._whole_s, time_s, _WHOLE_S)
        changed = None
        if not whole:
            before = [face.detection.xyxy for face in self._kept]
            wanted = [square_box(box, margin=1.0) for box in tracker.wanted_boxes(time_s)]
            changed = self._watch.find_changed(frame_bgr, before, wanted)
        known = self._find_known(frame_bgr, detector)
        if changed is not None:
            return known + detector.detect_in(frame_bgr, changed, self._between, known)
        # The smallest faces cost more than all others: where everything moves, two of three
        # searches leave them out.
        if not whole and wait_s and self._num_large < _LARGE_IN_TURN:
            self._num_large += 1
            return known + detector.detect_large(frame_bgr, self._between, known)
        self._num_large = 0
        self._whole_s = time_s
        self._was_whole = not once_more
        self._watch.take_in(frame_bgr)
        return known + detector.detect(frame_bgr, self._between, known)

    def _find_known(self, frame_bgr: UInt8Array, detector: SupportsDetectAgain) -> list[Detection]:
        again = detector.detect_again(frame_bgr, [face.detection for face in self._kept])
        return [detection for detection in again if detection is not None]

    def _choose_wait(self, tracker: IouTracker, time_s: float, rescan_s: float) -> float:
        """Return for how many seconds a search for new faces is enough."""
        if not self._kept or tracker.unsure_boxes(time_s):
            return min(rescan_s, _UNSURE_RESCAN_S)
        return rescan_s


def _is_due(last_s: float | None, time_s: float, wait_s: float) -> bool:
    """Tell whether so much time has passed, or jumped back."""
    return last_s is None or not 0 <= time_s - last_s < wait_s
