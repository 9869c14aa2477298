"""People whom the search loses for a moment stay; who has gone does not."""

from types import SimpleNamespace

import numpy as np
import pytest

from facecore.detection import Detection
from facecore.pipeline import FacePipeline, PipelineOptions
from facecore.tracking import TrackedFace, TrackerOptions
from facecore.tracking_bridge import GapBridge

AT_ONCE = PipelineOptions(tracker=TrackerOptions(min_hits=1))
FPS = 20
LOST_FROM = 4  # frame


def walk(head, num_frames, step_px=3):
    """A head that moves to the right, and its boxes."""
    frames, boxes = [], []
    for i in range(num_frames):
        x = 60 + step_px * i
        wide = np.full((180, x + 320, 3), 128, np.uint8)
        wide[40:140, x : x + 100] = head
        frames.append(np.ascontiguousarray(wide[:, :320]))
        boxes.append((x + 10, 50, x + 90, 130))
    return frames, boxes


@pytest.fixture
def head():
    """A picture to follow: smooth patches, nothing that a cascade would find."""
    coarse = np.random.default_rng(5).integers(0, 256, (10, 10, 3), dtype=np.uint8)
    return np.repeat(np.repeat(coarse, 10, 0), 10, 1)


@pytest.fixture
def run(make_stub_detector):
    """``run(frames, script)``: the boxes that are reported for each frame."""

    def run_(frames, script, options=AT_ONCE):
        pipeline = FacePipeline([], options, make_stub_detector(script))
        results = [pipeline.process(f, i / FPS, i) for i, f in enumerate(frames)]
        return [[(face.person_id, face.xyxy) for face in r.faces] for r in results]

    return run_


def test_a_face_that_is_lost_for_a_moment_is_followed(head, run):
    frames, boxes = walk(head, 12)
    missing = (4, 5, 8)
    script = [[] if i in missing else [box] for i, box in enumerate(boxes)]
    for i, faces in enumerate(run(frames, script)):
        ((person_id, box),) = faces
        assert person_id == 1
        np.testing.assert_allclose(box, boxes[i], atol=2)


def test_it_is_followed_for_a_quarter_of_a_second_at_most(head, run):
    frames, boxes = walk(head, 16)
    script = [[box] if i < LOST_FROM else [] for i, box in enumerate(boxes)]
    seen = [bool(faces) for faces in run(frames, script)]
    last = LOST_FROM - 1 + FPS // 4
    assert seen == [i <= last for i in range(len(frames))]


def test_who_is_no_longer_to_be_seen_is_not_held_on_to(head, run):
    frames, boxes = walk(head, 8)
    script = [[box] if i < LOST_FROM else [] for i, box in enumerate(boxes)]
    for frame in frames[LOST_FROM:]:
        frame[:] = 128  # gone, as behind a wall
    seen = [bool(faces) for faces in run(frames, script)]
    assert seen == [i < LOST_FROM for i in range(len(frames))]


def test_who_walks_out_is_not_held_on_to(head, run):
    frames, boxes = walk(head, 14, step_px=15)
    inside = [i for i, box in enumerate(boxes) if box[2] <= 320]
    script = [[box] if i in inside else [] for i, box in enumerate(boxes)]
    assert [len(faces) for faces in run(frames, script)] == [1] * len(inside) + [0] * (
        14 - len(inside)
    )
    assert len(inside) < 13


def test_a_place_that_somebody_else_has_taken_is_theirs(head):
    (frame, _), (box, _) = walk(head, 2)
    anybody = SimpleNamespace(looks_like=lambda person_id, look: True)
    lost, other = (TrackedFace(n, Detection(box, 9.0)) for n in (1, 2))
    apart = TrackedFace(2, Detection((200, 50, 280, 130), 9.0))
    for second, expected in ((apart, [1, 2]), (other, [2])):
        bridge = GapBridge()
        bridge.fill(frame, 0.0, [lost, apart], anybody)
        faces = bridge.fill(frame, 0.1, [second], anybody)
        assert [face.person_id for face in faces] == expected


def test_single_pictures_know_nobody_from_before(head, run):
    frames, boxes = walk(head, 2)
    assert run(frames, [[boxes[0]], []], PipelineOptions(tracker=None))[1] == []
