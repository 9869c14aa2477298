"""The tracker's memory of one face."""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from facecore.results import Box
from facecore.tracking_sightings import FloatArray, Sighting, centre_and_side

_COAST_S = 0.6  # longer than this, a last speed says nothing
_NEAR_S = 1.0  # for so long the search near a lost face goes on,
_NEAR_OFTEN_S = 0.25  # in every frame at first,
_NEAR_SELDOM_S = 0.2  # then every so many seconds


@dataclass(slots=True)
class Track:
    """One face over time: where it is, how it moves, what it looks like."""

    xyxy: Box
    time_s: float  # of the latest sighting
    looks: tuple[FloatArray, FloatArray]  # the latest one and a slow average
    born: tuple[Box, float]  # first box and time
    person_id: int | None = None
    num_hits: int = 1
    num_missed: int = 0
    searched_s: float = -math.inf  # when it was last searched near its place
    velocity: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))

    def predict(self, time_s: float) -> Box:
        """Return where the face is by now if it kept its speed."""
        step = self.velocity * min(max(time_s - self.time_s, 0.0), _COAST_S)
        dx, dy = (round(float(v)) for v in step)
        x1, y1, x2, y2 = self.xyxy
        return x1 + dx, y1 + dy, x2 + dx, y2 + dy

    def is_worth_searching(self, time_s: float) -> bool:
        """Tell whether a lost face may be found near its place and was not just searched there."""
        gap = time_s - self.time_s
        return gap <= _NEAR_OFTEN_S or (
            gap <= _NEAR_S and time_s - self.searched_s >= _NEAR_SELDOM_S
        )

    def likeness(self, look: FloatArray) -> float:
        """Return how much a look resembles the face, -1 to 1."""
        return max(float(own @ look) for own in self.looks)

    def hit(self, sighting: Sighting, time_s: float) -> None:
        """Take in a sighting of the face."""
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
