"""One picture per person: their largest, sharpest, most upright face so far."""

import cv2
import numpy as np

from facecore.preprocessing import UInt8Array, crop_faces, to_batch
from facecore.registry import InputSpec
from facecore.results import Face, FrameResult

MAX_SIDE_PX = 128
_MARGIN = 0.4  # a Haar box ends at chin and brows; a person is known by hair and ears too
_JUDGED = InputSpec(48, 48, "gray")
_USUAL_SHARPNESS = 100.0  # where a face counts as half as sharp as can be
_TILTED = 0.6  # a leaning head is worth less than an upright one


class ThumbnailKeeper:
    """Keeps the best crop of each person; memory grows with people, not with frames."""

    def __init__(self) -> None:
        self.crops: dict[int, UInt8Array] = {}
        self._scores: dict[int, float] = {}

    def update(self, frame_bgr: UInt8Array, result: FrameResult) -> None:
        """Take in a frame and its faces.

        Args:
            frame_bgr: uint8 array of shape (H, W, 3), BGR; is not kept.
            result: its faces; those without a number are left out.
        """
        for face in result.faces:
            if face.person_id is not None:
                self._consider(frame_bgr, face, face.person_id)

    def _consider(self, frame_bgr: UInt8Array, face: Face, person_id: int) -> None:
        side = min(face.xyxy[2] - face.xyxy[0], MAX_SIDE_PX)
        upright = 1.0 if face.tilt_deg == 0 else _TILTED
        best = self._scores.get(person_id, -1.0)
        if side * upright <= best:  # even a perfectly sharp one would not be better
            return
        (crop,) = crop_faces(frame_bgr, [face.xyxy], _JUDGED, [face.tilt_deg])
        sharpness = _compute_sharpness(to_batch([crop], _JUDGED)[0, :, :, 0])
        score = side * upright * sharpness / (sharpness + _USUAL_SHARPNESS)
        if score <= best:
            return
        shown_side = min(MAX_SIDE_PX, round(side * (1 + _MARGIN)))
        shown = InputSpec(shown_side, shown_side, "rgb", _MARGIN)
        crops = crop_faces(frame_bgr, [face.xyxy], shown, [face.tilt_deg])
        self.crops[person_id] = np.ascontiguousarray(to_batch(crops, shown)[0, :, :, ::-1])
        self._scores[person_id] = score


def _compute_sharpness(gray: UInt8Array) -> float:
    """Return the variance of the picture's second differences."""
    edges = cv2.Laplacian(gray, cv2.CV_32F)[1:-1, 1:-1]
    return float(cv2.meanStdDev(edges)[1].item() ** 2)
