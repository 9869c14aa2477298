"""The annotated video plays in browsers, keeps time and sound; an error leaves nothing."""

import shutil

import av
import numpy as np
import pytest
from video_files import audio_span, draw_frame, empty_a_sample, make_video

from facecore.errors import VideoWriteError
from facecore.media import BrokenVideoError, VideoWriter, iter_frames, read_video_info

SIZE = (160, 120)


def write_frames(target, times_s, size_wh=SIZE, **options):
    with VideoWriter(target, size_wh, **options) as writer:
        for index, time_s in enumerate(times_s):
            writer.write(draw_frame(index, size_wh), time_s)
    return target


def convert(source, target, start_s=0.0, end_s=None):
    info = read_video_info(source)
    with VideoWriter(target, (info.width, info.height), source, start_s, end_s) as writer:
        for frame in iter_frames(source, start_s, end_s):
            writer.write(frame.bgr, frame.time_s, frame.duration_s)
    return target


def test_file_is_what_browsers_play(tmp_path):
    target = write_frames(tmp_path / "out.mp4", np.arange(30) / 10)
    with av.open(str(target)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264" and stream.codec_context.pix_fmt == "yuv420p"
        assert stream.codec_context.color_range == 1 and stream.codec_context.colorspace == 1
        assert not container.streams.audio
    data = target.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # playable while it is being loaded
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    "times_s",
    [np.arange(30) / 10, np.arange(24) * 1001 / 30_000, [0, 0.04, 0.1, 0.5, 0.52, 1.7, 1.9]],
    ids=["constant", "ntsc", "variable"],
)
def test_times_are_kept(tmp_path, times_s):
    target = write_frames(tmp_path / "out.mp4", times_s)
    np.testing.assert_allclose([f.time_s for f in iter_frames(target)], times_s, atol=2e-5)
    end_s = times_s[-1] + (times_s[-1] - times_s[-2])
    assert read_video_info(target).duration_s == pytest.approx(end_s, abs=1e-3)


def test_colours_survive(tmp_path):
    target = write_frames(tmp_path / "out.mp4", [0, 0.1])
    frame = next(iter_frames(target)).bgr
    assert np.abs(frame.astype(int) - draw_frame(0)).mean() < 2


def test_no_grey_is_shifted_by_writing_or_reading(tmp_path):
    ramp = np.repeat(np.tile(np.arange(256, dtype=np.uint8), (64, 1))[..., None], 3, axis=2)
    with VideoWriter(tmp_path / "out.mp4", (256, 64)) as writer:
        for number in range(3):
            writer.write(ramp, number / 10)
    frame = next(iter_frames(tmp_path / "out.mp4")).bgr.astype(int)
    assert abs((frame - ramp).mean()) < 1
    assert np.ptp(frame, axis=2).max() <= 2, "grey stays grey"


@pytest.mark.parametrize("size_wh", [(161, 121), (161, 120), (160, 121), (2, 2), (1, 1)])
def test_odd_sizes_are_filled_up(tmp_path, size_wh):
    target = write_frames(tmp_path / "out.mp4", [0, 0.1], size_wh)
    info = read_video_info(target)
    assert (info.width, info.height) == tuple(side + side % 2 for side in size_wh)


@pytest.mark.parametrize(
    ("suffix", "codec", "rate", "expected"),
    [
        ("mp4", "aac", 48_000, "aac"),
        ("mp4", "libmp3lame", 44_100, "mp3float"),
        ("mov", "pcm_s16le", 44_100, "aac"),
        ("mkv", "libmp3lame", 16_000, "mp3float"),
        ("mkv", "libmp3lame", 11_025, "aac"),
        ("mkv", "libmp3lame", 8_000, "aac"),
        ("avi", "pcm_s16le", 11_025, "aac"),
        ("mkv", "flac", 96_000, "aac"),
        ("mkv", "ac3", 48_000, "aac"),
        ("webm", "libopus", 48_000, "aac"),
        ("ts", "aac", 48_000, "aac"),
    ],
)
@pytest.mark.parametrize("clip", [(0.0, None), (0.75, 1.5)])
def test_sound_is_kept_in_time(tmp_path, suffix, codec, rate, expected, clip):
    video = {"webm": {"codec": "libvpx"}, "avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"}}
    source = make_video(
        tmp_path / f"in.{suffix}", audio=codec, audio_rate=rate, **video.get(suffix, {})
    )
    target = convert(source, tmp_path / "out.mp4", *clip)
    name, start_s, end_s = audio_span(target)
    length_s = 2.0 if clip[1] is None else clip[1] - clip[0]
    assert name == expected
    assert start_s == pytest.approx(0, abs=0.06) and end_s == pytest.approx(length_s, abs=0.08)
    assert read_video_info(target).duration_s == pytest.approx(length_s, abs=0.11)


def test_moment_of_sound_without_bytes_does_not_end_it(tmp_path):
    source = make_video(tmp_path / "in.mov", audio="aac")
    empty_a_sample(source, track=1, number=11)
    with av.open(str(convert(source, tmp_path / "out.mp4"))) as container:
        times_s = [float(p.pts * p.time_base) for p in container.demux(audio=0) if p.size]
    assert times_s[-1] == pytest.approx(2.0, abs=0.08)


def write_clapper(path, clap_s, fps=20):
    """A video that turns white and clicks at the same moment."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=fps, options={"bf": "0", "g": "5"})
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        sound = container.add_stream("flac", rate=16_000, layout="mono")
        for index in range(4 * fps):
            frame = np.full((64, 64, 3), 255 if index / fps >= clap_s else 0, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        wave = np.zeros((1, 4 * 16_000), np.int16)
        wave[0, int(clap_s * 16_000) :] = (
            20_000 * np.sign(np.sin(np.arange(wave.shape[1]) / 5))[int(clap_s * 16_000) :]
        )
        for start in range(0, wave.shape[1], 4096):
            part = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(wave[:, start : start + 4096]), format="s16", layout="mono"
            )
            part.sample_rate, part.pts = 16_000, start
            container.mux(sound.encode(part))
        container.mux([*video.encode(None), *sound.encode(None)])
    return path


def clap_times(path):
    bright = next(f.time_s for f in iter_frames(path) if f.bgr.mean() > 128)
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            loud = np.flatnonzero(np.abs(frame.to_ndarray()[0]) > 0.1)
            if loud.size:
                return bright, frame.time + loud[0] / frame.rate
    raise AssertionError("no clap in the sound")


@pytest.mark.parametrize("start_s", [0.0, 0.4, 1.5])
def test_picture_and_sound_stay_together(tmp_path, start_s):
    source = write_clapper(tmp_path / "in.mkv", clap_s=2.5)
    first = convert(source, tmp_path / "first.mp4", start_s, 3.5)
    second = convert(first, tmp_path / "second.mp4", 0.5)  # the sound is copied this time
    for target, expected in ((first, 2.5 - start_s), (second, 2.0 - start_s)):
        seen_s, heard_s = clap_times(target)
        assert seen_s == pytest.approx(expected, abs=0.01)
        assert heard_s == pytest.approx(expected, abs=0.05)


def test_last_frame_is_shown_as_long_as_it_is_held_with_its_sound(tmp_path):
    sound = make_video(tmp_path / "sound.mp4", num_frames=60, audio="aac")
    held = tmp_path / "held.mp4"
    with VideoWriter(held, SIZE, sound) as writer:
        for index in range(20):
            writer.write(draw_frame(index), index / 10, 4.1 if index == 19 else 0.1)
    for source in (held, convert(held, tmp_path / "out.mp4")):
        assert read_video_info(source).duration_s == pytest.approx(6.0, abs=0.01)
        assert audio_span(source)[2] == pytest.approx(6.0, abs=0.05)
    part = convert(held, tmp_path / "part.mp4", 1.0, 3.5)
    assert read_video_info(part).duration_s == pytest.approx(2.5, abs=0.01)
    assert audio_span(part)[2] == pytest.approx(2.5, abs=0.05)


@pytest.mark.parametrize(("duration_s", "expected"), [(None, 3.0), (0.1, 2.1), (0.0, 2.0), (9, 11)])
def test_last_step_of_few_frames(tmp_path, duration_s, expected):
    with VideoWriter(tmp_path / "out.mp4", SIZE) as writer:
        writer.write(draw_frame(0), 0.0, 1.0)
        writer.write(draw_frame(1), 1.0, 1.0)
        writer.write(draw_frame(2), 2.0, duration_s)
    assert read_video_info(tmp_path / "out.mp4").duration_s == pytest.approx(expected, abs=1e-3)


def test_frame_that_a_damaged_file_holds_for_years_can_be_written(tmp_path):
    with VideoWriter(tmp_path / "out.mp4", SIZE) as writer:
        writer.write(draw_frame(0), 0.0, 1e9)
    assert len(list(iter_frames(tmp_path / "out.mp4"))) == 1


def test_rotated_phone_video_comes_out_upright(tmp_path):
    source = make_video(tmp_path / "in.mov", rotation_deg=-90, audio="aac")
    target = convert(source, tmp_path / "out.mp4")
    info = read_video_info(target)
    assert (info.width, info.height, info.rotation_deg) == (120, 160, 0)
    assert next(iter_frames(target)).bgr[40, 90, 2] > 200  # the red quarter is upper right


def test_silent_source_and_none(tmp_path):
    source = make_video(tmp_path / "in.mp4", num_frames=3)
    with VideoWriter(tmp_path / "out.mp4", SIZE, source) as writer:
        writer.write(draw_frame(0), 0.0)
    assert not read_video_info(tmp_path / "out.mp4").has_audio


def test_readable_part_of_a_broken_video_is_kept_with_its_sound(tmp_path):
    source = make_video(tmp_path / "in.mkv", num_frames=40, audio="aac")
    data = source.read_bytes()
    source.write_bytes(data[: len(data) * 6 // 10])
    target = tmp_path / "out.mp4"
    with VideoWriter(target, SIZE, source) as writer:
        try:
            for frame in iter_frames(source):
                writer.write(frame.bgr, frame.time_s)
        except BrokenVideoError as error:
            assert error.frames_read == writer.num_frames
    info = read_video_info(target)
    assert info.num_frames == writer.num_frames and info.has_audio
    assert audio_span(target)[2] <= info.duration_s + 0.05


def test_error_inside_leaves_nothing(tmp_path):
    source = make_video(tmp_path / "in.mp4", audio="flac", num_frames=5)
    with (
        pytest.raises(KeyboardInterrupt),
        VideoWriter(tmp_path / "out.mp4", SIZE, source) as writer,
    ):
        writer.write(draw_frame(0), 0.0)
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == [source]


def test_error_keeps_the_old_file(tmp_path):
    target = write_frames(tmp_path / "out.mp4", [0, 0.1])
    before = target.read_bytes()
    with pytest.raises(RuntimeError), VideoWriter(target, SIZE) as writer:
        writer.write(draw_frame(0), 0.0)
        raise RuntimeError
    assert target.read_bytes() == before and list(tmp_path.iterdir()) == [target]


def test_no_frames_and_wrong_sizes(tmp_path):
    with (
        pytest.raises(VideoWriteError, match="has no frames"),
        VideoWriter(tmp_path / "o.mp4", SIZE),
    ):
        pass
    with pytest.raises(ValueError, match="size"), VideoWriter(tmp_path / "o.mp4", SIZE) as writer:
        writer.write(draw_frame(0, (64, 64)), 0.0)
    assert not list(tmp_path.iterdir())


def test_missing_folder_is_said(tmp_path):
    target = tmp_path / "absent" / "out.mp4"
    with pytest.raises(VideoWriteError, match=r"out\.mp4 could not be written"):
        VideoWriter(target, SIZE).__enter__()


@pytest.mark.shared
def test_real_clip(tmp_path, shared_media):
    source = tmp_path / "in.mp4"
    shutil.copy(shared_media / "intel_face-demographics-walking-and-pause.mp4", source)
    target = convert(source, tmp_path / "out.mp4")
    before, after = read_video_info(source), read_video_info(target)
    assert (after.width, after.height, after.num_frames) == (480, 270, before.num_frames)
    assert after.fps == pytest.approx(before.fps)
    assert after.duration_s == pytest.approx(before.duration_s)
