"""How cost grows with faces, pixels and length, and whether memory stays flat.

    python benchmarks/scaling.py [--minutes 3] [--every 5] [--rounds 3] [--only faces pixels length]

Faces: a 1920x1080 picture with 1 to 30 of them. Pixels: a photo with one face of 0.3 to 20
megapixels, decoded from JPEG and analysed. Length: a clip of one person, 320x180 at 12 pictures a
second, looped to 10 s and up to ``--minutes`` (30 takes minutes); each is a fresh process of
``python -m facecore video --out``, which analyses, draws, encodes and writes the tables, with faces
searched in every n-th frame (``--every``). Its peak memory is what the system reports at its end.

Exits with 1 where cost grows faster than linearly (straight line through 0.95 of the variance for
faces; exponent over 1.1 for pixels and length) or the longest clip needs 100 MB more than that of
10 s.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import pylibsrtp  # noqa: F401  before TensorFlow: loaded after it, it crashes the process

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import av
import cv2
import numpy as np

from benchmarks import _clips
from facecore import images
from facecore.media import decode_image, encode_image
from facecore.pipeline import PHOTO_PIPELINE, FacePipeline
from facecore.registry import GENDER_MODEL, find_bundle

NUM_FACES = (1, 5, 10, 15, 20, 25, 30)
MEGAPIXELS = (0.3, 1, 2, 5, 10, 20)
SHORT_S, FPS, SIZE = 10, 12, (320, 180)
MIN_R2, MAX_EXPONENT, MAX_GROWTH_MB = 0.95, 1.1, 100
KINDS = ("faces", "pixels", "length")


def fit_line(x: Sequence[float], y: Sequence[float]) -> tuple[float, float, float]:
    """Return slope, offset and the share of the variance that the line explains."""
    slope, offset = np.polyfit(x, y, 1)
    rest = np.var(np.asarray(y) - (slope * np.asarray(x) + offset))
    return float(slope), float(offset), float(1 - rest / np.var(y))


def fit_exponent(x: Sequence[float], y: Sequence[float]) -> float:
    """Return p of the best y = c * x**p; 1 is linear, less is better."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def median_ms(work: Callable[[], object], rounds: int) -> float:
    """Return a call's median time; the first call does not count."""
    times = []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        work()
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times[1:])


def draw_faces(number: int) -> np.ndarray:
    """Return a 1920x1080 picture with so many faces in rows of six."""
    picture = np.full((1080, 1920, 3), 150, np.uint8)
    portrait = cv2.resize(images.example_image(), (176, 206), interpolation=cv2.INTER_AREA)
    for k in range(number):
        top, left = 4 + k // 6 * 214, 60 + k % 6 * 310
        picture[top : top + 206, left : left + 176] = portrait
    return picture


def measure_faces(pipeline: FacePipeline, rounds: int) -> list[str]:
    """Print the cost per number of faces; return what was missed."""
    costs, found = [], []
    for number in NUM_FACES:
        picture = draw_faces(number)
        found.append(len(pipeline.process(picture).faces))
        costs.append(median_ms(lambda picture=picture: pipeline.process(picture), rounds))
        print(f"{number:>3} faces ({found[-1]} found): {costs[-1]:7.1f} ms", flush=True)
    slope, offset, r2 = fit_line(found, costs)
    print(f"fit: {offset:.1f} ms + {slope:.2f} ms per face, explains {r2:.1%} of the variance")
    return [f"faces: a line explains {r2:.1%}"] * (r2 < MIN_R2)


def measure_pixels(pipeline: FacePipeline, rounds: int) -> list[str]:
    """Print the cost per picture size; return what was missed."""
    costs = []
    for megapixels in MEGAPIXELS:
        height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
        size = (height * 4 // 3, height)
        data = encode_image(cv2.resize(images.example_image(), size), "jpeg")
        costs.append(
            median_ms(lambda data=data: pipeline.process(decode_image(data, "a.jpg")), rounds)
        )
        print(f"{megapixels:>4} megapixels: {costs[-1]:7.1f} ms", flush=True)
    slope, offset, r2 = fit_line(MEGAPIXELS, costs)
    exponent = fit_exponent(MEGAPIXELS, costs)
    print(
        f"fit: {offset:.1f} ms + {slope:.1f} ms per megapixel (explains {r2:.1%}); 1 to "
        f"{MEGAPIXELS[-1] / MEGAPIXELS[0]:.0f} in pixels is 1 to {costs[-1] / costs[0]:.1f} in "
        f"time, exponent {exponent:.2f}"
    )
    return [f"pixels: exponent {exponent:.2f}"] * (exponent > MAX_EXPONENT)


def loop_clip(source: Path, seconds: float, target: Path) -> Path:
    """Repeat a clip's packets without encoding them anew."""
    with av.open(str(source)) as container, av.open(str(target), "w") as out:
        stream = container.streams.video[0]
        packets = [(bytes(p), p.is_keyframe) for p in container.demux(stream) if p.size]
        copy = out.add_stream_from_template(stream)
        for number in range(round(seconds * FPS)):
            data, is_key = packets[number % len(packets)]
            packet = av.Packet(data)
            packet.stream, packet.time_base, packet.is_keyframe = copy, Fraction(1, FPS), is_key
            packet.pts = packet.dts = number
            packet.duration = 1
            out.mux(packet)
    return target


def analyse(clip: Path, out: Path, every: int) -> tuple[float, float]:
    """Return seconds and peak megabytes of a fresh process that analyses a clip."""
    command = [sys.executable, "-m", "facecore", "video", str(clip), "--out", str(out)]
    begun = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--detect-every", str(every)],
        cwd=_clips.ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the analysis of {clip.name} ended with {process.returncode}")
    return time.perf_counter() - begun, usage.ru_maxrss * 1024 / 1e6


def measure_length(minutes: float, every: int, folder: Path) -> list[str]:
    """Print time and memory per length of the clip; return what was missed."""
    frames, _ = _clips.read(_clips.MAN)
    once = _clips.write(folder / "once.mp4", (_clips.resize(f, SIZE) for f in frames), FPS)
    lengths = sorted({SHORT_S, 60 * minutes / 10, 60 * minutes})
    times, peaks = [], []
    for seconds in lengths:
        clip = loop_clip(once, seconds, folder / f"{seconds:.0f}s.mp4")
        taken, peak = analyse(clip, folder / "out", every)
        times.append(taken)
        peaks.append(peak)
        print(f"{seconds:6.0f} s of video: {taken:6.1f} s, peak {peak:.0f} MB", flush=True)
    slope, offset, r2 = fit_line(lengths, times)
    exponent = fit_exponent(lengths, times)
    growth = peaks[-1] - peaks[0]
    print(
        f"fit: {offset:.1f} s to start + {slope:.3f} s per second of video (explains {r2:.1%}), "
        f"exponent {exponent:.2f}; the longest needs {growth:.0f} MB more than the shortest"
    )
    missed = [f"length: exponent {exponent:.2f}"] * (exponent > MAX_EXPONENT)
    return missed + [f"length: memory grew by {growth:.0f} MB"] * (growth > MAX_GROWTH_MB)


def main() -> int:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=3, help="longest clip")
    parser.add_argument("--every", type=int, default=5, help="search faces in every n-th frame")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=KINDS, default=KINDS)
    args = parser.parse_args()
    missed: list[str] = []
    if {"faces", "pixels"} & set(args.only):
        from facecore.inference import load_classifier

        names = ("expression_model1", GENDER_MODEL)
        pipeline = FacePipeline([load_classifier(find_bundle(n)) for n in names], PHOTO_PIPELINE)
        if "faces" in args.only:
            missed += measure_faces(pipeline, args.rounds)
        if "pixels" in args.only:
            missed += measure_pixels(pipeline, args.rounds)
    if "length" in args.only:
        with tempfile.TemporaryDirectory() as name:
            missed += measure_length(args.minutes, args.every, Path(name))
    print("\n".join(f"missed: {line}" for line in missed) or "all aims met")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
