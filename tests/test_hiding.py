"""Hidden faces: nobody shows before the analysis has found them."""

import numpy as np
import pytest
from stubs import StubDetector

from facecore.annotation import AnnotationOptions
from facecore.hiding import _EARLY_S, hide_arrivals, search_at_once
from facecore.pipeline import FacePipeline, PipelineOptions
from facecore.results import Face, FrameResult
from facecore.session import process_video

BOX = (10.0, 10.0, 50.0, 50.0)


def frames_with(person_at, number=50, rate=25):
    return [
        FrameResult(i, i / rate, (100, 80), (Face(BOX, 1.0, 7, {}, 0.0),) if i in person_at else ())
        for i in range(number)
    ]


def test_a_second_before_an_arrival_is_hidden():
    marked = hide_arrivals(frames_with(range(40, 50)))
    assert [frame.index for frame in marked if BOX in frame.unsure] == list(range(15, 40))
    assert [len(frame.faces) for frame in marked] == [0] * 40 + [1] * 10


def test_somebody_who_comes_back_is_hidden_before_it_too():
    marked = hide_arrivals(frames_with({0, 1, 2, 48, 49}))
    assert [frame.index for frame in marked if BOX in frame.unsure] == list(range(23, 48))


def test_without_people_nothing_is_marked():
    frames = frames_with(())
    assert hide_arrivals(frames) == frames


def test_every_whole_frame_is_searched():
    options = search_at_once(PipelineOptions(rescan_s=0.4, detect_every=5))
    assert (options.rescan_s, options.detect_every) == (0.0, 1)


@pytest.mark.parametrize(("hide", "rescan_s"), [("blur", 0.0), (None, 0.4)])
def test_analysis_for_hiding_searches_at_once(write_clip, tmp_path, hide, rescan_s):
    clip = write_clip(tmp_path / "clip.mp4", [np.zeros((48, 64, 3), np.uint8)] * 3)
    pipeline = FacePipeline([], PipelineOptions(rescan_s=0.4), StubDetector([]))
    process_video(clip, None, pipeline, AnnotationOptions(hide_faces=hide))
    assert pipeline.options.rescan_s == rescan_s


def test_the_marks_reach_back_over_the_longest_wait_for_small_faces():
    assert 2 * PipelineOptions().rescan_s < _EARLY_S
