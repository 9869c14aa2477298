import gc
import io
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from facecore.annotation import AnnotationOptions
from facecore.errors import FaceCoreError, MediaError
from facecore.jobs import BackgroundTask, JobProgress
from facecore.jobs_queue import TurnQueue
from facecore.jobs_video import VideoJob, probe_video
from facecore.media import read_video_info
from facecore.pipeline import VIDEO_PIPELINE

WAIT_S = 120


@pytest.fixture(autouse=True)
def temp_folder(tmp_path, monkeypatch):
    """A temporary folder of its own, so that what a job leaves behind can be seen."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    folder = tmp_path / "temp"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def clip(crossing_clip, write_clip, tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "crossing.mp4"
    return write_clip(path, crossing_clip.frames[:36], fps=12, sound=True).read_bytes()


@pytest.fixture
def classifiers(make_stub_classifier):
    return [make_stub_classifier("expression", "happy"), make_stub_classifier("gender", "woman")]


def started_job(data, classifiers, name="clip.mp4", **options):
    job = VideoJob(name, io.BytesIO(data), options.pop("queue", None))
    job.start(classifiers, VIDEO_PIPELINE, AnnotationOptions(), **options)
    return job


def slow_classifier(make_stub_classifier, gate):
    def answer(batch):
        gate.wait(WAIT_S)
        return np.full((len(batch), 7), 1 / 7, np.float32)

    return make_stub_classifier("expression", answer=answer)


@pytest.mark.parametrize(
    ("progress", "fraction", "speed", "left"),
    [
        (JobProgress(), None, 0.0, None),
        (JobProgress(10, 40, 2.0), 0.25, 5.0, 6.0),
        (JobProgress(10, None, 2.0), None, 5.0, None),
        (JobProgress(50, 40, 2.0), 1.0, 25.0, 0.0),  # the file announced too few frames
    ],
)
def test_progress(progress, fraction, speed, left):
    assert progress.fraction == fraction
    assert progress.frames_per_s == speed
    assert progress.seconds_left == left


def test_task_reports_progress_and_result():
    def work(on_progress):
        on_progress(3, 4)
        return "made"

    task = BackgroundTask(work)
    assert task.wait(WAIT_S)
    assert (task.state, task.result, task.error, task.active) == ("done", "made", None, False)
    assert (task.progress.done, task.progress.total) == (3, 4)


def test_task_keeps_the_sentence_of_a_users_problem():
    def work(on_progress):
        raise MediaError("The file is broken.")

    task = BackgroundTask(work)
    assert task.wait(WAIT_S)
    assert (task.state, task.error) == ("failed", "The file is broken.")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_task_that_meets_a_defect_ends_with_a_sentence():
    task = BackgroundTask(lambda on_progress: 1 / 0)
    assert task.wait(WAIT_S)
    assert task.state == "failed"
    assert "error in the program" in task.error


def test_cancelled_task_stops_at_its_next_progress_and_cleans_up():
    begun, cleaned = threading.Event(), threading.Event()

    def work(on_progress):
        while True:
            begun.set()
            time.sleep(0.01)
            on_progress(1, None)

    task = BackgroundTask(work)
    assert begun.wait(WAIT_S)
    task.cancel(afterwards=cleaned.set)
    assert task.wait(WAIT_S)
    assert task.state == "cancelled"
    assert cleaned.is_set()


def test_files_that_vanish_with_the_cancellation_are_no_defect():
    begun = threading.Event()

    def work(on_progress):
        try:
            while True:
                begun.set()
                time.sleep(0.01)
                on_progress(1, None)
        finally:
            raise FileNotFoundError("closed too late")

    task = BackgroundTask(work)
    assert begun.wait(WAIT_S)
    task.cancel()
    assert task.wait(WAIT_S)
    assert (task.state, task.error) == ("cancelled", None)


def test_cancelling_an_ended_task_cleans_up_at_once():
    task = BackgroundTask(lambda on_progress: None)
    assert task.wait(WAIT_S)
    cleaned = threading.Event()
    task.cancel(afterwards=cleaned.set)
    assert cleaned.is_set()


def test_tasks_wait_for_a_slot_and_can_be_cancelled_while_waiting():
    queue, gate = TurnQueue(1), threading.Event()
    first = BackgroundTask(lambda on_progress: gate.wait(WAIT_S), queue)
    while first.state == "waiting":
        time.sleep(0.01)
    second = BackgroundTask(lambda on_progress: "second", queue)
    while second.num_ahead is None:
        time.sleep(0.01)
    third = BackgroundTask(lambda on_progress: "third", queue)
    while third.num_ahead is None:
        time.sleep(0.01)
    assert second.state == third.state == "waiting"
    assert (second.num_ahead, third.num_ahead) == (0, 1)
    third.cancel()
    assert third.wait(WAIT_S)
    assert third.state == "cancelled"
    gate.set()
    assert second.wait(WAIT_S)
    assert second.result == "second"


def test_progress_that_begins_anew_has_a_speed_of_its_own():
    done = threading.Event()

    def work(on_progress):
        on_progress(1, 2)
        on_progress(2, 2)
        time.sleep(0.2)
        on_progress(1, 2)
        done.wait(WAIT_S)

    task = BackgroundTask(work)
    while task.progress.num_restarts == 0:
        time.sleep(0.01)
    assert (task.progress.done, task.progress.num_restarts) == (1, 1)
    assert task.progress.elapsed_s == 0.0
    done.set()
    assert task.wait(WAIT_S)


def test_video_job_analyses_and_draws(clip, classifiers, temp_folder):
    job = started_job(clip, classifiers)
    assert job.analysis.wait(WAIT_S)
    assert (job.state, job.error) == ("done", None)
    assert len(job.run.frames) == 36
    assert len(job.run.summary.people) == 2
    info = read_video_info(job.video)
    assert (info.width, info.height, info.has_audio) == (480, 270, True)
    assert job.analysis.progress.done == 36
    job.close()
    assert not list(temp_folder.iterdir())


def test_clip_range_is_respected(clip, classifiers):
    job = started_job(clip, classifiers, start_s=1.0, end_s=2.0)
    assert job.analysis.wait(WAIT_S)
    times = [frame.time_s for frame in job.run.frames]
    assert len(times) == 12
    assert times[0] == pytest.approx(1.0, abs=0.05)
    assert read_video_info(job.video).duration_s == pytest.approx(1.0, abs=0.15)


def test_drawing_again_uses_the_stored_results(clip, classifiers, make_stub_classifier):
    job = started_job(clip, classifiers)
    assert job.analysis.wait(WAIT_S)
    first = job.video
    asked = len(classifiers[0].batches)
    job.start_rendering(job.run.frames, AnnotationOptions(hide_faces="pixelate", names={1: "Ada"}))
    assert job.rendering.wait(WAIT_S)
    assert job.rendering.state == "done"
    assert job.video != first
    assert read_video_info(job.video).num_frames == 36
    assert len(classifiers[0].batches) == asked


def test_cancelled_drawing_keeps_the_earlier_video(clip, classifiers):
    queue = TurnQueue(1)
    job = started_job(clip, classifiers, queue=queue)
    assert job.analysis.wait(WAIT_S)
    video = job.video
    with queue.turn():  # the drawing has to wait, so that it can be cancelled in time
        job.start_rendering(job.run.frames, AnnotationOptions())
        job.cancel()
        assert job.rendering.wait(WAIT_S)
    assert job.video == video
    assert video.is_file()


def test_cancelled_analysis_leaves_nothing_behind(clip, make_stub_classifier, temp_folder):
    gate = threading.Event()
    job = started_job(clip, [slow_classifier(make_stub_classifier, gate)])
    assert list(temp_folder.iterdir())
    job.cancel()
    gate.set()
    assert job.analysis.wait(WAIT_S)
    assert job.state == "cancelled"
    assert not list(temp_folder.iterdir())


def test_forgotten_job_stops_and_deletes_its_files(clip, make_stub_classifier, temp_folder):
    gate = threading.Event()
    job = started_job(clip, [slow_classifier(make_stub_classifier, gate)])
    task = job.analysis
    del job
    gc.collect()
    gate.set()
    assert task.wait(WAIT_S)
    assert task.state == "cancelled"
    assert not list(temp_folder.iterdir())


def test_bad_file_ends_in_a_sentence_with_its_name(classifiers):
    job = started_job(b"not a video at all", classifiers, name="holiday.mp4")
    assert job.analysis.wait(WAIT_S)
    assert job.state == "failed"
    assert "holiday.mp4" in job.error
    assert job.video is None


def test_probing_tells_size_and_leaves_nothing(clip, temp_folder):
    info = probe_video("clip.mp4", io.BytesIO(clip))
    assert (info.width, info.height) == (480, 270)
    assert not list(temp_folder.iterdir())
    with pytest.raises(FaceCoreError, match="holiday"):
        probe_video("holiday.mov", io.BytesIO(b""))
    assert not list(temp_folder.iterdir())


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", "a/b\\c.mp4", "x" * 300 + ".mp4", ""])
def test_a_files_name_never_leads_out_of_its_folder(name, clip, temp_folder):
    job = VideoJob(name, io.BytesIO(clip))
    (folder,) = temp_folder.iterdir()
    assert folder.name.startswith("facecore-video-")
    (copy,) = (path for path in folder.rglob("*") if path.is_file() and path.name != ".owner")
    assert copy.parent == folder / "upload"
    assert Path(copy).read_bytes() == clip
    job.close()
    assert not list(temp_folder.iterdir())
