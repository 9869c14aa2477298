from dataclasses import replace

import numpy as np
import pytest

from facecore.labels import LABELS
from facecore.results import Prediction
from facecore.stats import (
    PeopleEdits,
    SessionStats,
    SessionSummary,
    compute_durations,
    summarise,
    summarise_photo,
)
from facecore.tracking_labels import decide_again


@pytest.fixture
def frames(make_face, make_result):
    """Ten frames, 0.1 s each: 1 is happy for 0.6 s, then sad; 2 is there in frames 3-5."""
    results = []
    for i in range(10):
        faces = [make_face(1, "happy" if i < 6 else "sad", "woman", 0.8)]
        if 3 <= i <= 5:
            faces.append(make_face(2, "angry", "man", 0.9))
        results.append(make_result(*faces, index=i, time_s=2 + i / 10))
    return results


def test_summary_of_a_clip(frames):
    summary = summarise(frames, 1.0)
    assert (summary.duration_s, summary.num_frames, summary.num_faces_seen) == (1.0, 10, 13)
    first, second = summary.people
    assert (first.person_id, first.name, first.num_frames) == (1, "Person 1", 10)
    assert (first.first_s, first.last_s) == (2.0, 2.9)
    assert (second.first_s, second.last_s, second.num_frames) == (2.3, 2.5, 3)
    assert first.seconds_by_label["expression"]["happy"] == pytest.approx(0.6)
    assert first.seconds_by_label["expression"]["sad"] == pytest.approx(0.4)
    assert sum(first.seconds_by_label["expression"].values()) == pytest.approx(1.0)
    assert first.dominant("expression") == ("happy", pytest.approx(0.6))
    assert second.dominant("gender") == ("man", pytest.approx(0.9))
    rest = 0.2 / 6
    assert first.mean_probs["expression"]["happy"] == pytest.approx(0.6 * 0.8 + 0.4 * rest)
    assert first.prediction("expression").label == "happy"
    assert first.prediction("gender").confidence == pytest.approx(0.8)


def test_counts_and_times_name_every_label(frames):
    summary = summarise(frames)
    assert summary.counts("gender") == {"man": 1, "woman": 1, "undecided": 0}
    assert summary.counts("expression") == {
        "angry": 1, "disgust": 0, "fear": 0, "happy": 1, "sad": 0, "surprise": 0, "neutral": 0,
        "undecided": 0,
    }  # fmt: skip
    assert summary.seconds_by_label("gender") == {
        "man": pytest.approx(0.3),
        "woman": pytest.approx(1.0),
        "undecided": 0.0,
    }


def test_nobody_is_a_normal_result(make_result):
    for summary in (summarise([]), summarise([make_result()], 2.0), SessionSummary()):
        assert summary.people == ()
        assert set(summary.counts("expression").values()) == {0}


@pytest.mark.parametrize(("times", "total", "expected"), [
    ([], 5.0, []),
    ([3.0], None, [0.04]),
    ([3.0], 2.0, [2.0]),
    ([0, 0.1, 0.3], None, [0.1, 0.2, 0.15]),
    ([0, 0.1, 0.2, 9.0, 9.1], None, [0.1, 0.1, 1.0, 0.1, 0.1]),
    ([0, 2, 4], None, [2, 2, 2]),
])  # fmt: skip
def test_frames_last_until_the_next_one(make_result, times, total, expected):
    results = [make_result(time_s=t) for t in times]
    assert compute_durations(results, total) == pytest.approx(expected)


@pytest.mark.parametrize(("times", "told", "total", "expected"), [
    ([0, 0.1, 0.2], [None, None, None], 5.2, [0.1, 0.1, 5.0]),
    ([0, 3, 6], [3.0, 3.0, 0.1], 6.1, [3, 3, 0.1]),
    ([1, 1.1, 1.2], [0.1, 0.1, 4.0], None, [0.1, 0.1, 4.0]),
    ([0, 0.1, 5.1, 5.2], [0.1, 5.0, 0.1, 0.1], 5.3, [0.1, 5.0, 0.1, 0.1]),
    ([0, 0.1, 5.1, 5.2], [0.1, 0.1, 0.1, 0.1], 5.3, [0.1, 1.0, 0.1, 0.1]),
    ([0, 0.1, 5.1, 5.2], [0.1, 9.0, 0.1, 0.1], 5.3, [0.1, 5.0, 0.1, 0.1]),
    ([0, 0.1, 0.2], [None, None, None], 0.15, [0.1, 0.1, 0.0]),
])  # fmt: skip
def test_frames_that_a_file_holds_last_as_long_as_it_says(
    make_result, times, told, total, expected
):
    results = [
        replace(make_result(time_s=t), duration_s=d) for t, d in zip(times, told, strict=True)
    ]
    assert compute_durations(results, total) == pytest.approx(expected)


def test_longer_frames_weigh_more(make_face, make_result):
    """Variable frame rate: 0.9 s of man and 0.1 s of woman are no tie."""
    shown = [("man", 0.0), ("woman", 0.9), ("woman", 1.0)]
    results = [make_result(make_face(1, gender=g), time_s=t) for g, t in shown]
    stats = SessionStats()
    for result, duration_s in zip(results, (0.9, 0.1, 0.0), strict=True):
        stats.update(result, duration_s)
    (person,) = stats.summary().people
    assert person.dominant("gender") == ("man", pytest.approx(0.9 * 0.9 + 0.1 * 0.1, abs=1e-4))


def test_stats_can_be_read_while_they_grow_and_reset(frames):
    stats = SessionStats()
    for result in frames[:4]:
        stats.update(result, 0.1)
    assert stats.summary().num_frames == 4
    assert stats.summary().duration_s == pytest.approx(0.4)
    assert [p.person_id for p in stats.summary().people] == [1, 2]
    stats.reset()
    assert stats.summary() == SessionSummary()


def test_person_without_one_task(make_face, make_result):
    summary = summarise([make_result(make_face(1, gender=None))], 1.0)
    assert set(summary.people[0].mean_probs) == {"expression"}
    assert not any(summary.counts("gender").values())


def test_networks_with_other_labels_add_up(make_face, make_result):
    """The expression model may be swapped while the statistics run."""
    six = ("angry", "fear", "happy", "sad", "surprise", "neutral")
    swapped = Prediction(six, np.array([0, 0, 1, 0, 0, 0], np.float32))
    face = make_face(1, "disgust", confidence=1.0)
    later = replace(face, predictions={**face.predictions, "expression": swapped})
    (person,) = summarise([make_result(face), make_result(later, time_s=0.5)]).people
    assert person.mean_probs["expression"]["disgust"] == pytest.approx(0.5)
    assert person.mean_probs["expression"]["happy"] == pytest.approx(0.5)


def test_photo_counts_each_face(make_face, make_result):
    result = make_result(make_face(None, "sad", "man"), make_face(None, "happy", "woman"))
    summary = summarise_photo(result)
    assert [p.name for p in summary.people] == ["Person 1", "Person 2"]
    assert summary.counts("gender") == {"man": 1, "woman": 1, "undecided": 0}
    assert [p.dominant("expression")[0] for p in summary.people] == ["sad", "happy"]
    assert summarise_photo(result.without_faces({1})).counts("gender") == {
        "man": 0,
        "woman": 1,
        "undecided": 0,
    }


def test_undecided_people_are_counted_on_their_own(make_face, make_result):
    """Seven people in ten are sure enough for their expression, and none for the gender."""
    sure = [make_face(i, "happy", "man", 0.9) for i in range(7)]
    unsure = [make_face(i, "sad", "woman", 0.5) for i in range(7, 10)]
    faces = decide_again([make_result(*sure, *unsure)], {"expression": 0.6, "gender": 0.95})
    for summary in (summarise(faces, 2.0), summarise_photo(faces[0])):
        expressions, genders = summary.counts("expression"), summary.counts("gender")
        assert (expressions["happy"], expressions["sad"], expressions["undecided"]) == (7, 0, 3)
        assert genders == {"man": 0, "woman": 0, "undecided": 10}
    assert summarise(faces, 2.0).seconds_by_label("expression")["undecided"] == pytest.approx(6.0)


def test_a_person_undecided_for_longest_is_undecided(make_face, make_result):
    frames = [
        make_result(make_face(1, "happy", None, 0.9 if i < 4 else 0.4), time_s=i / 10)
        for i in range(10)
    ]
    (person,) = summarise(decide_again(frames, {"expression": 0.6}), 1.0).people
    assert person.shares("expression")["happy"] == pytest.approx(0.4)
    assert person.dominant("expression") == ("undecided", pytest.approx(0.6))
    assert person.confidence("expression") == pytest.approx(0.4 * 0.9 + 0.6 * 0.4)
    assert set(person.mean_probs["expression"]) == set(LABELS["expression"])


def test_means_are_of_the_answers_and_not_of_what_they_were_averaged_to(make_face, make_result):
    """0.2 s of an early mistake count for 0.2 s, not for as long as the average remembers them."""
    answers = [0.9, 0.9, 0.1, 0.1, 0.1, 0.1]
    averages = np.cumsum(answers) / np.arange(1, 7)
    frames = []
    for i, (answer, average) in enumerate(zip(answers, averages, strict=True)):
        probs, latest = (np.array([1 - p, p], np.float32) for p in (average, answer))
        gender = Prediction(LABELS["gender"], probs, latest=latest)
        frames.append(
            make_result(replace(make_face(1), predictions={"gender": gender}), time_s=i / 10)
        )
    (person,) = summarise(frames, 0.6).people
    wanted = dict(zip(LABELS["gender"], (1 - sum(answers) / 6, sum(answers) / 6), strict=True))
    assert person.mean_probs["gender"] == pytest.approx(wanted)


def test_removed_person_leaves_every_number(frames):
    summary = summarise(frames, 1.0, PeopleEdits().remove(2))
    assert [p.person_id for p in summary.people] == [1]
    assert summary.num_faces_seen == 10
    assert summary.counts("gender") == {"man": 0, "woman": 1, "undecided": 0}


def test_merged_people_are_one_and_keep_one_face_per_frame(frames):
    edits = PeopleEdits().merge(2, 1).rename(1, " Ada ")
    (person,) = summarise(frames, 1.0, edits).people
    assert (person.name, person.num_frames) == ("Ada", 10)
    assert person.seconds_by_label["expression"]["angry"] == 0
    assert sum(person.seconds_by_label["expression"].values()) == pytest.approx(1.0)


def test_merge_adds_times_where_they_do_not_overlap(make_face, make_result):
    frames = [
        make_result(make_face(1 if i < 4 else 2, "happy" if i < 4 else "sad"), time_s=i / 10)
        for i in range(10)
    ]
    (person,) = summarise(frames, 1.0, PeopleEdits().merge(1, 2)).people
    assert person.person_id == 2
    assert (person.first_s, person.last_s) == (0.0, 0.9)
    assert person.seconds_by_label["expression"]["happy"] == pytest.approx(0.4)
    assert person.seconds_by_label["expression"]["sad"] == pytest.approx(0.6)


def test_merges_chain_and_removal_takes_the_merged_along(make_face, make_result):
    frames = [make_result(make_face(1), make_face(2), make_face(3))]
    chained = PeopleEdits(merged={1: 2, 2: 3})
    assert [f.person_id for f in chained.apply(frames)[0].faces] == [3]
    assert chained.remove(3).apply(frames)[0].faces == ()
    assert [f.person_id for f in PeopleEdits().remove(1).merge(1, 2).apply(frames)[0].faces] == [
        2,
        3,
    ]


def test_edits_leave_the_originals_and_faces_without_number(frames, make_face, make_result):
    before = [[f.person_id for f in frame.faces] for frame in frames]
    PeopleEdits(merged={2: 1}, removed=frozenset({1})).apply(frames)
    assert before == [[f.person_id for f in frame.faces] for frame in frames]
    photo = make_result(make_face(None))
    assert len(PeopleEdits().remove(1).apply([photo])[0].faces) == 1


@pytest.mark.parametrize("merged", [{1: 1}, {1: 2, 2: 1}, {3: 1, 1: 2, 2: 3}])
def test_circular_merges_are_refused(merged):
    with pytest.raises(ValueError, match="merged into itself"):
        PeopleEdits(merged=merged)


def test_empty_name_gives_the_number_back():
    edits = PeopleEdits().rename(4, "Ada")
    assert edits.name_of(4) == "Ada"
    assert edits.rename(4, " ").name_of(4) == "Person 4"
