"""Faces by OpenCV's Haar cascades (Viola and Jones, 2001). The only cascade code."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from facecore.errors import DetectorError
from facecore.preprocessing import UInt8Array
from facecore.results import Box

CASCADES: dict[str, str] = {
    "alt2": "haarcascade_frontalface_alt2.xml",
    "alt": "haarcascade_frontalface_alt.xml",
    "alt_tree": "haarcascade_frontalface_alt_tree.xml",
    "default": "haarcascade_frontalface_default.xml",
}

_SMALLEST_WINDOW_PX = 24  # the cascades' own window is 20-24 px; nothing smaller can be found


@dataclass(frozen=True, slots=True)
class HaarOptions:
    """How faces are searched.

    Args:
        cascade: a key of ``CASCADES``.
        scale_factor: step between searched face sizes; nearer to 1 finds more and takes longer.
        min_neighbors: how many overlapping hits make a face; higher means fewer false boxes but
            also fewer faint faces.
        min_face_fraction: the smallest face, as a fraction of the frame's shorter side.
        max_side_px: the search runs on a copy whose longer side is at most this; a larger copy
            finds smaller faces and takes longer.
    """

    cascade: str = "alt2"
    scale_factor: float = 1.1
    min_neighbors: int = 5
    min_face_fraction: float = 0.08
    max_side_px: int = 640

    def __post_init__(self) -> None:
        if self.cascade not in CASCADES:
            raise ValueError(f"cascade must be one of {', '.join(CASCADES)}, got {self.cascade!r}")
        if not 1.01 <= self.scale_factor <= 2:
            raise ValueError(f"scale_factor must be 1.01-2, got {self.scale_factor}")
        if not 0 <= self.min_neighbors <= 50:
            raise ValueError(f"min_neighbors must be 0-50, got {self.min_neighbors}")
        if not 0 < self.min_face_fraction <= 1:
            raise ValueError(f"min_face_fraction must be in (0, 1], got {self.min_face_fraction}")
        if self.max_side_px < _SMALLEST_WINDOW_PX:
            raise ValueError(f"max_side_px must be {_SMALLEST_WINDOW_PX} or more")


PHOTO_HAAR = HaarOptions(min_face_fraction=0.03, max_side_px=1600)
"""For photos: time is there, and group photos have small faces."""

VIDEO_HAAR = HaarOptions()
"""For video files and live pictures."""


@dataclass(frozen=True, slots=True)
class Detection:
    """One hit of the cascade: its box and its unbounded weight."""

    xyxy: Box
    score: float


class HaarDetector:
    """Finds faces in a frame. One instance per thread: OpenCV's cascades are not thread-safe."""

    def __init__(self, options: HaarOptions = VIDEO_HAAR) -> None:
        self.options = options
        self._cascade = _load_cascade(options.cascade)

    def detect(self, frame_bgr: UInt8Array) -> list[Detection]:
        """Find the faces of a frame.

        Args:
            frame_bgr: uint8 array of shape (H, W, 3), BGR; is not changed.

        Returns:
            Boxes in pixels of the frame, top to bottom and left to right; none is a normal result.
        """
        height, width = frame_bgr.shape[:2]
        scale = min(1.0, self.options.max_side_px / max(height, width))
        gray = cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY)
        if scale < 1:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            gray = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
        smallest = max(
            _SMALLEST_WINDOW_PX, round(min(gray.shape) * self.options.min_face_fraction)
        )
        if min(gray.shape) < _SMALLEST_WINDOW_PX:
            return []
        xywh, _, weights = self._cascade.detectMultiScale3(
            cv2.equalizeHist(gray),
            scaleFactor=self.options.scale_factor,
            minNeighbors=self.options.min_neighbors,
            minSize=(smallest, smallest),
            outputRejectLevels=True,
        )
        scale_x, scale_y = width / gray.shape[1], height / gray.shape[0]
        found = [
            Detection(_to_xyxy(box, scale_x, scale_y), float(weight))
            for box, weight in zip(np.reshape(xywh, (-1, 4)), np.ravel(weights), strict=True)
        ]
        return sorted(found, key=lambda d: (d.xyxy[1], d.xyxy[0]))


def _load_cascade(name: str) -> cv2.CascadeClassifier:
    if not hasattr(cv2, "CascadeClassifier"):
        raise DetectorError(
            f"OpenCV {cv2.__version__} has no Haar cascades; install opencv-python-headless below 5."
        )
    path = Path(cv2.data.haarcascades) / CASCADES[name]
    cascade = cv2.CascadeClassifier(str(path)) if path.is_file() else None
    if cascade is None or cascade.empty():
        raise DetectorError(
            f"The face cascade {path.name} is missing from OpenCV {cv2.__version__} or unreadable; "
            "reinstall opencv-python-headless (4.14 or newer, below 5)."
        )
    return cascade


def _to_xyxy(xywh: np.ndarray, scale_x: float, scale_y: float) -> Box:
    x, y, w, h = (float(v) for v in xywh)
    return (
        round(x * scale_x),
        round(y * scale_y),
        round((x + w) * scale_x),
        round((y + h) * scale_y),
    )
