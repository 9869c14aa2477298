"""Where a picture has changed since it was last searched: only there can somebody new be."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from facecore.preprocessing import UInt8Array, shrink_to_gray
from facecore.results import Box, clip_box

_SIDE_PX = 160  # pictures are compared at this size, where noise and compression average out
_LEAST_CHANGE = 8  # of 255; more than noise at this size, less than a face that turns
_MARGIN = 0.25  # of a changed area's shorter side: its edges may look as they did before
_LEAST_MARGIN = 0.04  # of the frame's shorter side, about the smallest face
_MOST_CHANGED = 0.6  # of the frame; beyond, parts cost more than what is searched then


class ChangeWatch:
    """Remembers a stream's picture as it was where it was last searched."""

    def __init__(self) -> None:
        self._seen: npt.NDArray[np.int16] | None = None
        self._size_wh: tuple[int, int] | None = None

    def reset(self) -> None:
        """Begin a new stream."""
        self._seen = None

    def take_in(self, frame_bgr: UInt8Array) -> None:
        """Remember a frame of which every part has been searched.

        Args:
            frame_bgr: uint8 array of shape (H, W, 3), BGR; is not kept.
        """
        self._seen = _shrink(frame_bgr)
        self._size_wh = (frame_bgr.shape[1], frame_bgr.shape[0])

    def find_changed(
        self, frame_bgr: UInt8Array, known: Sequence[Box], wanted: Sequence[Box] = ()
    ) -> list[Box] | None:
        """Return where a frame differs from what was searched, and remember it there.

        Args:
            frame_bgr: uint8 array of shape (H, W, 3), BGR; is not kept.
            known: boxes of faces that are known to be there, in pixels of the frame; what changes
                in them is no news.
            wanted: boxes of the frame that are to be searched in any case.

        Returns:
            Boxes in pixels of the frame that do not overlap; None where most of it is new.
        """
        height, width = frame_bgr.shape[:2]
        if self._seen is None or self._size_wh != (width, height):
            return None
        new = _shrink(frame_bgr)
        changed = (np.abs(new - self._seen) >= _LEAST_CHANGE).astype(np.uint8)
        scale = new.shape[1] / width
        for boxes, value in ((known, 0), (wanted, 1)):
            for box in boxes:
                left, top, right, bottom = (max(0, round(v * scale)) for v in box)
                changed[top:bottom, left:right] = value
        # Parts of one movement, such as the edges of a plain sleeve, belong together.
        joined = np.asarray(cv2.dilate(changed, np.ones((5, 5), np.uint8)), dtype=np.uint8)
        areas = _list_boxes(joined, 1 / scale, (width, height))
        if sum(_area(area) for area in areas) > _MOST_CHANGED * width * height:
            return None
        searched = joined > 0
        self._seen[searched] = new[searched]
        return areas


def _shrink(frame_bgr: UInt8Array) -> npt.NDArray[np.int16]:
    return shrink_to_gray(frame_bgr, _SIDE_PX)[0].astype(np.int16)


def _list_boxes(mask: UInt8Array, enlarged: float, size_wh: tuple[int, int]) -> list[Box]:
    """Return what surrounds a mask's connected parts, as boxes of the frame that do not overlap."""
    least = _LEAST_MARGIN * min(size_wh)
    boxes: list[Box] = []
    # The first row of the statistics is the background.
    for x, y, width, height, _ in cv2.connectedComponentsWithStats(mask)[2][1:].tolist():
        margin = max(_MARGIN * min(width, height) * enlarged, least)
        corners = x * enlarged - margin, y * enlarged - margin
        ends = (x + width) * enlarged + margin, (y + height) * enlarged + margin
        x1, y1, x2, y2 = (round(value) for value in (*corners, *ends))
        box = clip_box((x1, y1, x2, y2), size_wh)
        while overlapping := [other for other in boxes if _overlap(box, other)]:
            boxes = [other for other in boxes if other not in overlapping]
            box = _surround([box, *overlapping])
        boxes.append(box)
    return boxes


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _surround(boxes: Sequence[Box]) -> Box:
    x1, y1, x2, y2 = zip(*boxes, strict=True)
    return min(x1), min(y1), max(x2), max(y2)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])
