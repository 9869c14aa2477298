"""Clips that the benchmarks share: the shared media as they are, enlarged, side by side, looped."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from facecore import video
from facecore.preprocessing import UInt8Array

ROOT = Path(__file__).resolve().parent.parent
MEDIA = ROOT.parent / "shared" / "media"
BY_HAND = Path(__file__).with_name("faces_by_hand.json")
SIZE = (480, 270)
WALKING = "intel_face-demographics-walking-and-pause"
PAIR = "intel_head-pose-face-detection-female-and-male"
MAN = "intel_head-pose-face-detection-male"
CLASSROOM = "intel_classroom"
NAMES = (WALKING, PAIR, MAN, CLASSROOM)

Marks = dict[int, list[tuple[float, float, float]]]
"""Frame number -> centre x, centre y and side of every face that a person counted there."""


@dataclass(frozen=True)
class Clip:
    """A clip and the faces counted by hand in some of its frames, in its own pixels."""

    name: str
    path: Path
    size: tuple[int, int]
    marks: Marks

    @property
    def num_marked(self) -> int:
        """How many faces were counted in all."""
        return sum(map(len, self.marks.values()))


def source(name: str) -> Path:
    """Return the file of a clip of the shared media.

    Raises:
        SystemExit: if it is not there.
    """
    path = MEDIA / f"{name}.mp4"
    if not path.is_file():
        raise SystemExit(f"{path.name} is missing; the clips belong into {MEDIA}")
    return path


def read(name: str) -> tuple[list[UInt8Array], Marks]:
    """Return a clip's frames and the faces counted by hand in them."""
    frames = [frame.bgr for frame in video.iter_frames(source(name))]
    rows = json.loads(BY_HAND.read_text())["clips"][name]
    return frames, {int(index): [tuple(face) for face in faces] for index, faces in rows.items()}


def write(path: Path, frames: Iterable[UInt8Array], fps: int = 12) -> Path:
    """Write an H.264 video of frames of one size, fast and at a high quality."""
    with av.open(str(path), "w") as container:
        options = {"preset": "ultrafast", "crf": "12"}
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            if stream.codec_context.is_open is False:
                stream.height, stream.width = frame.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def resize(frame: UInt8Array, size: tuple[int, int]) -> UInt8Array:
    """Enlarge (or shrink) a frame smoothly."""
    shrinks = size[0] < frame.shape[1]
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def move(marks: Marks, scale: float, left: float, top: float, mirrored: bool = False) -> Marks:
    """Return marks of a clip as it is where it is drawn at this scale and place, maybe mirrored."""
    return {
        index: [
            (left + scale * (SIZE[0] - x if mirrored else x), top + scale * y, scale * side)
            for x, y, side in faces
        ]
        for index, faces in marks.items()
    }


def enlarge(name: str, size: tuple[int, int], folder: Path) -> Clip:
    """Write a clip of the shared media at another size; its own size is not written anew."""
    frames, marks = read(name)
    if size == SIZE:
        return Clip(name, source(name), size, marks)
    path = write(folder / f"{name}-{size[0]}.mp4", (resize(frame, size) for frame in frames))
    return Clip(name, path, size, move(marks, size[0] / SIZE[0], 0, 0))


def tile(size: tuple[int, int], folder: Path) -> Clip:
    """Write four clips side by side: nine faces in every frame."""
    clips = [read(WALKING), read(PAIR), read(MAN), read(WALKING)]
    width, height = size[0] // 2, size[1] // 2
    indices, total = list(clips[0][1]), len(clips[0][0])
    together: Marks = {index: [] for index in indices}
    corners = [(0, 0), (width, 0), (0, height), (width, height)]
    shown = []
    for (_, marks), (left, top) in zip(clips, corners, strict=True):
        # The counted frames of all clips come at the same moments.
        shown.append(np.interp(range(total), indices, list(marks)).round().astype(int))
        faces = move(marks, width / SIZE[0], left, top, (left > 0 and top > 0)).values()
        for index, row in zip(indices, faces, strict=True):
            together[index] += row

    def draw() -> Iterator[UInt8Array]:
        for number in range(total):
            frame = np.empty((size[1], size[0], 3), np.uint8)
            for k, (left, top) in enumerate(corners):
                part = resize(clips[k][0][shown[k][number]], (width, height))
                frame[top : top + height, left : left + width] = part[:, :: -1 if k == 3 else 1]
            yield frame

    return Clip("four side by side", write(folder / f"tiles-{size[0]}.mp4", draw()), size, together)
