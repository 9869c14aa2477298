"""Videos are read in time and upright; bad ones give one clear sentence each."""

import errno
import io
import zipfile
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from video_files import add_tone, draw_frame, empty_a_sample, make_video, write_slides

from facecore import audio, video, video_file, video_length
from facecore.errors import BrokenVideoError, MediaTooLargeError, UnreadableVideoError
from facecore.media import MediaLimits, VideoWriter, iter_frames, read_video_info
from facecore.video_gif import is_cut_gif

FAST_START = {"movflags": "faststart"}
KINDS = {
    "mp4": {},
    "mov": {"audio": "pcm_s16le"},
    "avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "webm": {"codec": "libvpx"},
    "mkv": {"audio": "flac"},
    "gif": {"codec": "gif", "pix_fmt": "rgb8"},
    "ts": {"audio": "aac"},
}


def open_clips():
    """Names of the clips that this process holds open (empty where /proc does not tell)."""
    names = []
    for entry in Path("/proc/self/fd").glob("*"):
        try:
            names.append(entry.readlink().name)
        except OSError:
            continue  # the listing's own handle is gone by now
    return [name for name in names if name.startswith("clip.")]


@pytest.fixture(autouse=True)
def every_file_is_closed():
    """No test may leave a file open: on a server they would add up."""
    yield
    assert not open_clips()


def read_all(path, *args, **kwargs):
    return list(iter_frames(path, *args, **kwargs))


def is_red(frame, row_share, column_share):
    blue, _, red = frame[int(frame.shape[0] * row_share), int(frame.shape[1] * column_share)]
    return int(red) > 200 and int(blue) < 90


@pytest.mark.parametrize("suffix", KINDS)
def test_every_container(tmp_path, suffix):
    path = make_video(tmp_path / f"clip.{suffix}", **KINDS[suffix])
    info = read_video_info(path)
    assert (info.width, info.height, info.num_frames) == (160, 120, 20)
    assert info.fps == pytest.approx(10) and info.duration_s == pytest.approx(2)
    assert info.has_audio == ("audio" in KINDS[suffix]) and info.rotation_deg == 0
    frames = read_all(path)
    assert [f.index for f in frames] == list(range(20))
    np.testing.assert_allclose([f.time_s for f in frames], np.arange(20) / 10, atol=0.002)
    np.testing.assert_allclose([f.duration_s for f in frames], 0.1, atol=0.002)
    for frame in frames:
        assert frame.bgr.dtype == np.uint8 and frame.bgr.flags.c_contiguous
        assert is_red(frame.bgr, 0.25, 0.25) and not is_red(frame.bgr, 0.75, 0.75)


@pytest.mark.parametrize("suffix", KINDS)
def test_range_gives_the_same_frames(tmp_path, suffix):
    path = make_video(tmp_path / f"clip.{suffix}", **KINDS[suffix])
    everything = read_all(path)
    part = read_all(path, 1.15, 1.6)
    # The frame of 1.1 s is on screen when the range begins.
    np.testing.assert_allclose([f.time_s for f in part], [1.15, 1.2, 1.3, 1.4, 1.5], atol=0.002)
    assert part[0].duration_s == pytest.approx(0.05, abs=0.002)
    for frame, original in zip(part, everything[11:16], strict=True):
        np.testing.assert_array_equal(frame.bgr, original.bgr)


@pytest.mark.parametrize("suffix", ["mp4", "avi"])
@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("mpeg4", {"bf": "2", "g": "7"}),
        ("libx264", {"bf": "3", "g": "12"}),
        ("libx264", {"bf": "3", "g": "12", "x264-params": "open-gop=1:b-pyramid=normal"}),
        ("libx264", {"bf": "0", "g": "12"}),
    ],
)
def test_frames_shown_in_another_order_than_stored(tmp_path, suffix, codec, options):
    path = make_video(
        tmp_path / f"clip.{suffix}", codec=codec, codec_options=options, num_frames=60
    )
    everything = read_all(path)
    assert len(everything) == 60
    np.testing.assert_allclose([f.time_s for f in everything], np.arange(60) / 10, atol=0.002)
    for first in range(11, 60, 3):
        part = read_all(path, first / 10 + 0.01, first / 10 + 0.35)
        assert len(part) == len(everything[first : first + 4]), first
        for frame, original in zip(part, everything[first:], strict=False):
            np.testing.assert_array_equal(frame.bgr, original.bgr)


@pytest.mark.parametrize(
    ("rotation_deg", "clockwise", "red_at"),
    [
        (0, 0, (0.25, 0.25)),
        (90, 270, (0.75, 0.25)),
        (180, 180, (0.75, 0.75)),
        (-90, 90, (0.25, 0.75)),
    ],
)
def test_phone_rotation(tmp_path, rotation_deg, clockwise, red_at):
    path = make_video(tmp_path / "clip.mp4", rotation_deg=rotation_deg, num_frames=3)
    info = read_video_info(path)
    upright = (120, 160) if rotation_deg in (90, -90) else (160, 120)
    assert (info.width, info.height) == upright and info.rotation_deg == clockwise
    for frame in read_all(path):
        assert frame.bgr.shape == (*upright[::-1], 3)
        assert is_red(frame.bgr, *red_at)


def test_variable_frame_rate(tmp_path):
    times_s = [0, 0.04, 0.1, 0.5, 0.52, 1.7, 1.9]
    path = make_video(tmp_path / "clip.mp4", times_s=times_s)
    frames = read_all(path)
    np.testing.assert_allclose([f.time_s for f in frames], times_s, atol=1e-4)
    np.testing.assert_allclose([f.duration_s for f in frames[:-1]], np.diff(times_s), atol=1e-4)
    # A moment between two far frames shows the earlier one.
    (frame,) = read_all(path, 1.0, 1.5)
    assert frame.time_s == 1.0 and frame.duration_s == pytest.approx(0.5, abs=1e-4)
    (frame,) = read_all(path, 1.0, 1.7)
    assert frame.duration_s == pytest.approx(0.7, abs=1e-4)
    np.testing.assert_array_equal(frame.bgr, frames[4].bgr)


@pytest.mark.parametrize(
    ("suffix", "options", "is_told"),
    [
        ("mp4", {"bf": "0"}, True),
        ("mp4", {"bf": "3"}, True),
        ("mov", {"bf": "0"}, True),
        ("mkv", {"bf": "0"}, False),  # only when each picture begins
        ("ts", {"bf": "0"}, False),
    ],
)
def test_file_tells_whether_a_long_frame_is_held(tmp_path, suffix, options, is_told):
    times_s = [*(i / 10 for i in range(20)), *(7 + i / 10 for i in range(20))]
    path = make_video(tmp_path / f"clip.{suffix}", times_s=times_s, codec_options=options)
    frames = read_all(path)
    assert frames[19].duration_s == pytest.approx(5.1, abs=1e-3)
    assert frames[19].is_told == is_told


def test_frame_of_a_gif_is_told_how_long_it_is_shown(tmp_path):
    path = write_slides(tmp_path / "clip.gif", [100, 3000, 5000])
    frames = read_all(path)
    np.testing.assert_allclose([f.duration_s for f in frames], [0.1, 3, 5], atol=1e-3)
    assert all(f.is_told for f in frames)
    assert read_all(path, 0.0, 4.5)[-1].duration_s == pytest.approx(1.4, abs=1e-3)


def test_time_of_lost_frames_is_told_by_nothing(tmp_path):
    path = make_video(tmp_path / "clip.mp4", num_frames=60, container_options=FAST_START)
    with av.open(str(path)) as container:
        lost = [p for p in container.demux(video=0) if p.size][20:40]
    data = bytearray(path.read_bytes())
    for packet in lost:
        data[packet.pos : packet.pos + packet.size] = bytes([255]) * packet.size
    path.write_bytes(data)
    kept = []
    with pytest.raises(BrokenVideoError):
        for frame in iter_frames(path):
            kept.append(frame)
    longest = max(kept, key=lambda f: f.duration_s)
    assert longest.duration_s > 1.5 and not longest.is_told
    assert kept[5].is_told


def test_odd_size_ten_bits_and_wide_pixels(tmp_path):
    odd = make_video(tmp_path / "clip.mkv", size_wh=(161, 121), pix_fmt="yuv444p", num_frames=2)
    assert read_all(odd)[0].bgr.shape == (121, 161, 3)
    deep = make_video(tmp_path / "clip.mp4", pix_fmt="yuv420p10le", num_frames=2)
    assert is_red(read_all(deep)[0].bgr, 0.25, 0.25)
    wide = make_video(tmp_path / "clip.mov", sample_aspect="2/1", num_frames=2)
    assert read_video_info(wide).width == 320
    assert read_all(wide)[0].bgr.shape == (120, 320, 3)


def test_frame_size_that_changes_keeps_the_first(tmp_path):
    parts = [
        make_video(tmp_path / f"{side}.ts", size_wh=(side, 96), num_frames=5, fps=10)
        for side in (128, 192)
    ]
    path = tmp_path / "clip.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    sizes = {frame.bgr.shape for frame in read_all(path)}
    assert sizes == {(96, 128, 3)}


def test_length_is_measured_where_the_file_does_not_tell(tmp_path):
    path = make_video(
        tmp_path / "clip.webm", codec="libvpx", container_options={"live": "1"}, num_frames=12
    )
    info = read_video_info(path)
    assert info.duration_s == pytest.approx(1.2, abs=0.01) and info.num_frames == 12


@pytest.mark.parametrize("tagged", [True, False])
@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("mkv", "libx264"), ("webm", "libvpx"), ("mp4", "libx264"), ("ts", "libx264")],
)
def test_pictures_that_begin_late_are_as_long_as_they_are(tmp_path, suffix, codec, tagged):
    times_s = [5 + index / 10 for index in range(60)]
    path = make_video(tmp_path / f"clip.{suffix}", times_s=times_s, codec=codec)
    if not tagged:
        path.write_bytes(path.read_bytes().replace(b"DURATION", b"UNKNOWNS"))
    info = read_video_info(path)
    assert info.duration_s == pytest.approx(6, abs=0.01) and info.num_frames == 60
    frames = read_all(path)
    assert len(frames) == 60 and frames[0].time_s == 0
    break_from(path, 0.5, "cut")
    if suffix in ("mkv", "webm"):
        with pytest.raises(BrokenVideoError, match=r"of 6\.0 s"):
            read_all(path)


def test_closing_early_closes_the_file(tmp_path):
    frames = video.iter_frames(make_video(tmp_path / "clip.mp4"))
    next(frames)
    if Path("/proc/self/fd").is_dir():
        assert open_clips()
    frames.close()
    assert not open_clips()


def break_from(path, share, how):
    """Cut the file's later part off, or overwrite it."""
    data = path.read_bytes()
    keep = int(len(data) * share)
    noise = np.random.default_rng(0).bytes(len(data) - keep)
    tail = {"cut": b"", "zeros": bytes(len(data) - keep), "noise": noise}[how]
    path.write_bytes(data[:keep] + tail)


@pytest.mark.parametrize("how", ["cut", "zeros", "noise"])
@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        ("mp4", {"container_options": FAST_START}),
        ("mkv", {"audio": "aac"}),
        ("avi", {"codec": "mpeg4"}),
        ("webm", {"codec": "libvpx"}),
        ("gif", {"codec": "gif", "pix_fmt": "rgb8"}),
    ],
)
def test_broken_later_half_keeps_what_is_readable(tmp_path, suffix, options, how):
    path = make_video(tmp_path / f"clip.{suffix}", num_frames=40, size_wh=(320, 240), **options)
    break_from(path, 0.6, how)
    read_video_info(path)
    kept = []
    with pytest.raises(
        BrokenVideoError, match=r"clip\.\w+ is damaged or cut off: \d+ frames up"
    ) as e:
        for frame in iter_frames(path):
            kept.append(frame)
    assert e.value.frames_read == len(kept)
    assert 15 <= len(kept) <= 30
    # VP8 has no checksum: the frame in which the damage begins may be half a picture.
    assert all(is_red(f.bgr, 0.25, 0.25) for f in kept[:-1])
    # A range within the good half has nothing to complain about.
    assert len(read_all(path, 0.2, 1.0)) == 8


def test_single_bad_packet_does_not_end_the_video(tmp_path):
    path = make_video(
        tmp_path / "clip.mp4", num_frames=40, size_wh=(320, 240), container_options=FAST_START
    )
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        place, size = packets[15].pos, packets[15].size
    data = bytearray(path.read_bytes())
    data[place : place + size] = np.random.default_rng(0).bytes(size)
    path.write_bytes(data)
    kept = []
    with pytest.raises(BrokenVideoError):
        for frame in iter_frames(path):
            kept.append(frame.time_s)
    assert len(kept) >= 33 and kept[-1] == pytest.approx(3.9)


@pytest.mark.parametrize("tail", [b"", b"\n", b"\0\0", b";\r\n", b"XMP"])
def test_whole_gif_may_be_followed_by_anything(tmp_path, tail):
    path = make_video(tmp_path / "clip.gif", codec="gif", pix_fmt="rgb8", num_frames=4)
    path.write_bytes(path.read_bytes() + tail)
    assert len(read_all(path)) == 4


@pytest.mark.parametrize("writer", ["ffmpeg", "pillow"])
def test_gif_is_cut_wherever_its_end_is_missing(tmp_path, writer):
    path = tmp_path / "clip.gif"
    if writer == "ffmpeg":
        make_video(path, codec="gif", pix_fmt="rgb8", num_frames=3, size_wh=(16, 12))
    else:
        write_slides(path, [40] * 3, [draw_frame(i, (16, 12)) for i in range(3)])
    data = path.read_bytes()
    cut = tmp_path / "cut.gif"
    for num_bytes in range(4, len(data)):
        cut.write_bytes(data[:num_bytes])
        assert is_cut_gif(cut), num_bytes
    assert not is_cut_gif(path)


def test_gif_with_bytes_between_its_blocks_is_told_by_its_end(tmp_path):
    path = make_video(tmp_path / "clip.gif", codec="gif", pix_fmt="rgb8", num_frames=3)
    whole = path.read_bytes()[:-1] + b"\0\0;"
    for data, is_cut in ((whole, False), (whole + b"\0", False), (whole[:-1], True)):
        path.write_bytes(data)
        assert is_cut_gif(path) == is_cut


def test_picture_of_no_bytes_does_not_end_the_video(tmp_path):
    path = make_video(tmp_path / "clip.mov", codec="mjpeg", pix_fmt="yuvj420p", num_frames=40)
    empty_a_sample(path, track=0, number=11)
    frames = read_all(path)
    assert len(frames) == 39 and frames[-1].time_s == pytest.approx(3.9)
    assert frames[10].duration_s == pytest.approx(0.2), "the picture before it stays"


def write_encrypted(path):
    key = "76a6c65c5ea762046bd749a2e632ccbb"
    options = {
        "encryption_scheme": "cenc-aes-ctr",
        "encryption_key": key,
        "encryption_kid": "a7e61c373e219033c21091fa607bf3b8",
    }
    make_video(path, container_options=options)


def write_sound_only(path):
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        add_tone(container, stream, 1.0, 48_000)


def write_sound_with_cover(path):
    with av.open(str(path), "w", format="mp4") as container:
        sound = container.add_stream("aac", rate=48_000, layout="mono")
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        container.start_encoding()
        picture = av.VideoFrame.from_ndarray(draw_frame(0, (64, 64)), format="bgr24")
        container.mux(cover.encode(picture.reformat(format="yuvj420p")))
        add_tone(container, sound, 1.0, 48_000)


def write_no_frames(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        container.start_encoding()


def write_without_index(path):
    make_video(path)
    break_from(path, 0.7, "cut")


def write_zip(path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("clip.mp4", b"video")
    path.write_bytes(buffer.getvalue())


def write_playlist(path):
    make_video(path.with_name("other.ts"))
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nother.ts\n#EXT-X-ENDLIST\n")


def write_concat(path):
    make_video(path.with_name("other.mp4"))
    path.write_text("ffconcat version 1.0\nfile 'other.mp4'\n")


def write_undecodable(path):
    make_video(path, container_options=FAST_START)
    data = path.read_bytes()
    start = data.index(b"mdat") + 4
    path.write_bytes(data[:start] + np.random.default_rng(0).bytes(len(data) - start))


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (lambda path: path.write_bytes(b""), r"is empty \(0 bytes\)"),
        (lambda path: path.write_text("no video " * 99), "is not a video in a known format"),
        (lambda path: path.write_bytes(bytes(9999)), "is not a video in a known format"),
        (write_zip, "is not a video in a known format"),
        (write_playlist, "is not a video in a known format"),
        (write_concat, "is not a video in a known format"),
        (lambda path: None, "does not exist"),
        (write_encrypted, "is encrypted"),
        (write_sound_only, "holds only sound"),
        (write_sound_with_cover, "holds only sound"),
        (write_no_frames, "holds no pictures"),
        (write_without_index, "is an incomplete or damaged video"),
        (write_undecodable, "has no frame that can be decoded"),
    ],
)
def test_bad_files_give_one_sentence(tmp_path, write, sentence):
    path = tmp_path / "clip.mp4"
    write(path)
    for read in (read_video_info, read_all):
        with pytest.raises(UnreadableVideoError, match=sentence) as caught:
            read(path, name="folder/My\nholiday.mp4")
        text = str(caught.value)
        assert text.startswith("Myholiday.mp4 ") and text.endswith(".") and "\n" not in text


@pytest.mark.parametrize("call", ["stat", "open"])
def test_file_that_may_not_be_read_gives_one_sentence(tmp_path, monkeypatch, call):
    path = tmp_path / "clip.mp4"
    path.write_text("what PyAV cannot open either")

    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, call, refuse)  # root, as whom tests may run, is refused nothing
    with pytest.raises(
        UnreadableVideoError, match=r"clip.mp4 cannot be read \(Permission denied\)"
    ):
        video.read_video_info(path)  # in this process, where the patch holds


@pytest.mark.shared
def test_photo_named_like_a_video(shared_media):
    with pytest.raises(UnreadableVideoError, match="is not a video"):
        read_video_info(shared_media / "solvay_1927.jpg", "solvay.mp4")


def test_limits(tmp_path):
    path = make_video(tmp_path / "clip.mp4", num_frames=2)
    size = path.stat().st_size
    for read in (read_video_info, read_all):
        with pytest.raises(MediaTooLargeError, match="allowed for a video"):
            read(path, limits=MediaLimits(max_video_bytes=size - 1))
        with pytest.raises(MediaTooLargeError, match="160x120"):
            read(path, limits=MediaLimits(max_video_pixels=160 * 120 - 1))


def test_range_without_frames(tmp_path):
    path = make_video(tmp_path / "clip.mp4")
    with pytest.raises(UnreadableVideoError, match=r"no readable frame between 7\.0 s and 8\.0 s"):
        read_all(path, 7.0, 8.0)


def test_frames_without_a_unit_of_time_follow_the_frame_rate(monkeypatch):
    """A damaged file was met whose frames have times, but not what these count."""
    frames = [SimpleNamespace(pts=90 * i, duration=90, time_base=None) for i in range(3)]
    monkeypatch.setattr(video, "decode_frames", lambda *_: iter(frames))
    stream = SimpleNamespace(start_time=0, average_rate=Fraction(10), guessed_rate=None)
    container = SimpleNamespace(format=SimpleNamespace(name="matroska,webm"))
    timed = video._timed(container, stream, "clip", MediaLimits(), None)
    assert [(round(t, 3), round(d, 3)) for _, t, d, _ in timed] == [
        (0, 0.1),
        (0.1, 0.1),
        (0.2, 0.1),
    ]


def test_a_range_of_a_file_that_cannot_be_searched_is_read_from_the_start(tmp_path, monkeypatch):
    path = make_video(tmp_path / "clip.mp4", audio="aac", num_frames=30)

    class Unsearchable:
        """A container in which every seek fails, as in files with a damaged index."""

        def __init__(self, container):
            self._container = container

        def __getattr__(self, name):
            return getattr(self._container, name)

        def __enter__(self):
            self._container.__enter__()
            return self

        def __exit__(self, *error):
            return self._container.__exit__(*error)

        def seek(self, *_, **__):
            raise av.error.PermissionError(1, "Operation not permitted")

    for module in (video_file, audio):
        opened = module.open_container
        monkeypatch.setattr(module, "open_container", lambda p, o=opened: Unsearchable(o(p)))
    frames = read_all(path, start_s=1.5)
    assert round(frames[0].time_s, 2) == 1.5
    with VideoWriter(tmp_path / "out.mp4", (160, 120), path, 1.5) as writer:
        for frame in frames:
            writer.write(frame.bgr, frame.time_s)
    info = read_video_info(tmp_path / "out.mp4")
    assert info.has_audio
    assert info.num_frames == len(frames)


@pytest.mark.parametrize(
    ("tag", "duration_s"),
    [
        ("01:02:03.500000000", 3723.5),
        ("00:00:01.600000\ufffd", None),
        ("1.6", None),
        ("nan:00:00", None),
        ("", None),
    ],
)
def test_a_stored_length_that_is_none_is_passed_over(tag, duration_s):
    stream = SimpleNamespace(
        duration=None, frames=0, metadata={"DURATION": tag}, start_time=None, time_base=None
    )
    container = SimpleNamespace(
        format=SimpleNamespace(name="matroska"), duration=None, streams=SimpleNamespace(audio=())
    )
    assert video_length.announced_duration_s(container, stream) == duration_s


def test_streams_that_appear_while_a_file_is_read_end_nothing(tmp_path, monkeypatch):
    path = make_video(tmp_path / "clip.mp4", num_frames=12, audio="aac")
    demux = []

    class Container:
        """Ends as PyAV's does then, which asks itself for a stream that it has never seen."""

        def __init__(self, inner):
            self._inner = inner

        def __getattr__(self, name):
            return getattr(self._inner, name)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self._inner.close()

        def demux(self, stream):
            yield from self._inner.demux(stream)
            demux.append(stream.type)
            raise IndexError("list index out of range")

    usual = video_file.open_container
    for module in (video_file, audio):
        monkeypatch.setattr(module, "open_container", lambda path: Container(usual(path)))
    assert len(list(video.iter_frames(path))) == 12
    assert video.read_video_info(path).num_frames == 12
    with av.open(str(tmp_path / "sound.mp4"), "w") as target:
        track = audio.AudioTrack.open(path, target, 0.0)
        target.start_encoding()
        track.mux_until(float("inf"))
        track.finish()
    assert set(demux) == {"video", "audio"}
