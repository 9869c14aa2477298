import numpy as np
import pytest

from facecore.detection import Detection
from facecore.tracking import IouTracker, TrackerOptions
from facecore.tracking_sightings import Sighting, compute_sightings, covers_any, iou
from facecore.tracking_smoothing import ProbabilitySmoother

LOOKS = {
    "anna": np.array([1, 0, 0], np.float32),
    "ben": np.array([0, 1, 0], np.float32),
    "anna turned": np.array([0.8, 0, 0.6], np.float32),
    "half hidden": np.array([0.6, 0, 0.8], np.float32),
}


def see(x, who="anna", y=100, side=60, score=50.0, tilt_deg=0.0):
    box = (round(x - side / 2), y - side // 2, round(x + side / 2), y + side // 2)
    return Sighting(Detection(box, score, tilt_deg), LOOKS[who])


def run(tracker, frames, fps=10, search=None):
    """Feed frames of sightings; return per frame {person: centre x}."""
    seen = []
    for i, sightings in enumerate(frames):
        people = tracker.update(sightings, i / fps, search)
        seen.append({p.person_id: (p.detection.xyxy[0] + p.detection.xyxy[2]) / 2 for p in people})
    return seen


@pytest.mark.parametrize("min_hits", [1, 2, 4])
def test_person_counts_from_min_hits_on_and_starts_at_one(min_hits):
    tracker = IouTracker(TrackerOptions(min_hits=min_hits))
    seen = run(tracker, [[see(100)]] * 6)
    assert [list(frame) for frame in seen] == [[]] * (min_hits - 1) + [[1]] * (7 - min_hits)


def test_false_boxes_of_single_frames_take_no_number():
    frames = [[see(100), *([see(400, "ben")] if i == 2 else [])] for i in range(10)]
    frames += [[see(100), see(250, "ben")]] * 4
    assert run(IouTracker(), frames)[-1] == {1: 100, 2: 250}


def test_crossing_faces_keep_their_numbers():
    frames = [[see(100 + 10 * i), see(300 - 10 * i, "ben")] for i in range(21)]
    seen = run(IouTracker(), frames)
    assert seen[2] == {1: 120, 2: 280}
    assert seen[-1] == {1: 300, 2: 100}


def test_hidden_person_is_known_again_behind_the_other():
    frames = []
    for i in range(21):
        ben = [] if 6 <= i <= 14 else [see(300 - 10 * i, "ben")]
        frames.append([see(100 + 10 * i), *ben])
    seen = run(IouTracker(), frames)
    assert seen[-1] == {1: 300, 2: 100}
    assert {p for frame in seen for p in frame} == {1, 2}


@pytest.mark.parametrize(("who", "away_s", "expected"), [
    ("anna", 0.8, 1),
    ("anna", 1.4, 1),
    ("anna", 3.0, 2),
    ("ben", 0.8, 2),
])  # fmt: skip
def test_return_after_absence(who, away_s, expected):
    tracker = IouTracker()
    run(tracker, [[see(60)]] * 5)
    assert not tracker.update([], 0.5)
    start = 0.4 + away_s
    for i in range(8):
        people = tracker.update([see(100 + 5 * i, who)], start + i / 10)
    assert [p.person_id for p in people] == [expected]


@pytest.mark.parametrize(("who", "away_s", "remember_s", "expected"), [
    ("anna", 8.0, 10.0, 1),
    ("anna", 8.0, 5.0, 2),
    ("anna turned", 8.0, 10.0, 2),  # like enough in place only
    ("ben", 8.0, 10.0, 2),
])  # fmt: skip
def test_remembered_person_is_known_again_anywhere(who, away_s, remember_s, expected):
    tracker = IouTracker(TrackerOptions(remember_s=remember_s))
    run(tracker, [[see(60)]] * 5)
    assert not tracker.update([], 0.5)
    start = 0.4 + away_s
    for i in range(8):
        people = tracker.update([see(500 + 5 * i, who)], start + i / 10)
    assert [p.person_id for p in people] == [expected]


def test_two_newcomers_cannot_be_the_same_remembered_person():
    tracker = IouTracker(TrackerOptions(remember_s=10))
    run(tracker, [[see(60)]] * 5)
    for i in range(8):
        people = tracker.update([see(300), see(500)], 8 + i / 10)
    assert [p.person_id for p in people] == [1, 2]


def test_half_hidden_face_is_known_again_before_it_gets_a_number():
    """At a high frame rate three sightings pass before a face is out from behind another."""
    tracker = IouTracker()
    run(tracker, [[see(100)]] * 5, fps=25)
    for i in range(10):
        who = "half hidden" if i < 5 else "anna"
        people = tracker.update([see(160 - 2 * i, who)], 1 + i / 25)
    assert [p.person_id for p in people] == [1]


def test_turned_face_in_place_is_the_same_person():
    seen = run(IouTracker(), [[see(100)]] * 4 + [[see(102, "anna turned")]] * 4)
    assert {p for frame in seen for p in frame} == {1}


def test_unlike_face_in_place_is_someone_else():
    tracker = IouTracker()
    run(tracker, [[see(100)]] * 4)
    for i in range(4, 10):
        people = tracker.update([see(100, "ben")], i / 10)
    assert [p.person_id for p in people] == [2]


def test_search_near_keeps_a_leaning_head():
    asked = []

    def search(boxes):
        asked.append(list(boxes))
        return [see((b[0] + b[2]) / 2, "anna turned", tilt_deg=-20.0) for b in boxes]

    tracker = IouTracker()
    seen = run(tracker, [[see(100)], *[[]] * 30], search=search)
    assert all(frame == {1: 100} for frame in seen[2:])
    assert asked[1] == [see(100).detection.xyxy]
    assert tracker.update([], 3.1, search)[0].detection.tilt_deg == -20.0


def test_search_near_gets_rarer_and_stops_when_the_person_stays_away():
    frames = []

    def search(boxes):
        frames.append(bool(boxes))
        return [None] * len(boxes)

    run(IouTracker(), [[see(100)]] * 5 + [[]] * 40, fps=16, search=search)
    frames_after_it_was_seen = [i - 4 for i, was_asked in enumerate(frames) if was_asked]
    assert frames_after_it_was_seen == [1, 2, 3, 4, 8, 12, 16]


def test_search_near_cannot_steal_another_face():
    """A hidden person's search finds the face in front: nobody gets a second box or number."""
    tracker = IouTracker()
    run(tracker, [[see(100), see(200, "ben")]] * 4)
    for i in range(4, 9):
        people = tracker.update([see(195, "anna")], i / 10, lambda boxes: [see(195)] * len(boxes))
    assert len(people) == 1


def test_search_near_gives_no_newcomer_the_number_of_a_lost_person():
    """The newcomer's face was found and is not like enough: finding it again proves no more."""
    tracker = IouTracker()
    run(tracker, [[see(100)]] * 5, fps=25)
    newcomer = see(124, "half hidden", y=118)
    for i in range(15):
        people = tracker.update([newcomer], 0.8 + i / 25, lambda boxes: [newcomer] * len(boxes))
        assert [p.person_id for p in people] in ([], [2])
    assert [p.person_id for p in people] == [2]


def test_search_near_may_show_a_found_face_better():
    """Cut out upright, a leaning head that was found is like enough."""
    tracker = IouTracker()
    run(tracker, [[see(100)]] * 5, fps=25)
    found, upright = see(124, "half hidden", y=118), see(124, "anna turned", y=118)
    people = tracker.update([found], 0.8, lambda boxes: [upright] * len(boxes))
    assert [p.person_id for p in people] == [1]


def test_search_near_hit_on_something_unlike_is_no_sighting():
    tracker = IouTracker()
    run(tracker, [[see(100)]] * 4)
    assert not tracker.update([], 0.4, lambda boxes: [see(100, "ben")] * len(boxes))


def test_two_missing_people_cannot_share_one_found_face():
    tracker = IouTracker()
    run(tracker, [[see(100), see(150, "ben")]] * 4)
    people = tracker.update([], 0.4, lambda boxes: [see(125, "ben")] * len(boxes))
    assert [p.person_id for p in people] == [2]


def test_second_box_on_a_face_is_dropped():
    frames = [[see(100, score=55), see(100, side=40, score=50)]] * 6
    assert run(IouTracker(), frames)[-1] == {1: 100}


@pytest.mark.parametrize("fps", [1.2, 5, 60])
def test_tracks_go_by_media_time_at_any_frame_rate(fps):
    seen = run(IouTracker(), [[see(100)]] * 8, fps)
    assert seen[-1] == {1: 100}


@pytest.mark.parametrize("held_s", [1.5, 2.5, 9.0])
def test_a_frame_may_be_held_for_long(held_s):
    """Nobody was away where no frame was without them: slides, a still in the middle of a film."""
    slides = run(IouTracker(), [[see(100)]] * 4, fps=1 / held_s)
    assert slides == [{}, {}, {1: 100}, {1: 100}]
    tracker = IouTracker()
    run(tracker, [[see(100)]] * 5)
    for i in range(4):
        people = tracker.update([see(110)], 0.4 + held_s + i / 10)
    assert [p.person_id for p in people] == [1]


@pytest.mark.parametrize(("x", "who", "gap_s"), [
    (110, "ben", 3.0),  # somebody else sits there
    (600, "anna", 9.0),  # too far off for one frame
    (110, "anna", 15.0),  # the camera was off
])  # fmt: skip
def test_after_a_long_frame_likeness_place_and_time_still_decide(x, who, gap_s):
    tracker = IouTracker()
    run(tracker, [[see(100)]] * 5)
    for i in range(8):
        people = tracker.update([see(x, who)], 0.4 + gap_s + i / 10)
    assert [p.person_id for p in people] == [2]


def test_repeated_and_earlier_times_do_no_harm():
    tracker = IouTracker()
    for time_s in (0.0, 0.0, 0.1, 0.05, 0.05, 0.2):
        people = tracker.update([see(100)], time_s)
    assert [p.person_id for p in people] == [1]


def test_numbers_belong_to_the_instance_and_reset_restarts_them():
    first, second = IouTracker(), IouTracker()
    for tracker in (first, second):
        assert run(tracker, [[see(100)]] * 3)[-1] == {1: 100}
    first.reset()
    assert run(first, [[see(300, "ben")]] * 3)[-1] == {1: 300}


@pytest.mark.parametrize("change", [
    {"min_iou": 0}, {"max_lost_s": -1}, {"min_hits": 0}, {"min_likeness": 2},
    {"remember_s": -1},
])  # fmt: skip
def test_impossible_options_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        TrackerOptions(**change)


def test_looks_tell_two_people_apart(heads):
    frame = np.full((200, 400, 3), 120, np.uint8)
    for x, head in zip((100, 300), heads, strict=True):
        side = len(head.bgr)
        patch = head.bgr if side <= 180 else head.bgr[:: side // 90, :: side // 90]
        h = len(patch)
        frame[100 - h // 2 : 100 - h // 2 + h, x - h // 2 : x - h // 2 + h] = patch
    boxes = [(55, 55, 145, 145), (57, 56, 147, 146), (255, 55, 345, 145), (900, 0, 990, 90)]
    sightings = compute_sightings(frame, [Detection(b, 1.0) for b in boxes])
    assert len(sightings) == 3, "a box outside the frame has no look"
    a, moved, b = (s.look for s in sightings)
    assert np.linalg.norm(a) == pytest.approx(1, abs=1e-5)
    assert a @ moved > 0.9
    assert a @ b < 0.76


def test_flat_patch_has_a_finite_look():
    (sighting,) = compute_sightings(
        np.zeros((50, 50, 3), np.uint8), [Detection((5, 5, 40, 40), 1.0)]
    )
    assert np.all(sighting.look == 0)


@pytest.mark.parametrize(("other", "overlap", "same"), [
    ((0, 0, 10, 10), 1.0, True),
    ((5, 0, 15, 10), 1 / 3, False),
    ((2, 2, 8, 8), 0.36, True),
    ((20, 20, 30, 30), 0.0, False),
])  # fmt: skip
def test_overlap(other, overlap, same):
    assert iou((0, 0, 10, 10), other) == pytest.approx(overlap)
    assert covers_any((0, 0, 10, 10), [other]) is same


def test_smoothing_starts_as_a_mean_and_then_follows_media_time():
    smoother = ProbabilitySmoother()
    a, b = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
    assert smoother.update(1, "gender", a, 0.0, 10) == pytest.approx(a)
    assert smoother.update(1, "gender", b, 0.01, 10) == pytest.approx([0.5, 0.5])
    assert smoother.update(1, "gender", b, 0.02, 10) == pytest.approx([1 / 3, 2 / 3])
    late = smoother.update(1, "gender", a, 100.0, 10)
    assert late == pytest.approx([1, 0], abs=1e-3)
    assert smoother.update(2, "gender", b, 100.0, 10) == pytest.approx(b), "people are separate"


def test_smoothing_keeps_the_sum_and_can_be_switched_off():
    smoother = ProbabilitySmoother()
    rng = np.random.default_rng(0)
    for i in range(20):
        mean = smoother.update(1, "expression", rng.dirichlet(np.ones(7)), i / 12, 0.4)
        assert mean.sum() == pytest.approx(1, abs=1e-5)
    last = rng.dirichlet(np.ones(7)).astype(np.float32)
    assert smoother.update(1, "expression", last, 3.0, 0) == pytest.approx(last)


def test_smoothing_forgets_one_task_or_all():
    smoother = ProbabilitySmoother()
    a, b = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
    smoother.update(1, "gender", a, 0.0, 10)
    smoother.update(1, "expression", a, 0.0, 10)
    smoother.reset("gender")
    with pytest.raises(KeyError):
        smoother.latest(1, "gender")
    assert smoother.update(1, "gender", b, 0.1, 10) == pytest.approx(b)
    assert smoother.update(1, "expression", b, 0.1, 10) == pytest.approx([0.5, 0.5])
    assert smoother.recall(1, "expression") == pytest.approx([0.5, 0.5])
    assert smoother.latest(1, "expression") == pytest.approx(b)
    smoother.reset()
    assert smoother.update(1, "expression", b, 0.2, 10) == pytest.approx(b)
