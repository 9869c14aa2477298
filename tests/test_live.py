import threading
import time
from pathlib import Path

import av
import numpy as np
import pytest

from facecore import live_numbers
from facecore.annotation import AnnotationOptions
from facecore.detection import Detection
from facecore.errors import DetectorError, VideoWriteError
from facecore.live import LiveSession
from facecore.live_drawing import draw_live, mirror
from facecore.live_numbers import DelayMeter, ExpressionHistory, RateMeter
from facecore.live_recorder import ClipRecorder
from facecore.pipeline import PipelineOptions
from facecore.tracking import TrackerOptions

WAIT_S = 60.0
BOX = (40, 30, 100, 90)
AT_ONCE = PipelineOptions(tracker=TrackerOptions(min_hits=1), smoothing=0, gender_smoothing=0)


@pytest.fixture
def frame():
    """Noise, so that every place has a look of its own."""
    return np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)


class SameFace:
    """A detector that always answers the same, and can be made to wait or to fail."""

    def __init__(self, box=BOX):
        self.box, self.error, self.threads = box, None, set()
        self.may_go = threading.Event()
        self.may_go.set()

    def detect(self, frame_bgr):
        self.threads.add(threading.get_ident())
        assert self.may_go.wait(WAIT_S)
        if self.error is not None:
            raise self.error
        return [Detection(self.box, 9.0)] if self.box else []

    def detect_near(self, frame_bgr, known):
        return [None] * len(known)


@pytest.fixture
def detector():
    return SameFace()


@pytest.fixture
def live(detector, make_stub_classifier):
    classifiers = [make_stub_classifier("expression", "happy"), make_stub_classifier("gender")]
    session = LiveSession(classifiers, AT_ONCE, detector=detector)
    yield session
    detector.may_go.set()
    session.close()


def wait_for(condition):
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


def analyse(live, frame, time_s):
    """Submit a frame and wait until it was analysed, or has failed."""
    before = live.snapshot()
    live.submit(frame, time_s)

    def is_done():
        now = live.snapshot()
        return now.summary.num_frames != before.summary.num_frames or (
            now.last_error != before.last_error
        )

    wait_for(is_done)


def test_results_are_drawn_on_newer_frames_and_frames_stay_unchanged(live, frame):
    before = frame.copy()
    assert np.array_equal(live.render(frame), frame), "nothing is known yet"
    analyse(live, frame, 1000.0)
    drawn = live.render(frame)
    assert drawn.shape == frame.shape
    assert not np.array_equal(drawn, frame)
    assert np.array_equal(frame, before)


def test_submit_and_render_never_wait_and_the_newest_frame_wins(live, frame, detector):
    analyse(live, frame, 0.0)
    detector.may_go.clear()
    start = time.monotonic()
    for i in range(1, 60):
        live.submit(frame, i / 30)
        live.render(frame)
    assert time.monotonic() - start < WAIT_S / 2
    detector.may_go.set()
    wait_for(lambda: live.snapshot().result.time_s == pytest.approx(59 / 30))
    assert live.snapshot().summary.num_frames <= 3


def test_snapshot_numbers(live, frame, monkeypatch):
    monkeypatch.setattr(live_numbers, "_SPEED_WINDOW_S", WAIT_S)  # a busy machine may take long
    empty = live.snapshot()
    assert (empty.summary.num_frames, empty.delay_ms, empty.times_s) == (0, None, ())
    for i in range(11):
        analyse(live, frame, 500 + i / 10)
        live.render(frame)
    numbers = live.snapshot()
    (person,) = numbers.summary.people
    assert (person.person_id, person.first_s) == (1, 0.0)
    assert person.last_s == pytest.approx(1.0)
    assert person.seconds_by_label["expression"]["happy"] == pytest.approx(1.0)
    assert numbers.analysed_fps > 0 and numbers.displayed_fps > 0 and numbers.delay_ms > 0
    assert numbers.times_s == pytest.approx((0.0, 0.5, 1.0))
    assert numbers.shares["happy"] == pytest.approx((0.9,) * 3)
    assert numbers.last_error is None
    assert numbers.thumbnails[1].shape[2] == 3
    analyse(live, frame, 502)
    assert numbers.summary.num_frames == 11, "a snapshot does not change"


def test_pause_adds_no_time(live, frame):
    for time_s in (0.0, 0.1, 60.0):
        analyse(live, frame, time_s)
    assert live.snapshot().summary.duration_s == pytest.approx(1.1)


@pytest.mark.parametrize(("error", "said"), [
    (ZeroDivisionError("oops"), "The analysis of a picture failed (ZeroDivisionError: oops)."),
    (DetectorError("The cascade is missing."), "The cascade is missing."),
])  # fmt: skip
def test_exception_is_shown_and_the_picture_goes_on(live, frame, detector, error, said):
    detector.error = error
    analyse(live, frame, 0.0)
    assert live.snapshot().last_error == said
    assert live.render(frame).shape == frame.shape
    detector.error = None
    analyse(live, frame, 0.1)
    wait_for(lambda: live.snapshot().last_error is None)


def test_missing_cascade_is_told_not_raised(frame, monkeypatch):
    def fail(options):
        raise DetectorError("The cascade is missing.")

    monkeypatch.setattr("facecore.pipeline.HaarDetector", fail)
    live = LiveSession([])
    analyse(live, frame, 0.0)
    assert live.snapshot().last_error == "The cascade is missing."
    live.close()


def test_model_and_options_change_on_the_running_stream(live, frame, make_stub_classifier):
    analyse(live, frame, 0.0)
    live.set_options(classifiers=[make_stub_classifier("expression", "sad")])
    analyse(live, frame, 0.1)
    (face,) = live.snapshot().result.faces
    assert (face.person_id, face.expression.label, face.gender) == (1, "sad", None)
    live.set_options(pipeline=PipelineOptions(tracker=TrackerOptions(max_lost_s=3), smoothing=0))
    analyse(live, frame, 0.2)
    assert live.snapshot().result.faces[0].person_id == 1, "people keep their numbers"
    live.set_options(annotation=AnnotationOptions(False, False, False, numbered=False))
    assert np.array_equal(live.render(frame), frame)


def test_hiding_hides_the_whole_picture_without_a_fresh_result(live, frame):
    live.set_options(
        annotation=AnnotationOptions(False, False, hide_faces="pixelate", numbered=False)
    )
    corner = np.s_[:10, -10:]
    assert not np.array_equal(live.render(frame)[corner], frame[corner]), "before the first result"
    analyse(live, frame, 0.0)
    drawn = live.render(frame)
    assert np.array_equal(drawn[corner], frame[corner])
    assert not np.array_equal(drawn[40:80, 50:90], frame[40:80, 50:90])
    assert live.snapshot().thumbnails == {}


def test_old_boxes_are_not_drawn(live, frame, detector):
    analyse(live, frame, 0.0)
    detector.may_go.clear()
    live.submit(frame, 5.0)
    assert np.array_equal(live.render(frame), frame)


def test_boxes_of_pictures_before_a_turn_are_not_drawn(live, frame, detector):
    """Neither known ones nor those of a picture that is being analysed or waits."""
    live.drop_boxes()
    analyse(live, frame, 100.0)
    assert not np.array_equal(live.render(frame), frame), "nothing was handed over before"
    detector.may_go.clear()
    live.submit(frame, 100.1)
    wait_for(lambda: live._newest is None)
    live.submit(frame, 100.2)
    live.drop_boxes()
    assert np.array_equal(live.render(frame), frame)
    detector.may_go.set()
    wait_for(lambda: live.snapshot().summary.num_frames == 3)
    assert np.array_equal(live.render(frame), frame)
    analyse(live, frame, 100.3)
    assert not np.array_equal(live.render(frame), frame)
    (person,) = live.snapshot().summary.people
    assert (person.person_id, person.last_s) == (1, pytest.approx(0.3))
    assert live.snapshot().summary.duration_s == pytest.approx(0.3)
    live.drop_boxes()
    live.reset()
    analyse(live, frame, 100.4)
    assert not np.array_equal(live.render(frame), frame), "times count from 0 again"


def test_boxes_follow_another_picture_size(frame, make_face, make_result):
    result = make_result(make_face(1, box=BOX), size_wh=(160, 120))
    larger = np.zeros((240, 320, 3), np.uint8)
    options = AnnotationOptions(show_labels=False, numbered=False)
    ys, xs = np.nonzero(draw_live(larger, result, options).any(axis=2))
    assert (xs.min(), ys.min()) == pytest.approx((80, 60), abs=6)
    assert (xs.max(), ys.max()) == pytest.approx((200, 180), abs=6)


@pytest.mark.parametrize(("width", "height"), [(160, 120), (158, 118), (640, 480), (426, 320)])
def test_scaled_pictures_are_drawn_on(width, height, make_face, make_result):
    result = make_result(make_face(1, box=BOX), size_wh=(160, 120))
    picture = np.zeros((height, width, 3), np.uint8)
    assert draw_live(picture, result, AnnotationOptions()).any()


def test_boxes_from_before_the_camera_was_turned_are_not_drawn(frame, make_face, make_result):
    result = make_result(make_face(1, box=BOX), size_wh=(160, 120))
    upright = np.ascontiguousarray(frame.transpose(1, 0, 2))
    assert np.array_equal(draw_live(upright, result, AnnotationOptions()), upright)
    hidden = draw_live(upright, result, AnnotationOptions(hide_faces="pixelate"))
    assert len(np.unique(hidden.reshape(-1, 3), axis=0)) < 100, "nothing tells where faces are now"


def test_reset_starts_statistics_and_numbers_afresh(live, frame, detector):
    analyse(live, frame, 0.0)
    detector.box = (100, 60, 150, 110)
    analyse(live, frame, 5.0)
    assert [p.person_id for p in live.snapshot().summary.people] == [1, 2]
    live.reset()
    assert live.snapshot().summary.num_frames == 0
    assert live.snapshot().times_s == ()
    analyse(live, frame, 9.0)
    (person,) = live.snapshot().summary.people
    assert (person.person_id, person.first_s) == (1, 0.0)


def test_photo_is_the_analysed_frame_with_its_results(live, frame):
    assert live.take_photo() is None
    analyse(live, frame, 0.0)
    picture, result = live.take_photo()
    assert picture.shape == frame.shape
    assert not np.array_equal(picture, frame)
    assert result.faces[0].xyxy == BOX


def read_clip(path):
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return [f.time for f in frames], (frames[0].width, frames[0].height)


@pytest.mark.parametrize("own_file", [True, False])
def test_recorded_clip_has_the_drawn_pictures_in_time(live, frame, tmp_path, own_file):
    analyse(live, frame, 100.0)
    live.start_recording(tmp_path / "clip.mp4" if own_file else None)
    with pytest.raises(ValueError, match="being recorded already"):
        live.start_recording()
    for i in range(8):
        live.submit(frame, 100 + i / 10)
        live.render(frame)
        time.sleep(0.01)
    assert live.snapshot().recording
    assert live.snapshot().recorded_s == pytest.approx(0.7)
    path = live.stop_recording()
    times, size_wh = read_clip(path)
    assert size_wh == (160, 120)
    assert times == pytest.approx([i / 10 for i in range(8)], abs=1e-3)
    assert not live.snapshot().recording
    assert live.stop_recording() is None
    live.close()
    assert path.exists() is own_file


def test_recorder_takes_other_sizes_and_ends_by_itself(frame, tmp_path):
    recorder = ClipRecorder(tmp_path / "clip.mp4", max_s=1.0)
    recorder.add(frame, 10.0)
    recorder.add(np.repeat(np.repeat(frame, 2, 0), 2, 1), 10.5)
    recorder.add(frame, 11.2)
    times, size_wh = read_clip(recorder.stop())
    assert (times, size_wh) == (pytest.approx([0, 0.5], abs=1e-3), (160, 120))
    assert recorder.recorded_s == pytest.approx(0.5)


def test_recorder_distorts_nothing_when_the_camera_is_turned(tmp_path):
    recorder = ClipRecorder(tmp_path / "clip.mp4")
    recorder.add(np.full((120, 160, 3), 200, np.uint8), 0.0)
    recorder.add(np.full((160, 120, 3), 200, np.uint8), 0.1)
    with av.open(str(recorder.stop())) as container:
        before, after = (f.to_ndarray(format="gray") for f in container.decode(video=0))
    assert (before > 100).all()
    ys, xs = np.nonzero(after > 100)
    assert (np.ptp(ys), np.ptp(xs)) == pytest.approx((119, 89), abs=2), "three to four, as it was"
    assert (xs.min(), 159 - xs.max()) == pytest.approx((35, 35), abs=2)


def test_recorder_without_pictures_or_with_a_bad_place(frame, tmp_path):
    assert ClipRecorder(tmp_path / "empty.mp4").stop() is None
    broken = ClipRecorder(tmp_path / "missing" / "clip.mp4")
    broken.add(frame, 0.0)
    with pytest.raises(VideoWriteError):
        broken.stop()
    discarded = ClipRecorder(tmp_path / "gone.mp4")
    discarded.add(frame, 0.0)
    discarded.discard()
    assert list(tmp_path.iterdir()) == []


def test_recorder_drops_pictures_rather_than_wait(frame, tmp_path, monkeypatch):
    go = threading.Event()
    original = ClipRecorder._next

    def slow(self):
        go.wait(WAIT_S)
        return original(self)

    monkeypatch.setattr(ClipRecorder, "_next", slow)
    recorder = ClipRecorder(tmp_path / "clip.mp4")
    for i in range(40):
        recorder.add(frame, i / 30)
    go.set()
    times, _ = read_clip(recorder.stop())
    assert 0 < len(times) < 40


def test_close_finishes_a_clip_in_the_callers_file(live, frame, tmp_path):
    live.start_recording(tmp_path / "clip.mp4")
    live.submit(frame, 0.0)
    live.render(frame)
    live.close()
    assert read_clip(tmp_path / "clip.mp4")[0] == [0.0]


def test_close_stops_every_thread_and_can_be_repeated(detector, frame):
    live = LiveSession([], AT_ONCE, detector=detector)
    analyse(live, frame, 0.0)
    live.start_recording()
    folder = live._folder.path
    live.close()
    live.close()
    assert not live._thread.is_alive()
    assert not any(t.name == "clip-recorder" for t in threading.enumerate())
    assert not Path(folder).exists()
    live.submit(frame, 1.0)
    assert np.array_equal(live.render(frame), frame)
    assert live.snapshot().summary.num_frames == 1, "the numbers stay readable"
    assert live.take_photo() is None
    with pytest.raises(ValueError, match="closed"):
        live.start_recording()


def test_sessions_are_independent_and_run_in_one_thread_each(frame, make_stub_classifier):
    detectors = [SameFace(), SameFace((20, 20, 60, 60))]
    shared = make_stub_classifier("expression", "fear")
    sessions = [LiveSession([shared], AT_ONCE, detector=d) for d in detectors]
    for i in range(5):
        for session in sessions:
            analyse(session, frame, i / 10)
    for session, own in zip(sessions, detectors, strict=True):
        assert session.snapshot().result.faces[0].xyxy == own.box
        assert len(own.threads) == 1
        session.close()


def test_rate_counts_the_last_two_seconds():
    meter = RateMeter()
    assert meter.rate(0.0) == 0
    for i in range(21):
        meter.tick(i / 10)
    assert meter.rate(2.0) == pytest.approx(10)
    assert meter.rate(60.0) == 0


def test_delay_is_a_mean():
    meter = DelayMeter()
    assert meter.mean() is None
    meter.add(10)
    meter.add(30)
    assert meter.mean() == 20


def test_history_is_bounded_and_averages_half_seconds(make_face, make_result):
    history = ExpressionHistory(window_s=5.0)
    for i in range(400):
        label = "happy" if i % 2 else "sad"
        history.add(make_result(make_face(1, label, confidence=1.0), time_s=i / 20))
    times_s, shares = history.points()
    assert len(times_s) == 10
    assert times_s[-1] == pytest.approx(19.5)
    assert shares["happy"] == pytest.approx([0.5] * 10)
    history.add(make_result(time_s=30))
    assert history.points()[1]["happy"][-1] == 0


def test_mirror_turns_a_frame_and_leaves_it(frame):
    before = frame.copy()
    assert (mirror(frame) == frame[:, ::-1]).all()
    assert (frame == before).all()
