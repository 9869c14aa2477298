"""Faces of frames between two searches: whoever is in both has moved on a straight line."""

from collections.abc import Callable

from facecore.pipeline_search import FoundFaces
from facecore.results import Box, Face
from facecore.tracking_sightings import centre_and_side, covers_any, distance_sides

LONGEST_STEP_S = 0.25
"""Searches are never farther apart: in longer, a head turns and comes back."""

_LONGEST_MOVE_SIDES = 1.0  # farther than its own side: a cut, or a movement that is no line
_LARGEST_GROWTH = 1.5

SearchPerson = Callable[[Face], Face | None]
"""Looks for a known face in a frame, close to where it is given; None where it is not there."""


def fill_between(
    neighbours: tuple[FoundFaces, FoundFaces], time_s: float, search: SearchPerson
) -> tuple[Face, ...]:
    """Return the known people of a frame between two frames that were searched.

    Args:
        neighbours: the frame before and the frame after.
        time_s: the frame's media time.
        search: asked about who is in one of them only, or is at two places that no short movement
            connects.

    Returns:
        Faces by number of the person.
    """
    before, after = (found.faces for found in neighbours)
    step_s = neighbours[1].time_s - neighbours[0].time_s
    share = (time_s - neighbours[0].time_s) / max(step_s, 1e-6)
    later = {face.person_id: face for face in after}
    earlier = {face.person_id for face in before}
    faces, unclear = [], []
    for face in before:
        other = later.get(face.person_id)
        if other is not None and _is_short_move(face.xyxy, other.xyxy):
            faces.append(_move(face, other, share))
        elif other is not None and share > 0.5:
            unclear.append(other)
        else:
            unclear.append(face)
    unclear += [face for face in after if face.person_id not in earlier]
    for face in unclear:
        found = search(face)
        if found is not None and not covers_any(found.xyxy, [other.xyxy for other in faces]):
            faces.append(found)
    return tuple(sorted(faces, key=lambda face: face.person_id or 0))


def _is_short_move(a: Box, b: Box) -> bool:
    sides = sorted((centre_and_side(a)[1], centre_and_side(b)[1]))
    return distance_sides(a, b) <= _LONGEST_MOVE_SIDES and sides[1] <= _LARGEST_GROWTH * sides[0]


def _move(a: Face, b: Face, share: float) -> Face:
    def mix(first: float, second: float) -> float:
        return first + share * (second - first)

    x1, y1, x2, y2 = (round(mix(p, q)) for p, q in zip(a.xyxy, b.xyxy, strict=True))
    tilt_deg = mix(a.tilt_deg, b.tilt_deg)
    return Face(
        (x1, y1, x2, y2), mix(a.detection_score, b.detection_score), a.person_id, {}, tilt_deg
    )
