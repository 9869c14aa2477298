from dataclasses import replace

import numpy as np
import pytest

from facecore.results import Prediction
from facecore.stats import summarise
from facecore.stats_clip import settle_clip, shows_other_words
from facecore.stats_edits import PeopleEdits
from facecore.tracking_labels import decide_again

LABELS = ("man", "woman")


@pytest.fixture
def make_clip(make_face, make_result):
    """Frames of 0.1 s with person 1's probability of "woman" in each; undecided below 73 %."""

    def make(*women, person=1, threshold=0.73):
        frames = []
        for i, woman in enumerate(women):
            probs = np.array([1 - woman, woman], dtype=np.float32)
            face = replace(
                make_face(person, "happy"),
                predictions={**make_face(person).predictions, "gender": Prediction(LABELS, probs)},
            )
            frames.append(make_result(face, index=i, time_s=i / 10))
        return decide_again(frames, {"gender": threshold})

    return make


def genders(frames):
    return [face.gender for frame in frames for face in frame.faces]


def test_everybody_keeps_the_gender_of_the_whole_clip(make_clip):
    frames = make_clip(0.9, 0.7, 0.75, 0.75)
    assert [g.label for g in genders(frames)] == ["woman", "undecided", "undecided", "undecided"]
    settled, summary = settle_clip(frames, 0.4)
    assert [g.label for g in genders(settled)] == ["woman"] * 4
    (person,) = summary.people
    assert person.dominant("gender") == ("woman", pytest.approx(0.775))
    assert person.seconds_by_label["gender"] == {
        "man": 0.0,
        "woman": pytest.approx(0.4),
        "undecided": 0.0,
    }
    assert shows_other_words(frames, settled)
    assert not shows_other_words(settled, settled)


def test_probabilities_stay_and_no_word_is_shown_with_less_than_it_needs(make_clip):
    settled, _ = settle_clip(make_clip(0.9, 0.7, 0.75, 0.75))
    assert [g.probability("woman") for g in genders(settled)] == pytest.approx(
        [0.9, 0.7, 0.75, 0.75]
    )
    assert [g.confidence for g in genders(settled)] == pytest.approx([0.9, 0.775, 0.75, 0.75])


def test_undecided_as_a_whole_is_undecided_throughout(make_clip):
    settled, summary = settle_clip(make_clip(0.9, 0.5, 0.6, 0.6))
    assert {g.label for g in genders(settled)} == {"undecided"}
    assert summary.counts("gender") == {"man": 0, "woman": 0, "undecided": 1}
    assert genders(settled)[0].confidence == pytest.approx(0.65), "not the 90 % of this frame"


def test_settling_twice_changes_nothing(make_clip):
    once, summary = settle_clip(make_clip(0.9, 0.7, 0.75, 0.75), 0.4)
    again, same = settle_clip(once, 0.4)
    assert same == summary
    assert [(g.label, g.confidence) for g in genders(again)] == [
        (g.label, g.confidence) for g in genders(once)
    ]
    assert summarise(once, 0.4) == summary
    assert all(new is old for new, old in zip(again, once, strict=True)), "nothing is copied"


def test_moved_threshold_and_merged_people_settle_anew(make_clip):
    settled, _ = settle_clip(make_clip(0.9, 0.7, 0.75, 0.75))
    stricter, summary = settle_clip(decide_again(settled, {"gender": 0.8}))
    assert {g.label for g in genders(stricter)} == {"undecided"}
    assert summary.counts("gender")["undecided"] == 1
    men = [
        replace(frame, index=4 + i, time_s=0.4 + i / 10)
        for i, frame in enumerate(make_clip(0.0, 0.1, 0.0, 0.1, person=2))
    ]
    merged, summary = settle_clip((*settled, *men), None, PeopleEdits().merge(2, 1))
    assert {(f.person_id, f.gender.label) for r in merged for f in r.faces} == {(1, "undecided")}
    assert summary.counts("gender") == {"man": 0, "woman": 0, "undecided": 1}


def test_faces_without_gender_or_number_stay_as_they_are(make_face, make_result):
    frames = [make_result(make_face(1, gender=None), make_face(None, "sad", "man"))]
    settled, summary = settle_clip(frames)
    assert [face.predictions for face in settled[0].faces] == [
        face.predictions for face in frames[0].faces
    ]
    assert "gender" not in summary.people[0].mean_probs


def test_expressions_may_change(make_face, make_result):
    frames = [make_result(make_face(1, e), time_s=i / 10) for i, e in enumerate(["happy", "sad"])]
    settled, _ = settle_clip(frames)
    assert [frame.faces[0].expression.label for frame in settled] == ["happy", "sad"]
