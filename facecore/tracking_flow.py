"""Where known faces have moved from one frame to the next, without searching them."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from facecore.preprocessing import UInt8Array, shrink_to_gray
from facecore.results import Box
from facecore.tracking import TrackedFace
from facecore.tracking_sightings import centre_and_side

_MAX_SIDE_PX = 480  # faces that a cascade finds are still large there
_GRID = 6  # points per side, spread over the middle of the face
_INNER = 0.7  # share of the box's side that shows only face
_WINDOW = (15, 15)
_LEVELS = 3
_MIN_POINTS = 6  # fewer say nothing
_MAX_ERROR_PX = 1.5  # there and back again, a point that can be followed comes home


class FlowFollower:
    """Moves faces along with what their boxes show.

    Points in each box are followed by the pyramid of Lucas and Kanade (Bouguet, 2000), forward
    and back; the median motion of those that come home moves the box, as in Kalal, Mikolajczyk
    and Matas, "Forward-Backward Error" (ICPR 2010). A face without enough of them stays.
    """

    def __init__(self) -> None:
        self._last: UInt8Array | None = None
        self._scale = 1.0

    def look(self, frame_bgr: UInt8Array) -> None:
        """Take in the frame that the next one is compared with.

        Args:
            frame_bgr: uint8 array of shape (H, W, 3), BGR; is not kept.
        """
        self._last, self._scale = shrink_to_gray(frame_bgr, _MAX_SIDE_PX)

    def follow(self, frame_bgr: UInt8Array, faces: Sequence[TrackedFace]) -> list[TrackedFace]:
        """Return faces of the last frame where they are in this one, and take this one in.

        Args:
            frame_bgr: uint8 array of shape (H, W, 3), BGR, of the last frame's size.
            faces: in pixels of the frame.

        Returns:
            The faces whose centre is still in the picture.

        Raises:
            ValueError: if no frame was taken in before, or one of another size.
        """
        last = self._last
        self.look(frame_bgr)
        if last is None or self._last is None or last.shape != self._last.shape:
            raise ValueError("expected an earlier frame of the same size")
        boxes = self._move_all(last, self._last, [face.detection.xyxy for face in faces])
        height, width = frame_bgr.shape[:2]
        moved = []
        for face, box in zip(faces, boxes, strict=True):
            (x, y), _ = centre_and_side(box)
            if 0 <= x < width and 0 <= y < height:
                moved.append(replace(face, detection=replace(face.detection, xyxy=box)))
        return moved

    def _move_all(self, last: UInt8Array, new: UInt8Array, boxes: Sequence[Box]) -> list[Box]:
        if not boxes:
            return []
        starts = np.concatenate([_grid(box) for box in boxes]) * np.float32(self._scale)
        ends = _flow(last, new, starts)
        home = _flow(new, last, ends)
        good = np.linalg.norm(home - starts, axis=1) <= _MAX_ERROR_PX
        moves = (ends - starts) / self._scale
        per_box = _GRID * _GRID
        moved = []
        for number, box in enumerate(boxes):
            own = slice(number * per_box, (number + 1) * per_box)
            moved.append(_move(box, moves[own][good[own]]))
        return moved


def _grid(box: Box) -> npt.NDArray[np.float32]:
    x1, y1, x2, y2 = box
    steps = (np.arange(_GRID) + 0.5) / _GRID * _INNER + (1 - _INNER) / 2
    x, y = np.meshgrid(x1 + steps * (x2 - x1), y1 + steps * (y2 - y1))
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


def _flow(
    old: UInt8Array, new: UInt8Array, points: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return where points went; infinitely far where they were lost."""
    flow = cv2.calcOpticalFlowPyrLK(
        old, new, points, np.empty_like(points), winSize=_WINDOW, maxLevel=_LEVELS
    )
    ends = np.asarray(flow[0], dtype=np.float32).reshape(points.shape)
    return np.where(np.asarray(flow[1]).reshape(-1, 1) > 0, ends, np.float32(1e6))


def _move(box: Box, moves: npt.NDArray[np.float32]) -> Box:
    if len(moves) < _MIN_POINTS:
        return box
    dx, dy = (round(float(v)) for v in np.median(moves, axis=0))
    x1, y1, x2, y2 = box
    return x1 + dx, y1 + dy, x2 + dx, y2 + dy
