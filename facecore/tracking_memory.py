"""What the tracker remembers of people who have been out of sight for long."""

from collections.abc import Sequence

from facecore.tracking_sightings import FloatArray
from facecore.tracking_track import Track

_SURE_LIKENESS = 0.85  # of two people at most 0.76 was measured, and no place speaks for them here


class LookMemory:
    """Knows people again by nothing but their looks, wherever they come back.

    Holds one track, thus two small vectors, per person that is remembered.
    """

    def __init__(self) -> None:
        self._tracks: list[Track] = []

    def keep(self, tracks: Sequence[Track]) -> None:
        """Remember people whom the tracker gives up; tracks without a number are left out."""
        self._tracks += [track for track in tracks if track.person_id is not None]

    def forget_before(self, time_s: float) -> None:
        """Forget whoever was last seen before this media time."""
        self._tracks = [track for track in self._tracks if track.time_s >= time_s]

    def recall(self, looks: Sequence[FloatArray]) -> int | None:
        """Return the number of the person who looks like this, who is no longer remembered then.

        Args:
            looks: of one new face, float32 arrays of shape (d,), length 1.

        Returns:
            None where nobody is like enough.
        """
        likeness = [max(track.likeness(look) for look in looks) for track in self._tracks]
        if not likeness or max(likeness) < _SURE_LIKENESS:
            return None
        return self._tracks.pop(likeness.index(max(likeness))).person_id
