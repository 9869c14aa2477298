"""Boxes, readable labels that keep off faces, and faces that are hidden for good."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from facecore import label_layout
from facecore.annotation import AnnotationOptions, annotate, anonymise
from facecore.detection import PHOTO_HAAR, HaarDetector
from facecore.label_layout import place_labels
from facecore.label_text import render_label, shorten, text_color
from facecore.labels import COLORS, EXPRESSIONS, GENDERS, to_rgb
from facecore.media import decode_image
from facecore.tracking_labels import decide_again

NOTHING = AnnotationOptions(show_boxes=False, show_labels=False, numbered=False)


def noise_frame(size_wh=(320, 240), seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 255, (size_wh[1], size_wh[0], 3), dtype=np.uint8)


def changed(before, after):
    return np.any(before != after, axis=2)


def overlap(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0)


@pytest.mark.parametrize("hide", [None, "blur", "pixelate"])
def test_input_is_not_changed(make_face, make_result, hide):
    frame = noise_frame()
    before = frame.copy()
    frame.setflags(write=False)
    options = AnnotationOptions(hide_faces=hide)
    drawn = annotate(frame, make_result(make_face(box=(100, 100, 160, 160))), options)
    np.testing.assert_array_equal(frame, before)
    assert drawn is not frame and drawn.shape == frame.shape and drawn.dtype == np.uint8
    assert changed(frame, drawn).any()


def test_nothing_to_draw_gives_an_equal_copy(make_face, make_result):
    frame = noise_frame()
    for result, options in ((make_result(), None), (make_result(make_face()), NOTHING)):
        drawn = annotate(frame, result, options)
        np.testing.assert_array_equal(drawn, frame)
        assert not np.shares_memory(drawn, frame)


@pytest.mark.parametrize("expression", [*EXPRESSIONS, None])
def test_box_has_the_colour_of_the_expression(make_face, make_result, expression):
    face = make_face(box=(100, 80, 180, 160), expression=expression)
    options = AnnotationOptions(show_labels=False, numbered=False)
    drawn = annotate(noise_frame(), make_result(face), options)
    color = to_rgb(COLORS[expression] if expression else "#E5E7EB")
    for x, y in ((140, 80), (100, 120)):
        np.testing.assert_array_equal(drawn[y, x], color[::-1])


def test_undecided_is_written_without_a_percentage_in_its_own_colour(
    make_face, make_result, monkeypatch
):
    drawn_labels = []

    def remember(badge, lines, color, font_px):
        drawn_labels.append((lines, color))
        return render_label(badge, lines, color, font_px)

    monkeypatch.setattr("facecore.annotation.render_label", remember)
    sure, unsure = (make_face(box=(100, 80, 180, 160), confidence=c) for c in (0.9, 0.5))
    thresholds = {"expression": 0.6, "gender": 0.7}
    for result in decide_again([make_result(sure), make_result(unsure)], thresholds):
        annotate(noise_frame(), result)
    assert drawn_labels == [
        (("Happy 90%", "Woman 90%"), COLORS["happy"]),
        (("Undecided", "Gender undecided"), COLORS["undecided"]),
    ]
    (decided,) = decide_again([make_result(unsure)], thresholds)
    options = AnnotationOptions(show_labels=False, numbered=False)
    drawn = annotate(noise_frame(), decided, options)
    np.testing.assert_array_equal(drawn[80, 140], to_rgb(COLORS["undecided"])[::-1])


def test_tilted_face_gets_a_tilted_box(make_face, make_result):
    frame = noise_frame()
    options = AnnotationOptions(show_labels=False, numbered=False)
    face = make_face(box=(100, 80, 180, 160))
    upright, tilted = (
        changed(frame, annotate(frame, make_result(replace(face, tilt_deg=t)), options))
        for t in (0.0, 20.0)
    )
    assert upright[80, 102] and not tilted[80, 102]
    # Leaning clockwise, the upper left corner goes up and to the right.
    assert tilted[:78, 110:125].any() and not upright[:78].any()


def test_switches_change_what_is_drawn(make_face, make_result):
    frame, face = noise_frame(), make_face(person_id=3, box=(120, 110, 200, 190))
    variants = [
        AnnotationOptions(),
        AnnotationOptions(show_boxes=False),
        AnnotationOptions(show_labels=False),
        AnnotationOptions(show_confidence=False),
        AnnotationOptions(numbered=False),
        AnnotationOptions(names={3: "Ada"}),
        AnnotationOptions(hide_faces="blur"),
        AnnotationOptions(hide_faces="pixelate"),
        NOTHING,
    ]
    pictures = {annotate(frame, make_result(face), options).tobytes() for options in variants}
    assert len(pictures) == len(variants)
    # Another person's name changes nothing.
    other = annotate(frame, make_result(face), AnnotationOptions(names={4: "Bob"}))
    np.testing.assert_array_equal(other, annotate(frame, make_result(face)))


@pytest.mark.parametrize("method", ["", "remove", "Blur"])
def test_unknown_hiding_is_refused(method):
    with pytest.raises(ValueError, match="blur, pixelate"):
        AnnotationOptions(hide_faces=method)
    with pytest.raises(ValueError, match="blur, pixelate"):
        anonymise(noise_frame(), [(0, 0, 9, 9)], method)


@pytest.mark.parametrize("method", ["blur", "pixelate"])
@pytest.mark.parametrize("box", [(100, 60, 220, 180), (-30, -20, 60, 70), (290, 200, 330, 250)])
def test_hidden_face_keeps_only_a_few_blocks(method, box):
    frame = noise_frame()
    hidden = anonymise(frame, [box], method)
    x1, y1, x2, y2 = max(box[0], 0), max(box[1], 0), min(box[2], 320), min(box[3], 240)
    inside = hidden[y1:y2, x1:x2]
    assert inside.std() < frame[y1:y2, x1:x2].std() / 3  # fine detail is averaged away
    if method == "pixelate":
        assert len(np.unique(inside.reshape(-1, 3), axis=0)) <= 64
    far = np.ones(frame.shape[:2], bool)
    margin = (box[2] - box[0]) // 2
    far[max(y1 - margin, 0) : y2 + margin, max(x1 - margin, 0) : x2 + margin] = False
    np.testing.assert_array_equal(hidden[far], frame[far])
    assert changed(frame, hidden)[y1:y2, x1:x2].mean() > 0.95


def test_more_than_the_box_is_hidden():
    frame = noise_frame()
    touched = changed(frame, anonymise(frame, [(100, 60, 200, 160)], "blur"))
    assert touched[50, 150] and touched[110, 90] and touched[170, 150] and touched[110, 210]


@pytest.mark.parametrize("box", [(400, 300, 500, 400), (50, 50, 50, 50), (10, 10, 12, 12)])
def test_hiding_survives_odd_boxes(box):
    assert anonymise(noise_frame(), [box], "blur").shape == (240, 320, 3)


def test_every_face_is_hidden_before_labels_are_drawn(make_face, make_result):
    frame = noise_frame()
    boxes = [(20, 60, 80, 120), (140, 90, 200, 150), (240, 30, 300, 90)]
    faces = [make_face(box=boxes[0]), make_face(box=boxes[1], expression=None, gender=None)]
    faces.append(make_face(person_id=9, box=boxes[2]))
    hidden = annotate(frame, make_result(*faces), AnnotationOptions(hide_faces="pixelate"))
    plain = anonymise(frame, boxes, "pixelate")
    for x1, y1, x2, y2 in boxes:
        middle = np.s_[y1 + 15 : y2 - 15, x1 + 15 : x2 - 15]
        np.testing.assert_array_equal(hidden[middle], plain[middle])


@pytest.mark.parametrize("color", COLORS.values())
def test_label_text_contrasts_with_its_background(color):
    def luminance(rgb):
        parts = [v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in rgb]
        return np.dot((0.2126, 0.7152, 0.0722), parts)

    pair = [luminance([v / 255 for v in rgb]) for rgb in (to_rgb(color), text_color(to_rgb(color)))]
    assert (max(pair) + 0.05) / (min(pair) + 0.05) >= 4.5


def test_label_is_not_spoilt_by_what_is_done_to_an_earlier_one():
    tile, shape = render_label("7", ("Happy 82%", "Man 97%"), COLORS["happy"], 14)
    assert tile.shape[:2] == shape.shape
    assert set(np.unique(shape)) == {0, 255}
    kept = tile.copy()
    tile[:] = 0
    again, _ = render_label("7", ("Happy 82%", "Man 97%"), COLORS["happy"], 14)
    np.testing.assert_array_equal(again, kept)


def test_label_larger_than_the_picture_is_cut(make_face, make_result):
    frame = noise_frame()[:24, :30].copy()
    drawn = annotate(frame, make_result(make_face(box=(4, 4, 20, 20), person_id=1)))
    assert drawn.shape == frame.shape
    assert (drawn != frame).any()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ada", "Ada"),
        ("  Ada\n\tLovelace ", "Ada Lovelace"),
        ("Wolfeschlegelsteinhausenbergerdorff", "Wolfeschlegelstei…"),
        ("Łukasz Żółć", "Łukasz Żółć"),
        ("Ольга", "Ольга"),
        ("Αθηνά", "Αθηνά"),
        ("王 Li", "Li"),  # the font has no Chinese; the number still tells who it is
        ("王小明", ""),
    ],
)
def test_names_of_many_alphabets(name, expected):
    assert shorten(name) == expected


def test_name_is_drawn(make_face, make_result):
    frame, face = noise_frame(), make_face(person_id=1, box=(120, 140, 200, 220))
    pictures = {
        annotate(frame, make_result(face), AnnotationOptions(names={1: name})).tobytes()
        for name in ("Ольга", "Αθηνά", "Ada", "")
    }
    assert len(pictures) == 4


def corners_to_rect(corner, size_wh):
    return (*corner, corner[0] + size_wh[0], corner[1] + size_wh[1])


def test_label_stands_above_where_that_is_free():
    layout = place_labels([(100, 100, 160, 160)], [(80, 30)], (320, 240), gap=2)
    assert layout.corners == ((90, 68),) and layout.crowding == 0


def test_label_follows_a_moving_face_smoothly():
    offsets = set()
    for step in range(60):
        box = (60 + step * 2, 80 + step, 120 + step * 2, 140 + step)
        other = (230 - step, 60, 280 - step, 110)
        left, top = place_labels([box, other], [(80, 30)] * 2, (320, 240)).corners[0]
        offsets.add((left - box[0], top - box[1]))
    assert len(offsets) <= 4


@pytest.mark.parametrize(
    "box",
    [(0, 0, 60, 60), (260, 0, 320, 60), (0, 180, 60, 240), (100, 0, 160, 60), (-20, -20, 30, 30)],
)
def test_label_at_the_edge_stays_inside_and_off_the_face(box):
    size = (80, 30)
    layout = place_labels([box], [size], (320, 240))
    x1, y1, x2, y2 = corners_to_rect(layout.corners[0], size)
    assert x1 >= 0 and y1 >= 0 and x2 <= 320 and y2 <= 240
    assert overlap((x1, y1, x2, y2), box) == 0


def test_neighbours_do_not_cover_each_other():
    rng = np.random.default_rng(5)
    boxes = [
        (x + dx, y + dy, x + dx + 50, y + dy + 50)
        for x in range(20, 900, 110)
        for y in (100, 210, 320)
        for dx, dy in rng.integers(-12, 12, (1, 2)).tolist()
    ]
    size = (84, 30)
    layout = place_labels(boxes, [size] * len(boxes), (1000, 480))
    rects = [corners_to_rect(corner, size) for corner in layout.corners]
    covered = [overlap(r, b) for r in rects for b in boxes]
    crossed = [overlap(a, b) for i, a in enumerate(rects) for b in rects[:i]]
    assert sum(covered) + sum(crossed) == 0 and layout.crowding == 0


def test_a_crowd_is_labelled_with_bounded_work(monkeypatch):
    """Where everything is covered, trying every order again and again would take minutes."""
    compared = []
    shares = label_layout._shares

    def count(rects, others):
        compared.append(len(others))
        return shares(rects, others)

    monkeypatch.setattr(label_layout, "_shares", count)
    rng = np.random.default_rng(2)
    boxes = [(x, y, x + 26, y + 26) for x, y in rng.integers(0, 1170, (250, 2)).tolist()]
    size = (90, 40)
    layout = place_labels(boxes, [size] * len(boxes), (1200, 1200))
    rects = np.array([corners_to_rect(corner, size) for corner in layout.corners])
    assert rects.min() >= 0 and rects.max() <= 1200
    assert len(compared) <= 3 * len(boxes) + 1
    # Only labels that could touch are compared: in the last round far fewer than all.
    assert np.mean(compared[-len(boxes) :]) < len(boxes) / 3


@pytest.mark.parametrize("size_wh", [(1, 1), (12, 9), (40, 30), (320, 20)])
def test_tiny_frames_do_not_break_drawing(make_face, make_result, size_wh):
    face = make_face(person_id=1, box=(0, 0, max(1, size_wh[0] // 2), size_wh[1]))
    frame = noise_frame(size_wh)
    for hide in (None, "blur", "pixelate"):
        drawn = annotate(frame, make_result(face), AnnotationOptions(hide_faces=hide))
        assert drawn.shape == frame.shape


@pytest.fixture(scope="module")
def solvay(shared_media):
    """The group photo and the boxes that are found on it."""
    picture = decode_image((shared_media / "solvay_1927.jpg").read_bytes(), "solvay")
    return picture, [detection.xyxy for detection in HaarDetector(PHOTO_HAAR).detect(picture)]


@pytest.mark.shared
@pytest.mark.parametrize("width", [1600, 4000])
def test_solvay_labels_are_large_enough_and_cover_no_face(
    solvay, make_face, make_result, monkeypatch, width
):
    picture, found = solvay
    scale = width / picture.shape[1]
    assert len(found) == 29
    frame = cv2.resize(picture, None, fx=scale, fy=scale)
    faces = [
        make_face(
            expression=EXPRESSIONS[i % 7],
            gender=GENDERS[i % 2],
            box=tuple(round(v * scale) for v in box),
        )
        for i, box in enumerate(found)
    ]
    layouts = []

    def remember(boxes, sizes_wh, *rest):
        layouts.append((boxes, sizes_wh, place_labels(boxes, sizes_wh, *rest)))
        return layouts[-1][2]

    monkeypatch.setattr("facecore.annotation.place_labels", remember)
    drawn = annotate(frame, make_result(*faces, size_wh=frame.shape[1::-1]))
    assert changed(frame, drawn).mean() > 0.02
    boxes, sizes_wh, layout = layouts[-1]
    rects = [corners_to_rect(c, s) for c, s in zip(layout.corners, sizes_wh, strict=True)]
    for rect, box in zip(rects, boxes, strict=True):
        assert rect[0] >= 0 and rect[1] >= 0 and rect[2] <= frame.shape[1]
        assert rect[3] <= frame.shape[0]
        face_area = (box[2] - box[0]) * (box[3] - box[1])
        assert sum(overlap(other, box) for other in rects) <= 0.03 * face_area
    assert min(height for _, height in sizes_wh) >= frame.shape[0] * 0.025  # two readable lines
