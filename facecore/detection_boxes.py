"""What a search finds: boxes, which of them are of one face, and the order to name them in."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facecore.results import Box

_ROW_GAP = 0.75  # of a face's side, between the middles of neighbours from top to bottom


@dataclass(frozen=True, slots=True)
class Detection:
    """One hit of the cascade.

    Args:
        xyxy: box in pixels of the frame, x2/y2 exclusive.
        score: the cascade's unbounded weight.
        tilt_deg: how far the picture must be turned counter-clockwise to bring the face upright.
    """

    xyxy: Box
    score: float
    tilt_deg: float = 0.0


def to_reading_order(found: Sequence[Detection]) -> list[Detection]:
    """Order by rows, as people in a group photo are named; a gap of most of a face ends a row."""
    ordered: list[Detection] = []
    row: list[Detection] = []
    row_gap = _ROW_GAP * float(np.median([_side(d) for d in found])) if found else 0.0
    for detection in sorted(found, key=lambda d: d.xyxy[1] + d.xyxy[3]):
        if row and (_middle(detection) - _middle(row[-1])) > row_gap:
            ordered += sorted(row, key=lambda d: d.xyxy[0])
            row = []
        row.append(detection)
    return ordered + sorted(row, key=lambda d: d.xyxy[0])


def are_alike(a: Detection, b: Detection) -> bool:
    """Tell whether two boxes are of one face: about as large, and one has the other's middle."""
    small, large = sorted((a, b), key=_side)
    x1, y1, x2, y2 = small.xyxy
    left, top, right, bottom = large.xyxy
    inside = left <= (x1 + x2) / 2 < right and top <= (y1 + y2) / 2 < bottom
    return inside and _side(large) < 2 * _side(small)


def leave_out(hits: Sequence[Detection], known: Sequence[Detection]) -> list[Detection]:
    """Return the hits that are of none of the known faces."""
    return [hit for hit in hits if not any(are_alike(hit, face) for face in known)]


def _side(detection: Detection) -> int:
    return detection.xyxy[3] - detection.xyxy[1]


def _middle(detection: Detection) -> float:
    return (detection.xyxy[1] + detection.xyxy[3]) / 2
