"""Where labels go: beside their faces, inside the picture, off other faces and labels."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from facecore.results import Box

_FloatArray = npt.NDArray[np.float64]

# What a covered pixel costs, and what a place costs by itself, in parts of the label's own area.
_OVER_FACE = 6.0
_OVER_LABEL = 12.0
_OVER_OWN_FACE = 3.0
_ABOVE, _BELOW, _BESIDE, _CORNER, _INSIDE = 0.0, 0.12, 0.2, 0.25, 0.3
_PUSHED = 0.4  # per label height that the picture's edge pushes a label away from its place
_ROUNDS = 4


def place_labels(
    faces: Sequence[Box],
    sizes_wh: Sequence[tuple[int, int]],
    frame_wh: tuple[int, int],
    gap: int = 2,
) -> list[tuple[int, int]]:
    """Choose a place for every face's label.

    Each label takes the cheapest of some places around its face: above where that is free, so
    that it stays put from frame to frame. Some rounds of moving single labels follow, because an
    early choice may take the only place of a later one.

    Args:
        faces: boxes in pixels.
        sizes_wh: each label's width and height in pixels.
        frame_wh: the frame's width and height.
        gap: pixels between a face and its label.

    Returns:
        Each label's left and top; wholly inside the frame unless it is larger than the frame.
    """
    if not faces:
        return []
    boxes = np.array(faces, dtype=float)
    places = [
        _candidates(box, size_wh, frame_wh, gap)
        for box, size_wh in zip(faces, sizes_wh, strict=True)
    ]
    costs = [
        _cost_on_faces(rects, own_cost, boxes, index)
        for index, (rects, own_cost) in enumerate(places)
    ]
    chosen = np.array(
        [rects[np.argmin(cost)] for (rects, _), cost in zip(places, costs, strict=True)]
    )
    for _ in range(_ROUNDS):
        before = chosen.copy()
        for index, (rects, _) in enumerate(places):
            others = np.delete(chosen, index, axis=0)
            crowding = _shares(rects, others).sum(axis=1) * _OVER_LABEL
            chosen[index] = rects[np.argmin(costs[index] + crowding)]
        if np.array_equal(before, chosen):
            break
    return [(int(left), int(top)) for left, top, _, _ in chosen]


def _candidates(
    box: Box, size_wh: tuple[int, int], frame_wh: tuple[int, int], gap: int
) -> tuple[_FloatArray, _FloatArray]:
    """Return label rectangles (n, 4) around a box and what each costs by itself (n,)."""
    x1, y1, x2, y2 = box
    width, height = size_wh
    middle, center = (x1 + x2 - width) // 2, (y1 + y2 - height) // 2
    above, below = y1 - gap - height, y2 + gap
    before, after = x1 - gap - width, x2 + gap
    spots = [
        (middle, above, _ABOVE),
        (x1, above, _ABOVE + 0.02),
        (x2 - width, above, _ABOVE + 0.02),
        (middle, below, _BELOW),
        (x1, below, _BELOW + 0.02),
        (x2 - width, below, _BELOW + 0.02),
        (after, y1, _BESIDE),
        (before, y1, _BESIDE),
        (after, center, _BESIDE + 0.02),
        (before, center, _BESIDE + 0.02),
        (after, y2 - height, _BESIDE + 0.02),
        (before, y2 - height, _BESIDE + 0.02),
        (after, above, _CORNER),
        (before, above, _CORNER),
        (after, below, _CORNER),
        (before, below, _CORNER),
        (middle, y2 - height, _INSIDE),
        (middle, y1, _INSIDE + 0.1),
    ]
    wanted = np.array([spot[:2] for spot in spots], dtype=float)
    limit = np.maximum(np.array(frame_wh, dtype=float) - size_wh, 0)
    placed = np.clip(wanted, 0, limit)
    pushed = np.abs(placed - wanted).sum(axis=1) / max(height, 1)
    own_cost = np.array([spot[2] for spot in spots]) + _PUSHED * pushed
    return np.hstack([placed, placed + size_wh]), own_cost


def _cost_on_faces(
    rects: _FloatArray, own_cost: _FloatArray, boxes: _FloatArray, own: int
) -> _FloatArray:
    weights = np.full(len(boxes), _OVER_FACE)
    weights[own] = _OVER_OWN_FACE
    return own_cost + _shares(rects, boxes) @ weights


def _shares(rects: _FloatArray, others: _FloatArray) -> _FloatArray:
    """Return which share of each rectangle (n) each other one (m) covers, shape (n, m)."""
    top_left = np.maximum(rects[:, None, :2], others[None, :, :2])
    bottom_right = np.minimum(rects[:, None, 2:], others[None, :, 2:])
    overlap = np.clip(bottom_right - top_left, 0, None).prod(axis=2)
    area = np.maximum((rects[:, 2:] - rects[:, :2]).prod(axis=1), 1)
    return overlap / area[:, None]
