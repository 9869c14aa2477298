"""Feeds thousands of damaged pictures and videos to the decoders, as an upload would.

    python -m benchmarks.fuzz [--pictures 2000] [--videos 300] [--seed 1]

Seeds of every accepted format are mutated: bits flipped, bytes and length fields set to extremes,
pieces cut, doubled, swapped and taken from other files. Each must be read or refused with one
sentence, within 10 seconds and the memory bound. Prints what happened and exits with 1 where a file
broke this. The same seed gives the same files.
"""

import argparse
import contextlib
import io
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from facecore import decoder, decoder_process
from facecore.errors import FaceCoreError
from facecore.media import VideoWriter, decode_image, iter_frames, read_video_info

MAX_S = 10.0
MAX_BYTES = 1_000_000_000
"""Most resident memory that a decoder process may take for one of these small files."""

PICTURE_KINDS = (
    ("jpg", "JPEG", "RGB", {}),
    ("progressive.jpg", "JPEG", "RGB", {"progressive": True}),
    ("cmyk.jpg", "JPEG", "CMYK", {}),
    ("png", "PNG", "RGBA", {}),
    ("palette.png", "PNG", "P", {}),
    ("16bit.png", "PNG", "I;16", {}),
    ("webp", "WEBP", "RGB", {}),
    ("lossless.webp", "WEBP", "RGBA", {"lossless": True}),
    ("bmp", "BMP", "RGB", {}),
    ("dib", "DIB", "RGB", {}),
    ("tif", "TIFF", "RGB", {}),
    ("lzw.tif", "TIFF", "RGB", {"compression": "tiff_lzw"}),
    ("deflate.tif", "TIFF", "F", {"compression": "tiff_adobe_deflate"}),
    ("gif", "GIF", "P", {}),
    ("heic", "HEIF", "RGB", {}),
    ("avif", "AVIF", "RGB", {}),
    ("jp2", "JPEG2000", "RGB", {}),
    ("ppm", "PPM", "RGB", {}),
)
# suffix, video codec, pixel format, sound codec
VIDEO_KINDS = (
    ("mp4", "libx264", "yuv420p", "aac"),
    ("m4v", "mpeg4", "yuv420p", None),
    ("mov", "libx264", "yuv420p", "pcm_s16le"),
    ("avi", "mjpeg", "yuvj420p", "pcm_s16le"),
    ("mpeg4.avi", "mpeg4", "yuv420p", "libmp3lame"),
    ("webm", "libvpx", "yuv420p", "libopus"),
    ("vp9.webm", "libvpx-vp9", "yuv420p", "libopus"),
    ("mkv", "libx264", "yuv420p", "flac"),
    ("hevc.mkv", "libx265", "yuv420p", "ac3"),
    ("gif", "gif", "rgb8", None),
    ("ts", "mpeg2video", "yuv420p", "mp2"),
    ("mpg", "mpeg1video", "yuv420p", "mp2"),
    ("flv", "flv", "yuv420p", "libmp3lame"),
    ("wmv", "wmv2", "yuv420p", "libmp3lame"),
)
_EXTREMES = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\xff\xff")


def make_pictures() -> dict[str, bytes]:
    """Return one small valid picture file per kind."""
    x, y = np.meshgrid(np.arange(64), np.arange(48))
    pixels = np.stack([x * 4, y * 5, (x + y) * 2], axis=2).astype(np.uint8)
    base = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = 6
    files = {}
    for suffix, kind, mode, options in PICTURE_KINDS:
        picture = base
        if mode == "I;16":
            picture = Image.fromarray((x * 1000).astype(np.uint16))
        elif mode != "RGB":
            picture = base.convert(mode)
        buffer = io.BytesIO()
        if kind in ("JPEG", "PNG", "WEBP", "HEIF"):
            options = {**options, "exif": exif}
        picture.save(buffer, kind, **options)
        files[suffix] = buffer.getvalue()
    return files


def make_videos(folder: Path) -> dict[str, bytes]:
    """Return one small valid video file per kind that the installed FFmpeg can write."""
    files = {}
    for suffix, codec, pix_fmt, sound in VIDEO_KINDS:
        if not {codec, sound or codec} <= av.codecs_available:
            continue
        path = folder / f"seed.{suffix}"
        with av.open(str(path), "w") as container:
            options = {"preset": "ultrafast"} if codec.startswith("libx26") else {}
            if codec == "libx265":
                options["x265-params"] = "log-level=none:pools=none:frame-threads=1"
            stream = container.add_stream(codec, rate=25, options=options)
            stream.width, stream.height, stream.pix_fmt = 96, 64, pix_fmt
            audio = container.add_stream(sound, rate=48_000, layout="mono") if sound else None
            for index in range(40):
                pixels = np.full((64, 96, 3), 20 + 5 * index, np.uint8)
                pixels[:index, :40] = (10, 200, 90)
                frame = av.VideoFrame.from_ndarray(pixels, format="bgr24").reformat(format=pix_fmt)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
            if audio is not None:
                _add_tone(container, audio)
        files[suffix] = path.read_bytes()
    return files


def _add_tone(container, audio) -> None:
    context = audio.codec_context
    size = context.frame_size or 1024
    resampler = av.AudioResampler(context.format.name, "mono", 48_000)
    for start in range(0, 76_000, size):
        wave = (8000 * np.sin(np.arange(start, start + size) / 20)).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
        for ready in resampler.resample(frame):
            container.mux(audio.encode(ready))
    container.mux(audio.encode(None))


def mutate(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Return a damaged copy of a file.

    Args:
        data: the file.
        other: another one, of which pieces may be taken.
        rng: decides how.
    """
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 3))):
        rng.choice(_MUTATIONS)(damaged, other, rng)
    return bytes(damaged)


def _place(data: bytearray, rng: random.Random) -> int:
    """Return an offset: anywhere, or near the start, where the headers are."""
    whole = len(data)
    return rng.randrange(min(whole, rng.choice((64, 1024, whole, whole, whole, whole))) or 1)


def _flip_bits(data: bytearray, other: bytes, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 3, 16))):
        if data:
            data[_place(data, rng)] ^= 1 << rng.randrange(8)


def _set_extreme(data: bytearray, other: bytes, rng: random.Random) -> None:
    place = _place(data, rng)
    value = rng.choice(_EXTREMES)[: rng.choice((1, 2, 4))]
    data[place : place + len(value)] = value


def _cut_end(data: bytearray, other: bytes, rng: random.Random) -> None:
    del data[_place(data, rng) :]


def _cut_piece(data: bytearray, other: bytes, rng: random.Random) -> None:
    place = _place(data, rng)
    del data[place : place + rng.choice((1, 4, 100))]


def _double_piece(data: bytearray, other: bytes, rng: random.Random) -> None:
    start, place = _place(data, rng), _place(data, rng)
    data[place:place] = data[start : start + rng.choice((4, 64, 1000))] * rng.choice((1, 20))


def _insert_noise(data: bytearray, other: bytes, rng: random.Random) -> None:
    place = _place(data, rng)
    data[place:place] = rng.randbytes(rng.choice((1, 8, 500)))


def _overwrite_with_noise(data: bytearray, other: bytes, rng: random.Random) -> None:
    place = _place(data, rng)
    noise = rng.randbytes(rng.choice((2, 50, 2000)))[: len(data) - place]
    data[place : place + len(noise)] = noise


def _take_from_other(data: bytearray, other: bytes, rng: random.Random) -> None:
    start, place = rng.randrange(len(other)), _place(data, rng)
    piece = other[start : start + rng.choice((16, 300, len(other)))]
    data[place : place + rng.choice((0, len(piece)))] = piece


_MUTATIONS: tuple[Callable[[bytearray, bytes, random.Random], None], ...] = (
    _flip_bits,
    _flip_bits,
    _flip_bits,
    _set_extreme,
    _set_extreme,
    _cut_end,
    _cut_piece,
    _double_piece,
    _insert_noise,
    _overwrite_with_noise,
    _take_from_other,
)


def iter_cases(
    seeds: dict[str, bytes], count: int, rng: random.Random
) -> Iterator[tuple[str, bytes]]:
    """Yield names and damaged files, every kind in turn."""
    kinds = list(seeds)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        yield f"{number}.{kind}", mutate(seeds[kind], seeds[rng.choice(kinds)], rng)


def read_picture(name: str, data: bytes, folder: Path) -> None:
    """Decode a picture as an upload."""
    frame = decode_image(data, name)
    assert frame.dtype == np.uint8 and frame.ndim == 3 and frame.shape[2] == 3


def read_video(name: str, data: bytes, folder: Path) -> None:
    """Probe a video, decode its frames and take its sound along, as an analysis does."""
    path = folder / name
    path.write_bytes(data)
    try:
        read_video_info(path)
        start_s = 1.2 if data[-1] % 4 == 0 else 0.0  # sometimes a range that has to be searched
        writer = None
        try:
            for frame in iter_frames(path, start_s):
                height, width = frame.bgr.shape[:2]
                if writer is None:
                    writer = VideoWriter(folder / "out.mp4", (width, height), path, start_s)
                    writer.__enter__()
                writer.write(frame.bgr, frame.time_s)
        finally:
            if writer is not None:
                writer.__exit__(None, None, None)
    finally:
        path.unlink()


@dataclass
class Outcome:
    """What happened to a number of files.

    Args:
        num_read: files that could be read all the same.
        refused: error class -> how many were refused with it.
        broken: files that broke a promise, and how.
        contained: files that crashed or stalled a decoder process.
        slowest_s: longest time for one file.
        peak_bytes: most resident memory of a decoder process.
    """

    num_read: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    contained: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    peak_bytes: int = 0


class _Defects(logging.Handler):
    """Collects what the decoder modules log: defects and ended processes."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def run(
    cases: Iterator[tuple[str, bytes]],
    read: Callable[[str, bytes, Path], None],
    max_s: float = MAX_S,
) -> Outcome:
    """Read every file and note what happened; more than ``max_s`` for one, twice, is a hang.

    Once may be the fault of other programs on the machine.
    """
    outcome, log = Outcome(), _Defects()
    for module in (decoder, decoder_process):
        logging.getLogger(module.__name__).addHandler(log)
    with tempfile.TemporaryDirectory() as folder:
        for name, data in cases:
            log.messages.clear()
            begun = time.monotonic()
            try:
                read(name, data, Path(folder))
                outcome.num_read += 1
            except FaceCoreError as error:
                outcome.refused[type(error).__name__] += 1
                if "\n" in str(error) or not str(error).endswith("."):
                    outcome.broken.append(f"{name}: no sentence: {error}")
            except Exception as error:
                outcome.broken.append(f"{name}: {type(error).__name__}: {error}")
            seconds = time.monotonic() - begun
            outcome.slowest_s = max(outcome.slowest_s, seconds)
            if seconds > max_s and _is_slow_again(read, name, data, Path(folder), max_s):
                outcome.broken.append(f"{name}: took {seconds:.1f} s")
            for message in log.messages:
                kind = outcome.broken if message.startswith("defect") else outcome.contained
                kind.append(f"{name}: {message}")
            peak = _peak_bytes()
            outcome.peak_bytes = max(outcome.peak_bytes, peak)
            if peak > MAX_BYTES:
                outcome.broken.append(f"{name}: a decoder process has {peak / 1e6:.0f} MB")
    for module in (decoder, decoder_process):
        logging.getLogger(module.__name__).removeHandler(log)
    return outcome


def _is_slow_again(
    read: Callable[[str, bytes, Path], None], name: str, data: bytes, folder: Path, max_s: float
) -> bool:
    begun = time.monotonic()
    with contextlib.suppress(FaceCoreError):
        read(name, data, folder)
    return time.monotonic() - begun > max_s


def _peak_bytes() -> int:
    peaks = [0]
    for process in decoder_process.idle_processes():
        status = Path(f"/proc/{process.pid}/status")
        if status.is_file():
            line = next(part for part in status.read_text().splitlines() if "VmHWM" in part)
            peaks.append(int(line.split()[1]) * 1024)
    return max(peaks)


def main() -> int:
    """Run both kinds and print a summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--videos", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        videos = make_videos(Path(folder))
    failed = False
    for what, seeds, count, read in (
        ("pictures", make_pictures(), args.pictures, read_picture),
        ("videos", videos, args.videos, read_video),
    ):
        begun = time.monotonic()
        outcome = run(iter_cases(seeds, count, random.Random(args.seed)), read)
        refused = ", ".join(f"{name} {n}" for name, n in outcome.refused.most_common())
        print(f"{count} {what} from {len(seeds)} kinds in {time.monotonic() - begun:.0f} s")
        print(f"  read all the same: {outcome.num_read}; refused: {refused}")
        print(f"  slowest {outcome.slowest_s:.1f} s, peak {outcome.peak_bytes / 1e6:.0f} MB")
        print(f"  crashes and standstills contained in a decoder process: {len(outcome.contained)}")
        for line in [*outcome.contained, *outcome.broken]:
            print(f"    {line}")
        failed = failed or bool(outcome.broken)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
