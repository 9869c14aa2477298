"""Drawing results on live pictures that are a little newer, or of another size."""

from dataclasses import replace

import cv2
import numpy as np

from facecore.annotation import AnnotationOptions, annotate, anonymise
from facecore.preprocessing import UInt8Array
from facecore.results import Box, FrameResult

_SAME_SHAPE = 1.05  # most that rounding to even sizes changes the proportions


def draw_live(
    frame_bgr: UInt8Array, result: FrameResult | None, options: AnnotationOptions
) -> UInt8Array:
    """Draw the latest results on a newer frame.

    Args:
        frame_bgr: uint8 array of shape (H, W, 3), BGR; is not changed.
        result: of an earlier frame; None where there is none, or only an old one. One of a frame of
            another shape counts as none: the camera was turned. While faces are to be hidden the
            whole picture is hidden without a result.
        options: what is drawn.

    Returns:
        A new array of the same shape.
    """
    height, width = frame_bgr.shape[:2]
    if result is None or not has_same_shape(result.size_wh, (width, height)):
        if options.hide_faces is None:
            return frame_bgr.copy()
        return anonymise(frame_bgr, [(0, 0, width, height)], options.hide_faces)
    return annotate(frame_bgr, _rescale(result, (width, height)), options)


def mirror(frame_bgr: UInt8Array) -> UInt8Array:
    """Return a frame turned like a mirror: a new uint8 array of the same shape (H, W, 3)."""
    # Reversed columns of NumPy's take thirty times as long to copy.
    return np.asarray(cv2.flip(frame_bgr, 1), dtype=np.uint8)


def has_same_shape(size_wh: tuple[int, int], other_wh: tuple[int, int]) -> bool:
    """Tell whether one size is the other one scaled, as browsers do, but for rounding."""
    ratio = size_wh[0] * other_wh[1] / (size_wh[1] * other_wh[0])
    return 1 / _SAME_SHAPE < ratio < _SAME_SHAPE


def _rescale(result: FrameResult, size_wh: tuple[int, int]) -> FrameResult:
    """Fit boxes to a frame of another size: browsers change theirs with the connection."""
    if result.size_wh == size_wh:
        return result
    sx, sy = size_wh[0] / result.size_wh[0], size_wh[1] / result.size_wh[1]

    def fit(box: Box) -> Box:
        x1, y1, x2, y2 = box
        return round(x1 * sx), round(y1 * sy), round(x2 * sx), round(y2 * sy)

    faces = tuple(replace(face, xyxy=fit(face.xyxy)) for face in result.faces)
    unsure = tuple(fit(box) for box in result.unsure)
    return replace(result, size_wh=size_wh, faces=faces, unsure=unsure)
