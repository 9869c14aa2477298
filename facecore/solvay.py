"""The group photo of the paper's Appendix I: telling it from others, and who is who in it.

Fifth Solvay conference, Brussels 1927; photo by B. Couprie, public domain. The photo itself is not
part of the package, only the places of its 29 faces.
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from facecore.results import Box

NOT_FOUND_IN_PAPER = "Theophile de Donder"
"""The fifth from the left in the back row, whom the paper's search missed."""

MARIE_CURIE = "Marie Curie"
"""The one person whom the paper names."""

SMILING, SMILING_NO = "Werner Heisenberg", 24
"""Who smiles in the photo, and probably his number in the paper: the only one whom all three of its
models call happy."""

_FILE = Path(__file__).with_name("solvay_1927.json")
_MIN_MATCHED = 22  # of 29: the photo with some faces cut off or missed; never by chance
_MAX_DISTANCE = 0.5  # of a face's width
_FACTORS = (0.9, 0.95, 1.0, 1.05, 1.1)  # widths of found boxes vary with the search
_ROUNDS = 5

FloatArray = npt.NDArray[np.float64]


def recognise_solvay(boxes: Sequence[Box]) -> tuple[str | None, ...] | None:
    """Tell by the places of its faces whether a picture is the photo, at any size or crop.

    The known places are laid over the found ones (scale by the faces' widths, shift by trying
    all) and then moved until each lies on its neighbour: iterative closest points (Besl and
    McKay 1992).

    Args:
        boxes: the faces found in a picture.

    Returns:
        The person's name for each box, None for a box that is nobody's; or None if the picture is
        another one.
    """
    names, known, widths = _load_people()
    if not _MIN_MATCHED <= len(boxes) <= 2 * len(names):
        return None
    found = np.array([[(x1 + x2) / 2, (y1 + y2) / 2] for x1, y1, x2, y2 in boxes])
    guess = float(np.median([x2 - x1 for x1, _, x2, _ in boxes]) / np.median(widths))
    scale, shift = max(
        (_guess_shift(known, found, widths, guess * factor) for factor in _FACTORS),
        key=lambda placed: _match(known, found, widths, *placed)[2].sum(),
    )
    for _ in range(_ROUNDS):
        people, places, near = _match(known, found, widths, scale, shift)
        if near.sum() < _MIN_MATCHED / 2:
            return None
        scale, shift = _fit(known[people[near]], found[places[near]])
    people, places, near = _match(known, found, widths, scale, shift)
    if near.sum() < _MIN_MATCHED:
        return None
    by_place = dict(zip(places[near].tolist(), people[near].tolist(), strict=True))
    return tuple(names[by_place[i]] if i in by_place else None for i in range(len(boxes)))


def _guess_shift(
    known: FloatArray, found: FloatArray, widths: FloatArray, scale: float
) -> tuple[float, FloatArray]:
    """Return, of all shifts that lay one known face on one found face, the one that fits most."""
    shifts = (found[:, None] - scale * known[None]).reshape(-1, 2)
    laid = scale * known + shifts[:, None]
    distance = np.linalg.norm(laid[:, :, None] - found, axis=3).min(axis=2)
    hits = (distance <= _MAX_DISTANCE * scale * widths).sum(axis=1)
    return scale, np.asarray(shifts[hits.argmax()])


def _match(
    known: FloatArray, found: FloatArray, widths: FloatArray, scale: float, shift: FloatArray
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Pair known with found faces one to one; return who, where, and whether they are near."""
    distance = np.linalg.norm((known * scale + shift)[:, None] - found[None], axis=2)
    limits = _MAX_DISTANCE * scale * widths
    # Farther than the limit is all the same: a false box must not pull its neighbours over.
    people, places = linear_sum_assignment(np.minimum(distance, limits[:, None] + 1e-6))
    near = distance[people, places] <= limits[people]
    return people, places, np.asarray(near)


def _fit(source: FloatArray, target: FloatArray) -> tuple[float, FloatArray]:
    """Return scale and shift that bring source points to target points by least squares."""
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    scale = float((a * b).sum() / max((a * a).sum(), 1e-9))
    return scale, np.asarray(target.mean(axis=0) - scale * source.mean(axis=0))


@cache
def _load_people() -> tuple[tuple[str, ...], FloatArray, FloatArray]:
    """Return names, centres of shape (29, 2) and widths of shape (29,) in one size of the photo."""
    people = json.loads(_FILE.read_text(encoding="utf-8"))
    boxes = np.array([person["xywh"] for person in people], dtype=np.float64)
    return tuple(p["name"] for p in people), boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2]
