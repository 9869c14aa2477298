"""Decoding, analysis and encoding of a video go on at the same time, in bounded queues.

No test looks at a clock: a piece of work that waits for a later one ends only where they overlap.
"""

import math
import threading

import numpy as np
import pytest

from facecore import decoder, session_drawing
from facecore.annotation import AnnotationOptions
from facecore.decoder_process import DecoderGoneError, borrow_process
from facecore.errors import BrokenVideoError, VideoWriteError
from facecore.media import VideoWriter, iter_frames
from facecore.pipeline import FacePipeline
from facecore.session import MOST_TOGETHER, process_video
from facecore.session_drawing import draw_results
from facecore.video_queue import MAX_WAITING, InOrder, in_groups, look_ahead

PATIENCE_S = 120  # only a defect takes so long
NUM_FRAMES = 40
IN_FLIGHT = MAX_WAITING + 1


@pytest.fixture
def clip(tmp_path, write_clip):
    frames = [np.full((96, 128, 3), 6 * i, np.uint8) for i in range(NUM_FRAMES)]
    return write_clip(tmp_path / "clip.mp4", frames, fps=10)


class CountingPipeline(FacePipeline):
    """Counts the frames it has taken in; everything else is as it is."""

    def __init__(self, detector) -> None:
        super().__init__([], detector=detector)
        self.begun = [threading.Event() for _ in range(NUM_FRAMES)]
        self.num_begun = 0

    def classify_all(self, frames):
        self.num_begun += len(frames)
        for found in frames:
            self.begun[found.index].set()
        return super().classify_all(frames)


@pytest.fixture
def pipeline(make_stub_detector):
    return CountingPipeline(make_stub_detector([[]] * NUM_FRAMES))


def working_threads():
    names = ("facecore-encode", "facecore-search")
    return [t for t in threading.enumerate() if t.name.startswith(names)]


def test_work_is_done_in_order_and_completely():
    done = []
    with InOrder() as beside:
        for number in range(50):
            beside.submit(lambda number=number: done.append(number))
    assert done == list(range(50))


def test_caller_goes_on_until_the_queue_is_full():
    gate, extra_in = threading.Event(), threading.Event()

    def submit_one_more():
        beside.submit(gate.wait)
        extra_in.set()

    with InOrder(2) as beside:
        for _ in range(3):  # one in work, two waiting: none of them holds the caller
            beside.submit(gate.wait)
        other = threading.Thread(target=submit_one_more)
        other.start()
        assert not extra_in.wait(0.2)
        gate.set()
        assert extra_in.wait(PATIENCE_S)
        other.join()


def test_failure_reaches_the_caller_and_ends_the_thread():
    def fail():
        raise VideoWriteError("the disk is full")

    with pytest.raises(VideoWriteError, match="full"), InOrder() as beside:
        beside.submit(fail)
        for _ in range(100):
            beside.submit(lambda: None)
    with pytest.raises(VideoWriteError, match="full"), InOrder() as beside:
        beside.submit(fail)  # told at the block's end where nothing follows
    assert not working_threads()


def test_what_waits_is_dropped_where_the_caller_fails():
    gate, done = threading.Event(), []

    def fill():
        with InOrder() as beside:
            beside.submit(lambda: gate.wait(PATIENCE_S))
            beside.submit(lambda: done.append("late"))
            beside._pending[-1].add_done_callback(lambda dropped: gate.set())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill()
    assert not done
    assert not working_threads()


def test_next_items_are_worked_on_while_the_caller_is_busy():
    begun = [threading.Event() for _ in range(NUM_FRAMES + 1)]

    def work(number):
        begun[number].set()
        return number

    for number in look_ahead(map(work, range(NUM_FRAMES)), 2):
        assert number == NUM_FRAMES - 1 or begun[number + 1].wait(PATIENCE_S)
        assert not begun[min(number + 3, NUM_FRAMES)].is_set(), "two are taken before their turn"
    assert not working_threads()


def test_items_before_a_failing_one_are_told_first():
    def items():
        yield from range(3)
        raise BrokenVideoError("cut off", 3)

    told = []
    with pytest.raises(BrokenVideoError, match="cut off"):
        for number in look_ahead(items()):
            told.append(number)
    assert told == [0, 1, 2]
    with pytest.raises(ZeroDivisionError):
        list(look_ahead(1 / n for n in [1, 0, 1]))
    assert not working_threads()


def test_items_are_grouped_and_those_before_a_failing_one_come_first():
    assert list(in_groups(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(in_groups(range(4), 2)) == [[0, 1], [2, 3]]
    assert list(in_groups([], 2)) == []

    def items():
        yield from range(5)
        raise BrokenVideoError("cut off", 5)

    told = []
    with pytest.raises(BrokenVideoError, match="cut off"):
        for group in in_groups(items(), 3):
            told.append(group)
    assert told == [[0, 1, 2], [3, 4]]


def test_large_frames_are_classified_in_smaller_groups(tmp_path, write_clip, make_stub_detector):
    sizes = []

    class Pipeline(FacePipeline):
        def classify_all(self, frames):
            sizes.append(len(frames))
            return super().classify_all(frames)

    large = write_clip(tmp_path / "large.mp4", [np.zeros((2160, 3840, 3), np.uint8)] * 5, fps=10)
    process_video(large, None, Pipeline([], detector=make_stub_detector([[]] * 5)))
    assert sizes == [2, 2, 1]


def test_next_frames_are_searched_while_the_networks_look_at_some(clip, make_stub_detector):
    searched = [threading.Event() for _ in range(NUM_FRAMES)]
    overlapped = []

    class Pipeline(FacePipeline):
        def find(self, frame_bgr, time_s=0.0, index=0, held_s=0.0):
            searched[index].set()
            return super().find(frame_bgr, time_s, index, held_s)

        def classify_all(self, frames):
            following = min(frames[-1].index + MOST_TOGETHER, NUM_FRAMES - 1)
            overlapped.append(searched[following].wait(PATIENCE_S))
            return super().classify_all(frames)

    process_video(clip, None, Pipeline([], detector=make_stub_detector([[]] * NUM_FRAMES)))
    assert overlapped == [True] * math.ceil(NUM_FRAMES / MOST_TOGETHER)


def test_later_frames_are_analysed_while_one_is_drawn(clip, tmp_path, pipeline, monkeypatch):
    overlapped = []

    def draw(frame_bgr, result, options):
        ahead = min(result.index + IN_FLIGHT, NUM_FRAMES - 1)  # most often in the next group
        overlapped.append(pipeline.begun[ahead].wait(PATIENCE_S))
        return frame_bgr

    monkeypatch.setattr(session_drawing, "annotate", draw)
    process_video(clip, tmp_path / "out.mp4", pipeline)
    assert overlapped == [True] * NUM_FRAMES


def test_analysis_waits_for_a_slow_encoder(clip, tmp_path, pipeline, monkeypatch):
    gate, most_ahead = threading.Event(), []
    first = threading.Event()

    def write(self, frame_bgr, time_s, duration_s=None):
        if not first.is_set():
            first.set()
            # A group is taken in whole; the next one waits until the rest of it finds room.
            assert pipeline.begun[MOST_TOGETHER - 1].wait(PATIENCE_S)
            gate.wait(0.3)
            most_ahead.append(pipeline.num_begun)
        self.num_frames += 1
        real_write(self, frame_bgr, time_s, duration_s)

    real_write = VideoWriter.write
    monkeypatch.setattr(VideoWriter, "write", write)
    process_video(clip, tmp_path / "out.mp4", pipeline)
    assert most_ahead == [MOST_TOGETHER]


def test_nothing_is_left_of_a_cancelled_analysis(clip, tmp_path, pipeline):
    def cancel(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process_video(clip, tmp_path / "out.mp4", pipeline, on_progress=cancel)
    assert list(tmp_path.iterdir()) == [clip]
    assert not working_threads()


def test_results_outlive_a_full_disk(clip, tmp_path, pipeline, monkeypatch):
    def fail(*args):
        raise VideoWriteError("the disk is full")

    monkeypatch.setattr(VideoWriter, "write", fail)
    run = process_video(clip, tmp_path / "out.mp4", pipeline)
    assert run.video_error == "the disk is full"
    assert len(run.frames) == NUM_FRAMES
    assert list(tmp_path.iterdir()) == [clip]
    assert not working_threads()


def test_redrawing_decodes_and_draws_while_a_frame_is_encoded(
    clip, tmp_path, make_result, monkeypatch
):
    results = [make_result(index=i, size_wh=(128, 96)) for i in range(NUM_FRAMES)]
    drawn = [threading.Event() for _ in results]
    overlapped = []

    def draw(frame_bgr, result, options):
        drawn[result.index].set()
        return frame_bgr

    def write(self, frame_bgr, time_s, duration_s=None):
        overlapped.append(drawn[min(len(overlapped) + 1, NUM_FRAMES - 1)].wait(PATIENCE_S))
        real_write(self, frame_bgr, time_s, duration_s)

    real_write = VideoWriter.write
    monkeypatch.setattr(session_drawing, "annotate", draw)
    monkeypatch.setattr(VideoWriter, "write", write)
    draw_results(clip, tmp_path / "out.mp4", results, AnnotationOptions())
    assert overlapped == [True] * NUM_FRAMES


def test_decoder_reads_ahead_and_stops_when_its_places_are_taken(clip, monkeypatch):
    with borrow_process() as process:
        monkeypatch.setattr(decoder, "borrow_process", lambda: _Lent(process))
        frames = iter_frames(clip)
        next(frames)
        # The consumer is still busy with its first frame, and more frames are there already.
        ahead = [process.receive(PATIENCE_S)["slot"] for _ in range(6)]
        assert sorted(ahead) == list(range(6))
        with pytest.raises(DecoderGoneError):
            process.receive(0.05)
        process.send(free=ahead[0])
        assert process.receive(PATIENCE_S)["slot"] == ahead[0]


class _Lent:
    def __init__(self, process) -> None:
        self._process = process

    def __enter__(self):
        return self._process

    def __exit__(self, *exception) -> None:
        pass
