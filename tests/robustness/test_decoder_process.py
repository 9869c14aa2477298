"""A decoder that crashes, hangs or wants too much is one sentence; the server goes on."""

import io
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from video_files import make_video

from facecore import decoder, decoder_process
from facecore.errors import (
    BrokenVideoError,
    MediaTooLargeError,
    UnreadableImageError,
    UnreadableVideoError,
)
from facecore.images import decode_image as decode_here
from facecore.limits import MediaLimits
from facecore.media import VideoWriter, decode_image, iter_frames, read_video_info
from facecore.pipeline import VIDEO_PIPELINE, FacePipeline
from facecore.session import process_video
from facecore.video import iter_frames as iter_frames_here


@pytest.fixture
def process(monkeypatch):
    """The one process that does all work of a test; it may be killed."""
    monkeypatch.setattr(decoder_process, "_pool", decoder_process._Pool())
    with decoder_process.borrow_process() as process:
        pass
    yield process
    decoder_process._pool.empty()


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("clips") / "clip.mp4", num_frames=60, audio="aac")


def picture(size_wh=(64, 48)):
    noise = np.random.default_rng(0).integers(0, 255, (size_wh[1], size_wh[0], 3), np.uint8)
    return cv2.imencode(".png", noise)[1].tobytes()


def stop(process, monkeypatch, patience_s=0.3):
    """Let a process stand still, as an endless loop would."""
    monkeypatch.setattr(decoder, "STALL_S", patience_s)
    monkeypatch.setattr(decoder, "PICTURE_S", patience_s)
    os.kill(process.pid, signal.SIGSTOP)


def is_gone(pid):
    return not Path(f"/proc/{pid}").exists() if Path("/proc").is_dir() else True


def anonymous_mb(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1000


def has_ended(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"  # nobody fetched its end
    except OSError:
        return True


def test_answers_are_those_of_the_same_functions_here(clip):
    data = picture()
    np.testing.assert_array_equal(decode_image(data, "a.png"), decode_here(data, "a.png"))
    for there, here in zip(iter_frames(clip, 1.0), iter_frames_here(clip, 1.0), strict=True):
        np.testing.assert_array_equal(there.bgr, here.bgr)
        assert (there.time_s, there.index, there.duration_s) == (
            here.time_s,
            here.index,
            here.duration_s,
        )


def test_frames_belong_to_the_caller(clip):
    frames = [frame.bgr for frame in iter_frames(clip)]
    means = [frame.mean() for frame in frames]
    assert len({round(mean) for mean in means}) > 20  # none was written over by a later one
    frames[0][:] = 0


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSEGV])
def test_crash_in_a_picture_is_one_sentence(process, sent):
    os.kill(process.pid, sent)
    process._process.wait()
    process._process.poll = lambda: None  # it dies while it is at work, not before
    with pytest.raises(UnreadableImageError, match=r"^odd\.png could not be read: it stopped"):
        decode_image(picture(), "odd.png")
    assert decode_image(picture(), "next.png").shape == (48, 64, 3)


def test_picture_that_never_ends_is_given_up(process, monkeypatch):
    stop(process, monkeypatch)
    begun = time.monotonic()
    with pytest.raises(UnreadableImageError, match=r"slow\.png"):
        decode_image(picture(), "slow.png")
    assert time.monotonic() - begun < 30  # the pictures' own patience is six times as long
    assert is_gone(process.pid)


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSEGV])
def test_crash_before_the_first_frame_is_one_sentence(process, clip, sent):
    os.kill(process.pid, sent)
    process._process.wait()
    process._process.poll = lambda: None
    with pytest.raises(UnreadableVideoError, match=r"^clip\.mp4 could not be read"):
        next(iter_frames(clip))
    assert read_video_info(clip).num_frames == 60


def test_crash_in_the_middle_keeps_the_frames_before(process, clip):
    kept = []
    with pytest.raises(BrokenVideoError, match=r"the video decoder stopped at [\d.]+ s") as error:
        for frame in iter_frames(clip):
            kept.append(frame.time_s)
            if len(kept) == 5:
                os.kill(process.pid, signal.SIGKILL)
    assert error.value.frames_read == len(kept) >= 5


def test_video_that_stands_still_is_given_up(process, clip, monkeypatch):
    with pytest.raises(BrokenVideoError, match="decoder stopped"):
        for frame in iter_frames(clip):
            if frame.index == 3:
                stop(process, monkeypatch)
    assert is_gone(process.pid)


def test_long_search_for_the_start_is_no_standstill(clip, monkeypatch):
    monkeypatch.setattr(decoder, "STALL_S", 3.0)
    assert next(iter_frames(clip, 5.0)).time_s == pytest.approx(5.0)


def test_analysis_of_a_video_that_crashes_ends_with_a_warning(
    process, tmp_path, crossing_clip, write_clip, make_stub_classifier
):
    frames = crossing_clip.frames * 3  # not all of them are read before the first is told
    source = write_clip(tmp_path / "walk.mp4", frames, fps=12, sound=True)
    victims = []

    def on_progress(done, total):
        if done == 10:
            os.kill(process.pid, signal.SIGKILL)
            victims.append(done)

    pipeline = FacePipeline([make_stub_classifier("expression", "happy")], VIDEO_PIPELINE)
    run = process_video(source, tmp_path / "out.mp4", pipeline, on_progress=on_progress)
    assert victims
    assert "walk.mp4 is damaged: the video decoder stopped" in run.warning
    assert 10 <= len(run.frames) < len(frames)
    assert read_video_info(tmp_path / "out.mp4").num_frames == len(run.frames)
    assert not list(tmp_path.glob("*.part"))


def test_crash_in_the_sound_leaves_the_pictures(process, clip, tmp_path, caplog):
    frames = [(frame.bgr, frame.time_s) for frame in iter_frames_here(clip)]
    with VideoWriter(tmp_path / "out.mp4", (160, 120), source=clip) as writer:
        os.kill(process.pid, signal.SIGKILL)
        for frame in frames:
            writer.write(*frame)
    assert read_video_info(tmp_path / "out.mp4").num_frames == 60


def test_closing_early_ends_the_process(process, clip):
    frames = iter_frames(clip)
    next(frames)
    frames.close()
    assert is_gone(process.pid)


def test_process_is_used_again_after_a_bad_file(process):
    for _ in range(3):
        with pytest.raises(UnreadableImageError):
            decode_image(b"no picture", "a.png")
    assert decode_image(picture(), "b.png").any()
    assert decoder_process._pool._idle == [process]


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="no such figures here")
def test_memory_does_not_grow_with_the_videos_that_were_read(process, tmp_path, write_clip):
    """PyAV's objects hold each other, and megabytes of FFmpeg's, until Python collects them."""
    frame = np.random.default_rng(1).integers(0, 256, (135, 240, 3), np.uint8)
    frame = cv2.resize(frame, (1920, 1080))
    large = write_clip(tmp_path / "large.mp4", [np.roll(frame, 9 * i, 1) for i in range(12)])
    held_mb = []
    for _ in range(6):
        assert len(list(iter_frames(large))) == 12
        decode_image(picture(), "next.png")  # begun after the memory was given back
        held_mb.append(anonymous_mb(process.pid))
    assert max(held_mb) < held_mb[0] + 40, held_mb


def test_frames_larger_than_allowed_never_reach_the_server(clip):
    with pytest.raises(MediaTooLargeError):
        next(iter_frames(clip, limits=MediaLimits(max_video_pixels=160 * 119)))
    with pytest.raises(MediaTooLargeError):
        decode_image(picture(), "a.png", MediaLimits(max_pixels=64 * 47))


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs prlimit")
def test_what_needs_too_much_memory_is_refused(process):
    resource.prlimit(process.pid, resource.RLIMIT_AS, (700_000_000, 700_000_000))
    bomb = io.BytesIO()
    Image.new("L", (8_000, 8_000)).save(bomb, "PNG", compress_level=1)
    with pytest.raises(MediaTooLargeError, match=r"^bomb\.png needs more memory"):
        decode_image(bomb.getvalue(), "bomb.png")
    assert decode_image(picture(), "next.png").any()


def test_process_knows_no_secret_and_may_write_nothing(process, monkeypatch):
    if not Path("/proc").is_dir():
        pytest.skip("only /proc tells")
    environment = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
    names = {entry.split(b"=")[0].decode() for entry in environment if entry}
    allowed = {*decoder_process._ENVIRONMENT, *decoder_process._MALLOC, "OPENBLAS_NUM_THREADS"}
    assert names <= allowed
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    assert "Max file size             0 " in limits
    assert "Max core file size        0 " in limits


def test_process_ends_with_a_killed_server(tmp_path):
    code = (
        "import time; from facecore.decoder_process import DecoderProcess;"
        "print(DecoderProcess().pid, flush=True); time.sleep(600)"
    )
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid = int(server.stdout.readline())
    server.kill()
    server.wait()
    deadline = time.monotonic() + 60
    while not has_ended(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)
