"""The paper's eye test (section 5.6): several networks read the same faces of a reader's picture.

Nothing is opened here: classifiers are received.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from facecore.paper import load_paper
from facecore.pipeline import PHOTO_PIPELINE, FacePipeline, SupportsDetect, SupportsPredict
from facecore.preprocessing import UInt8Array, crop_faces, to_batch
from facecore.results import Face, FrameResult, Prediction

EXPECTED = tuple(load_paper().models[0].eye_test)
"""The six expressions that the paper's author posed, in its order (Figure 5.6.2)."""

Answers = Mapping[str, Prediction]
"""Bundle name of an expression network -> what it says of one face."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """All faces of one picture and every network's answers.

    Args:
        result: the faces in reading order, with their gender where a network was given for it.
        answers: one entry per face, in the same order.
    """

    result: FrameResult
    answers: tuple[Answers, ...]

    def find_largest(self) -> int | None:
        """Return the position of the largest face; None where no face was found."""
        faces = self.result.faces
        return max(range(len(faces)), key=lambda i: _area(faces[i]), default=None)


@dataclass(frozen=True, slots=True)
class Score:
    """How many pictures were read as expected, of how many."""

    num_right: int
    num_pictures: int


def read_faces(
    frame_bgr: UInt8Array,
    expressions: Sequence[SupportsPredict],
    gender: SupportsPredict | None = None,
    detector: SupportsDetect | None = None,
) -> Reading:
    """Find the faces of a picture once and ask every network about each.

    Args:
        frame_bgr: uint8 array of shape (H, W, 3), BGR; is not changed.
        expressions: networks of different names.
        gender: answers for gender, if wanted.
        detector: finds the faces; default: Haar as for photos.

    Raises:
        DetectorError: if the Haar cascade is missing.
    """
    # Like the paper's, an answer counts however unsure it is: none is undecided here.
    options = replace(PHOTO_PIPELINE, thresholds={"gender": 0.0})
    pipeline = FacePipeline([gender] if gender else [], options, detector)
    result = pipeline.process(frame_bgr)
    boxes = [face.xyxy for face in result.faces]
    tilts = [face.tilt_deg for face in result.faces]
    answers: list[dict[str, Prediction]] = [{} for _ in boxes]
    for classifier in expressions if boxes else ():
        card = classifier.card
        crops = crop_faces(frame_bgr, boxes, card.input, tilts)
        rows = classifier.predict_proba(to_batch(crops, card.input))
        for known, row in zip(answers, rows, strict=True):
            known[card.name] = Prediction(card.labels, row)
    return Reading(result, tuple(answers))


def score_eye_test(read: Mapping[str, Answers]) -> dict[str, Score]:
    """Count each network's right answers.

    Args:
        read: expected expression -> the answers for its picture. Only those of ``EXPECTED`` count,
            so that the score can stand beside the paper's.

    Returns:
        Bundle name -> score.
    """
    scores: dict[str, Score] = {}
    for expected, answers in read.items():
        if expected not in EXPECTED:
            continue
        for name, prediction in answers.items():
            old = scores.get(name, Score(0, 0))
            is_right = prediction.label == expected
            scores[name] = Score(old.num_right + is_right, old.num_pictures + 1)
    return scores


def score_paper() -> dict[str, Score]:
    """Return the paper's own scores by the titles of its models: 3, 5 and 4 of 6."""
    return {
        model.title: Score(
            sum(expected == answer for expected, answer in model.eye_test.items()),
            len(model.eye_test),
        )
        for model in load_paper().models
    }


def _area(face: Face) -> int:
    x1, y1, x2, y2 = face.xyxy
    return (x2 - x1) * (y2 - y1)
