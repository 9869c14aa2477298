"""The framing of a picture that was cut in a known way is found again."""

import numpy as np
import pytest
from skimage import data

from facecore.detection import HaarDetector
from facecore.preprocessing import crop_box, square_box
from training.measure_framing import find_face, measure_box, pad_picture


@pytest.mark.parametrize(("margin", "shift_y"), [(0.0, 0.0), (0.3, 0.0), (0.1, 0.1)])
def test_known_framing_is_found_again(margin, shift_y):
    frame_bgr = np.ascontiguousarray(data.astronaut()[:, :, ::-1])
    detector = HaarDetector()
    (face,) = detector.detect(frame_bgr)
    picture = crop_box(frame_bgr, square_box(face.xyxy, margin, shift_y))
    box = find_face(detector, pad_picture(picture))
    assert box is not None
    assert measure_box(box) == pytest.approx((margin, shift_y, 0), abs=0.07)


def test_picture_without_a_face_does_not_count():
    assert find_face(HaarDetector(), pad_picture(np.zeros((48, 48), np.uint8))) is None
