"""Faces by OpenCV's Haar cascades (Viola and Jones, 2001). The only cascade code."""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from facecore.detection_boxes import Detection, are_alike, leave_out, to_reading_order
from facecore.detection_cascade import load_cascade
from facecore.detection_copies import cut_out, smallest_px, to_xyxy
from facecore.detection_options import (
    CASCADES,
    LIVE_HAAR,
    PHOTO_HAAR,
    VIDEO_HAAR,
    HaarOptions,
)
from facecore.preprocessing import UInt8Array, shrink_to_gray
from facecore.results import Box

__all__ = [
    "CASCADES",
    "LIVE_HAAR",
    "PHOTO_HAAR",
    "VIDEO_HAAR",
    "Detection",
    "HaarDetector",
    "HaarOptions",
]

TILTS_DEG = (0.0, -20.0, 20.0, -40.0, 40.0)
"""How known faces may lean, in degrees counter-clockwise that bring them upright."""

_NEAR_SIDE = 2.2  # searched area around a known face, in sides of its box
_NEAR_SIZES = (0.7, 1.5)  # smallest and largest face there, in sides of the known box
_NEAR_NEIGHBORS = 3  # a face is known to be there, so fainter evidence is enough
_NEAR_SCALE_FACTOR = 1.1  # there are few sizes to try, so that small steps cost little
# A known face is searched at this size, however large it is in the frame: a steady cost, and large
# enough for several hits on a face. At 48 pixels a quarter of the faces of test clips are lost.
_NEAR_FACE_PX = 64
# Areas and sizes for a face that was seen a frame ago: most hardly move, and the first search costs
# half.
_AGAIN = ((1.6, (0.84, 1.2)), (1.8, (0.75, 1.35)))
_TWICE_SIDE = 2.0  # searched area around a first hit, in sides of its box

_LARGE_SIDE_PX = 480  # the smallest copy on which large faces are searched


class HaarDetector:
    """Finds faces in a frame. One instance per thread: OpenCV's cascades are not thread-safe."""

    def __init__(self, options: HaarOptions = VIDEO_HAAR) -> None:
        self.options = options
        self._cascade = load_cascade(options.cascade)
        # Local and mild: equalising the whole picture loses a face before a plain background, and
        # a stronger clip limit turns shelves and curtains into faces.
        self._contrast = cv2.createCLAHE(clipLimit=1.0, tileGridSize=(8, 8))

    def detect(
        self, frame_bgr: UInt8Array, between: bool = False, known: Sequence[Detection] = ()
    ) -> list[Detection]:
        """Find the faces of a frame.

        Args:
            frame_bgr: uint8 array of shape (H, W, 3), BGR; is not changed.
            between: search the sizes half-way between those that are searched otherwise; where both
                take turns, a face that falls between two sizes is found by the next search.
            known: faces that were just found in this frame; they are not looked for again, and are
                left out of the answer.

        Returns:
            Boxes in pixels of the frame, row by row and from left to right in a row; none is a
            normal result.
        """
        options = self.options
        fraction = options.min_face_fraction
        return self._detect(frame_bgr, options.max_side_px, fraction, between, known)

    def detect_large(
        self, frame_bgr: UInt8Array, between: bool = False, known: Sequence[Detection] = ()
    ) -> list[Detection]:
        """Find faces at least twice as large as the smallest that ``detect`` finds.

        On a copy half as large they cost a quarter. A frame that is not larger than such a copy is
        searched for nearly all sizes: that costs little, and most of its faces are small.
        Arguments and answer as for ``detect``.
        """
        fraction = min(1.0, 2 * self.options.min_face_fraction)
        side_px = max(self.options.max_side_px // 2, _LARGE_SIDE_PX)
        return self._detect(frame_bgr, side_px, fraction, between, known)

    def detect_in(
        self,
        frame_bgr: UInt8Array,
        areas: Sequence[Box],
        between: bool = False,
        known: Sequence[Detection] = (),
    ) -> list[Detection]:
        """Find the faces in parts of a frame, on the same evidence as ``detect``.

        Args:
            frame_bgr: uint8 array of shape (H, W, 3), BGR; is not changed.
            areas: where, in pixels of the frame; a face that lies in two of them is found twice.
            between: as for ``detect``, like the next.
            known: faces that were just found in this frame.

        Returns:
            Boxes in pixels of the frame, area by area.
        """
        if not areas:
            return []
        gray, scale = self._to_search_copy(frame_bgr, self.options.max_side_px, between)
        smallest = smallest_px(gray, self.options.min_face_fraction)
        found = []
        for area in areas:
            left, top, right, bottom = (max(0, round(v * scale)) for v in area)
            part = gray[top:bottom, left:right]
            found += self._find_in(part, scale, smallest, left, top)
        return self._keep_new(frame_bgr, found, known)

    def _detect(
        self,
        frame_bgr: UInt8Array,
        max_side_px: int,
        min_face_fraction: float,
        between: bool,
        known: Sequence[Detection],
    ) -> list[Detection]:
        gray, scale = self._to_search_copy(frame_bgr, max_side_px, between)
        smallest = smallest_px(gray, min_face_fraction)
        found = self._find_in(gray, scale, smallest)
        return to_reading_order(self._keep_new(frame_bgr, found, known))

    def _find_in(
        self, gray: UInt8Array, scale: float, smallest: int, left: int = 0, top: int = 0
    ) -> list[Detection]:
        """Search a search copy or a part of it, whose corner lies at left and top."""
        options = self.options
        largest = min(gray.shape)
        if largest < smallest:
            return []
        # OpenCV asks for more hits than it is told.
        neighbors = 1 if options.look_twice else options.min_neighbors
        hits = self._search(gray, options.scale_factor, neighbors, smallest, largest)
        return [Detection(to_xyxy(x + left, y + top, s, scale), weight) for x, y, s, weight in hits]

    def _keep_new(
        self, frame_bgr: UInt8Array, hits: Sequence[Detection], known: Sequence[Detection]
    ) -> list[Detection]:
        new = leave_out(hits, known)
        return self._look_again(frame_bgr, new) if self.options.look_twice else new

    def confirm(
        self, frame_bgr: UInt8Array, boxes: Sequence[Box], known: Sequence[Detection] = ()
    ) -> list[Detection]:
        """Find faces that a frame just before had, on as much evidence as ``detect``.

        Each is looked at by itself, as second looks do, which costs far less than a search.

        Args:
            frame_bgr: uint8 array of shape (H, W, 3), BGR; is not changed.
            boxes: where they are, in pixels of the frame.
            known: as for ``detect``.

        Returns:
            The faces that are there, each once, in no order.
        """
        hits = [Detection(box, 0.0) for box in boxes]
        return self._look_again(frame_bgr, leave_out(hits, known))

    def _look_again(self, frame_bgr: UInt8Array, hits: Sequence[Detection]) -> list[Detection]:
        """Return what is found near first hits by itself; several of one face give it once."""
        faces: list[Detection] = []
        for hit in sorted(hits, key=lambda hit: -hit.score):
            if any(are_alike(hit, face) for face in faces):
                continue
            face = self._find_near(
                frame_bgr, hit.xyxy, (0.0,), _TWICE_SIDE, min_neighbors=self.options.min_neighbors
            )
            if face is not None and not any(are_alike(face, other) for other in faces):
                faces.append(face)
        return faces

    def detect_near(
        self, frame_bgr: UInt8Array, known: Sequence[Box], tilts_deg: Sequence[float] = TILTS_DEG
    ) -> list[Detection | None]:
        """Look for known faces again close to where they were, upright or tilted up to 40 degrees.

        The cascades know upright faces only; a head that leans would be lost.

        Args:
            frame_bgr: uint8 array of shape (H, W, 3), BGR; is not changed.
            known: each face's last box in pixels of the frame.
            tilts_deg: those of ``TILTS_DEG`` that are looked at; each costs the same.

        Returns:
            One entry per known face: the strongest hit of all tilts, or None.
        """
        return [self._find_near(frame_bgr, box, tilts_deg) for box in known]

    def detect_again(
        self, frame_bgr: UInt8Array, known: Sequence[Detection]
    ) -> list[Detection | None]:
        """Look for faces of the frame before where they were, as large and tilted as they were.

        Far cheaper than ``detect``, and surer of faces that are there; new ones are not found.

        Args:
            frame_bgr: uint8 array of shape (H, W, 3), BGR; is not changed.
            known: the faces of the frame before, in pixels of the frame.

        Returns:
            One entry per known face: the strongest hit, or None.
        """
        return [self._find_again(frame_bgr, detection) for detection in known]

    def _find_again(self, frame_bgr: UInt8Array, known: Detection) -> Detection | None:
        for side, sizes in _AGAIN:
            found = self._find_near(frame_bgr, known.xyxy, (known.tilt_deg,), side, sizes)
            if found is not None:
                return found
        return None

    def _find_near(
        self,
        frame_bgr: UInt8Array,
        box: Box,
        tilts_deg: Sequence[float] = TILTS_DEG,
        area_side: float = _NEAR_SIDE,
        sizes: tuple[float, float] = _NEAR_SIZES,
        min_neighbors: int = _NEAR_NEIGHBORS,
    ) -> Detection | None:
        x1, y1, x2, y2 = box
        scale = _NEAR_FACE_PX / max(x2 - x1, y2 - y1, 1)
        # A square that is turned about its middle needs what its corners sweep over.
        reach = area_side / 2 if tilts_deg == (0.0,) else area_side / math.sqrt(2)
        patch, left, top = cut_out(frame_bgr, box, reach, scale)
        if not patch.size:
            return None
        patch = np.asarray(self._contrast.apply(patch), dtype=np.uint8)
        middle = ((x1 + x2) / 2 - left) * scale, ((y1 + y2) / 2 - top) * scale
        smallest, largest = (round(_NEAR_FACE_PX * size) for size in sizes)
        area = round(_NEAR_FACE_PX * area_side)
        best: Detection | None = None
        for tilt_deg in tilts_deg:
            matrix = cv2.getRotationMatrix2D(middle, tilt_deg, 1.0)
            matrix[:, 2] += area / 2 - middle[0], area / 2 - middle[1]
            turned = cv2.warpAffine(patch, matrix, (area, area), borderMode=cv2.BORDER_REPLICATE)
            back = cv2.invertAffineTransform(matrix)
            hits = self._search(turned, _NEAR_SCALE_FACTOR, min_neighbors, smallest, largest)
            for x, y, side, weight in hits:
                if best is not None and weight <= best.score:
                    continue
                cx, cy = back @ (x + side / 2, y + side / 2, 1.0)
                corner = cx - side / 2 + left * scale, cy - side / 2 + top * scale
                best = Detection(to_xyxy(*corner, side, scale), weight, tilt_deg)
        return best

    def _to_search_copy(
        self, frame_bgr: UInt8Array, max_side_px: int, between: bool
    ) -> tuple[UInt8Array, float]:
        # OpenCV's sizes begin with the cascade's own; a smaller copy lets them begin elsewhere.
        smaller = math.sqrt(self.options.scale_factor) if between else 1.0
        gray, scale = shrink_to_gray(frame_bgr, max_side_px, smaller)
        return np.asarray(self._contrast.apply(gray), dtype=np.uint8), scale

    def _search(
        self,
        gray: UInt8Array,
        scale_factor: float,
        min_neighbors: int,
        smallest: int,
        largest: int,
    ) -> list[tuple[float, float, float, float]]:
        boxes, _, weights = self._cascade.detectMultiScale3(
            gray,
            scaleFactor=scale_factor,
            minNeighbors=min_neighbors,
            minSize=(smallest, smallest),
            maxSize=(largest, largest),
            outputRejectLevels=True,
        )
        rows = zip(np.reshape(boxes, (-1, 4)), np.ravel(weights), strict=True)
        return [(float(b[0]), float(b[1]), float(b[2]), float(w)) for b, w in rows]
