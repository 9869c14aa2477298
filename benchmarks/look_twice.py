"""Faces found, false boxes and time of looking twice, against one look in small steps.

    python benchmarks/look_twice.py

Both ways search the same frames in turn, people followed, without networks and decoding: the filmed
clips at four other sizes, as they are and mirrored, with the faces counted by hand; and slow moves
over photos of scikit-image and scikit-learn that show nobody, where every box is false (some of the
coins have heads). Processor time counts. The steps and hits of ``VIDEO_HAAR`` were chosen on these
same clips and photos, so that other films may gain less.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import skimage
import sklearn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import _clips
from benchmarks.peers import count_hits
from facecore.pipeline import VIDEO_PIPELINE, FacePipeline
from facecore.preprocessing import UInt8Array

TWICE = VIDEO_PIPELINE.haar
WAYS = {"one look": replace(TWICE, scale_factor=1.1, look_twice=False), "two looks": TWICE}
WIDTHS = (640, 854, 1100, 1600)
FPS = 12
MOVES = ((854, 480, 1.3), (854, 480, 1.0), (1280, 720, 1.6))  # size, enlargement; 1 stands still
NUM_MOVED = 36
PHOTOS = (
    *("hubble_deep_field.jpg", "retina.jpg", "rocket.jpg", "coffee.png", "gravel.png", "brick.png"),
    *("motorcycle_left.png", "text.png", "page.png", "moon.png", "grass.png", "ihc.png"),
    *("chelsea.png", "coins.png", "color.png", "flower.jpg", "china.jpg"),
)
FOLDERS = (
    Path(skimage.__file__).parent / "data",
    Path(sklearn.__file__).parent / "datasets" / "images",
)


@dataclass
class Tally:
    """What one way found, and took."""

    found: int = 0
    false: int = 0
    boxes: int = 0
    people: int = 0
    seconds: float = 0.0
    ids: set[int] = field(default_factory=set)


def film() -> Iterator[tuple[list[UInt8Array], _clips.Marks]]:
    """Yield every clip at every size, as it is and mirrored, with its marks."""
    for name in _clips.NAMES:
        frames, marks = _clips.read(name)
        for width in WIDTHS:
            scale = width / _clips.SIZE[0]
            size = (width, round(_clips.SIZE[1] * scale))
            large = [_clips.resize(frame, size) for frame in frames]
            yield large, _clips.move(marks, scale, 0, 0)
            mirrored = [np.ascontiguousarray(frame[:, ::-1]) for frame in large]
            yield mirrored, _clips.move(marks, scale, 0, 0, mirrored=True)


def move_over(photo: UInt8Array, width: int, height: int, enlarged: float) -> list[UInt8Array]:
    """Return frames that go over a photo from corner to corner, with a camera's noise."""
    scale = enlarged * max(width / photo.shape[1], height / photo.shape[0])
    large = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    rng = np.random.default_rng(0)
    frames = []
    for i in range(NUM_MOVED):
        share = i / (NUM_MOVED - 1) if enlarged > 1 else 0.0
        left, top = int((large.shape[1] - width) * share), int((large.shape[0] - height) * share)
        noise = rng.normal(0, 3, (height, width, 1))
        part = large[top : top + height, left : left + width]
        frames.append(np.clip(part + noise, 0, 255).astype(np.uint8))
    return frames


def search(frames: Sequence[UInt8Array], marks: _clips.Marks, tallies: dict[str, Tally]) -> None:
    """Let both ways search the same frames in turn, frame by frame."""
    pipelines = {w: FacePipeline([], replace(VIDEO_PIPELINE, haar=h)) for w, h in WAYS.items()}
    for index, frame in enumerate(frames):
        for way, pipeline in pipelines.items():
            tally, begun = tallies[way], time.process_time()
            faces = pipeline.find(frame, index / FPS, index).faces
            tally.seconds += time.process_time() - begun
            tally.boxes += len(faces)
            tally.ids |= {face.person_id for face in faces if face.person_id is not None}
            if index in marks:
                hits = count_hits([face.xyxy for face in faces], marks[index])
                tally.found += hits
                tally.false += len(faces) - hits
    for tally in tallies.values():
        tally.people += len(tally.ids)
        tally.ids.clear()


def describe(tallies: dict[str, Tally], num_frames: int, counted: int) -> None:
    """Print a line for each way; times against the first."""
    first = next(iter(tallies.values())).seconds
    for way, tally in tallies.items():
        what = f"found {tally.found} of {counted}, false {tally.false}" if counted else ""
        what = what or f"false boxes {tally.boxes}, false people {tally.people}"
        ms = 1000 * tally.seconds / num_frames
        print(f"{way}: {what}; {ms:.1f} ms a frame ({tally.seconds / first:.2f} times)", flush=True)


def main() -> None:
    """Search, count, print."""
    tallies, num_frames, counted = {way: Tally() for way in WAYS}, 0, 0
    for frames, marks in film():
        search(frames, marks, tallies)
        num_frames += len(frames)
        counted += sum(map(len, marks.values()))
    print(f"filmed people, {num_frames} frames")
    describe(tallies, num_frames, counted)
    tallies, num_frames = {way: Tally() for way in WAYS}, 0
    for name in PHOTOS:
        path = next(folder / name for folder in FOLDERS if (folder / name).is_file())
        photo = np.asarray(cv2.imread(str(path)), dtype=np.uint8)
        for width, height, enlarged in MOVES:
            search(move_over(photo, width, height, enlarged), {}, tallies)
            num_frames += NUM_MOVED
    print(f"nobody, {num_frames} frames")
    describe(tallies, num_frames, 0)


if __name__ == "__main__":
    main()
