"""A whole video's faces where only some frames are searched: which ones, and what is filled in."""

from dataclasses import replace

import numpy as np
import pytest

from facecore.detection import Detection
from facecore.errors import BrokenVideoError
from facecore.media import VideoFrame
from facecore.pipeline import FacePipeline, FoundFaces, PipelineOptions
from facecore.pipeline_between import fill_between
from facecore.results import Face
from facecore.session_search import find_all
from facecore.tracking import TrackerOptions

BOX = (20, 20, 60, 60)
FAR = (140, 60, 180, 100)
AT_ONCE = PipelineOptions(tracker=TrackerOptions(min_hits=1), detect_every=3, rescan_s=0)
NOISE = np.random.default_rng(0).integers(0, 256, (120, 200, 3), dtype=np.uint8)


COARSE = np.repeat(np.repeat(NOISE[:15, :25], 8, 0), 8, 1)


def make_frames(number, fps=12.5, picture=NOISE, moves_px=0):
    return [
        VideoFrame(np.roll(picture, moves_px * i, axis=1), i / fps, i, 1 / fps)
        for i in range(number)
    ]


def shift(box, by):
    return box[0] + by, box[1], box[2] + by, box[3]


class Watched(FacePipeline):
    """Notes the numbers of the frames that are searched."""

    def __init__(self, options, detector):
        super().__init__([], options, detector)
        self.searched = []

    def find(self, frame_bgr, time_s=0.0, index=0, held_s=0.0):
        self.searched.append(index)
        return super().find(frame_bgr, time_s, index, held_s)


def list_boxes(found):
    return [[face.xyxy for face in faces.faces] for _, faces in found]


def test_boxes_move_on_a_straight_line_between_searches(make_stub_detector):
    pipeline = Watched(AT_ONCE, make_stub_detector([[BOX], [shift(BOX, 12)]]))
    found = list(find_all(make_frames(4, picture=COARSE, moves_px=4), pipeline))
    assert pipeline.searched == [0, 3]
    assert [frame.index for frame, _ in found] == [0, 1, 2, 3]
    assert [faces.index for _, faces in found] == [0, 1, 2, 3]
    assert list_boxes(found) == [[shift(BOX, by)] for by in (0, 4, 8, 12)]
    assert {faces.faces[0].person_id for _, faces in found} == {1}


def no_search(face):
    raise AssertionError(f"nothing is to be looked for at {face.xyxy}")


def test_all_of_a_face_changes_in_proportion_to_time():
    before = FoundFaces(NOISE, 1.0, 0, (Face(BOX, 60.0, 1), Face(FAR, 9.0, 2)), (), {})
    larger = (20, 28, 68, 76)
    after = FoundFaces(NOISE, 1.2, 1, (Face(larger, 20.0, 1, {}, 20.0), Face(FAR, 9.0, 2)), (), {})
    one, other = fill_between((before, after), 1.05, no_search)
    assert (one.xyxy, one.person_id) == ((20, 22, 62, 64), 1)
    assert (one.detection_score, one.tilt_deg) == pytest.approx((50, 5))
    assert (other.xyxy, other.person_id, other.predictions) == (FAR, 2, {})


@pytest.mark.parametrize("elsewhere", [FAR, (0, 0, 100, 100)])
def test_whoever_jumps_is_looked_for_where_the_nearer_frame_has_them(elsewhere):
    before = FoundFaces(NOISE, 1.0, 0, (Face(BOX, 60.0, 1),), (), {})
    after = FoundFaces(NOISE, 1.2, 1, (Face(elsewhere, 60.0, 1),), (), {})
    for time_s, place in ((1.05, BOX), (1.15, elsewhere)):
        (face,) = fill_between((before, after), time_s, lambda face: face)
        assert face.xyxy == place
        assert fill_between((before, after), time_s, lambda face: None) == ()


def test_two_people_do_not_share_a_face():
    before = FoundFaces(NOISE, 1.0, 0, (Face(BOX, 60.0, 1), Face(FAR, 9.0, 2)), (), {})
    after = FoundFaces(NOISE, 1.2, 1, (Face(BOX, 60.0, 1),), (), {})
    faces = fill_between((before, after), 1.1, lambda face: Face(BOX, 9.0, face.person_id))
    assert [face.person_id for face in faces] == [1]


def test_every_frame_is_searched_while_somebody_is_new_or_missing(make_stub_detector):
    # New for two frames, then known, then missing for good.
    options = replace(AT_ONCE, tracker=TrackerOptions(min_hits=3))
    pipeline = Watched(options, make_stub_detector([[BOX]] * 5))
    list(find_all(make_frames(15), pipeline))
    assert pipeline.searched == [0, 1, 2, 5, 8, 11, 12, 13, 14]


def test_the_last_frames_are_searched_where_nothing_follows(make_stub_detector):
    pipeline = Watched(AT_ONCE, make_stub_detector([[BOX]] * 9))
    assert list_boxes(find_all(make_frames(6), pipeline)) == [[BOX]] * 6
    assert pipeline.searched == [0, 3, 4, 5]


def test_what_waited_is_told_before_a_failure(make_stub_detector):
    def frames():
        yield from make_frames(5)
        raise BrokenVideoError("cut off", 5)

    pipeline = Watched(AT_ONCE, make_stub_detector([[BOX]] * 9))
    told = []
    with pytest.raises(BrokenVideoError, match="cut off"):
        for frame, _ in find_all(frames(), pipeline):
            told.append(frame.index)
    assert told == [0, 1, 2, 3, 4]
    assert pipeline.searched == [0, 3, 4]


@pytest.mark.parametrize(
    ("fps", "searched"),
    [(4, [0, 1, 2, 3, 4, 5, 6]), (10, [0, 2, 4, 6]), (12.5, [0, 3, 6]), (30, [0, 3, 6])],
)
def test_searches_are_a_quarter_of_a_second_apart_at_most(make_stub_detector, fps, searched):
    pipeline = Watched(AT_ONCE, make_stub_detector([[BOX]] * 9))
    list(find_all(make_frames(7, fps), pipeline))
    assert pipeline.searched == searched


def test_frames_of_a_very_fast_video_do_not_pile_up(make_stub_detector):
    options = replace(AT_ONCE, detect_every=1000)
    pipeline = Watched(options, make_stub_detector([[BOX]] * 9))
    list(find_all(make_frames(17, fps=1000), pipeline))
    assert pipeline.searched == [0, 8, 16]


def test_a_gap_or_another_size_begins_anew(make_stub_detector):
    late = [replace(frame, time_s=frame.time_s + 2) for frame in make_frames(2)]
    small = make_frames(1, picture=NOISE[:100])
    for following in (late, small):
        pipeline = Watched(AT_ONCE, make_stub_detector([[BOX]] * 9))
        frames = [*make_frames(2), *following]
        numbered = [replace(frame, index=i) for i, frame in enumerate(frames)]
        list(find_all(numbered, pipeline))
        assert pipeline.searched[:3] == [0, 1, 2], "frame 1 has no neighbour in time"


@pytest.mark.parametrize(
    "options", [replace(AT_ONCE, detect_every=1), replace(AT_ONCE, tracker=None)]
)
def test_nothing_is_left_out_where_that_is_not_asked_for_or_nobody_is_followed(
    options, make_stub_detector
):
    pipeline = Watched(options, make_stub_detector([[BOX]] * 9))
    assert list_boxes(find_all(make_frames(5), pipeline)) == [[BOX]] * 5
    assert pipeline.searched == [0, 1, 2, 3, 4]


class TestWhoIsOnOneSideOnly:
    """Such a face is looked for in the frame itself, where it was or will be."""

    def find_between(self, make_stub_detector, here):
        """Return the boxes of frame 1 of three, after which a face is lost.

        Args:
            here: what a look at the face's place finds in frame 1.
        """
        answers = [None, here]  # first frame 2 is searched, then frame 1

        def near(box):
            assert box == BOX
            return answers.pop(0)

        detector = make_stub_detector([[BOX], []], near=near)
        pipeline = Watched(replace(AT_ONCE, detect_every=2), detector)
        other = np.zeros_like(NOISE)
        frames = [*make_frames(2), replace(make_frames(3)[2], bgr=other)]
        found = list(find_all(frames, pipeline))
        assert pipeline.searched == [0, 2] and not answers
        assert list_boxes(found)[::2] == [[BOX], []]
        return list_boxes(found)[1]

    def test_it_is_still_there(self, make_stub_detector):
        assert self.find_between(make_stub_detector, Detection(BOX, 9.0)) == [BOX]

    def test_it_is_gone(self, make_stub_detector):
        assert self.find_between(make_stub_detector, None) == []

    def test_something_else_is_there(self, make_stub_detector):
        assert self.find_between(make_stub_detector, Detection(FAR, 9.0)) == []
