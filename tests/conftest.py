"""Builders that every test may use; nothing here loads TensorFlow.

Fixtures:
    shared_media: folder with the shared pictures and clips; skips the test where it is absent.
    heads: two heads cut from public-domain portraits, each with an alpha mask.
    crossing_clip: drawn clip in which two faces cross and one leaves and returns within a second.
    make_card, make_stub_classifier: a card, and a stub network that answers without Keras.
    make_stub_detector: answers from a script instead of searching.
    make_face, make_result: results without a pipeline.
    write_clip: writes frames as a small H.264 MP4, with a tone as sound where asked.
    user_folder: where the tested server keeps what its users keep; used by every test.

What test modules import by name (``build_card``, ``StubClassifier``, ``StubDetector``) is in
``stubs``: several folders have a ``conftest``, so that name is none to import from.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pylibsrtp  # noqa: F401  before TensorFlow: loaded after it, it crashes the process
import pytest
from matplotlib import cbook
from skimage import data
from stubs import StubClassifier, StubDetector, build_card

from facecore.registry import ModelCard
from facecore.results import Face, FrameResult, Prediction
from facecore.user_files import USER_DIR_VARIABLE

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


@pytest.fixture(scope="session", autouse=True)
def user_folder(tmp_path_factory) -> Iterator[Path]:
    """What users of the server under test keep; never the developer's own."""
    before = os.environ.get(USER_DIR_VARIABLE)
    folder = tmp_path_factory.mktemp("user")
    os.environ[USER_DIR_VARIABLE] = str(folder)
    yield folder
    os.environ.pop(USER_DIR_VARIABLE)
    if before is not None:
        os.environ[USER_DIR_VARIABLE] = before


@pytest.fixture(scope="session")
def shared_media() -> Path:
    """Folder with the shared pictures and clips."""
    folder = SHARED / "media"
    if not folder.is_dir():
        pytest.skip("the shared media are not beside the project")
    return folder


@pytest.fixture(scope="session")
def make_card() -> Callable[..., ModelCard]:
    """``make_card(task="expression", labels=None, name="stub", size=8, **card_fields)``."""
    return build_card


@pytest.fixture(scope="session")
def make_stub_classifier() -> Callable[..., StubClassifier]:
    """``make_stub_classifier(task="expression", label="happy", confidence=0.9, answer=None, ...)``.

    ``labels``, ``name`` and ``size`` go to the card.
    """

    def make(task="expression", label=None, confidence=0.9, answer=None, **card):
        return StubClassifier(build_card(task, **card), label, confidence, answer)

    return make


@pytest.fixture(scope="session")
def make_stub_detector() -> Callable[..., StubDetector]:
    """``make_stub_detector([[box, box], [], [Detection(...)]], near=lambda box: None)``."""
    return StubDetector


@pytest.fixture(scope="session")
def make_face() -> Callable[..., Face]:
    """``make_face(person_id=1, expression="happy", gender="woman", confidence=0.9, box=...)``."""

    def make(
        person_id=None,
        expression="happy",
        gender="woman",
        confidence=0.9,
        box=(10, 10, 50, 50),
        score=50.0,
    ):
        predictions = {}
        for task, label in (("expression", expression), ("gender", gender)):
            if label is not None:
                stub = StubClassifier(build_card(task), label, confidence)
                probs = stub.predict_proba(np.empty((1, 1)))[0]
                predictions[task] = Prediction(stub.card.labels, probs)
        return Face(box, score, person_id, predictions)

    return make


@pytest.fixture(scope="session")
def make_result() -> Callable[..., FrameResult]:
    """``make_result(*faces, index=0, time_s=0.0, size_wh=(320, 240))``."""

    def make(*faces, index=0, time_s=0.0, size_wh=(320, 240)):
        return FrameResult(index, time_s, size_wh, tuple(faces))

    return make


@dataclass(frozen=True)
class Head:
    """A head to paste: uint8 BGR and float32 alpha, both of the same square size."""

    bgr: np.ndarray
    alpha: np.ndarray


def _cut_head(portrait_bgr, face_xyxy, enlarge) -> Head:
    x1, y1, x2, y2 = face_xyxy
    half = round(enlarge * (x2 - x1) / 2)
    cx, cy = (x1 + x2) // 2, (y1 + y2) // 2
    cut = portrait_bgr[cy - half : cy + half, cx - half : cx + half]
    alpha = np.zeros(cut.shape[:2], np.float32)
    cv2.ellipse(alpha, (half, half), (round(half * 0.95), half - 2), 0, 0, 360, 1.0, -1)
    return Head(cut.copy(), cv2.GaussianBlur(alpha, (9, 9), 0))


@pytest.fixture(scope="session")
def heads() -> tuple[Head, Head]:
    """Eileen Collins and Grace Hopper."""
    collins = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        hopper = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR)
    return _cut_head(collins, (176, 66, 273, 163), 1.6), _cut_head(
        hopper, (147, 100, 380, 333), 1.25
    )


def paste_head(frame_bgr, head: Head, centre_xy, side: int) -> None:
    """Draw a head on a frame in place; what lies outside the frame is cut off."""
    bgr = cv2.resize(head.bgr, (side, side), interpolation=cv2.INTER_AREA)
    alpha = cv2.resize(head.alpha, (side, side))[..., None]
    left, top = round(centre_xy[0] - side / 2), round(centre_xy[1] - side / 2)
    height, width = frame_bgr.shape[:2]
    x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + side, width), min(top + side, height)
    if x2 <= x1 or y2 <= y1:
        return
    part = np.s_[y1 - top : y2 - top, x1 - left : x2 - left]
    under = frame_bgr[y1:y2, x1:x2]
    under[:] = np.rint(bgr[part] * alpha[part] + under * (1 - alpha[part])).astype(np.uint8)


@dataclass(frozen=True)
class Clip:
    """Frames, their times, and per frame the true centre of each head (None: not visible)."""

    frames: list[np.ndarray]
    times_s: list[float]
    centres: list[dict[str, tuple[float, float] | None]]
    fps: float
    side: int = field(default=120)


@pytest.fixture(scope="session")
def crossing_clip(heads) -> Clip:
    """Two heads cross, "a" in front; then "b" leaves on the left and returns within a second.

    480x270 pixels, 12 frames/s, 5 s.
    """
    fps, side = 12.0, 120
    frames, times, centres = [], [], []
    for i in range(60):
        t = i / fps
        a = (80 + 90 * min(t, 3.2), 130.0)
        # Leaves at 3.4 s, is away for about 0.8 s, and comes back where it left.
        x = 400 - 100 * min(t, 3.0) if t < 3 else 100 - 260 * (t - 3) if t < 3.8 else 0.0
        b: tuple[float, float] | None = (x, 140.0)
        if t >= 3.8:
            b = (min(100.0, -110 + 260 * (t - 3.8)), 140.0)
        frame = np.full((270, 480, 3), (120, 130, 125), np.uint8)
        paste_head(frame, heads[1], b, side)
        paste_head(frame, heads[0], a, side)
        frames.append(frame)
        times.append(t)
        centres.append({"a": a, "b": b if b[0] > 30 else None})
    return Clip(frames, times, centres, fps, side)


@pytest.fixture(scope="session")
def write_clip() -> Callable[..., Path]:
    """``write_clip(path, frames, fps=12, sound=False) -> path``; frames are BGR, even-sized."""

    def write(path, frames, fps=12, sound=False):
        with av.open(str(path), "w") as container:
            video = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
            video.height, video.width = frames[0].shape[:2]
            video.pix_fmt = "yuv420p"
            video.options = {"preset": "ultrafast", "crf": "15"}
            audio = container.add_stream("aac", rate=44100) if sound else None
            for frame in frames:
                container.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
            container.mux(video.encode())
            if audio is not None:
                t = np.arange(int(44100 * len(frames) / fps)) / 44100
                tone = (0.2 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)[None]
                for start in range(0, tone.shape[1], 1024):
                    block = np.ascontiguousarray(tone[:, start : start + 1024])
                    part = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
                    part.sample_rate, part.pts = 44100, start
                    container.mux(audio.encode(part))
                container.mux(audio.encode())
        return path

    return write
