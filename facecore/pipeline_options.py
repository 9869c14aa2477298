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
        expression_wait_s: the network of the expression is asked about a person once in so many
            seconds of media time at most; oftener while it is undecided.
        gender_wait_s: the same for gender, after eight answers in the first second and a half.
        ask_always: ask the networks about everybody in every frame.
        detect_every: a whole video's faces are searched in every n-th frame, and at least four
            times a second; in between their boxes move on a straight line. In every frame while
            somebody new may have come or somebody known is missing.
        rescan_s: new faces are searched only so often, in media time, and only where the frame has
            changed; the whole of it every two seconds. Where most of it has changed: all of it, but
            the smallest faces a third as often. Oftener while nobody is there or somebody known is
            missing, and in each frame until a new face counts. Everybody known is looked for in
            every frame. 0: the whole of every frame.
        quick: less work for the same faces where a frame more or less counts little: a new face is
            looked at by itself until it counts, after two searches of all; a lost one with two of
            four tilts in each frame.
        thresholds: per task the confidence below which an answer is shown as undecided; a task
            that is not named has the threshold of its network's card.
        flip: average the answers for each face and its mirror image; twice the network's time.
    """

    haar: HaarOptions = VIDEO_HAAR
    tracker: TrackerOptions | None = field(default_factory=TrackerOptions)
    smoothing: float = 0.4
    gender_smoothing: float = 10.0
    expression_wait_s: float = 0.11
    gender_wait_s: float = 0.95
    ask_always: bool = False
    detect_every: int = 1
    rescan_s: float = 0.4
    quick: bool = False
    thresholds: Mapping[Task, float] = field(default_factory=dict)
    flip: bool = False

    def __post_init__(self) -> None:
        if self.smoothing < 0 or self.gender_smoothing < 0:
            raise ValueError("smoothing must be 0 or more seconds")
        for name in ("rescan_s", "expression_wait_s", "gender_wait_s"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be 0 or more seconds, got {getattr(self, name)}")
        if self.detect_every < 1:
            raise ValueError(f"detect_every must be 1 or more, got {self.detect_every}")
        if not all(0 <= threshold <= 1 for threshold in self.thresholds.values()):
            raise ValueError(f"thresholds must be between 0 and 1, got {dict(self.thresholds)}")

    def window_s(self, task: Task) -> float:
        """Return over about how many seconds a network's answers are averaged."""
        return self.smoothing if task == "expression" else self.gender_smoothing

    def wait_s(self, task: Task) -> float:
        """Return how many seconds a network's last answer is enough for; 0: no time at all."""
        if self.ask_always or not self.window_s(task):
            return 0.0
        return self.expression_wait_s if task == "expression" else self.gender_wait_s


PHOTO_PIPELINE = PipelineOptions(haar=PHOTO_HAAR, tracker=None, smoothing=0, gender_smoothing=0)
"""For single pictures: every face counts at once, nobody is tracked."""

VIDEO_PIPELINE = PipelineOptions(expression_wait_s=0.2, detect_every=2, quick=True)
"""For video files, where the frame after is known and speed counts more than delay."""
