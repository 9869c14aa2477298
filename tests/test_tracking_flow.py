"""Faces are followed between two searches."""

import numpy as np
import pytest

from facecore.detection import Detection
from facecore.tracking import TrackedFace
from facecore.tracking_flow import FlowFollower

HEIGHT, WIDTH = 180, 320


def make_frame(shift_xy=(0, 0), enlarge=1):
    """Smooth noise, moved; nothing that a follower could lose."""
    coarse = np.random.default_rng(3).integers(0, 256, (HEIGHT // 6, WIDTH // 6 + 1, 3))
    frame = np.repeat(np.repeat(coarse, 6, 0), 6, 1)[:HEIGHT, :WIDTH].astype(np.uint8)
    moved = np.roll(frame, shift_xy[::-1], (0, 1))
    return np.repeat(np.repeat(moved, enlarge, 0), enlarge, 1)


def make_tracked(*boxes):
    return [TrackedFace(number, Detection(box, 9.0)) for number, box in enumerate(boxes, start=1)]


def boxes_of(faces):
    return [face.detection.xyxy for face in faces]


@pytest.mark.parametrize("enlarge", [1, 4], ids=["small", "larger than it looks at"])
@pytest.mark.parametrize("shift", [(0, 0), (5, 3), (-9, 4)])
def test_faces_move_with_the_picture(shift, enlarge):
    follower = FlowFollower()
    follower.look(make_frame(enlarge=enlarge))
    boxes = [tuple(v * enlarge for v in box) for box in ((40, 40, 100, 100), (180, 60, 250, 130))]
    faces = make_tracked(*boxes)
    moved = follower.follow(make_frame(shift, enlarge), faces)
    assert [face.person_id for face in moved] == [1, 2]
    for box, new in zip(boxes, boxes_of(moved), strict=True):
        expected = np.add(box, np.tile(shift, 2) * enlarge)
        np.testing.assert_allclose(new, expected, atol=enlarge)
        assert (new[2] - new[0], new[3] - new[1]) == (box[2] - box[0], box[3] - box[1])


def test_each_frame_is_compared_with_the_one_before():
    follower = FlowFollower()
    follower.look(make_frame())
    faces = make_tracked((60, 60, 120, 120))
    for step in range(1, 5):
        faces = follower.follow(make_frame((6 * step, 0)), faces)
    np.testing.assert_allclose(boxes_of(faces), [(84, 60, 144, 120)], atol=2)


def test_a_face_on_which_nothing_can_be_followed_stays():
    follower = FlowFollower()
    blank = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    follower.look(blank)
    noise = np.random.default_rng(0).integers(0, 256, blank.shape, dtype=np.uint8)
    assert boxes_of(follower.follow(noise, make_tracked((40, 40, 100, 100)))) == [
        (40, 40, 100, 100)
    ]


def test_a_face_that_leaves_the_picture_is_gone():
    follower = FlowFollower()
    follower.look(make_frame())
    assert follower.follow(make_frame((-9, 0)), make_tracked((-28, 40, 32, 100))) == []
    assert follower.follow(make_frame((-18, 0)), []) == []


def test_wrong_order_is_the_programmers_mistake():
    follower = FlowFollower()
    with pytest.raises(ValueError, match="earlier frame"):
        follower.follow(make_frame(), [])
    with pytest.raises(ValueError, match="same size"):
        follower.follow(make_frame()[:90], [])
