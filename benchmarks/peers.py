"""Frames per second, faces found, start and memory against `fer` and `deepface`, on the same clips.

    python benchmarks/peers.py [--rounds 3] [--peers fer deepface] [--widths 480 1280 1920]

The peers are installed into an environment of their own under ~/.cache/facecore-benchmarks (several
gigabytes, once). Every contender is a process of its own; they take turns clip by clip, and the
median round counts. Ours analyses every frame of the video as ``python -m facecore video`` does,
decoding and both networks included. A peer is asked for the 20 frames whose faces were counted by
hand, and reading the others is not held against it.

A face counts as found where a box's middle lies in it. deepface fetches its networks from GitHub at
the first call; where that fails, its OpenCV detector alone takes part, without any network.
Exits with 1 where an aim is missed: at least 3 times `fer` from 1280x720 on, 1.5 times at 480x270,
8 times its MTCNN path, and as many faces found as `fer`'s default path finds.
FACECORE_BENCHMARK_LOG=1 shows what the contenders write to standard error.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import _clips
from benchmarks._clips import Clip

CACHE = Path.home() / ".cache" / "facecore-benchmarks" / "peers"
# OpenCV 5 has no cascades; fer needs setuptools' old pkg_resources, deepface two more packages.
PACKAGES = (
    *("fer==25.10.*", "deepface", "flask", "tf-keras", "setuptools<81"),
    *("opencv-python-headless<5", "opencv-contrib-python<5", "opencv-contrib-python-headless<5"),
)
SIZES = {480: (480, 270), 1280: (1280, 720), 1920: (1920, 1080)}
PEERS = ("fer", "fer-mtcnn", "deepface")
OURS = "facecore"
AIM_SMALL, AIM_LARGE, AIM_MTCNN = 1.5, 3.0, 8.0


@dataclass
class Score:
    """What one contender did on one clip."""

    fps: list[float] = field(default_factory=list)
    found: int = 0
    false: int = 0


def install() -> Path:
    """Install the peers, unless that was done before, and return their Python."""
    python = CACHE / "bin" / "python"
    uv = str(_clips.ROOT / ".venv" / "bin" / "uv")
    mark = CACHE / "installed.json"
    if not mark.is_file() or json.loads(mark.read_text()) != list(PACKAGES):
        if not python.is_file():
            subprocess.run([uv, "venv", "--python", "3.11", str(CACHE)], check=True)
        install = [uv, "pip", "install", "--compile-bytecode", "--python", str(python)]
        subprocess.run([*install, *PACKAGES], check=True)
        mark.write_text(json.dumps(PACKAGES))
    return python


class Contender:
    """A process that analyses clips when asked."""

    def __init__(self, name: str, process: subprocess.Popen) -> None:
        self.name, self._process = name, process
        about = self._receive()
        self.versions, self.problem = about["versions"], about["problem"]
        self.first_s, self.peak_mb = float("nan"), 0.0

    def _receive(self) -> dict:
        if not (line := self._process.stdout.readline()):
            raise SystemExit(f"{self.name} ended with code {self._process.wait()}")
        return json.loads(line)

    def analyse(self, clip: Clip) -> dict:
        """Return seconds, number of frames, and boxes of the counted frames."""
        request = {"path": str(clip.path), "frames": list(clip.marks), "target": None}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._receive()
        self.peak_mb = answer["peak_mb"]
        self.first_s = answer["first_s"] or self.first_s
        return answer


@contextmanager
def run_contender(name: str, python: Path) -> Iterator[Contender]:
    """Start a contender; it ends with the block."""
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    env["PYTHONPATH"] = str(_clips.ROOT) if name == OURS else ""
    worker = str(Path(__file__).with_name("_peer_worker.py"))
    process = subprocess.Popen(
        [str(python), worker, name, str(time.monotonic())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None if "FACECORE_BENCHMARK_LOG" in env else subprocess.DEVNULL,
        env=env,
        text=True,
    )
    try:
        yield Contender(name, process)
    finally:
        process.stdin.close()
        process.wait(60)


def count_hits(boxes: Sequence[Sequence[float]], marks: Sequence[Sequence[float]]) -> int:
    """Return how many marked faces (centre x, y, side) have a box of their own on them."""
    left = list(boxes)
    hits = 0
    for x, y, side in marks:
        for box in left:
            off_x, off_y = (box[0] + box[2]) / 2 - x, (box[1] + box[3]) / 2 - y
            if max(abs(off_x), abs(off_y)) < 0.6 * side and box[2] - box[0] < 3 * side:
                left.remove(box)
                hits += 1
                break
    return hits


def take_turn(contender: Contender, clip: Clip, score: Score) -> None:
    """Have a clip analysed and take in how that went."""
    answer = contender.analyse(clip)
    score.fps.append(answer["num_frames"] / answer["seconds"])
    boxes = {int(index): found for index, found in answer["boxes"].items()}
    score.found = sum(count_hits(boxes[i], marks) for i, marks in clip.marks.items())
    score.false = sum(map(len, boxes.values())) - score.found


def prepare(widths: Sequence[int], folder: Path) -> list[Clip]:
    """Return the clips: as they are; larger; and four side by side, nine faces."""
    clips = []
    for width in widths:
        clips += [_clips.enlarge(name, SIZES[width], folder) for name in _clips.NAMES]
        if SIZES[width] != _clips.SIZE:
            clips.append(_clips.tile(SIZES[width], folder))
    return clips


Scores = dict[tuple[str, str, int], Score]


def judge(scores: Scores, names: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Print the ratios per size and return the aims that were missed."""
    missed = []
    for width in widths:
        clips = sorted({clip for _, clip, w in scores if w == width})

        def fps(name: str, clips: Sequence[str] = clips, width: int = width) -> float:
            each = [statistics.median(scores[name, clip, width].fps) for clip in clips]
            return statistics.harmonic_mean(each)

        def found(name: str, clips: Sequence[str] = clips, width: int = width) -> int:
            return sum(scores[name, clip, width].found for clip in clips)

        for name in names:
            ratio = fps(OURS) / fps(name)
            print(
                f"{width:>5} px wide: {ratio:5.1f} times {name} ({fps(OURS):.1f} against "
                f"{fps(name):.1f} frames/s), {found(OURS)} faces found against {found(name)}"
            )
            large = AIM_SMALL if width == _clips.SIZE[0] else AIM_LARGE
            aim = {"fer": large, "fer-mtcnn": AIM_MTCNN}.get(name, 0.0)
            if ratio < aim:
                missed.append(f"{width} px: {ratio:.1f} times {name}, aim {aim}")
            if name == "fer" and found(OURS) < found(name):
                missed.append(f"{width} px: {found(OURS)} faces found, {name} {found(name)}")
    return missed


def main() -> int:
    """Install, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS)
    parser.add_argument("--widths", nargs="+", type=int, choices=SIZES, default=tuple(SIZES))
    args = parser.parse_args()
    python = install()
    scores: Scores = {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        clips = prepare(args.widths, Path(folder))
        contenders = []
        # One after the other: each start is measured alone, on the clip whose face all find.
        warm_up = _clips.enlarge(_clips.MAN, _clips.SIZE, Path(folder))
        for name in (OURS, *args.peers):
            interpreter = Path(sys.executable) if name == OURS else python
            contender = stack.enter_context(run_contender(name, interpreter))
            contender.analyse(warm_up)
            contenders.append(contender)
            print(f"{name}: {contender.versions}")
            if contender.problem:
                print(f"  detection only, its networks cannot be had: {contender.problem}")
            print(f"  first face answered {contender.first_s:.1f} s after the start", flush=True)
        for _ in range(args.rounds):
            for clip in clips:
                for contender in contenders:
                    key = (contender.name, clip.name, clip.size[0])
                    take_turn(contender, clip, scores.setdefault(key, Score()))
        for clip in clips:
            print(f"{clip.size[0]}x{clip.size[1]} {clip.name}, {clip.num_marked} faces counted")
            for contender in contenders:
                score = scores[contender.name, clip.name, clip.size[0]]
                print(
                    f"    {contender.name:<10} {statistics.median(score.fps):7.1f} frames/s   "
                    f"{score.found:4d} found, {score.false} boxes elsewhere"
                )
        for contender in contenders:
            ratio = contenders[0].peak_mb / contender.peak_mb
            print(f"{contender.name}: peak {contender.peak_mb:.0f} MB; ours {ratio:.2f} times that")
    missed = judge(scores, args.peers, args.widths)
    print("\n".join(f"missed: {line}" for line in missed) or "all aims met")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
