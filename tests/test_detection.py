import csv
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from facecore import detection
from facecore.detection import CASCADES, PHOTO_HAAR, Detection, HaarDetector, HaarOptions
from facecore.detection_boxes import to_reading_order
from facecore.errors import DetectorError

SHARED_MEDIA = Path(__file__).resolve().parent.parent.parent / "shared" / "media"


@pytest.fixture(scope="module")
def portrait_bgr():
    return cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)


def overlap(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    area = width * height
    return area / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - area)


@pytest.mark.parametrize("cascade", CASCADES)
def test_every_cascade_finds_a_portrait(portrait_bgr, cascade):
    found = HaarDetector(HaarOptions(cascade=cascade)).detect(portrait_bgr)
    assert any(overlap(d.xyxy, (170, 70, 280, 180)) > 0.4 for d in found)


def test_box_is_in_pixels_of_the_original_frame(portrait_bgr):
    large = cv2.resize(portrait_bgr, None, fx=4, fy=4)
    before = large.copy()
    (small_box,) = HaarDetector().detect(portrait_bgr)
    (large_box,) = HaarDetector().detect(large)
    assert overlap([v * 4 for v in small_box.xyxy], large_box.xyxy) > 0.8
    assert np.array_equal(large, before)


def test_small_face_in_a_large_photo_is_found_with_photo_options(portrait_bgr):
    photo = np.full((3000, 4000, 3), 128, np.uint8)
    photo[2000:2512, 3000:3512] = portrait_bgr
    (found,) = HaarDetector(PHOTO_HAAR).detect(photo)
    assert overlap(found.xyxy, (3170, 2070, 3280, 2180)) > 0.4


@pytest.mark.parametrize(
    ("tops_and_lefts", "order"),
    [
        ([], []),
        ([(10, 300), (30, 100), (0, 200)], [100, 200, 300]),  # one uneven row
        ([(200, 50), (0, 300), (20, 100), (210, 10)], [100, 300, 10, 50]),  # two rows
    ],
)
def test_faces_come_row_by_row_and_from_left_to_right(tops_and_lefts, order):
    found = [Detection((x, y, x + 80, y + 80), 50.0) for y, x in tops_and_lefts]
    assert [d.xyxy[0] for d in to_reading_order(found)] == order


@pytest.mark.parametrize("shape", [(10, 10, 3), (1, 500, 3), (200, 200, 3)])
def test_no_face_is_a_normal_result(shape):
    assert HaarDetector().detect(np.full(shape, 127, np.uint8)) == []


@pytest.mark.parametrize("tilt_deg", [-40, -20, 20, 40])
def test_leaning_face_is_found_near_its_last_place(portrait_bgr, tilt_deg):
    detector = HaarDetector()
    (upright,) = detector.detect(portrait_bgr)
    centre = ((upright.xyxy[0] + upright.xyxy[2]) / 2, (upright.xyxy[1] + upright.xyxy[3]) / 2)
    turn = cv2.getRotationMatrix2D(centre, -tilt_deg, 1.0)
    leaning = cv2.warpAffine(portrait_bgr, turn, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    (found,) = detector.detect_near(leaning, [upright.xyxy])
    assert found is not None
    assert found.tilt_deg == tilt_deg
    assert overlap(found.xyxy, upright.xyxy) > 0.6


def test_looking_twice_finds_each_face_once_and_refuses_what_only_looks_like_one(portrait_bgr):
    frame_bgr = np.full((600, 1200, 3), 120, np.uint8)
    frame_bgr[60:572, 20:532] = portrait_bgr
    frame_bgr[200:456, 700:956] = cv2.resize(portrait_bgr, (256, 256))
    once = HaarDetector(HaarOptions(min_face_fraction=0.05, max_side_px=960))
    twice = HaarDetector(replace(once.options, scale_factor=1.25, look_twice=True))
    expected = [d.xyxy for d in once.detect(frame_bgr)]
    for between in (False, True):
        found = twice.detect(frame_bgr, between)
        assert len(found) == len(expected) == 2
        assert all(overlap(f.xyxy, e) > 0.6 for f, e in zip(found, expected, strict=True))
        (part,) = twice.detect_in(frame_bgr, [(650, 150, 1000, 500)], between)
        assert overlap(part.xyxy, expected[1]) > 0.6
        (large, *_) = twice.detect_large(frame_bgr, between)
        assert overlap(large.xyxy, expected[0]) > 0.6
        new = twice.detect(frame_bgr, between, known=[found[0]])
        assert [face.xyxy for face in new] == [found[1].xyxy]
        assert twice.detect_in(frame_bgr, [(650, 150, 1000, 500)], between, known=found) == []
        assert twice.detect_large(frame_bgr, between, known=found) == []
    stricter = HaarDetector(replace(twice.options, min_neighbors=50))
    assert stricter.detect(frame_bgr) == [], "a first hit alone is no face"


def test_a_face_of_the_last_frame_is_confirmed_where_it_still_is(portrait_bgr):
    detector = HaarDetector()
    (face,) = detector.detect(portrait_bgr)
    x1, y1, x2, y2 = face.xyxy
    moved, doubled = (x1 - 9, y1 + 6, x2 - 9, y2 + 6), (x1 + 3, y1, x2 + 3, y2)
    beside = (x1 - 160, y1 + 300, x2 - 160, y2 + 300)
    (found,) = detector.confirm(portrait_bgr, [beside, moved, doubled])
    assert overlap(found.xyxy, face.xyxy) > 0.8
    assert detector.confirm(portrait_bgr, [moved], known=[face]) == []
    assert detector.confirm(portrait_bgr, []) == []
    stricter = HaarDetector(replace(detector.options, min_neighbors=50))
    assert stricter.confirm(portrait_bgr, [moved]) == [], "fainter evidence is not enough"


def test_large_faces_are_found_alone_where_that_is_asked_for(portrait_bgr):
    small_bgr = cv2.resize(portrait_bgr, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
    frame_bgr = np.full((600, 900, 3), 120, np.uint8)
    frame_bgr[40 : 40 + len(small_bgr), 30 : 30 + len(small_bgr)] = small_bgr
    frame_bgr[80:592, 300:812] = portrait_bgr
    detector = HaarDetector(HaarOptions(min_face_fraction=0.04, max_side_px=900))
    both, (large,) = detector.detect(frame_bgr), detector.detect_large(frame_bgr)
    assert len(both) == 2
    assert overlap(large.xyxy, both[1].xyxy) > 0.8
    assert detector.detect_large(frame_bgr[:10, :10]) == []


@pytest.mark.parametrize("enlarged", [1, 4])
def test_a_part_of_a_frame_is_searched_as_the_whole_is(portrait_bgr, enlarged):
    small = np.full((600, 900, 3), 120, np.uint8)
    small[80:592, 300:812] = portrait_bgr
    frame_bgr = cv2.resize(small, None, fx=enlarged, fy=enlarged)
    detector = HaarDetector(HaarOptions(min_face_fraction=0.04, max_side_px=900))
    (whole,) = detector.detect(frame_bgr)
    x1, y1, x2, y2 = whole.xyxy
    side = x2 - x1
    around = (x1 - side, y1 - side, x2 + side, y2 + side)
    (found,) = detector.detect_in(frame_bgr, [around])
    assert overlap(found.xyxy, whole.xyxy) > 0.8
    beside = (x2 + side, 0, frame_bgr.shape[1], frame_bgr.shape[0])
    assert detector.detect_in(frame_bgr, [beside]) == []
    assert len(detector.detect_in(frame_bgr, [beside, around])) == 1


def test_parts_that_hold_no_face_or_lie_outside_are_no_error(portrait_bgr):
    height, width = portrait_bgr.shape[:2]
    areas = [(5, 5, 9, 9), (-400, -400, -300, -300), (width, height, width + 90, height + 90)]
    assert HaarDetector().detect_in(portrait_bgr, areas) == []
    assert HaarDetector().detect_in(portrait_bgr, []) == []


@pytest.mark.parametrize("enlarged", [0.5, 1, 4])
def test_a_face_of_any_size_is_found_again_a_little_further(portrait_bgr, enlarged):
    frame_bgr = cv2.resize(portrait_bgr, None, fx=enlarged, fy=enlarged)
    detector = HaarDetector()
    (before,) = detector.detect(frame_bgr)
    dx, dy = round(-8 * enlarged), round(6 * enlarged)
    (found,) = detector.detect_again(np.roll(frame_bgr, (dy, dx), (0, 1)), [before])
    x1, y1, x2, y2 = before.xyxy
    assert overlap(found.xyxy, (x1 + dx, y1 + dy, x2 + dx, y2 + dy)) > 0.8
    gone = np.full_like(frame_bgr, 90)
    assert detector.detect_again(gone, [before]) == [None]
    assert detector.detect_again(gone, []) == []


def test_a_face_at_the_edge_is_found_again_and_one_outside_is_gone(portrait_bgr):
    detector = HaarDetector()
    (face,) = detector.detect(portrait_bgr)
    x1, y1, x2, y2 = face.xyxy
    cut_bgr = portrait_bgr[y1 - 4 :, x1 - 4 :]
    at_edge = Detection((4, 4, x2 - x1 + 4, y2 - y1 + 4), face.score)
    (found,) = detector.detect_again(cut_bgr, [at_edge])
    assert overlap(found.xyxy, at_edge.xyxy) > 0.8
    height, width = portrait_bgr.shape[:2]
    outside = [(-300, 20, -200, 120), (width + 90, height + 90, width + 200, height + 200)]
    assert detector.detect_near(portrait_bgr, outside) == [None, None]


def test_nothing_near_and_nothing_known(portrait_bgr):
    blank = np.full_like(portrait_bgr, 90)
    assert HaarDetector().detect_near(blank, [(200, 80, 270, 150)]) == [None]
    assert HaarDetector().detect_near(blank, []) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"cascade": "cat"},
        {"scale_factor": 1.0},
        {"min_neighbors": -1},
        {"min_face_fraction": 0},
        {"max_side_px": 10},
    ],
)
def test_impossible_options_raise(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        HaarOptions(**wrong)


def test_missing_cascade_is_one_sentence(monkeypatch):
    monkeypatch.setitem(CASCADES, "alt2", "gone.xml")
    with pytest.raises(DetectorError, match=r"gone\.xml is missing.*reinstall"):
        HaarDetector()


def test_opencv_without_cascades_is_one_sentence(monkeypatch):
    monkeypatch.delattr(detection.cv2, "CascadeClassifier")
    with pytest.raises(DetectorError, match="has no Haar cascades"):
        HaarDetector()


@pytest.mark.shared
@pytest.mark.skipif(not SHARED_MEDIA.is_dir(), reason="shared media are not beside the project")
def test_all_29_faces_of_the_solvay_photo_and_no_false_box():
    photo = cv2.imread(str(SHARED_MEDIA / "solvay_1927.jpg"))
    with (SHARED_MEDIA / "solvay_1927_faces.csv").open() as file:
        rows = [[int(row[k]) for k in "xywh"] for row in csv.DictReader(file)]
    truth = [(x, y, x + w, y + h) for x, y, w, h in rows]
    found = [d.xyxy for d in HaarDetector(PHOTO_HAAR).detect(photo)]
    assert len(found) == len(truth) == 29
    assert all(max(overlap(box, face) for face in truth) > 0.4 for box in found)
    assert all(max(overlap(box, face) for box in found) > 0.4 for face in truth)
