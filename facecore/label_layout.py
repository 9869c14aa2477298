"""Where labels go: beside their faces, inside the picture, off other faces and labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facecore.results import Box

_FloatArray = npt.NDArray[np.float64]

# What covering something costs, per share of the label's own area.
_OVER_FACE = 15.0
_OVER_LABEL = 25.0
_OVER_OWN_FACE = 5.0
# What a place costs by itself: above, below, beside, inside the box; farther off; off the middle.
_ABOVE, _BELOW, _BESIDE, _INSIDE = 0.0, 0.12, 0.2, 0.9
_FARTHER = 0.35
_ASIDE = 0.06
_PUSHED = 0.4  # per label height that the picture's edge pushes a label away from its place
_SHIFTS = (0.0, -0.25, 0.25, -0.5, 0.5)  # from the middle, in ways from there to the corner place
_TIERS = 3  # places behind each other, above and below
_ROUNDS = 8
# In a crowd every place covers something, and trying all of them takes longer than it is worth.
_CROWD = 100
_CROWD_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Layout:
    """Chosen places.

    Args:
        corners: each label's left and top, pixels; wholly inside the frame unless larger than it.
        crowding: summed share of labels that cover a face or each other; 0 is a clean layout.
    """

    corners: tuple[tuple[int, int], ...]
    crowding: float


def place_labels(
    faces: Sequence[Box],
    sizes_wh: Sequence[tuple[int, int]],
    frame_wh: tuple[int, int],
    gap: int = 2,
) -> Layout:
    """Choose a place for every face's label.

    Each label takes the cheapest of some places around its face: above where that is free, so
    that it stays put from frame to frame. Some rounds of moving single labels follow, because an
    early choice may take the only place of a later one.

    Args:
        faces: boxes in pixels.
        sizes_wh: each label's width and height in pixels.
        frame_wh: the frame's width and height.
        gap: pixels between a face and its label.
    """
    if not faces:
        return Layout((), 0.0)
    boxes = np.array(faces, dtype=float)
    rects, fixed, on_faces = [], [], []
    for index, (face, size_wh) in enumerate(zip(faces, sizes_wh, strict=True)):
        places, own_cost = _candidates(face, size_wh, frame_wh, gap)
        weights = np.full(len(boxes), _OVER_FACE)
        weights[index] = _OVER_OWN_FACE
        shares = _shares(places, boxes)
        rects.append(places)
        on_faces.append(shares.sum(axis=1))
        fixed.append(own_cost + shares @ weights)
    near = _find_neighbours(rects)
    keys = (boxes.T[:2], -boxes.T[:2], boxes.T[1::-1])
    orders = [np.lexsort(key) for key in keys[: 1 if len(boxes) > _CROWD else None]]
    best = Layout((), np.inf)
    # What one order of choosing leaves crowded, another often solves.
    for order in orders:
        layout = _choose(np.array(rects), fixed, on_faces, near, order)
        if layout.crowding < best.crowding:
            best = layout
        if best.crowding == 0:
            break
    return best


def _find_neighbours(rects: Sequence[_FloatArray]) -> list[npt.NDArray[np.intp]]:
    """Return for each label which others could ever touch it, wherever both are put."""
    places = np.array(rects)
    reach = np.hstack([places[:, :, :2].min(axis=1), places[:, :, 2:].max(axis=1)])
    touching = _shares(reach, reach) > 0
    np.fill_diagonal(touching, val=False)
    return [np.flatnonzero(row) for row in touching]


def _choose(
    rects: _FloatArray,
    fixed: Sequence[_FloatArray],
    on_faces: Sequence[_FloatArray],
    near: Sequence[npt.NDArray[np.intp]],
    order: npt.NDArray[np.intp],
) -> Layout:
    num = len(rects)
    picks = np.array([int(np.argmin(cost)) for cost in fixed])
    chosen = rects[np.arange(num), picks]
    crowding = np.zeros(num)
    waiting = np.full(num, fill_value=True)  # whose neighbourhood has changed since they chose
    for _ in range(_CROWD_ROUNDS if num > _CROWD else _ROUNDS):
        for index in order:
            if not waiting[index]:
                continue
            waiting[index] = False
            on_labels = _shares(rects[index], chosen[near[index]]).sum(axis=1)
            pick = int(np.argmin(fixed[index] + on_labels * _OVER_LABEL))
            crowding[index] = on_labels[pick] + on_faces[index][pick]
            if pick != picks[index]:
                picks[index], chosen[index] = pick, rects[index][pick]
                waiting[near[index]] = True
        if not waiting.any():
            break
    corners = tuple((int(left), int(top)) for left, top in chosen[:, :2])
    return Layout(corners, float(crowding.sum()))


def _candidates(
    box: Box, size_wh: tuple[int, int], frame_wh: tuple[int, int], gap: int
) -> tuple[_FloatArray, _FloatArray]:
    """Return label rectangles (n, 4) around a box and what each costs by itself (n,)."""
    x1, y1, x2, y2 = box
    width, height = size_wh
    middle, center = (x1 + x2 - width) / 2, (y1 + y2 - height) / 2
    # As far to a side as the label still touches the box's column or row.
    reach_x, reach_y = (x2 - x1 + width) / 2, (y2 - y1 + height) / 2
    spots: list[tuple[float, float, float]] = [(middle, y2 - height, _INSIDE)]
    for shift in _SHIFTS:
        x, y = middle + 2 * shift * reach_x * 0.9, center + 2 * shift * reach_y * 0.9
        aside = _ASIDE * abs(shift)
        for tier in range(_TIERS):
            far = tier * (height + gap)
            spots.append((x, y1 - gap - height - far, _ABOVE + aside + tier * _FARTHER))
            spots.append((x, y2 + gap + far, _BELOW + aside + tier * _FARTHER))
        spots.append((x1 - gap - width, y, _BESIDE + aside))
        spots.append((x2 + gap, y, _BESIDE + aside))
    wanted = np.rint([spot[:2] for spot in spots])
    limit = np.maximum(np.array(frame_wh, dtype=float) - size_wh, 0)
    placed = np.clip(wanted, 0, limit)
    pushed = np.abs(placed - wanted).sum(axis=1) / max(height, 1)
    own_cost = np.array([spot[2] for spot in spots]) + _PUSHED * pushed
    return np.hstack([placed, placed + size_wh]), own_cost


def _shares(rects: _FloatArray, others: _FloatArray) -> _FloatArray:
    """Return which share of each rectangle (n) each other one (m) covers, shape (n, m)."""
    top_left = np.maximum(rects[:, None, :2], others[None, :, :2])
    bottom_right = np.minimum(rects[:, None, 2:], others[None, :, 2:])
    overlap = np.clip(bottom_right - top_left, 0, None).prod(axis=2)
    area = np.maximum((rects[:, 2:] - rects[:, :2]).prod(axis=1), 1)
    return np.asarray(overlap / area[:, None])
