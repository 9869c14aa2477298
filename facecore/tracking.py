"""Who is who from frame to frame: motion, overlap and looks, all in media time."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from facecore.detection import Detection
from facecore.results import Box
from facecore.tracking_memory import LookMemory
from facecore.tracking_sightings import (
    FloatArray,
    Sighting,
    centre_and_side,
    covers_any,
    distance_sides,
    iou,
    without_doubles,
)
from facecore.tracking_track import Track

_IN_PLACE_S = 0.5  # for so long, a face at the predicted place needs little likeness
_IN_PLACE_LIKENESS = 0.2
_NEAR_LIKENESS = 0.5  # a hit of the search near a lost face rests on fainter evidence
_TENTATIVE_LOST_S = 0.5
_UNSURE_S = 1.0  # a face lost from sight is probably still there for so long
_RECOGNITION_S = 0.4
_REACH_SIDES = 0.6  # unforeseen motion: at once, and per second of absence
_REACH_SIDES_PER_S = 2.5
# A frame may be held for long, as in slides: who is there before and after it was never away. Over
# a longer one a camera may have been switched off.
_LONGEST_FRAME_S = 10.0
_LARGEST_GROWTH = 2.0
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
        remember_s: a person who comes back after ``max_lost_s`` but within this time is known
            again by a look that is very like, wherever that is.
    """

    min_iou: float = 0.2
    max_lost_s: float = 2.0
    min_hits: int = 3
    min_likeness: float = 0.7
    remember_s: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.min_iou < 1:
            raise ValueError(f"min_iou must be between 0 and 1, got {self.min_iou}")
        if self.max_lost_s < 0:
            raise ValueError(f"max_lost_s must be 0 or more, got {self.max_lost_s}")
        if self.min_hits < 1:
            raise ValueError(f"min_hits must be 1 or more, got {self.min_hits}")
        if not -1 <= self.min_likeness <= 1:
            raise ValueError(f"min_likeness must be -1 to 1, got {self.min_likeness}")
        if self.remember_s < 0:
            raise ValueError(f"remember_s must be 0 or more, got {self.remember_s}")


@dataclass(frozen=True, slots=True)
class TrackedFace:
    """A face of the current frame whose person is known."""

    person_id: int
    detection: Detection


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
        self._tracks: list[Track] = []
        self._memory = LookMemory()
        self._num_people = 0

    def update(
        self,
        sightings: Sequence[Sighting],
        time_s: float,
        search: Search | None = None,
        at_once: bool = False,
    ) -> list[TrackedFace]:
        """Take in one frame.

        Args:
            sightings: the faces found in it.
            time_s: the frame's media time; frames come in order.
            search: looks for missing faces near their predicted boxes; one answer per box.
            at_once: whoever is on it counts, however rarely they were seen.

        Returns:
            The known people seen in this frame, by number.
        """
        self._drop_lost(time_s)
        faces = without_doubles(sightings)
        seen = self._assign(faces, time_s)
        if search is not None:
            seen |= self._assign_near(search, seen, faces, time_s)
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
                track = Track(box, time_s, (face.look, face.look), (box, time_s))
                self._tracks.append(track)
                hit_now.append((track, face))
        return self._report(hit_now, time_s, at_once)

    def unsure_boxes(self, time_s: float) -> list[Box]:
        """Return where a face may be that the last ``update`` did not report.

        Args:
            time_s: media time of the frame; lost faces are where they probably moved.
        """
        return [t.predict(time_s) for t in self._wanted() if time_s - t.time_s <= _UNSURE_S]

    def newcomer_boxes(self, time_s: float) -> list[Box]:
        """Return where faces probably are, by media time, that were just seen and do not count."""
        return [t.predict(time_s) for t in self._wanted() if not t.num_missed]

    def wanted_boxes(self, time_s: float) -> list[Box]:
        """Return where faces may be that do not count yet, or were lost and not given up yet.

        Args:
            time_s: media time of the frame; faces are where they probably moved.
        """
        return [track.predict(time_s) for track in self._wanted()]

    def _wanted(self) -> list[Track]:
        return [track for track in self._tracks if track.person_id is None or track.num_missed]

    def looks_like(self, person_id: int, look: FloatArray) -> bool:
        """Tell whether a look is like enough to a person's whom the tracker knows.

        Args:
            person_id: the person's number.
            look: float32 array of shape (d,), length 1.
        """
        return any(
            track.person_id == person_id and track.likeness(look) >= self.options.min_likeness
            for track in self._tracks
        )

    def _report(
        self, hits: Iterable[tuple[Track, Sighting]], time_s: float, at_once: bool
    ) -> list[TrackedFace]:
        reported = []
        for track, sighting in hits:
            if track.person_id is None and (at_once or track.num_hits >= self._min_hits):
                self._name(track, time_s, at_once)
            if track.person_id is not None:
                reported.append(TrackedFace(track.person_id, sighting.detection))
        return sorted(reported, key=lambda face: face.person_id)

    def _name(self, track: Track, time_s: float, at_once: bool) -> None:
        """Give a track its number: that of a lost person, if it turns out to be one.

        A face that comes out from behind another one is half hidden at first and known again
        only by its later looks, so a face that might be a lost one waits a moment.
        """
        box, born_s = track.born
        lost = [t for t in self._tracks if t.person_id is not None and t.time_s < born_s]
        near = [t for t in lost if t.num_missed and self._is_in_reach(t, box, born_s)]
        costs = [min(self._cost(t, box, look, born_s) for look in track.looks) for t in near]
        if costs and min(costs) < _IMPOSSIBLE:
            earlier = near[int(np.argmin(costs))]
            track.person_id = earlier.person_id
            self._tracks = [t for t in self._tracks if t is not earlier]
        elif at_once or not near or time_s - born_s >= _RECOGNITION_S:
            track.person_id = self._memory.recall(track.looks)
            if track.person_id is None:
                self._num_people += 1
                track.person_id = self._num_people

    def _drop_lost(self, time_s: float) -> None:
        def is_alive(track: Track) -> bool:
            known = track.person_id is not None
            # Somebody who came back in time may need longer to be recognised.
            limit = _TENTATIVE_LOST_S + (self.options.max_lost_s if known else 0.0)
            # At a slow frame rate one missed frame may already be longer than the limit.
            return (
                time_s - track.time_s <= limit
                or self._is_next_frame(track, time_s)
                or (not known and track.num_missed < 2)
            )

        self._memory.keep([track for track in self._tracks if not is_alive(track)])
        self._memory.forget_before(time_s - self.options.remember_s)
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

    def _cost(self, track: Track, seen: Box, look: FloatArray, time_s: float) -> float:
        if not self._is_in_reach(track, seen, time_s):
            return _IMPOSSIBLE
        predicted, gap = track.predict(time_s), time_s - track.time_s
        in_place = gap <= _IN_PLACE_S and iou(predicted, seen) >= self.options.min_iou
        likeness = track.likeness(look)
        if likeness < (_IN_PLACE_LIKENESS if in_place else self.options.min_likeness):
            return _IMPOSSIBLE
        return 0.5 * min(distance_sides(predicted, seen), 1.0) + 1 - likeness

    def _is_in_reach(self, track: Track, seen: Box, time_s: float) -> bool:
        """Tell whether a person can have moved to a place by now, whoever it shows."""
        predicted, gap = track.predict(time_s), max(time_s - track.time_s, 0.0)
        sides = sorted((centre_and_side(predicted)[1], centre_and_side(seen)[1]))
        in_time = gap <= self.options.max_lost_s or self._is_next_frame(track, time_s)
        moved = _REACH_SIDES_PER_S * min(gap, self.options.max_lost_s)
        return (
            in_time
            and sides[1] <= _LARGEST_GROWTH * sides[0]
            and distance_sides(predicted, seen) <= _REACH_SIDES + moved
        )

    def _is_next_frame(self, track: Track, time_s: float) -> bool:
        """Tell whether a face was seen in the frame before this one, however long that lasted."""
        return not track.num_missed and time_s - track.time_s <= _LONGEST_FRAME_S

    def _assign_near(
        self, search: Search, seen: dict[int, Sighting], faces: Sequence[Sighting], time_s: float
    ) -> dict[int, Sighting]:
        """Search the missing near their places; the best likeness chooses first."""
        missing = [
            i
            for i, track in enumerate(self._tracks)
            if i not in seen and track.is_worth_searching(time_s)
        ]
        for i in missing:
            self._tracks[i].searched_s = time_s
        answers = search([self._tracks[i].predict(time_s) for i in missing])
        hits = [
            (self._tracks[i].likeness(answer.look), i, answer)
            for i, answer in zip(missing, answers, strict=True)
            if answer is not None
        ]
        claimed = [s.detection.xyxy for s in seen.values()]
        found = [face.detection.xyxy for face in faces]
        accepted: dict[int, Sighting] = {}
        for likeness, index, answer in sorted(hits, key=lambda hit: (-hit[0], hit[1])):
            box = answer.detection.xyxy
            # A face that the whole search found was refused to the lost one: it may be a newcomer.
            wanted = self.options.min_likeness if covers_any(box, found) else _NEAR_LIKENESS
            if likeness >= wanted and not covers_any(box, claimed):
                claimed.append(box)
                accepted[index] = answer
        return accepted
