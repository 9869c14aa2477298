"""Grey copies of frames and of their parts, on which faces are searched, and the way back."""

import math

import cv2
import numpy as np

from facecore.detection_options import SMALLEST_WINDOW_PX
from facecore.preprocessing import UInt8Array
from facecore.results import Box


def cut_out(
    frame_bgr: UInt8Array, box: Box, reach: float, scale: float
) -> tuple[UInt8Array, int, int]:
    """Return a grey copy of what surrounds a box, resized, and its left and top in the frame.

    It reaches so many sides of the box from its middle, as far as the frame does.
    """
    x1, y1, x2, y2 = box
    reach *= max(x2 - x1, y2 - y1)
    left, top = max(0, math.floor((x1 + x2) / 2 - reach)), max(0, math.floor((y1 + y2) / 2 - reach))
    right, bottom = math.ceil((x1 + x2) / 2 + reach), math.ceil((y1 + y2) / 2 + reach)
    part = frame_bgr[top : max(top, bottom), left : max(left, right)]
    if not part.size:
        return part, left, top
    gray = cv2.cvtColor(part, cv2.COLOR_BGR2GRAY)
    height, width = gray.shape
    size = max(1, round(width * scale)), max(1, round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(gray, size, interpolation=method), dtype=np.uint8), left, top


def smallest_px(gray: UInt8Array, min_face_fraction: float) -> int:
    """Return the side of the smallest face on a search copy."""
    shorter: int = min(gray.shape)
    return max(SMALLEST_WINDOW_PX, round(shorter * min_face_fraction))


def to_xyxy(x: float, y: float, side: float, scale: float) -> Box:
    """Return a square of the search copy in pixels of the frame."""
    return round(x / scale), round(y / scale), round((x + side) / scale), round((y + side) / scale)
