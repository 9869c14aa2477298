"""What the tracker compares: faces of a frame with their looks, and how boxes overlap."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facecore.detection import Detection
from facecore.preprocessing import UInt8Array, crop_faces, to_batch
from facecore.registry import InputSpec
from facecore.results import Box

FloatArray = npt.NDArray[np.float32]

# Measured on filmed faces: two looks of one person correlate at 0.95 (median), of two people at
# most at 0.76. The small size forgives the jitter of the detector's box.
_LOOK_SPEC = InputSpec(12, 12, "gray")

_SAME_FACE = 0.5  # share of the smaller box inside the other one


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """A detected face and what it looks like: float32 array of shape (d,), length 1."""

    detection: Detection
    look: FloatArray


def compute_sightings(frame_bgr: UInt8Array, detections: Sequence[Detection]) -> list[Sighting]:
    """Return the detections with their looks; those centred outside the frame are left out.

    Args:
        frame_bgr: uint8 array of shape (H, W, 3), BGR.
        detections: faces of this frame.
    """
    height, width = frame_bgr.shape[:2]
    inside = []
    for found in detections:
        (x, y), _ = centre_and_side(found.xyxy)
        if 0 <= x < width and 0 <= y < height:
            inside.append(found)
    if not inside:
        return []
    crops = crop_faces(
        frame_bgr, [d.xyxy for d in inside], _LOOK_SPEC, [d.tilt_deg for d in inside]
    )
    looks = to_batch(crops, _LOOK_SPEC).reshape(len(crops), -1).astype(np.float32)
    looks -= looks.mean(axis=1, keepdims=True)
    looks /= np.maximum(np.linalg.norm(looks, axis=1, keepdims=True), 1e-6)
    return [Sighting(found, look) for found, look in zip(inside, looks, strict=True)]


def centre_and_side(box: Box) -> tuple[tuple[float, float], float]:
    """Return a box's centre and its longer side, at least 1, in pixels."""
    x1, y1, x2, y2 = box
    return ((x1 + x2) / 2, (y1 + y2) / 2), max(x2 - x1, y2 - y1, 1)


def _shared_area(a: Box, b: Box) -> int:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0)


def _area(box: Box) -> int:
    return max((box[2] - box[0]) * (box[3] - box[1]), 1)


def iou(a: Box, b: Box) -> float:
    """Return the overlap of two boxes, 0-1: shared area over the area of both."""
    shared = _shared_area(a, b)
    return shared / (_area(a) + _area(b) - shared)


def covers_any(box: Box, others: Iterable[Box]) -> bool:
    """Tell whether a box shows the same face as one of the others."""
    return any(
        _shared_area(box, other) > _SAME_FACE * min(_area(box), _area(other)) for other in others
    )


def without_doubles(sightings: Sequence[Sighting]) -> list[Sighting]:
    """Keep the strongest of several boxes on one face; return them left to right."""
    kept: list[Sighting] = []
    for sighting in sorted(sightings, key=lambda s: -s.detection.score):
        if not covers_any(sighting.detection.xyxy, [k.detection.xyxy for k in kept]):
            kept.append(sighting)
    return sorted(kept, key=lambda s: s.detection.xyxy)


def distance_sides(a: Box, b: Box) -> float:
    """Return how far apart the middles of two boxes are, in sides of a box of their mean size."""
    (ax, ay), a_side = centre_and_side(a)
    (bx, by), b_side = centre_and_side(b)
    return math.hypot(ax - bx, ay - by) / (0.5 * (a_side + b_side))
