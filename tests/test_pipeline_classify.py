"""Networks that are asked about the same frames at the same time."""

import threading

import numpy as np
import pytest

from facecore.pipeline import FacePipeline, FoundFaces, PipelineOptions
from facecore.pipeline_classify import ask
from facecore.results import Face
from facecore.tracking import TrackerOptions

BOX, OTHER = (20, 20, 60, 60), (100, 30, 150, 80)
FRAME = np.random.default_rng(0).integers(0, 256, (120, 200, 3), dtype=np.uint8)
PATIENCE_S = 120  # only a defect takes so long
OPTIONS = PipelineOptions(tracker=TrackerOptions(min_hits=1))


def classifying_threads():
    return [t for t in threading.enumerate() if t.name.startswith("facecore-classify")]


@pytest.fixture
def make_pipeline(make_stub_classifier, make_stub_detector):
    """``make_pipeline(expression=answer, gender=answer)``."""

    def make(**answers):
        networks = [make_stub_classifier(task, answer=answer) for task, answer in answers.items()]
        return FacePipeline(networks, OPTIONS, make_stub_detector([[BOX]] * 9))

    return make


def answer_evenly(num_classes):
    return lambda batch: np.full((len(batch), num_classes), 1 / num_classes)


def find(pipeline, number):
    return [pipeline.find(FRAME, i / 10, i) for i in range(number)]


def test_both_networks_work_at_the_same_time(make_pipeline):
    both = threading.Barrier(2)

    def wait_for_the_other(num_classes):
        def answer(batch):
            both.wait(PATIENCE_S)
            return answer_evenly(num_classes)(batch)

        return answer

    pipeline = make_pipeline(expression=wait_for_the_other(7), gender=wait_for_the_other(2))
    results = pipeline.classify_all(find(pipeline, 2))
    assert [len(result.faces[0].predictions) for result in results] == [2, 2]
    assert {"detect", "crop", "expression", "gender"} == set(results[0].timings_ms)
    assert not classifying_threads()


def test_a_single_frame_takes_no_other_thread(make_pipeline):
    threads = []

    def answer(batch):
        threads.append(threading.current_thread())
        return answer_evenly(2)(batch)

    pipeline = make_pipeline(expression=answer_evenly(7), gender=answer)
    pipeline.process(FRAME)
    assert threads == [threading.current_thread()]


@pytest.mark.parametrize("failing", ["expression", "gender"])
def test_a_failure_waits_for_the_other_network_and_everybody_is_asked_again(make_pipeline, failing):
    ended = []

    def fail(batch):
        raise RuntimeError("out of memory")

    def answer(batch):
        ended.append(len(batch))
        return answer_evenly({"expression": 2, "gender": 7}[failing])(batch)

    answers = {"expression": answer, "gender": answer} | {failing: fail}
    pipeline = make_pipeline(**answers)
    found = find(pipeline, 3)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="out of memory"):
            pipeline.classify_all(found)
        assert not classifying_threads()
    assert len(ended) == 2 and ended[0] == ended[1]


def test_each_frame_bears_its_share_of_the_time(make_stub_classifier):
    network = make_stub_classifier("expression", "happy")
    faces = ((), (Face(BOX),), (Face(BOX), Face(OTHER), Face(BOX)))
    frames = [FoundFaces(FRAME, i / 10, i, row, (), {}) for i, row in enumerate(faces)]
    asked = ask(network, frames, [[], [0], [2, 0, 1]], flip=False)
    assert network.batches == [(4, 8, 8, 1)]
    assert [sorted(answers) for answers in asked.answers] == [[], [0], [0, 1, 2]]
    assert asked.spent_ms[0] == {}
    for stage in ("crop", "expression"):
        assert asked.spent_ms[2][stage] == pytest.approx(3 * asked.spent_ms[1][stage])
    assert ask(network, frames, [[], [], []], flip=True).answers == [{}, {}, {}]
    assert len(network.batches) == 1, "nobody is asked about"
