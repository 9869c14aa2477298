"""What is shown for a person over time: by hand-made probabilities."""

import numpy as np
import pytest

from facecore.pipeline import FacePipeline, PipelineOptions
from facecore.results import Face, FrameResult, Prediction
from facecore.tracking_labels import LabelKeeper, decide_again

LABELS = ("happy", "sad", "neutral")


def show(happy, *, threshold=0.0, sad=None, person_id=1):
    """The shown label per frame for a person of whom these are the probabilities of happy."""
    keeper = LabelKeeper()
    shown = []
    for i, p in enumerate(happy):
        q = (1 - p) / 2 if sad is None else sad[i]
        probs = np.array([p, q, 1 - p - q], np.float32)
        shown.append(keeper.decide(person_id, "expression", Prediction(LABELS, probs, threshold)))
    return [prediction.label for prediction in shown]


def test_a_label_stays_until_another_leads_by_the_margin():
    happy, sad = [0.5, 0.45, 0.42, 0.35], [0.4, 0.5, 0.5, 0.5]
    assert show(happy, sad=sad) == ["happy", "happy", "happy", "sad"]
    assert show(happy, sad=sad, person_id=None) == ["happy", "sad", "sad", "sad"]


def test_hovering_around_the_threshold_does_not_flicker():
    around = [0.61, 0.59, 0.61, 0.59, 0.62, 0.58]
    assert show(around, threshold=0.6) == ["happy", *["undecided"] * 5]
    assert show([*around, 0.71, 0.61, 0.6001], threshold=0.6)[-3:] == ["happy"] * 3


def test_what_is_shown_is_never_below_the_threshold():
    rng = np.random.default_rng(1)
    keeper = LabelKeeper()
    for probs in rng.dirichlet((1, 1, 1), 500).astype(np.float32):
        prediction = keeper.decide(1, "expression", Prediction(LABELS, probs, 0.55))
        assert prediction.label == "undecided" or prediction.confidence >= 0.55


def test_a_threshold_near_one_can_still_be_reached():
    assert show([0.5, 0.97, 0.99], threshold=0.96) == ["undecided", "undecided", "happy"]


def test_without_a_threshold_everything_is_decided():
    keeper = LabelKeeper()
    unsure = np.array([0.4, 0.3, 0.3], np.float32)
    assert keeper.decide(1, "expression", Prediction(LABELS, unsure, 0.9)).label == "undecided"
    assert keeper.decide(1, "expression", Prediction(LABELS, unsure, 0.0)).label == "happy"


def test_people_and_tasks_are_kept_apart_and_forgotten():
    keeper = LabelKeeper()
    happy = Prediction(LABELS, np.array([0.48, 0.42, 0.1], np.float32))
    sad = Prediction(LABELS, np.array([0.42, 0.48, 0.1], np.float32))
    assert keeper.decide(1, "expression", happy).label == "happy"
    assert keeper.decide(2, "expression", sad).label == "sad"
    assert keeper.decide(1, "expression", sad).label == "happy"
    keeper.reset("gender")
    assert keeper.decide(1, "expression", sad).label == "happy"
    keeper.reset("expression")
    assert keeper.decide(1, "expression", sad).label == "sad"


def test_a_network_without_the_shown_label_decides_anew():
    keeper = LabelKeeper()
    keeper.decide(1, "expression", Prediction(LABELS, np.array([0.9, 0.05, 0.05], np.float32)))
    other = Prediction(("sad", "neutral"), np.array([0.52, 0.48], np.float32))
    assert keeper.decide(1, "expression", other).label == "sad"


def test_results_can_be_decided_again_with_another_threshold(make_face, make_result):
    frames = [make_result(make_face(1, "happy", "man", p)) for p in (0.9, 0.55, 0.65, 0.75)]
    once = decide_again(frames, {"expression": 0.6})
    assert [f.faces[0].expression.label for f in once] == [
        "happy",
        "undecided",
        "undecided",
        "happy",
    ]
    assert {f.faces[0].gender.label for f in once} == {"man"}
    again = decide_again(once, {"expression": 0.0})
    assert [f.faces[0].expression.label for f in again] == ["happy"] * 4
    assert [f.faces[0].expression.threshold for f in frames] == [0.0] * 4
    np.testing.assert_array_equal(
        again[1].faces[0].expression.probs, frames[1].faces[0].expression.probs
    )


def test_a_photo_is_decided_face_by_face(make_face, make_result):
    photo = make_result(make_face(confidence=0.9), make_face(confidence=0.5))
    (decided,) = decide_again([photo], {"expression": 0.6})
    assert [face.expression.label for face in decided.faces] == ["happy", "undecided"]
    assert [face.expression.held for face in decided.faces] == [None, None]


@pytest.mark.parametrize(
    ("thresholds", "shown"), [({}, "undecided"), ({"expression": 0.5}, "happy")]
)
def test_the_pipeline_takes_the_cards_threshold_unless_told_otherwise(
    thresholds, shown, make_stub_classifier, make_stub_detector
):
    classifier = make_stub_classifier("expression", "happy", 0.7, threshold=0.8)
    box = (10, 10, 60, 60)
    for options in (
        PipelineOptions(tracker=None, thresholds=thresholds),
        PipelineOptions(thresholds=thresholds),
    ):
        pipeline = FacePipeline([classifier], options, make_stub_detector([[box]] * 4))
        pipeline.reset(min_hits=1)
        frame = np.zeros((80, 80, 3), np.uint8)
        results = [pipeline.process(frame, i / 10, i) for i in range(4)]
        again = decide_again(results, {"expression": 0.75})
        for frames, expected in ((results, shown), (again, "undecided")):
            assert {f.expression.label for r in frames for f in r.faces} == {expected}


def test_thresholds_are_shares():
    with pytest.raises(ValueError, match="thresholds"):
        PipelineOptions(thresholds={"gender": 95})


def test_deciding_again_leaves_boxes_and_times():
    face = Face((1, 2, 3, 4), 5.0, 6, {}, 7.0)
    frame = FrameResult(8, 9.0, (10, 11), (face,), {"detect": 1.0}, ((0, 0, 1, 1),))
    (again,) = decide_again([frame], {})
    assert (again.index, again.time_s, again.unsure, again.faces[0].tilt_deg) == (
        8,
        9.0,
        ((0, 0, 1, 1),),
        7.0,
    )
