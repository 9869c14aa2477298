"""How faces are searched by Haar cascades, and what suits photos, videos and live pictures."""

from dataclasses import dataclass

CASCADES: dict[str, str] = {
    "alt2": "haarcascade_frontalface_alt2.xml",
    "alt": "haarcascade_frontalface_alt.xml",
    "default": "haarcascade_frontalface_default.xml",
}

SMALLEST_WINDOW_PX = 24
"""The cascades' own window is 20-24 px; nothing smaller can be found."""


@dataclass(frozen=True, slots=True)
class HaarOptions:
    """How faces are searched.

    Args:
        cascade: a key of ``CASCADES``.
        scale_factor: step between searched face sizes; nearer to 1 finds more and takes longer.
        min_neighbors: how many overlapping hits make a face; higher means fewer false boxes but
            also fewer faint faces.
        min_face_fraction: the smallest face, as a fraction of the frame's shorter side.
        max_side_px: the search runs on a copy whose longer side is at most this; a larger copy
            finds smaller faces and takes longer.
        look_twice: what gives two hits is looked at again by itself, at one size and in small
            steps, and ``min_neighbors`` count there. So large steps are enough for the first look:
            with steps of 1.25 instead of 1.1 it takes half to two thirds of the time and finds a
            few more faces, but where nobody is, more false boxes (benchmarks/look_twice.py).
    """

    cascade: str = "alt2"
    scale_factor: float = 1.1
    min_neighbors: int = 6
    min_face_fraction: float = 0.08
    max_side_px: int = 640
    look_twice: bool = False

    def __post_init__(self) -> None:
        if self.cascade not in CASCADES:
            raise ValueError(f"cascade must be one of {', '.join(CASCADES)}, got {self.cascade!r}")
        if not 1.01 <= self.scale_factor <= 2:
            raise ValueError(f"scale_factor must be 1.01-2, got {self.scale_factor}")
        if not 0 <= self.min_neighbors <= 50:
            raise ValueError(f"min_neighbors must be 0-50, got {self.min_neighbors}")
        if not 0 < self.min_face_fraction <= 1:
            raise ValueError(f"min_face_fraction must be in (0, 1], got {self.min_face_fraction}")
        if self.max_side_px < SMALLEST_WINDOW_PX:
            raise ValueError(f"max_side_px must be {SMALLEST_WINDOW_PX} or more")


PHOTO_HAAR = HaarOptions(min_face_fraction=0.03, max_side_px=1600)
"""For photos: time is there, and group photos have small faces."""

VIDEO_HAAR = HaarOptions(
    scale_factor=1.25, min_face_fraction=0.05, max_side_px=960, look_twice=True
)
"""For video files, which nobody waits for by the frame: people may stand further away."""

LIVE_HAAR = HaarOptions()
"""For live pictures: whoever uses a webcam sits before it, and analyses must keep up."""
