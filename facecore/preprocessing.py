"""From a frame and its boxes to a network's batch. The only colour and resize code.

Training, evaluation and every page use these functions, so that a network always sees faces that
are framed and scaled the way it was trained on.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from facecore.registry import InputSpec
from facecore.results import Box, clip_box

UInt8Array = npt.NDArray[np.uint8]


def square_box(xyxy: Box, margin: float = 0.0, shift_y: float = 0.0) -> Box:
    """Return the square around a box, enlarged.

    Args:
        xyxy: box in pixels, x2/y2 exclusive.
        margin: enlargement as a fraction of the longer side (0.2: the side grows by 20 %).
        shift_y: moves the centre down by this fraction of the longer side.

    Returns:
        A square box; may reach outside the frame.
    """
    x1, y1, x2, y2 = xyxy
    longer = max(x2 - x1, y2 - y1)
    side = max(1, round(longer * (1 + margin)))
    left = round((x1 + x2 - side) / 2)
    top = round((y1 + y2 - side) / 2 + shift_y * longer)
    return left, top, left + side, top + side


def crop_box(frame_bgr: UInt8Array, xyxy: Box) -> UInt8Array:
    """Cut a box out of a frame; what lies outside repeats the frame's edge pixels.

    Args:
        frame_bgr: uint8 array of shape (H, W, C) or (H, W).
        xyxy: box in pixels; must touch the frame.

    Raises:
        ValueError: if the box is empty or wholly outside the frame.
    """
    height, width = frame_bgr.shape[:2]
    x1, y1, x2, y2 = xyxy
    left, top, right, bottom = clip_box(xyxy, (width, height))
    if right <= left or bottom <= top:
        raise ValueError(f"box {xyxy} does not touch a frame of {width}x{height}")
    inside = frame_bgr[top:bottom, left:right]
    pad = (top - y1, y2 - bottom, left - x1, x2 - right)
    if not any(pad):
        return inside
    return np.asarray(cv2.copyMakeBorder(inside, *pad, cv2.BORDER_REPLICATE), dtype=np.uint8)


def crop_faces(
    frame_bgr: UInt8Array,
    boxes: Sequence[Box],
    spec: InputSpec,
    tilts_deg: Sequence[float] | None = None,
) -> list[UInt8Array]:
    """Cut each face out of a frame, upright and with the framing that ``spec`` asks for.

    Args:
        frame_bgr: uint8 array of shape (H, W, 3), BGR.
        boxes: detector boxes in pixels.
        spec: gives margin and shift.
        tilts_deg: counter-clockwise turn that brings each face upright; default: none is tilted.

    Returns:
        One uint8 BGR array of shape (side, side, 3) per box.
    """
    crops = []
    for box, tilt_deg in zip(boxes, tilts_deg or [0.0] * len(boxes), strict=True):
        if tilt_deg:
            crops.append(_crop_upright(frame_bgr, box, spec, tilt_deg))
        else:
            crops.append(crop_box(frame_bgr, square_box(box, spec.margin, spec.shift_y)))
    return crops


def _crop_upright(frame_bgr: UInt8Array, box: Box, spec: InputSpec, tilt_deg: float) -> UInt8Array:
    x1, y1, x2, y2 = box
    longer = max(x2 - x1, y2 - y1)
    side = max(1, round(longer * (1 + spec.margin)))
    centre = ((x1 + x2 - 1) / 2, (y1 + y2 - 1) / 2)
    matrix = cv2.getRotationMatrix2D(centre, tilt_deg, 1.0)
    matrix[:, 2] += (side - 1) / 2 - centre[0], (side - 1) / 2 - centre[1] - spec.shift_y * longer
    crop = cv2.warpAffine(frame_bgr, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, dtype=np.uint8)


def shrink_to_gray(
    frame_bgr: UInt8Array, max_side_px: int, smaller: float = 1.0
) -> tuple[UInt8Array, float]:
    """Return a grey copy of a frame that is not larger than needed, for what looks at every pixel.

    Args:
        frame_bgr: uint8 array of shape (H, W, 3), BGR; is not changed.
        max_side_px: the longest side of the copy; a smaller frame keeps its size.
        smaller: divides the copy's size once more.

    Returns:
        uint8 array of shape (h, w), and the copy's size as a share of the frame's, at most 1.
    """
    height, width = frame_bgr.shape[:2]
    scale = min(1.0, max_side_px / max(height, width)) / smaller
    # Grey first: averaging one number per pixel takes a third of the time of three.
    gray = cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        gray = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    return np.asarray(gray, dtype=np.uint8), scale


def to_batch(crops: Sequence[UInt8Array], spec: InputSpec) -> UInt8Array:
    """Turn crops into a network's input; scaling to floats is the network's first layer.

    Args:
        crops: uint8 arrays of shape (h, w, 3) BGR or (h, w) grey, of any size.
        spec: gives size and colour.

    Returns:
        uint8 array of shape (n, spec.height, spec.width, spec.num_channels); n may be 0.
    """
    batch = np.empty((len(crops), spec.height, spec.width, spec.num_channels), dtype=np.uint8)
    for i, crop in enumerate(crops):
        batch[i] = _to_input(crop, spec)
    return batch


def _to_input(crop: UInt8Array, spec: InputSpec) -> UInt8Array:
    is_gray = crop.ndim == 2
    if spec.color == "gray":
        image = crop if is_gray else cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    else:
        image = cv2.cvtColor(crop, cv2.COLOR_GRAY2RGB if is_gray else cv2.COLOR_BGR2RGB)
    if image.shape[:2] != (spec.height, spec.width):
        # INTER_AREA averages when shrinking, so that no detail turns into noise.
        shrinks = image.shape[0] > spec.height or image.shape[1] > spec.width
        method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        image = cv2.resize(image, (spec.width, spec.height), interpolation=method)
    return np.asarray(image, dtype=np.uint8).reshape(spec.height, spec.width, spec.num_channels)
