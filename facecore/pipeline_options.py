"""How frames are analysed, and what suits photos and videos."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from facecore.detection import PHOTO_HAAR, VIDEO_HAAR, HaarOptions
from facecore.labels import Task
from facecore.tracking import TrackerOptions


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """How frames are analysed.

    Args:
        haar: how faces are searched.
        tracker: how faces become people; None for photos, where nobody has a number.
        smoothing: expressions are averaged over about so many seconds per person; 0 = off.
        gender_smoothing: the same for gender, which does not change.
        ask_always: ask the networks about everybody in every frame. Otherwise they are asked only
            as often as their averages need it: for an expression 9 times a second at most, for a
            gender twice, or as often as for an expression while it is undecided.
        detect_every: faces are searched in every n-th frame and followed in between; in every
            frame while somebody new may have come or somebody known is missing.
        rescan_s: new faces are searched only so often, in media time, and only where the frame has
            changed; the whole of it every two seconds. Where most of it has changed: all of it, but
            the smallest faces half as often. Oftener while nobody is there or somebody known is
            missing, in every frame until a new face counts. Everybody known is looked for in every
            frame. 0: the whole of every frame.
        thresholds: per task the confidence below which an answer is shown as undecided; a task
            that is not named has the threshold of its network's card.
        flip: average the answers for each face and its mirror image; twice the network's time.
    """

    haar: HaarOptions = VIDEO_HAAR
    tracker: TrackerOptions | None = field(default_factory=TrackerOptions)
    smoothing: float = 0.4
    gender_smoothing: float = 10.0
    ask_always: bool = False
    detect_every: int = 1
    rescan_s: float = 0.4
    thresholds: Mapping[Task, float] = field(default_factory=dict)
    flip: bool = False

    def __post_init__(self) -> None:
        if self.smoothing < 0 or self.gender_smoothing < 0:
            raise ValueError("smoothing must be 0 or more seconds")
        if self.rescan_s < 0:
            raise ValueError(f"rescan_s must be 0 or more seconds, got {self.rescan_s}")
        if self.detect_every < 1:
            raise ValueError(f"detect_every must be 1 or more, got {self.detect_every}")
        if not all(0 <= threshold <= 1 for threshold in self.thresholds.values()):
            raise ValueError(f"thresholds must be between 0 and 1, got {dict(self.thresholds)}")


PHOTO_PIPELINE = PipelineOptions(haar=PHOTO_HAAR, tracker=None, smoothing=0, gender_smoothing=0)
"""For single pictures: every face counts at once, nobody is tracked."""

VIDEO_PIPELINE = PipelineOptions()
"""For video files."""
