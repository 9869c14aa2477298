"""A full disk, a read-only place or a missing temporary folder is a sentence; nothing is lost."""

import errno
import io
import os
import resource
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from video_files import make_video

from facecore import cli_files
from facecore.__main__ import main
from facecore.annotation import AnnotationOptions
from facecore.errors import StorageError, VideoWriteError
from facecore.jobs_video import VideoJob, probe_video
from facecore.live import LiveSession
from facecore.media import VideoWriter, iter_frames
from facecore.pipeline import VIDEO_PIPELINE, FacePipeline
from facecore.session import process_video

WAIT_S = 60
LONG = 150


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


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory):
    """Long enough for the encoder to write before the end."""
    folder = tmp_path_factory.mktemp("clips")
    return make_video(folder / "long.mp4", num_frames=LONG, size_wh=(640, 480))


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


@pytest.fixture
def part(tmp_path, monkeypatch):
    """Under which name out.mp4 grows."""
    monkeypatch.setattr(secrets, "token_hex", lambda num_bytes: "0")
    return tmp_path / "out.mp4.0.part"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_disk_that_fills_up_while_a_video_is_written(clip, tmp_path, part):
    target = tmp_path / "out.mp4"
    part.symlink_to("/dev/full")
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

    def fail(self, frame_bgr, time_s, duration_s=None):
        raise VideoWriteError("out.mp4 could not be written (No space left on device).")

    monkeypatch.setattr(VideoWriter, "write", fail)
    job.start_rendering(frames, AnnotationOptions(show_labels=False))
    assert job.rendering.wait(WAIT_S)
    assert "No space left" in job.rendering.error
    assert job.video == video and video.is_file()
    assert job.run.frames == frames
    job.close()


def count_frames(clip):
    return sum(1 for _ in iter_frames(clip))


@pytest.fixture(params=["/dev/full", "small file system", "largest file"])
def small_disk(request, tmp_path):
    """Makes a file that can grow no more after some bytes; three ways, as the machine allows."""
    if request.param == "/dev/full":
        if not Path("/dev/full").exists():
            pytest.skip("needs /dev/full; the largest file is the same test")
        yield lambda part: part.symlink_to("/dev/full")
    elif request.param == "small file system":
        folder = tmp_path / "small"
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)]
        if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            pytest.skip("may not mount; the largest file is the same test")
        yield lambda part: part.symlink_to(folder / "part")
        subprocess.run(["umount", str(folder)], check=True)
    else:
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (16_000, limits[1]))
        yield lambda part: None
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, old)


def test_disk_that_fills_up_during_an_analysis_costs_the_annotated_video_only(
    long_clip, tmp_path, make_stub_classifier, small_disk, part
):
    target = tmp_path / "out.mp4"
    small_disk(part)
    pipeline = FacePipeline([make_stub_classifier("expression", "happy")], VIDEO_PIPELINE)
    run = process_video(long_clip, target, pipeline)
    assert len(run.frames) == LONG and run.summary.num_frames == LONG
    assert run.video_error.startswith("out.mp4 could not be written")
    assert run.video_error.endswith("the disk is not full.")
    assert not target.exists() and not list(tmp_path.glob("*.part"))


def test_job_on_a_disk_that_fills_up_keeps_its_results_and_can_draw_later(
    clip, make_stub_classifier, monkeypatch
):
    write = VideoWriter.write

    def fill(self, frame_bgr, time_s, duration_s=None):
        if self.num_frames == 5:
            raise VideoWriteError("out.mp4 could not be written (No space left on device).")
        write(self, frame_bgr, time_s, duration_s)

    monkeypatch.setattr(VideoWriter, "write", fill)
    job = VideoJob("clip.mp4", io.BytesIO(clip.read_bytes()))
    job.start([make_stub_classifier("expression", "happy")], VIDEO_PIPELINE, AnnotationOptions())
    assert job.analysis.wait(WAIT_S)
    assert (job.state, job.error, job.video) == ("done", None, None)
    assert len(job.run.frames) == 30 and "No space left" in job.run.video_error
    monkeypatch.setattr(VideoWriter, "write", write)
    job.start_rendering(job.run.frames, AnnotationOptions())
    assert job.rendering.wait(WAIT_S)
    assert count_frames(job.video) == 30
    job.close()


def test_command_keeps_the_tables_of_a_video_that_cannot_be_drawn(
    clip, tmp_path, make_stub_classifier, monkeypatch, capsys
):
    def fail(self, frame_bgr, time_s, duration_s=None):
        raise VideoWriteError("out.mp4 could not be written (No space left on device).")

    monkeypatch.setattr(VideoWriter, "write", fail)
    classifier = make_stub_classifier("expression", "happy")
    monkeypatch.setattr(
        cli_files, "_open_pipeline", lambda args, options: FacePipeline([classifier], options)
    )
    out = tmp_path / "out"
    assert main(["video", str(clip), "--out", str(out)]) == 1
    assert "No space left" in capsys.readouterr().err
    assert {path.name for path in out.iterdir()} == {
        "clip_frames.csv",
        "clip_people.csv",
        "clip_people.txt",
    }
