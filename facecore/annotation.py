"""Drawing results on a frame: boxes, labels that stay readable, and hidden faces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np
import supervision as sv
from supervision.config import ORIENTED_BOX_COORDINATES

from facecore.label_layout import place_labels
from facecore.label_sets import compute_colors, order_labels
from facecore.label_text import render_label, shorten
from facecore.labels import TASKS, UNDECIDED, Task, display_answer, to_rgb
from facecore.preprocessing import UInt8Array, square_box
from facecore.results import Box, Face, FrameResult, Prediction, clip_box

HideMethod = Literal["blur", "pixelate"]
HIDE_METHODS: tuple[HideMethod, ...] = ("blur", "pixelate")

_UNKNOWN_COLOR = "#E5E7EB"  # a face without an expression
_OUTLINE = sv.Color(17, 24, 39)
_HIDDEN_MARGIN = 0.35  # a Haar box ends at the chin and above the brows; hair and ears tell too
_HIDDEN_BLOCKS = 7  # a hidden face keeps this many blocks per side: nobody is known by those
_OPACITY = 0.96  # of a label: the picture below shines through a little
_FONT_PER_FACE = 0.2
_SMALLEST_FONT_PX = 10
_SHRINKS = (1.0, 0.85, 0.7)  # smaller letters where labels would cover a face or each other
_TOLERATED = 0.03  # summed share of labels over something; nobody sees less
_FONT_STEP_PX = 2  # sizes in steps, so that a label does not flicker with its face's size


@dataclass(frozen=True, slots=True)
class AnnotationOptions:
    """What is drawn.

    Args:
        show_boxes: a box around each face, in its expression's colour.
        show_labels: expression and gender beside each face.
        show_confidence: the percentages in the labels.
        hide_faces: makes every face unrecognisable: ``"blur"``, ``"pixelate"`` or None.
        names: people's names by ``person_id``, shown instead of nothing but the number.
        numbered: the person's number, or in a photo the face's place in the result from 1.
    """

    show_boxes: bool = True
    show_labels: bool = True
    show_confidence: bool = True
    hide_faces: HideMethod | None = None
    names: Mapping[int, str] = field(default_factory=dict)
    numbered: bool = True

    def __post_init__(self) -> None:
        if self.hide_faces is not None:
            _check_method(self.hide_faces)


def annotate(
    frame_bgr: UInt8Array, result: FrameResult, options: AnnotationOptions | None = None
) -> UInt8Array:
    """Draw a frame's result on a copy of it.

    Args:
        frame_bgr: uint8 array of shape (H, W, 3), BGR; is not changed.
        result: the frame's faces, in pixels of this frame.
        options: what is drawn; None draws everything.

    Returns:
        A new array of the same shape.
    """
    options = options or AnnotationOptions()
    drawn = frame_bgr.copy()
    if options.hide_faces is not None:
        drawn = anonymise(drawn, result.boxes_to_hide, options.hide_faces)
    if not result.faces:
        return drawn
    if options.show_boxes:
        drawn = _draw_boxes(drawn, result.faces)
    if options.show_labels or options.numbered:
        _draw_labels(drawn, result.faces, options)
    return drawn


def anonymise(frame_bgr: UInt8Array, boxes: Sequence[Box], method: HideMethod) -> UInt8Array:
    """Make faces unrecognisable for good: only a few averaged blocks of each are kept.

    Args:
        frame_bgr: uint8 array of shape (H, W, 3), BGR; is not changed.
        boxes: the faces; somewhat more than each box is hidden.
        method: ``"blur"`` (blocks, then smoothed) or ``"pixelate"``.

    Returns:
        A new array of the same shape.

    Raises:
        ValueError: for an unknown method.
    """
    _check_method(method)
    hidden = frame_bgr.copy()
    size_wh = (frame_bgr.shape[1], frame_bgr.shape[0])
    for box in boxes:
        x1, y1, x2, y2 = clip_box(square_box(box, _HIDDEN_MARGIN), size_wh)
        if x2 <= x1 or y2 <= y1:
            continue
        area = sv.Detections(xyxy=np.array([[x1, y1, x2, y2]], dtype=float))
        block = max(2, round(max(x2 - x1, y2 - y1) / _HIDDEN_BLOCKS))
        # Averaging first: the annotator alone samples single pixels of each block.
        hidden = sv.BlurAnnotator(kernel_size=block).annotate(hidden, area)
        hidden = sv.PixelateAnnotator(pixel_size=block).annotate(hidden, area)
        if method == "blur":
            hidden = sv.BlurAnnotator(kernel_size=2 * block + 1).annotate(hidden, area)
    return np.asarray(hidden, dtype=np.uint8)


def _check_method(method: str) -> None:
    if method not in HIDE_METHODS:
        raise ValueError(f"hide_faces must be one of {', '.join(HIDE_METHODS)}, got {method!r}")


def _draw_boxes(frame_bgr: UInt8Array, faces: Sequence[Face]) -> UInt8Array:
    thickness = max(2, round(min(frame_bgr.shape[:2]) / 400))
    detections = sv.Detections(
        xyxy=np.array([face.xyxy for face in faces], dtype=float),
        class_id=np.arange(len(faces)),
        data={ORIENTED_BOX_COORDINATES: np.array([_corners(face) for face in faces])},
    )
    # A dark line under the coloured one keeps it visible on any background.
    outline = sv.OrientedBoxAnnotator(color=_OUTLINE, thickness=thickness + 2)
    palette = sv.ColorPalette.from_hex([_color(face) for face in faces])
    colored = sv.OrientedBoxAnnotator(color=palette, thickness=thickness)
    return np.asarray(colored.annotate(outline.annotate(frame_bgr, detections), detections))


def _corners(face: Face) -> UInt8Array:
    x1, y1, x2, y2 = face.xyxy
    center, size = ((x1 + x2) / 2, (y1 + y2) / 2), (x2 - x1, y2 - y1)
    return np.asarray(cv2.boxPoints((center, size, face.tilt_deg)))


def _draw_labels(frame_bgr: UInt8Array, faces: Sequence[Face], options: AnnotationOptions) -> None:
    shorter = min(frame_bgr.shape[:2])
    texts = [_label_text(face, number, options) for number, face in enumerate(faces, start=1)]
    colors = [_color(face) for face in faces]
    gap = max(2, round(shorter / 300))
    for shrink in _SHRINKS:
        sizes_px = [_font_px(face, shorter, shrink) for face in faces]
        tiles = [
            render_label(badge, lines, color, font_px)
            for (badge, lines), color, font_px in zip(texts, colors, sizes_px, strict=True)
        ]
        sizes_wh = [(tile.shape[1], tile.shape[0]) for tile, _ in tiles]
        frame_wh = (frame_bgr.shape[1], frame_bgr.shape[0])
        layout = place_labels([face.xyxy for face in faces], sizes_wh, frame_wh, gap)
        if layout.crowding <= _TOLERATED or max(sizes_px) == _SMALLEST_FONT_PX:
            break
    for face, color, corner, (tile, _) in zip(faces, colors, layout.corners, tiles, strict=True):
        _draw_leader(frame_bgr, face.xyxy, corner, tile, color, 2 * gap)
    for corner, (tile, shape) in zip(layout.corners, tiles, strict=True):
        _paste(frame_bgr, corner, tile, shape)


def _paste(
    frame_bgr: UInt8Array, corner: tuple[int, int], tile: UInt8Array, shape: UInt8Array
) -> None:
    left, top = corner
    area = frame_bgr[top : top + tile.shape[0], left : left + tile.shape[1]]
    rows, columns = area.shape[:2]
    mixed = cv2.addWeighted(tile[:rows, :columns], _OPACITY, area, 1 - _OPACITY, 0.0)
    cv2.copyTo(mixed, shape[:rows, :columns], area)


def _draw_leader(
    frame_bgr: UInt8Array,
    box: Box,
    corner: tuple[int, int],
    tile: UInt8Array,
    color: str,
    nearest: int,
) -> None:
    """Join a label to its face where something else may lie between them."""
    x1, y1, x2, y2 = box
    top, bottom = corner[1], corner[1] + tile.shape[0]
    if top - y2 <= nearest and y1 - bottom <= nearest:
        return
    label_y, box_y = (bottom, y1) if bottom < y1 else (top, y2)
    label_x = min(max((x1 + x2) // 2, corner[0] + 2), corner[0] + tile.shape[1] - 3)
    box_x = min(max(label_x, x1), x2 - 1)
    ends = ((label_x, label_y), (box_x, box_y))
    cv2.line(frame_bgr, *ends, _OUTLINE.as_bgr(), 4, cv2.LINE_AA)
    cv2.line(frame_bgr, *ends, to_rgb(color)[::-1], 2, cv2.LINE_AA)


def _label_text(face: Face, number: int, options: AnnotationOptions) -> tuple[str, tuple[str, ...]]:
    badge = str(number if face.person_id is None else face.person_id) if options.numbered else ""
    if not options.show_labels:
        return badge, ()
    name = "" if face.person_id is None else shorten(options.names.get(face.person_id, ""))
    lines = [name] if name else []
    for task in TASKS:
        if (prediction := face.predictions.get(task)) is not None:
            lines.append(_line(task, prediction, options.show_confidence))
    return badge, tuple(lines)


def _line(task: Task, prediction: Prediction, with_confidence: bool) -> str:
    word = display_answer(task, prediction.label)
    # "Undecided 45%" would read as the sureness of being undecided.
    with_confidence &= prediction.label != UNDECIDED
    return f"{word} {prediction.confidence:.0%}" if with_confidence else word


def _color(face: Face) -> str:
    prediction = face.expression
    if prediction is None:
        return _UNKNOWN_COLOR
    return compute_colors([*order_labels(prediction.labels), UNDECIDED])[prediction.label]


def _font_px(face: Face, shorter_side: int, shrink: float) -> int:
    x1, y1, x2, y2 = face.xyxy
    smallest = max(_SMALLEST_FONT_PX, shorter_side * 0.014)
    largest = max(12.0, shorter_side * 0.035)
    wanted = min(max((y2 - y1 + x2 - x1) / 2 * _FONT_PER_FACE, smallest), largest) * shrink
    return max(_SMALLEST_FONT_PX, round(wanted / _FONT_STEP_PX) * _FONT_STEP_PX)
