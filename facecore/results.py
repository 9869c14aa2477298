"""What the pipeline returns: a frame's faces and, for each face, one prediction per task."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from facecore.labels import TASKS, UNDECIDED, Task

Box = tuple[int, int, int, int]
"""``(x1, y1, x2, y2)`` in pixels of the original frame, x2 and y2 exclusive."""


def clip_box(xyxy: Box, size_wh: tuple[int, int]) -> Box:
    """Return the part of a box that lies inside a frame of this width and height."""
    x1, y1, x2, y2 = xyxy
    width, height = size_wh
    left, top = min(max(x1, 0), width), min(max(y1, 0), height)
    return left, top, max(left, min(x2, width)), max(top, min(y2, height))


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """One network's answer for one face.

    Args:
        labels: the class names, in the network's column order.
        probs: float32 array of shape (num_classes,), sums to 1.
        threshold: an answer of lower confidence is shown as undecided, 0-1; 0: always decided.
        held: what tracking shows for the person until the probabilities clearly say otherwise;
            None: the probabilities alone decide.
        held_confidence: of what is shown, where more than these probabilities speaks for it;
            None: its probability.
        latest: the network's last answer by itself, like ``probs``, where these are an average of
            several; None: they are that answer.
    """

    labels: tuple[str, ...]
    probs: npt.NDArray[np.float32]
    threshold: float = 0.0
    held: str | None = None
    held_confidence: float | None = None
    latest: npt.NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if self.probs.shape != (len(self.labels),):
            raise ValueError(f"expected {len(self.labels)} probabilities, got {self.probs.shape}")

    @property
    def top_label(self) -> str:
        """The most probable label."""
        return self.labels[int(np.argmax(self.probs))]

    @property
    def label(self) -> str:
        """What is shown: a label, or ``UNDECIDED``."""
        if self.held is not None:
            return self.held
        return self.top_label if float(np.max(self.probs)) >= self.threshold else UNDECIDED

    @property
    def confidence(self) -> float:
        """The probability of what is shown, 0-1; while undecided, that of the top label."""
        if self.held_confidence is not None:
            return self.held_confidence
        label = self.label
        return float(np.max(self.probs) if label == UNDECIDED else self.probability(label))

    def probability(self, label: str) -> float:
        """Return the probability of one of the labels, 0-1."""
        return float(self.probs[self.labels.index(label)])

    @property
    def probabilities(self) -> dict[str, float]:
        """Every label with its probability."""
        return {label: float(p) for label, p in zip(self.labels, self.probs, strict=True)}

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: label (may be undecided), confidence, probabilities."""
        return {
            "label": self.label,
            "confidence": self.confidence,
            "probabilities": self.probabilities,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face in one frame.

    Args:
        xyxy: its box in pixels of the original frame, x2/y2 exclusive; that of a face at the edge
            may reach out of the frame where the face is followed or tilted.
        detection_score: the cascade's weight; unbounded, never a percentage.
        person_id: the tracker's number from 1, or None where nothing tracks.
        predictions: one per task; a task without a classifier is absent.
        tilt_deg: how far the picture must be turned counter-clockwise to bring the face upright.
    """

    xyxy: Box
    detection_score: float = 0.0
    person_id: int | None = None
    predictions: Mapping[Task, Prediction] = field(default_factory=dict)
    tilt_deg: float = 0.0

    @property
    def expression(self) -> Prediction | None:
        """The expression prediction, if one was made."""
        return self.predictions.get("expression")

    @property
    def gender(self) -> Prediction | None:
        """The gender prediction, if one was made."""
        return self.predictions.get("gender")

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: box, person (if tracked), one entry per task."""
        row: dict[str, Any] = {"box": list(self.xyxy)}
        if self.person_id is not None:
            row["person"] = self.person_id
        for task in TASKS:
            if task in self.predictions:
                row[task] = self.predictions[task].to_dict()
        return row


@dataclass(frozen=True, slots=True, eq=False)
class FrameResult:
    """All faces of one frame.

    Args:
        index: the frame's number from 0.
        time_s: its media time in seconds.
        size_wh: its width and height in pixels.
        faces: in reading order for a photo, in the tracker's order for a video.
        timings_ms: milliseconds per stage (detect, crop, infer, ...).
        unsure: boxes where a face may be that counts for nobody (yet): seen too rarely so far,
            just lost, or removed by the user. Nothing is told of them, but hiding faces hides
            them too.
        duration_s: how many seconds a video's file says that the frame is shown; None where it
            does not say.
    """

    index: int
    time_s: float
    size_wh: tuple[int, int]
    faces: tuple[Face, ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    unsure: tuple[Box, ...] = ()
    duration_s: float | None = None

    @property
    def boxes_to_hide(self) -> tuple[Box, ...]:
        """Every place where hiding faces hides one."""
        return (*(face.xyxy for face in self.faces), *self.unsure)

    @property
    def clipped_faces(self) -> tuple[Face, ...]:
        """The faces as files tell of them: with their boxes cut off at the frame's edges."""
        return tuple(replace(f, xyxy=clip_box(f.xyxy, self.size_wh)) for f in self.faces)

    def without_faces(self, numbers: set[int]) -> "FrameResult":
        """Return a copy without the faces of these positions, counted from 1."""
        kept = tuple(f for i, f in enumerate(self.faces, start=1) if i not in numbers)
        # What is taken out as a false box may still be a face to hide.
        gone = (f.xyxy for i, f in enumerate(self.faces, start=1) if i in numbers)
        return replace(self, faces=kept, unsure=(*self.unsure, *gone))

    def to_rows(self) -> list[dict[str, Any]]:
        """Return one flat row per face, for a table or CSV, the box inside the frame."""
        faces = enumerate(self.clipped_faces, start=1)
        return [_to_row(self, number, face) for number, face in faces]


def _to_row(result: FrameResult, number: int, face: Face) -> dict[str, Any]:
    row: dict[str, Any] = {
        "frame": result.index,
        "time_s": round(result.time_s, 3),
        "face": number,
        "person": face.person_id,
        **dict(zip(("x1", "y1", "x2", "y2"), face.xyxy, strict=True)),
    }
    for task in TASKS:
        if (prediction := face.predictions.get(task)) is not None:
            row[task] = prediction.label
            row[f"{task}_confidence"] = prediction.confidence
            row |= {f"p_{label}": p for label, p in prediction.probabilities.items()}
    return row
