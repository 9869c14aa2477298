"""The eye test's reading and scoring, and the Solvay photo told from other pictures."""

import numpy as np
import pytest
from stubs import StubDetector

from facecore.detection import HaarDetector
from facecore.eye_test import EXPECTED, Score, read_faces, score_eye_test, score_paper
from facecore.images import decode_image
from facecore.labels import EXPRESSIONS
from facecore.paper import load_paper
from facecore.pipeline import PHOTO_PIPELINE
from facecore.results import Prediction
from facecore.solvay import MARIE_CURIE, NOT_FOUND_IN_PAPER, SMILING, SMILING_NO, recognise_solvay

FRAME = np.zeros((200, 300, 3), np.uint8)
BOXES = [(10, 10, 50, 50), (100, 20, 180, 100)]


def test_every_network_answers_for_every_face(make_stub_classifier):
    networks = [
        make_stub_classifier(label="happy", name="one"),
        make_stub_classifier(label="sad", name="two", size=16),
    ]
    gender = make_stub_classifier("gender", "woman", name="gender")
    reading = read_faces(FRAME, networks, gender, StubDetector([BOXES]))
    assert [face.gender.label for face in reading.result.faces] == ["woman", "woman"]
    assert [[a["one"].label, a["two"].label] for a in reading.answers] == [["happy", "sad"]] * 2
    assert networks[1].batches == [(2, 16, 16, 1)], "all faces at once, in this network's size"
    assert reading.find_largest() == 1


def test_no_face_asks_nobody(make_stub_classifier):
    network = make_stub_classifier()
    reading = read_faces(FRAME, [network], detector=StubDetector([[]]))
    assert reading.answers == () and reading.find_largest() is None
    assert network.batches == []


def said(label):
    probs = np.full(len(EXPRESSIONS), 0.05, dtype=np.float32)
    probs[EXPRESSIONS.index(label)] = 0.7
    return Prediction(EXPRESSIONS, probs)


def test_score_counts_the_six_expressions_of_the_paper():
    read = {
        "angry": {"one": said("angry"), "two": said("sad")},
        "sad": {"one": said("sad"), "two": said("sad")},
        "disgust": {"one": said("disgust"), "two": said("angry")},
    }
    assert score_eye_test(read) == {"one": Score(2, 2), "two": Score(1, 2)}
    assert score_eye_test({}) == {}


def test_paper_scored_three_five_and_four_of_six():
    assert list(score_paper().values()) == [Score(3, 6), Score(5, 6), Score(4, 6)]
    assert EXPECTED == ("angry", "fear", "happy", "neutral", "sad", "surprise")


def test_paper_calls_one_face_happy_with_all_models():
    happy = [{f.person for f in m.solvay if f.expression == "happy"} for m in load_paper().models]
    assert set.intersection(*happy) == {SMILING_NO}


@pytest.mark.shared
class TestSolvay:
    @pytest.fixture
    def boxes(self, shared_media):
        path = shared_media / "solvay_1927.jpg"
        frame = decode_image(path.read_bytes(), path.name)
        return [found.xyxy for found in HaarDetector(PHOTO_PIPELINE.haar).detect(frame)]

    def test_all_are_named(self, boxes):
        names = recognise_solvay(boxes)
        assert len(set(names)) == 29 and None not in names
        assert {MARIE_CURIE, NOT_FOUND_IN_PAPER, SMILING} <= set(names)

    def test_size_crop_missed_and_false_faces_do_not_matter(self, boxes):
        names = recognise_solvay(boxes)
        moved = [tuple(round(0.4 * v + 70) for v in box) for box in boxes[3:]]
        false = (900, 500, 960, 560)
        assert recognise_solvay([false, *moved]) == (None, *names[3:])

    def test_mirrored_photo_is_another_one(self, boxes):
        mirrored = [(1600 - x2, y1, 1600 - x1, y2) for x1, y1, x2, y2 in boxes]
        assert recognise_solvay(mirrored) is None


def test_other_groups_are_not_taken_for_it():
    rng = np.random.default_rng(0)
    for _ in range(200):
        centres = rng.uniform((0, 300), (1600, 700), size=(rng.integers(20, 40), 2)).astype(int)
        assert recognise_solvay([(x, y, x + 60, y + 60) for x, y in centres.tolist()]) is None
    rows = [(100 + 140 * c, 400 + 90 * r) for r in range(3) for c in range(10)]
    assert recognise_solvay([(x, y, x + 60, y + 60) for x, y in rows]) is None
    assert recognise_solvay([]) is None
    assert recognise_solvay([(0, 0, 5, 5)] * 29) is None
