from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from facecore.detection import TILTS_DEG, Detection, HaarOptions
from facecore.pipeline import PHOTO_PIPELINE, VIDEO_PIPELINE, FacePipeline, PipelineOptions
from facecore.registry import InputSpec
from facecore.tracking import TrackerOptions
from facecore.video_queue import in_groups

BOX, OTHER = (20, 20, 60, 60), (100, 30, 150, 80)
AT_ONCE = PipelineOptions(tracker=TrackerOptions(min_hits=1), smoothing=0, gender_smoothing=0)


@pytest.fixture
def frame():
    """Noise, so that every place has a look of its own."""
    return np.random.default_rng(0).integers(0, 256, (120, 200, 3), dtype=np.uint8)


def test_one_batch_per_task_and_a_prediction_per_face(
    frame, make_stub_classifier, make_stub_detector
):
    expression = make_stub_classifier("expression", "happy", size=48)
    gender = make_stub_classifier("gender", "woman", input=InputSpec(32, 32, "rgb", margin=0.3))
    before = frame.copy()
    pipeline = FacePipeline(
        [expression, gender], PHOTO_PIPELINE, make_stub_detector([[BOX, OTHER]])
    )
    result = pipeline.process(frame, 1.5, 7)
    assert np.array_equal(frame, before)
    assert (result.index, result.time_s, result.size_wh) == (7, 1.5, (200, 120))
    assert expression.batches == [(2, 48, 48, 1)]
    assert gender.batches == [(2, 32, 32, 3)]
    assert [f.xyxy for f in result.faces] == [BOX, OTHER]
    assert [(f.expression.label, f.gender.label) for f in result.faces] == [("happy", "woman")] * 2
    assert all(f.person_id is None for f in result.faces)
    assert set(result.timings_ms) == {"detect", "crop", "expression", "gender"}
    assert all(ms >= 0 for ms in result.timings_ms.values())


def test_no_faces_stops_after_detection(frame, make_stub_classifier, make_stub_detector):
    classifier = make_stub_classifier()
    result = FacePipeline([classifier], PHOTO_PIPELINE, make_stub_detector([[]])).process(frame)
    assert result.faces == ()
    assert classifier.batches == []
    assert set(result.timings_ms) == {"detect"}


def test_without_classifiers_faces_have_no_predictions(frame, make_stub_detector):
    result = FacePipeline([], PHOTO_PIPELINE, make_stub_detector([[BOX]])).process(frame)
    assert result.faces[0].predictions == {}


def test_two_classifiers_of_one_task_are_refused(make_stub_classifier, make_stub_detector):
    with pytest.raises(ValueError, match="one classifier per task"):
        FacePipeline([make_stub_classifier()] * 2, PHOTO_PIPELINE, make_stub_detector([]))


def test_tilt_reaches_the_crop(frame, make_stub_classifier, make_stub_detector):
    """A face that lies turned in the frame comes upright to the network."""
    seen = []

    def answer(batch):
        seen.append(batch.copy())
        return np.tile(np.float32([1, 0]), (len(batch), 1))

    for tilt_deg in (0.0, 40.0):
        detector = make_stub_detector([[Detection(BOX, 9.0, tilt_deg)]])
        gender = make_stub_classifier("gender", answer=answer, size=40)
        result = FacePipeline([gender], PHOTO_PIPELINE, detector).process(frame)
        assert result.faces[0].tilt_deg == tilt_deg
    assert not np.array_equal(seen[0], seen[1])


def test_people_are_numbered_and_missed_ones_are_searched_near(frame, make_stub_detector):
    detector = make_stub_detector(
        [[BOX, OTHER], [BOX, OTHER], [BOX, OTHER], [BOX]],
        near=lambda box: Detection(box, 3.0),
    )
    pipeline = FacePipeline([], VIDEO_PIPELINE, detector)
    results = [pipeline.process(frame, i / 10, i) for i in range(5)]
    assert [len(r.faces) for r in results] == [0, 0, 2, 2, 2]
    assert {f.person_id: f.xyxy for f in results[-1].faces} == {1: BOX, 2: OTHER}
    assert detector.near_calls[-2:] == [[OTHER], [BOX, OTHER]]


def test_faces_that_do_not_count_yet_are_known_to_be_hidden(frame, make_stub_detector):
    pipeline = FacePipeline([], VIDEO_PIPELINE, make_stub_detector([[BOX]] * 3))
    results = [pipeline.process(frame, i / 10, i) for i in range(5)]
    assert [r.unsure for r in results] == [(BOX,), (BOX,), (), (BOX,), (BOX,)]


def holds(area, box):
    return all(area[i] <= box[i] for i in (0, 1)) and all(area[i] >= box[i] for i in (2, 3))


class FindsAgain:
    """A detector that finds known faces again until ``lost``; ``searches`` tells what was asked."""

    def __init__(self, faces):
        self.faces, self.searches, self.lost = faces, [], False
        self.sizes, self.tilts_deg = [], []

    def detect(self, frame_bgr, between=False, known=()):
        self.sizes.append(between)
        self.searches.append("all")
        return [] if self.lost else [Detection(box, 9.0) for box in self.faces]

    def detect_large(self, frame_bgr, between=False, known=()):
        self.sizes.append(between)
        self.searches.append("large")
        return []

    def detect_in(self, frame_bgr, areas, between=False, known=()):
        self.sizes.append(between)
        self.searches += areas
        found = [] if self.lost else self.faces
        return [Detection(box, 9.0) for box in found if any(holds(area, box) for area in areas)]

    def confirm(self, frame_bgr, boxes, known=()):
        self.searches += [("confirm", box) for box in boxes]
        found = [] if self.lost else self.faces
        return [Detection(box, 9.0) for box in found if box in boxes]

    def detect_near(self, frame_bgr, known, tilts_deg=TILTS_DEG):
        self.tilts_deg.append(tilts_deg)
        return [None] * len(known)

    def detect_again(self, frame_bgr, known):
        return [None if self.lost else Detection(d.xyxy, 9.0, d.tilt_deg) for d in known]


def list_searches(detector, pipeline, frames, times_s):
    """What was searched in each frame: "all" sizes, the "large" ones, areas, or nothing new."""
    searched = []
    for frame_bgr, time_s in zip(frames, times_s, strict=True):
        detector.searches = []
        pipeline.process(frame_bgr, time_s)
        searched.append(detector.searches)
    return searched


def move_all_but_a_face(frame_bgr, number):
    """So many frames that are new everywhere but in BOX, as with a moving camera."""
    rng = np.random.default_rng(1)
    frames = []
    for _ in range(number):
        coarse = rng.integers(0, 256, (15, 25, 3))
        moved = np.repeat(np.repeat(coarse, 8, 0), 8, 1).astype(np.uint8)
        moved[10:70, 10:70] = frame_bgr[10:70, 10:70]
        frames.append(moved)
    return frames


def test_where_everything_moves_the_smallest_faces_are_searched_a_third_as_often(frame):
    detector = FindsAgain([BOX])
    pipeline = FacePipeline([], PipelineOptions(rescan_s=0.35), detector)
    frames = move_all_but_a_face(frame, 15)
    searched = list_searches(detector, pipeline, frames[:11], [i / 10 for i in range(11)])
    # A new face needs three sightings; from then on every 0.35 s is enough.
    no, full, large = [], ["all"], ["large"]
    assert searched == [full] * 3 + [no] * 3 + [large] + [no] * 3 + [large]
    detector.lost = True
    # Only the neighbourhood at first; from then on every 0.2 s.
    searched = list_searches(detector, pipeline, frames[11:], [1.1, 1.21, 1.3, 1.42])
    assert searched == [no, full, no, large]


def test_new_faces_are_searched_where_something_has_changed_and_everywhere_now_and_then(frame):
    detector = FindsAgain([BOX])
    pipeline = FacePipeline([], PipelineOptions(rescan_s=0.35), detector)
    frames = [frame] * 5 + [frame.copy() for _ in range(18)]
    for changed in frames[5:]:
        changed[80:110, 130:170] = 255
    searched = list_searches(detector, pipeline, frames, [i / 10 for i in range(23)])
    # The places of faces that do not count yet are searched in every frame.
    assert searched[0] == ["all"]
    assert all(holds(area, BOX) and area[2] < 130 for (area,) in searched[1:3])
    (at, (area,)) = next((i, s) for i, s in enumerate(searched[3:], 3) if s)
    assert at == 6
    assert holds(area, (130, 80, 170, 110))
    assert area[0] > BOX[2], "what changes elsewhere is not searched"
    # Nothing is new from then on; two seconds after the last whole search comes the next.
    assert [i for i, s in enumerate(searched) if s and i > at] == [22]
    assert searched[22] == ["all"]


@pytest.mark.parametrize("moves", [False, True])
def test_quickly_a_new_face_is_looked_at_by_itself_after_both_rows_of_sizes(frame, moves):
    detector = FindsAgain([BOX])
    pipeline = FacePipeline([], PipelineOptions(rescan_s=0.35, quick=True), detector)
    frames = move_all_but_a_face(frame, 8) if moves else [frame] * 8
    searched = list_searches(detector, pipeline, frames, [i / 10 for i in range(8)])
    assert searched[:5] == [["all"], ["all"], [("confirm", BOX)], [], []]
    assert searched[5] == (["large"] if moves else [])
    assert detector.sizes[:2] == [False, True]


def test_quickly_a_new_face_that_is_gone_again_is_not_counted(frame):
    detector = FindsAgain([BOX])
    pipeline = FacePipeline([], PipelineOptions(quick=True), detector)
    list_searches(detector, pipeline, [frame] * 2, [0, 0.1])
    detector.lost = True
    assert [pipeline.process(frame, i / 10).faces for i in range(2, 9)] == [()] * 7


def test_what_changes_in_a_known_face_is_no_news(frame):
    detector = FindsAgain([BOX])
    pipeline = FacePipeline([], PipelineOptions(rescan_s=0.3), detector)
    frames = [frame.copy() for _ in range(12)]
    for number, changed in enumerate(frames):
        changed[26:54, 26:54] = 20 * number
    searched = list_searches(detector, pipeline, frames, [i / 10 for i in range(12)])
    assert [len(searches) for searches in searched] == [1] * 3 + [0] * 9


def test_the_place_of_a_lost_face_is_searched_though_nothing_changes_there(frame):
    detector = FindsAgain([BOX])
    pipeline = FacePipeline([], PipelineOptions(rescan_s=0.3), detector)
    list_searches(detector, pipeline, [frame] * 4, [0, 0.1, 0.2, 0.3])
    detector.lost = True
    lost = list_searches(detector, pipeline, [frame] * 14, [i / 10 for i in range(4, 18)])
    searched = [searches for searches in lost if searches]
    assert len(searched) >= 4
    assert all(holds(area, BOX) for (area,) in searched)
    detector.lost = False
    people = [pipeline.process(frame, i / 10).faces for i in range(18, 22)]
    assert [face.person_id for face in people[-1]] == [1]


def test_quickly_a_lost_face_is_looked_for_upright_and_leaning_further_in_turn(frame):
    detector = FindsAgain([BOX])
    in_turn, all_of_them = [{0, -20, 20}, {0, -40, 40}], [set(TILTS_DEG)] * 2
    for options, expected in (
        (PipelineOptions(quick=True), in_turn),
        (PipelineOptions(quick=True, rescan_s=0), all_of_them),
        (PipelineOptions(), all_of_them),
    ):
        pipeline = FacePipeline([], options, detector)
        detector.lost = False
        list_searches(detector, pipeline, [frame] * 4, [0, 0.1, 0.2, 0.3])
        detector.lost, detector.tilts_deg = True, []
        list_searches(detector, pipeline, [frame] * 2, [0.4, 0.5])
        assert sorted(map(sorted, detector.tilts_deg)) == sorted(map(sorted, expected))


def test_whom_a_whole_search_misses_is_found_again_at_the_last_place(frame):
    detector = FindsAgain([BOX])
    pipeline = FacePipeline([], PipelineOptions(rescan_s=0.3), detector)
    list_searches(detector, pipeline, [frame] * 20, [i / 10 for i in range(20)])
    whole = []
    detector.detect = lambda frame_bgr, between=False, known=(): whole.append(frame_bgr) or []
    (face,) = pipeline.process(frame, 2.2).faces
    assert len(whole) == 1
    assert (face.person_id, face.xyxy) == (1, BOX)


def test_searches_take_turns_between_two_rows_of_sizes_and_begin_anew(frame):
    detector = FindsAgain([BOX])
    pipeline = FacePipeline([], PipelineOptions(rescan_s=0.35), detector)
    for _ in range(2):
        detector.sizes = []
        frames = move_all_but_a_face(frame, 15)
        list_searches(detector, pipeline, frames, [i / 10 for i in range(15)])
        assert len(detector.sizes) > 4
        assert detector.sizes == [i % 2 == 1 for i in range(len(detector.sizes))]
        pipeline.reset()


def test_everything_is_searched_in_every_frame_where_that_is_asked_for(frame):
    detector = FindsAgain([BOX])
    pipeline = FacePipeline([], PipelineOptions(rescan_s=0), detector)
    searched = list_searches(detector, pipeline, [frame] * 6, [i / 10 for i in range(6)])
    assert searched == [["all"]] * 6


def test_a_frame_of_another_size_is_searched_anew(frame):
    detector = FindsAgain([BOX])
    pipeline = FacePipeline([], PipelineOptions(tracker=TrackerOptions(min_hits=1)), detector)
    assert list_searches(detector, pipeline, [frame] * 2, [0, 0.1]) == [["all"], []]
    assert list_searches(detector, pipeline, [frame[:100]], [0.2]) == [["all"]]


def test_empty_frames_are_searched_often_but_not_each(frame):
    detector = FindsAgain([])
    pipeline = FacePipeline([], detector=detector)
    searched = list_searches(
        detector, pipeline, move_all_but_a_face(frame, 7), [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.61]
    )
    assert searched == [["all"], [], ["large"], [], ["large"], [], ["all"]]


def test_a_settled_gender_is_asked_now_and_then(frame, make_stub_classifier, make_stub_detector):
    gender, expression = make_stub_classifier("gender"), make_stub_classifier("expression")
    options = PipelineOptions(tracker=TrackerOptions(min_hits=1))
    pipeline = FacePipeline([expression, gender], options, make_stub_detector([[BOX]] * 40))
    results = [pipeline.process(frame, i / 10, i) for i in range(40)]
    assert len(expression.batches) == 20
    assert len(gender.batches) == 8 + 2, "every 0.2 s until 1.4 s, then every 0.95 s"
    assert all(r.faces[0].gender.probs.sum() == pytest.approx(1) for r in results)


def test_waits_between_answers_can_be_chosen(frame, make_stub_classifier, make_stub_detector):
    gender, expression = make_stub_classifier("gender"), make_stub_classifier("expression")
    options = PipelineOptions(
        tracker=TrackerOptions(min_hits=1), expression_wait_s=0.35, gender_wait_s=0.65
    )
    pipeline = FacePipeline([expression, gender], options, make_stub_detector([[BOX]] * 30))
    for i in range(30):
        pipeline.process(frame, i / 10, i)
    assert len(expression.batches) == 8
    assert len(gender.batches) == 8 + 2


def test_an_undecided_gender_is_asked_oftener(frame, make_stub_classifier, make_stub_detector):
    number = count(1)
    gender = make_stub_classifier(
        "gender", answer=lambda batch: [[0.5, 0.5] if next(number) <= 8 else [0.0, 1.0]]
    )
    options = PipelineOptions(
        tracker=TrackerOptions(min_hits=1), gender_smoothing=1e-9, thresholds={"gender": 0.7}
    )
    pipeline = FacePipeline([gender], options, make_stub_detector([[BOX]] * 40))
    asked, labels = [], []
    for i in range(40):
        before = len(gender.batches)
        labels.append(pipeline.process(frame, i / 10, i).faces[0].gender.label)
        asked += [i] * (len(gender.batches) - before)
    assert labels == ["undecided"] * 16 + ["woman"] * 24
    assert asked == [0, 2, 4, 6, 8, 10, 12, 14, 16, 26, 36]


def brighten(batch):
    """Answer by the picture, so that every frame has answers of its own."""
    happy = batch.reshape(len(batch), -1).mean(axis=1) / 255
    return np.stack([happy, *[(1 - happy) / 6] * 6], axis=1)


def tell_by_brightness(batch):
    """Man in the dark, woman in the light, in between hardly sure."""
    woman = batch.reshape(len(batch), -1).mean(axis=1) / 255
    return np.stack([1 - woman, woman], axis=1)


@pytest.mark.parametrize(
    "options",
    [{}, {"ask_always": True}, {"smoothing": 0.0}, {"flip": True}],
)
def test_frames_together_give_what_each_gives_by_itself(
    frame, make_stub_classifier, make_stub_detector, options
):
    frames = [np.full_like(frame, 5 * i) + frame // 16 for i in range(38)]
    script = [[BOX], [BOX, OTHER], [BOX, OTHER], []] * 3 + [[OTHER], [BOX]] + [[BOX, OTHER]] * 24
    options = PipelineOptions(tracker=TrackerOptions(min_hits=1), **options)

    def make():
        networks = [make_stub_classifier("expression", answer=brighten, size=12)]
        networks.append(make_stub_classifier("gender", answer=tell_by_brightness, size=12))
        return FacePipeline(networks, options, make_stub_detector(script))

    alone, together = make(), make()
    expected = [alone.process(f, i / 12, i) for i, f in enumerate(frames)]
    found = [together.find(f, i / 12, i) for i, f in enumerate(frames)]
    got = [r for group in in_groups(found, 8) for r in together.classify_all(group)]
    for result, wanted in zip(got, expected, strict=True):
        assert (result.index, result.time_s) == (wanted.index, wanted.time_s)
        assert [f.person_id for f in result.faces] == [f.person_id for f in wanted.faces]
        for face, other in zip(result.faces, wanted.faces, strict=True):
            assert face.expression.probs == pytest.approx(other.expression.probs, abs=1e-6)
            assert face.expression.label == other.expression.label
            assert face.gender.probs == pytest.approx(other.gender.probs, abs=1e-6)
            assert face.gender.label == other.gender.label
        assert set(result.timings_ms) == set(wanted.timings_ms)
    assert len(together.classifiers[0].batches) == 5, "one call for each group"
    for network, other in zip(together.classifiers, alone.classifiers, strict=True):
        assert sum(b[0] for b in network.batches) == sum(b[0] for b in other.batches)


def test_who_is_undecided_is_asked_about_oftener_from_the_next_frames_on(
    frame, make_stub_classifier, make_stub_detector
):
    gender = make_stub_classifier("gender", confidence=0.6)
    options = PipelineOptions(tracker=TrackerOptions(min_hits=1), thresholds={"gender": 0.7})
    pipeline = FacePipeline([gender], options, make_stub_detector([[BOX]] * 32))
    found = [pipeline.find(frame, i / 20, i) for i in range(32)]
    for group in in_groups(found, 16):
        pipeline.classify_all(group)
    assert [shape[0] for shape in gender.batches] == [4, 6], "every 0.2 s, then every 0.15 s"


def test_a_crowd_is_asked_about_in_parts(frame, make_stub_classifier, make_stub_detector):
    network = make_stub_classifier()
    crowd = [(x, y, x + 12, y + 12) for x in range(0, 180, 12) for y in range(0, 100, 20)]
    pipeline = FacePipeline([network], PHOTO_PIPELINE, make_stub_detector([crowd]))
    assert len(pipeline.process(frame).faces) == len(crowd) == 75
    assert [b[0] for b in network.batches] == [25, 25, 25]


def test_everybody_is_asked_about_again_after_a_network_failed(
    frame, make_stub_classifier, make_stub_detector
):
    def fail(batch):
        raise RuntimeError("out of memory")

    failing = make_stub_classifier("gender", answer=fail)
    expression = make_stub_classifier("expression", "sad")
    options = PipelineOptions(tracker=TrackerOptions(min_hits=1))
    pipeline = FacePipeline([expression, failing], options, make_stub_detector([[BOX]] * 9))
    for i in range(6):
        with pytest.raises(RuntimeError, match="out of memory"):
            pipeline.process(frame, i / 100, i)
    pipeline.set_classifiers([expression, make_stub_classifier("gender", "woman")])
    face = pipeline.process(frame, 0.06, 6).faces[0]
    assert (face.expression.label, face.gender.label) == ("sad", "woman")


@pytest.mark.parametrize(
    ("fps", "options", "asked"),
    [
        (5, {}, 24),
        (12, {}, 12),
        (25, {}, 8),
        (30, {}, 6),
        (30, {"expression_wait_s": 0.2}, 4),
        (30, {"smoothing": 0.0}, 24),
        (30, {"ask_always": True}, 24),
    ],
)
def test_expressions_are_looked_at_9_times_a_second_at_most(
    frame, make_stub_classifier, make_stub_detector, fps, options, asked
):
    expression = make_stub_classifier("expression")
    options = PipelineOptions(tracker=TrackerOptions(min_hits=1), **options)
    pipeline = FacePipeline([expression], options, make_stub_detector([[BOX]] * 24))
    results = [pipeline.process(frame, i / fps, i) for i in range(24)]
    assert len(expression.batches) == asked
    assert all(r.faces[0].expression.label == "angry" for r in results)


def test_a_new_face_is_looked_at_at_once(frame, make_stub_classifier, make_stub_detector):
    expression = make_stub_classifier("expression")
    detector = make_stub_detector([[BOX], [BOX, OTHER], [BOX, OTHER], [BOX, OTHER]])
    pipeline = FacePipeline([expression], replace(AT_ONCE, smoothing=0.4), detector)
    for index in range(4):
        pipeline.process(frame, index / 60, index)
    assert expression.batches == [(1, 8, 8, 1)] * 2, "only who is new needs an answer"


def test_probabilities_are_smoothed_by_media_time(frame, make_stub_classifier, make_stub_detector):
    answers = iter([[1, 0], [0, 1], [0, 1]])
    gender = make_stub_classifier("gender", answer=lambda batch: [next(answers)])
    options = PipelineOptions(tracker=TrackerOptions(min_hits=1), gender_smoothing=10)
    pipeline = FacePipeline([gender], options, make_stub_detector([[BOX]] * 3))
    probs = [pipeline.process(frame, t).faces[0].gender.probs for t in (0, 0.2, 0.4)]
    assert probs[1] == pytest.approx([0.5, 0.5])
    assert probs[2] == pytest.approx([1 / 3, 2 / 3])


def test_swapping_a_network_keeps_people_and_starts_its_averages_afresh(
    frame, make_stub_classifier, make_stub_detector
):
    pipeline = FacePipeline(
        [make_stub_classifier("gender", "man", 1.0), make_stub_classifier("expression", "sad")],
        PipelineOptions(tracker=TrackerOptions(min_hits=1), smoothing=5),
        make_stub_detector([[BOX]] * 3),
    )
    gender = pipeline.classifiers[0]
    pipeline.process(frame, 0.0)
    six = ("angry", "fear", "happy", "sad", "surprise", "neutral")
    pipeline.set_classifiers([gender, make_stub_classifier("expression", "happy", 1.0, labels=six)])
    (face,) = pipeline.process(frame, 0.1).faces
    assert face.person_id == 1
    assert face.expression.labels == six
    assert face.expression.confidence == 1.0
    pipeline.set_classifiers([])
    assert pipeline.process(frame, 0.2).faces[0].predictions == {}


def test_reset_restarts_numbers_and_averages(frame, make_stub_classifier, make_stub_detector):
    pipeline = FacePipeline([], AT_ONCE, make_stub_detector([[BOX], [OTHER], [BOX]]))
    newest = [pipeline.process(frame, t).faces[-1].person_id for t in (0.0, 0.1)]
    pipeline.reset()
    newest.append(pipeline.process(frame, 0.0).faces[-1].person_id)
    assert newest == [1, 2, 1]


def test_answers_for_mirror_images_are_averaged_in_where_asked(
    frame, make_stub_classifier, make_stub_detector
):
    frame[:, :30] = 0  # the left half of the face is darker
    frame[:, 30:] = 255

    def answer(batch):
        looks_left = batch[:, 4, 0, 0] < batch[:, 4, -1, 0]
        return np.where(looks_left[:, None], [0.8, 0.2], [0.4, 0.6])

    probs, shapes = [], []
    for flip in (False, True):
        gender = make_stub_classifier("gender", answer=answer)
        options = replace(PHOTO_PIPELINE, flip=flip)
        pipeline = FacePipeline([gender], options, make_stub_detector([[(20, 20, 40, 40)]]))
        probs.append(pipeline.process(frame).faces[0].gender.probs)
        shapes.append([shape[0] for shape in gender.batches])
    assert probs[0] == pytest.approx([0.8, 0.2])
    assert probs[1] == pytest.approx([0.6, 0.4])
    assert shapes == [[1], [2]], "both in one call"


@pytest.mark.parametrize(
    "change",
    [{"smoothing": -1}, {"detect_every": 0}, {"gender_wait_s": -1}, {"expression_wait_s": -0.1}],
)
def test_impossible_options_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        PipelineOptions(**change)


def follow(results, clip):
    """Return per head the numbers it got, and how many boxes were on no head."""
    numbers, strays = {"a": [], "b": []}, 0
    for result, centres in zip(results, clip.centres, strict=True):
        for face in result.faces:
            x = (face.xyxy[0] + face.xyxy[2]) / 2
            at = {n: abs(x - c[0]) for n, c in centres.items() if c is not None}
            nearest = min(at, key=at.get)
            if at[nearest] > clip.side / 2:
                strays += 1
            elif (
                len(at) == 1 or max(at.values()) - at[nearest] > 15
            ):  # else both heads are at this place
                numbers[nearest].append(face.person_id)
    return numbers, strays


def test_crossing_and_returning_faces_are_never_switched(crossing_clip):
    pipeline = FacePipeline([], VIDEO_PIPELINE)
    results = [
        pipeline.process(frame, time_s, i)
        for i, (frame, time_s) in enumerate(
            zip(crossing_clip.frames, crossing_clip.times_s, strict=True)
        )
    ]
    numbers, strays = follow(results, crossing_clip)
    assert strays == 0
    assert {n: set(ids) for n, ids in numbers.items()} in (
        {"a": {1}, "b": {2}},
        {"a": {2}, "b": {1}},
    )
    assert len(numbers["a"]) > 45
    assert len(numbers["b"]) > 30


@pytest.mark.parametrize("noise", range(4))
def test_no_switch_with_missed_and_shaking_boxes(crossing_clip, make_stub_detector, noise):
    """The same clip with a worse detector: every fifth box is missing, all of them shake."""
    rng = np.random.default_rng(noise)
    script = []
    for centres in crossing_clip.centres:
        a, b = centres["a"], centres["b"]
        hidden = b is not None and abs(a[0] - b[0]) < 60
        found = []
        for name, centre in (("a", a), ("b", None if hidden else b)):
            if centre is not None and rng.random() > 0.2:
                side = (74 if name == "a" else 88) * rng.uniform(0.95, 1.05)
                x, y = np.add(centre, rng.uniform(-3, 3, 2))
                found.append(tuple(round(float(v)) for v in (
                    x - side / 2, y - side / 2, x + side / 2, y + side / 2)))  # fmt: skip
        script.append(found)
    pipeline = FacePipeline([], VIDEO_PIPELINE, make_stub_detector(script))
    frames = zip(crossing_clip.frames, crossing_clip.times_s, strict=True)
    results = [pipeline.process(f, t, i) for i, (f, t) in enumerate(frames)]
    numbers, _ = follow(results, crossing_clip)
    assert len(set(numbers["a"])) == len(set(numbers["b"])) == 1
    assert set(numbers["a"]) != set(numbers["b"])


def test_haar_options_reach_the_detector(crossing_clip):
    frame = crossing_clip.frames[0]
    everything = FacePipeline([], PHOTO_PIPELINE).process(frame)
    large_only = PipelineOptions(haar=HaarOptions(min_face_fraction=0.9), tracker=None)
    assert len(everything.faces) == 2
    assert FacePipeline([], large_only).process(frame).faces == ()
