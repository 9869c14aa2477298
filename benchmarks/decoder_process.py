"""What reading videos and pictures in another process costs: ratios from one run.

    python benchmarks/decoder_process.py [VIDEO...]

Without arguments it writes clips of its own at three sizes. Every measurement is taken three times
in turn and the median counts. "Decode" reads frames and does nothing else; "with work" searches
faces in every frame meanwhile, as an analysis does.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from facecore import decoder, images, video
from facecore.detection import VIDEO_HAAR, HaarDetector

ROUNDS = 3
NUM_FRAMES = 75
SIZES = ((480, 270), (1280, 720), (1920, 1080))


def write_clip(path: Path, size_wh: tuple[int, int]) -> Path:
    """Write a clip in which the example portrait moves over a plain wall."""
    width, height = size_wh
    portrait = cv2.resize(images.example_image(), (height * 2 // 3, height * 4 // 5))
    shades = np.linspace(90, 160, width, dtype=np.uint8)
    background = np.repeat(np.tile(shades, (height, 1))[:, :, None], 3, axis=2)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(NUM_FRAMES):
            frame = background.copy()
            left = (width - portrait.shape[1]) * index // NUM_FRAMES
            frame[: portrait.shape[0], left : left + portrait.shape[1]] = portrait
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def measure(work: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def compare(name: str, here: Callable[[], object], there: Callable[[], object]) -> None:
    """Print how long both ways take, and their ratio."""
    times: tuple[list[float], list[float]] = ([], [])
    here(), there()
    for _ in range(ROUNDS):
        times[0].append(measure(here))
        times[1].append(measure(there))
    same, other = (statistics.median(t) for t in times)
    print(
        f"{name:<34} same process {same * 1000:8.1f} ms   other process {other * 1000:8.1f} ms   "
        f"ratio {other / same:.2f}"
    )


def read(module, path: Path) -> None:
    """Decode every frame."""
    for _ in module.iter_frames(path):
        pass


def read_and_work(module, path: Path, detector: HaarDetector) -> None:
    """Decode every frame and search faces in it."""
    for frame in module.iter_frames(path):
        detector.detect(frame.bgr)


def main(paths: list[str]) -> None:
    """Measure videos, then pictures."""
    detector = HaarDetector(VIDEO_HAAR)
    with tempfile.TemporaryDirectory() as folder:
        clips = [Path(p) for p in paths] or [
            write_clip(Path(folder) / f"{w}x{h}.mp4", (w, h)) for w, h in SIZES
        ]
        for clip in clips:
            compare(
                f"{clip.stem}: decode",
                lambda clip=clip: read(video, clip),
                lambda clip=clip: read(decoder, clip),
            )
            compare(
                f"{clip.stem}: with work",
                lambda clip=clip: read_and_work(video, clip, detector),
                lambda clip=clip: read_and_work(decoder, clip, detector),
            )
    for megapixels in (0.3, 2, 12):
        width = round((megapixels * 1e6 * 4 / 3) ** 0.5)
        frame = cv2.resize(images.example_image(), (width, width * 3 // 4))
        data = images.encode_image(frame, "jpeg")
        compare(
            f"JPEG, {megapixels} megapixels",
            lambda data=data: images.decode_image(data, "a.jpg"),
            lambda data=data: decoder.decode_image(data, "a.jpg"),
        )


if __name__ == "__main__":
    main(sys.argv[1:])
