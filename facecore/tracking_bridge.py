"""Short gaps of known people: a face that no search finds for a moment is followed instead.

Cascades lose a face in single frames, at a blink or in the middle of a turn. Without this its box
and words would flicker, and the counts with them.
"""

from collections.abc import Sequence

from facecore.preprocessing import UInt8Array
from facecore.results import Box
from facecore.tracking import IouTracker, TrackedFace
from facecore.tracking_flow import FlowFollower
from facecore.tracking_sightings import compute_sightings, covers_any

_LONGEST_GAP_S = 0.25


class GapBridge:
    """Adds the faces of people who were there a moment ago and must still be.

    A face is followed by optical flow from the last frame, for at most a quarter of a second of
    media time, and only while the picture there still looks like the person: who turns away or
    walks out is not held on to.
    """

    def __init__(self) -> None:
        self._follower = FlowFollower()
        self.reset()

    def reset(self) -> None:
        """Begin a new stream."""
        self._last_bgr: UInt8Array | None = None
        self._last_faces: list[TrackedFace] = []
        self._found_s: dict[int, float] = {}  # when each person was last found, not followed

    def fill(
        self,
        frame_bgr: UInt8Array,
        time_s: float,
        found: Sequence[TrackedFace],
        tracker: IouTracker,
    ) -> list[TrackedFace]:
        """Return the people of a frame, with those whom the search has only just lost.

        Args:
            frame_bgr: uint8 array of shape (H, W, 3), BGR; is kept until the next frame and must
                not be changed.
            time_s: its media time.
            found: who was found in it.
            tracker: has taken them in.

        Returns:
            Faces by number of the person.
        """
        self._found_s |= {face.person_id: time_s for face in found}
        last_bgr, missing = self._last_bgr, self._list_missing(time_s, found)
        followed: list[TrackedFace] = []
        if missing and last_bgr is not None and last_bgr.shape == frame_bgr.shape:
            taken = [face.detection.xyxy for face in found]
            self._follower.look(last_bgr)
            followed = [
                face
                for face in self._follower.follow(frame_bgr, missing)
                if _is_inside(face.detection.xyxy, frame_bgr)
                and not covers_any(face.detection.xyxy, taken)
                and _looks_the_same(face, frame_bgr, tracker)
            ]
        self._last_bgr = frame_bgr
        self._last_faces = sorted([*found, *followed], key=lambda face: face.person_id)
        return self._last_faces

    def _list_missing(self, time_s: float, found: Sequence[TrackedFace]) -> list[TrackedFace]:
        known = {face.person_id for face in found}
        return [
            face
            for face in self._last_faces
            if face.person_id not in known
            and 0 <= time_s - self._found_s[face.person_id] <= _LONGEST_GAP_S
        ]


def _is_inside(box: Box, frame_bgr: UInt8Array) -> bool:
    height, width = frame_bgr.shape[:2]
    return box[0] >= 0 and box[1] >= 0 and box[2] <= width and box[3] <= height


def _looks_the_same(face: TrackedFace, frame_bgr: UInt8Array, tracker: IouTracker) -> bool:
    (sighting,) = compute_sightings(frame_bgr, [face.detection])
    return tracker.looks_like(face.person_id, sighting.look)
