"""Where a picture has changed since it was searched."""

import numpy as np
import pytest

from facecore.detection_changes import ChangeWatch


def picture(width=640, height=360):
    """A grey wall with a little noise."""
    rng = np.random.default_rng(3)
    return rng.normal(120, 4, (height, width, 3)).clip(0, 255).astype(np.uint8)


@pytest.fixture
def watch():
    watch = ChangeWatch()
    watch.take_in(picture())
    return watch


def contains(outer, inner):
    return all(outer[i] <= inner[i] for i in (0, 1)) and all(outer[i] >= inner[i] for i in (2, 3))


def test_noise_is_no_change(watch):
    other = np.random.default_rng(4).normal(120, 4, (360, 640, 3)).astype(np.uint8)
    assert watch.find_changed(other, []) == []


@pytest.mark.parametrize("box", [(400, 100, 460, 160), (0, 0, 40, 40), (600, 330, 640, 360)])
def test_a_change_is_told_with_what_surrounds_it_and_only_once(watch, box):
    frame = picture()
    x1, y1, x2, y2 = box
    frame[y1:y2, x1:x2] = 220
    (area,) = watch.find_changed(frame, [])
    assert contains(area, box)
    assert contains((0, 0, 640, 360), area)
    assert (area[2] - area[0]) * (area[3] - area[1]) < 12 * (x2 - x1) * (y2 - y1)
    assert watch.find_changed(frame, []) == [], "it was searched"


def test_changes_far_apart_are_two_areas_and_overlapping_ones_are_one(watch):
    frame = picture()
    frame[40:80, 40:80] = frame[200:240, 500:540] = 220
    assert len(watch.find_changed(frame, [])) == 2
    frame[100:260, 200:216] = frame[100:260, 240:256] = 0
    (area,) = watch.find_changed(frame, [])
    assert contains(area, (200, 100, 256, 260))


def test_what_changes_in_a_known_face_is_left_out_but_not_beside_it(watch):
    frame = picture()
    frame[100:160, 400:460] = 220
    assert watch.find_changed(frame, [(396, 96, 464, 164)]) == []
    frame[100:160, 500:540] = 220
    (area,) = watch.find_changed(frame, [(396, 96, 464, 164)])
    assert contains(area, (500, 100, 540, 160))


def test_slow_changes_add_up(watch):
    frame = picture()
    seen = []
    for level in range(120, 160, 4):
        frame[100:160, 400:460] = level
        seen.append(bool(watch.find_changed(frame, [])))
    assert not seen[0] and 3 <= sum(seen) <= 5


def test_a_picture_that_is_mostly_new_is_searched_as_a_whole(watch):
    assert watch.find_changed(np.full((360, 640, 3), 10, np.uint8), []) is None


def test_without_an_earlier_picture_of_this_size_nothing_can_be_told(watch):
    assert ChangeWatch().find_changed(picture(), []) is None
    assert watch.find_changed(picture(320, 180), []) is None
    watch.reset()
    assert watch.find_changed(picture(), []) is None
