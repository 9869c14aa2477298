"""A full disk, a read-only place or a missing temporary folder is a sentence; nothing is lost."""

import errno
import io
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from video_files import make_video

from facecore.annotation import AnnotationOptions
from facecore.errors import StorageError, VideoWriteError
from facecore.jobs_video import VideoJob, probe_video
from facecore.live import LiveSession
from facecore.media import VideoWriter, iter_frames
from facecore.pipeline import VIDEO_PIPELINE

WAIT_S = 60


@pytest.fixture(autouse=True)
def temp(tmp_path, monkeypatch):
    """A temporary folder of its own."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("clips") / "clip.mp4", num_frames=30)


def fill_disk(monkeypatch):
    def copy(source, target):
        target.write(source.read(100))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfileobj", copy)


def test_upload_that_finds_no_room_is_one_sentence_and_leaves_nothing(clip, temp, monkeypatch):
    fill_disk(monkeypatch)
    data = io.BytesIO(clip.read_bytes())
    for work in (probe_video, VideoJob):
        with pytest.raises(StorageError, match=r"No space left on device.*nothing was lost"):
            work("clip.mp4", data)
        assert not list(temp.iterdir())


def test_missing_temporary_folder_is_one_sentence(clip, temp, make_stub_classifier):
    temp.rmdir()
    with pytest.raises(StorageError, match="No such file"):
        VideoJob("clip.mp4", io.BytesIO(clip.read_bytes()))
    live = LiveSession([])
    with pytest.raises(StorageError):
        live.start_recording()
    temp.mkdir()
    live.start_recording()  # the stream went on; as soon as there is a place, it can be recorded
    live.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_disk_that_fills_up_while_a_video_is_written(clip, tmp_path):
    target = tmp_path / "out.mp4"
    (tmp_path / "out.mp4.part").symlink_to("/dev/full")
    with (
        pytest.raises(VideoWriteError, match="disk is not full"),
        VideoWriter(target, (160, 120)) as writer,
    ):
        for frame in iter_frames(clip):
            writer.write(frame.bgr, frame.time_s)
    assert not target.exists()
    assert Path("/dev/full").exists()


def test_failed_drawing_keeps_the_analysis_and_the_earlier_video(
    clip, make_stub_classifier, monkeypatch
):
    job = VideoJob("clip.mp4", io.BytesIO(clip.read_bytes()))
    job.start([make_stub_classifier("expression", "happy")], VIDEO_PIPELINE, AnnotationOptions())
    assert job.analysis.wait(WAIT_S)
    video, frames = job.video, job.run.frames

    def fail(self, frame_bgr, time_s):
        raise VideoWriteError("out.mp4 could not be written (No space left on device).")

    monkeypatch.setattr(VideoWriter, "write", fail)
    job.start_rendering(frames, AnnotationOptions(show_labels=False))
    assert job.rendering.wait(WAIT_S)
    assert "No space left" in job.rendering.error
    assert job.video == video and video.is_file()
    assert job.run.frames == frames
    job.close()
