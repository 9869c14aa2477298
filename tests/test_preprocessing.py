import cv2
import numpy as np
import pytest

from facecore.preprocessing import (
    crop_box,
    crop_faces,
    shrink_to_gray,
    square_box,
    to_batch,
)
from facecore.registry import InputSpec
from facecore.results import clip_box

GRAY = InputSpec(48, 48)


@pytest.mark.parametrize(
    ("box", "margin", "shift_y", "expected"),
    [
        ((10, 10, 20, 20), 0.0, 0.0, (10, 10, 20, 20)),
        ((10, 10, 20, 20), 0.2, 0.0, (9, 9, 21, 21)),
        ((10, 10, 20, 20), -0.2, 0.0, (11, 11, 19, 19)),
        ((10, 10, 20, 20), 0.0, 0.1, (10, 11, 20, 21)),
        ((0, 0, 10, 20), 0.0, 0.0, (-5, 0, 15, 20)),  # the longer side wins
    ],
)
def test_square_box(box, margin, shift_y, expected):
    assert square_box(box, margin, shift_y) == expected


@pytest.mark.parametrize(
    ("box", "expected"),
    [((-5, -5, 5, 5), (0, 0, 5, 5)), ((90, 40, 120, 70), (90, 40, 100, 50))],
)
def test_clip_box(box, expected):
    assert clip_box(box, (100, 50)) == expected


def test_crop_repeats_the_edge_outside_the_frame():
    frame = np.arange(16, dtype=np.uint8).reshape(4, 4)
    crop = crop_box(frame, (-1, 2, 3, 6))
    assert crop.tolist() == [[8, 8, 9, 10], [12, 12, 13, 14], [12, 12, 13, 14], [12, 12, 13, 14]]


def test_crop_outside_the_frame_is_a_programmers_mistake():
    with pytest.raises(ValueError, match="does not touch"):
        crop_box(np.zeros((4, 4, 3), np.uint8), (10, 10, 12, 12))


def test_batch_is_grey_by_luminance_and_rgb_by_order():
    red_bgr = np.zeros((10, 10, 3), np.uint8)
    red_bgr[..., 2] = 255
    gray = to_batch([red_bgr], GRAY)
    assert gray.shape == (1, 48, 48, 1)
    assert gray.dtype == np.uint8
    assert np.all(gray == 76)  # 0.299 * 255
    rgb = to_batch([red_bgr], InputSpec(8, 8, "rgb"))
    assert rgb[0, 0, 0].tolist() == [255, 0, 0]


def test_batch_keeps_a_picture_of_the_right_size_untouched():
    image = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)
    assert np.array_equal(to_batch([image], GRAY)[0, ..., 0], image)


def test_empty_batch():
    assert to_batch([], GRAY).shape == (0, 48, 48, 1)


def test_tilted_face_is_cropped_upright():
    frame = np.zeros((200, 200, 3), np.uint8)
    cv2.rectangle(frame, (80, 60), (119, 99), (255, 255, 255), -1)  # top half of the face is white
    turn = cv2.getRotationMatrix2D((99.5, 99.5), -40, 1.0)
    leaning = cv2.warpAffine(frame, turn, (200, 200))
    box = (60, 60, 140, 140)
    upright = crop_faces(frame, [box], GRAY)[0]
    again = crop_faces(leaning, [box], GRAY, [40.0])[0]
    assert again.shape == upright.shape
    difference = np.abs(again.astype(int) - upright.astype(int))
    assert np.mean(difference > 100) < 0.02


def test_margin_and_shift_hold_for_tilted_faces_too():
    frame = np.random.default_rng(1).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    spec = InputSpec(48, 48, margin=0.5, shift_y=0.1)
    straight = crop_faces(frame, [(30, 30, 50, 50)], spec, [0.0])[0]
    nearly = crop_faces(frame, [(30, 30, 50, 50)], spec, [1e-9])[0]
    assert straight.shape == nearly.shape == (30, 30, 3)
    assert np.abs(straight.astype(int) - nearly.astype(int)).mean() < 3


@pytest.mark.parametrize(
    ("most_px", "smaller", "size_wh"),
    [(100, 1.0, (100, 50)), (100, 2.0, (50, 25)), (200, 1.0, (200, 100)), (900, 1.0, (200, 100))],
)
def test_grey_copies_are_averages_and_never_larger_than_the_frame(most_px, smaller, size_wh):
    stripes = np.zeros((100, 200, 3), np.uint8)
    stripes[:, 1::2] = 200
    gray, scale = shrink_to_gray(stripes, most_px, smaller)
    assert gray.shape[::-1] == size_wh
    assert scale == size_wh[0] / 200
    assert set(np.unique(gray)) == ({0, 200} if scale == 1 else {100})


def test_a_grey_copy_has_a_pixel_at_least():
    assert shrink_to_gray(np.zeros((1, 300, 3), np.uint8), 100)[0].shape == (1, 100)
