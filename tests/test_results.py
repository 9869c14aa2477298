import numpy as np
import pytest

from facecore.results import Face, FrameResult, Prediction


def make_prediction(*probs, labels=("man", "woman")):
    return Prediction(labels, np.array(probs, dtype=np.float32))


def test_prediction_names_the_most_probable_label():
    prediction = make_prediction(0.25, 0.75)
    assert prediction.label == "woman"
    assert prediction.confidence == 0.75
    assert prediction.to_dict() == {
        "label": "woman",
        "confidence": 0.75,
        "probabilities": {"man": 0.25, "woman": 0.75},
    }


@pytest.mark.parametrize(
    ("threshold", "shown"), [(0.0, "woman"), (0.75, "woman"), (0.8, "undecided")]
)
def test_an_answer_below_the_threshold_is_undecided(threshold, shown):
    prediction = Prediction(("man", "woman"), np.array([0.25, 0.75], np.float32), threshold)
    assert (prediction.label, prediction.top_label) == (shown, "woman")
    assert prediction.confidence == 0.75
    assert prediction.to_dict()["label"] == shown
    assert prediction.to_dict()["probabilities"] == {"man": 0.25, "woman": 0.75}


def test_what_tracking_holds_is_shown_with_its_own_confidence():
    prediction = Prediction(("man", "woman"), np.array([0.25, 0.75], np.float32), 0.2, "man")
    assert (prediction.label, prediction.confidence) == ("man", 0.25)
    assert prediction.top_label == "woman"


def test_prediction_refuses_a_wrong_number_of_probabilities():
    with pytest.raises(ValueError, match="expected 2"):
        make_prediction(1.0, 0.0, 0.0)


def test_face_dict_has_only_what_was_predicted():
    face = Face((1, 2, 3, 4), predictions={"gender": make_prediction(1, 0)})
    assert face.to_dict().keys() == {"box", "gender"}
    assert face.expression is None
    assert Face((1, 2, 3, 4), person_id=7).to_dict() == {"box": [1, 2, 3, 4], "person": 7}


def test_rows_are_numbered_and_faces_can_be_removed():
    faces = tuple(Face((i, 0, i + 9, 9)) for i in range(3))
    result = FrameResult(5, 1.23456, (100, 50), faces)
    assert [(r["face"], r["x1"], r["time_s"]) for r in result.to_rows()] == [
        (1, 0, 1.235),
        (2, 1, 1.235),
        (3, 2, 1.235),
    ]
    assert [f.xyxy[0] for f in result.without_faces({2}).faces] == [0, 2]
    assert len(result.faces) == 3


def test_rows_tell_boxes_inside_the_frame():
    faces = (Face((-4, 3, 20, 60)), Face((90, -9, 120, 5)), Face((5, 5, 9, 9)))
    result = FrameResult(0, 0.0, (100, 50), faces)
    boxes = [tuple(row[k] for k in ("x1", "y1", "x2", "y2")) for row in result.to_rows()]
    assert boxes == [(0, 3, 20, 50), (90, 0, 100, 5), (5, 5, 9, 9)]
    assert result.boxes_to_hide == tuple(face.xyxy for face in faces)


def test_removed_faces_are_still_hidden():
    faces = tuple(Face((i, 0, i + 9, 9)) for i in range(3))
    result = FrameResult(0, 0.0, (100, 50), faces, unsure=((50, 0, 60, 10),))
    left = result.without_faces({1, 3})
    assert left.unsure == ((50, 0, 60, 10), (0, 0, 9, 9), (2, 0, 11, 9))
    assert left.boxes_to_hide == ((1, 0, 10, 9), *left.unsure)
