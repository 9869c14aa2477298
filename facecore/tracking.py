"""Who is who from frame to frame: motion, overlap and looks, all in media time."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from facecore.detection import Detection
from facecore.results import Box
from facecore.tracking_sightings import (
    FloatArray,
    Sighting,
    centre_and_side,
    covers_any,
    iou,
    without_doubles,
)

_IN_PLACE_S = 0.5  # for so long, a face at the predicted place needs little likeness
_IN_PLACE_LIKENESS = 0.2
_NEAR_LIKENESS = 0.5  # a hit of the search near a lost face rests on fainter evidence
_NEAR_S = 1.0  # for so long the search near a lost face goes on
_TENTATIVE_LOST_S = 0.5
_UNSURE_S = 1.0  # a face lost from sight is probably still there for so long
_REACH_SIDES = 0.6  # unforeseen motion: at once, and per second of absence
_REACH_SIDES_PER_S = 2.5
_LARGEST_GROWTH = 2.0
_COAST_S = 0.6  # longer than this, a last speed says nothing
_IMPOSSIBLE = 1e6


@dataclass(frozen=True, slots=True)
class TrackerOptions:
    """How faces of successive frames become people.

    Args:
        min_iou: overlap of a face with a person's predicted place that makes likeness secondary.
        max_lost_s: a person out of sight for longer comes back as a new one.
        min_hits: a person counts from this many sightings on; fewer are taken for a false box.
        min_likeness: correlation (-1 to 1) of two looks from which a face that is not at the
            predicted place is still the same person.
    """

    min_iou: float = 0.2
    max_lost_s: float = 2.0
    min_hits: int = 3
    min_likeness: float = 0.7

    def __post_init__(self) -> None:
        if not 0 < self.min_iou < 1:
            raise ValueError(f"min_iou must be between 0 and 1, got {self.min_iou}")
        if self.max_lost_s < 0:
            raise ValueError(f"max_lost_s must be 0 or more, got {self.max_lost_s}")
        if self.min_hits < 1:
            raise ValueError(f"min_hits must be 1 or more, got {self.min_hits}")
        if not -1 <= self.min_likeness <= 1:
            raise ValueError(f"min_likeness must be -1 to 1, got {self.min_likeness}")


@dataclass(frozen=True, slots=True)
class TrackedFace:
    """A face of the current frame whose person is known."""

    person_id: int
    detection: Detection


@dataclass(slots=True)
class _Track:
    xyxy: Box
    time_s: float  # of the latest sighting
    looks: tuple[FloatArray, FloatArray]  # the latest one and a slow average
    born: tuple[Box, float]  # first box and time
    person_id: int | None = None
    num_hits: int = 1
    num_missed: int = 0
    velocity: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))

    def predict(self, time_s: float) -> Box:
        step = self.velocity * min(max(time_s - self.time_s, 0.0), _COAST_S)
        dx, dy = (round(float(v)) for v in step)
        x1, y1, x2, y2 = self.xyxy
        return x1 + dx, y1 + dy, x2 + dx, y2 + dy

    def likeness(self, look: FloatArray) -> float:
        return max(float(own @ look) for own in self.looks)

    def hit(self, sighting: Sighting, time_s: float) -> None:
        gap = time_s - self.time_s
        old, _ = centre_and_side(self.xyxy)
        new, _ = centre_and_side(sighting.detection.xyxy)
        if gap > _COAST_S:
            self.velocity = np.zeros(2)
        elif gap > 0:
            self.velocity = 0.5 * self.velocity + 0.5 * (np.subtract(new, old) / gap)
        mean = 0.9 * self.looks[1] + 0.1 * sighting.look
        mean /= max(float(np.linalg.norm(mean)), 1e-6)
        self.looks = sighting.look, mean
        self.xyxy, self.time_s = sighting.detection.xyxy, time_s
        self.num_hits, self.num_missed = self.num_hits + 1, 0


Search = Callable[[list[Box]], list[Sighting | None]]


class IouTracker:
    """Gives faces person numbers from 1 that stay with the person.

    A face belongs to the person whose predicted place it overlaps and whom it resembles;
    the cheapest assignment over all pairs decides. A person out of sight is known again by
    likeness. Numbers are given at ``min_hits`` sightings, so that false boxes take none.
    """

    def __init__(self, options: TrackerOptions | None = None) -> None:
        self.options = options or TrackerOptions()
        self.reset()

    def set_options(self, options: TrackerOptions) -> None:
        """Change the rules; people keep their numbers."""
        if options != self.options:
            self.options, self._min_hits = options, options.min_hits

    def reset(self, min_hits: int | None = None) -> None:
        """Forget everybody; numbers start at 1 again.

        Args:
            min_hits: replaces the options' until the next reset.
        """
        self._min_hits = self.options.min_hits if min_hits is None else min_hits
        self._tracks: list[_Track] = []
        self._num_people = 0

    def update(
        self, sightings: Sequence[Sighting], time_s: float, search: Search | None = None
    ) -> list[TrackedFace]:
        """Take in one frame.

        Args:
            sightings: the faces found in it.
            time_s: the frame's media time; frames come in order.
            search: looks for missing faces near their predicted boxes; one answer per box.

        Returns:
            The known people seen in this frame, by number.
        """
        self._drop_lost(time_s)
        faces = without_doubles(sightings)
        seen = self._assign(faces, time_s)
        if search is not None:
            seen |= self._assign_near(search, seen, time_s)
        missing = [t for t in range(len(self._tracks)) if t not in seen]
        claimed = [s.detection.xyxy for s in seen.values()]
        for index, sighting in seen.items():
            self._tracks[index].hit(sighting, time_s)
        for index in missing:
            self._tracks[index].num_missed += 1
        hit_now = [(self._tracks[index], s) for index, s in seen.items()]
        for face in faces:
            if not covers_any(face.detection.xyxy, claimed):
                box = face.detection.xyxy
                track = _Track(box, time_s, (face.look, face.look), (box, time_s))
                self._tracks.append(track)
                hit_now.append((track, face))
        return self._report(hit_now)

    def unsure_boxes(self, time_s: float) -> list[Box]:
        """Return where a face may be that the last ``update`` did not report.

        Args:
            time_s: media time of the frame; lost faces are where they probably moved.
        """
        return [
            track.predict(time_s)
            for track in self._tracks
            if (track.num_missed or track.person_id is None) and time_s - track.time_s <= _UNSURE_S
        ]

    def _report(self, hits: Iterable[tuple[_Track, Sighting]]) -> list[TrackedFace]:
        reported = []
        for track, sighting in hits:
            if track.person_id is None and track.num_hits >= self._min_hits:
                self._name(track)
            if track.person_id is not None:
                reported.append(TrackedFace(track.person_id, sighting.detection))
        return sorted(reported, key=lambda face: face.person_id)

    def _name(self, track: _Track) -> None:
        """Give a track its number: that of a lost person, if it turns out to be one.

        A face that comes out from behind another one is half hidden at first and known again
        only by its later looks.
        """
        box, born_s = track.born
        lost = [
            (min(self._cost(old, box, look, born_s) for look in track.looks), i)
            for i, old in enumerate(self._tracks)
            if old.person_id is not None and old.num_missed and old.time_s < born_s
        ]
        cost, index = min(lost, default=(_IMPOSSIBLE, -1))
        if cost < _IMPOSSIBLE:
            track.person_id = self._tracks.pop(index).person_id
        else:
            self._num_people += 1
            track.person_id = self._num_people

    def _drop_lost(self, time_s: float) -> None:
        def is_alive(track: _Track) -> bool:
            known = track.person_id is not None
            # Somebody who came back in time may need longer to be recognised.
            limit = _TENTATIVE_LOST_S + (self.options.max_lost_s if known else 0.0)
            # At a slow frame rate one missed frame may already be longer than the limit.
            return time_s - track.time_s <= limit or (not known and track.num_missed < 2)

        self._tracks = [track for track in self._tracks if is_alive(track)]

    def _assign(self, faces: Sequence[Sighting], time_s: float) -> dict[int, Sighting]:
        if not faces or not self._tracks:
            return {}
        costs = np.array(
            [
                [self._cost(track, face.detection.xyxy, face.look, time_s) for face in faces]
                for track in self._tracks
            ]
        )
        rows, columns = linear_sum_assignment(costs)
        return {
            int(row): faces[column]
            for row, column in zip(rows, columns, strict=True)
            if costs[row, column] < _IMPOSSIBLE
        }

    def _cost(self, track: _Track, seen: Box, look: FloatArray, time_s: float) -> float:
        predicted = track.predict(time_s)
        (px, py), predicted_side = centre_and_side(predicted)
        (x, y), side = centre_and_side(seen)
        distance = math.hypot(x - px, y - py) / (0.5 * (side + predicted_side))
        gap = max(time_s - track.time_s, 0.0)
        growth = max(side / predicted_side, predicted_side / side)
        if gap > self.options.max_lost_s or growth > _LARGEST_GROWTH:
            return _IMPOSSIBLE
        if distance > _REACH_SIDES + _REACH_SIDES_PER_S * gap:
            return _IMPOSSIBLE
        in_place = gap <= _IN_PLACE_S and iou(predicted, seen) >= self.options.min_iou
        likeness = track.likeness(look)
        if likeness < (_IN_PLACE_LIKENESS if in_place else self.options.min_likeness):
            return _IMPOSSIBLE
        return 0.5 * min(distance, 1.0) + 1 - likeness

    def _assign_near(
        self, search: Search, seen: dict[int, Sighting], time_s: float
    ) -> dict[int, Sighting]:
        """Search the missing near their places; the best likeness chooses first."""
        missing = [
            i
            for i, track in enumerate(self._tracks)
            if i not in seen and time_s - track.time_s <= _NEAR_S
        ]
        answers = search([self._tracks[i].predict(time_s) for i in missing])
        hits = [
            (self._tracks[i].likeness(answer.look), i, answer)
            for i, answer in zip(missing, answers, strict=True)
            if answer is not None
        ]
        claimed = [s.detection.xyxy for s in seen.values()]
        accepted: dict[int, Sighting] = {}
        for likeness, index, answer in sorted(hits, key=lambda hit: (-hit[0], hit[1])):
            box = answer.detection.xyxy
            if likeness >= _NEAR_LIKENESS and not covers_any(box, claimed):
                claimed.append(box)
                accepted[index] = answer
        return accepted
