"""Where the time of a video's analysis goes, stage by stage, against a floor for each.

    python benchmarks/stages.py [CLIP] [--width 1280] [--rounds 3] [--chart stages.html]

Processor time (all cores) per frame counts: stages overlap in a real run, and what else the machine
does hardly disturbs it. The floors do the bare work on what the pipeline really met: FFmpeg's
decoder, colours converted as exactly as ours; ``detectMultiScale3`` on the very pictures that were
searched; resizing the same crops; the networks' graphs on the same batches; a copy with a rectangle
and a text per face; x264 on the drawn frames at their times (how long a frame is shown decides how
well it is encoded), colours as before. Following people has no floor.
Exits with 1 where a whole run, decoding in its own process included, takes over 15 % more than the
sum of the floors.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from unittest import mock

import pylibsrtp  # noqa: F401  before TensorFlow: loaded after it, it crashes the process

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import av
import cv2
import numpy as np
import plotly.graph_objects as go
import tensorflow as tf
from av.video.reformatter import VideoReformatter

from benchmarks import _clips
from facecore import video
from facecore.annotation import annotate
from facecore.decoder_process import idle_processes
from facecore.detection import VIDEO_HAAR, HaarDetector
from facecore.inference import build_graph, load_classifier
from facecore.media import VideoWriter
from facecore.pipeline import VIDEO_PIPELINE, FacePipeline
from facecore.pipeline_classify import ask_all
from facecore.preprocessing import crop_faces
from facecore.registry import GENDER_MODEL, find_bundle
from facecore.session import MOST_TOGETHER, process_video
from facecore.session_search import find_all
from facecore.video_file import TO_BGR
from facecore.video_queue import in_groups
from facecore.video_writer import TO_YUV

# Nobody is undecided: else a clip is drawn once more when somebody's gender is settled at its end.
OPTIONS = replace(VIDEO_PIPELINE, thresholds={"gender": 0.0})
MODELS = ("expression_model1", GENDER_MODEL)
MAX_OVERHEAD = 0.15
STAGES = ("decode", "detect", "crop", "infer", "track", "draw", "encode")
X264 = {"preset": "veryfast", "crf": "20", "bf": "0"}  # as VideoWriter
TICK_S = Fraction(1, 90_000)  # the same


class RecordingCascade:
    """Keeps what the detector asks its cascade."""

    def __init__(self, cascade: cv2.CascadeClassifier) -> None:
        self.cascade, self.calls = cascade, []

    def detectMultiScale3(self, gray, **options):
        """Keep the picture and the options, then answer."""
        self.calls.append((gray, options))
        return self.cascade.detectMultiScale3(gray, **options)


class TimedDetector(HaarDetector):
    """Counts the processor time of its searches."""

    spent_s = 0.0

    def _timed(self, work: Callable, *args):
        begun = time.process_time()
        answer = work(*args)
        self.spent_s += time.process_time() - begun
        return answer

    def detect(self, frame_bgr, between=False, known=()):
        """As ``HaarDetector``."""
        return self._timed(super().detect, frame_bgr, between, known)

    def detect_large(self, frame_bgr, between=False, known=()):
        """As ``HaarDetector``."""
        return self._timed(super().detect_large, frame_bgr, between, known)

    def detect_in(self, frame_bgr, areas, between=False, known=()):
        """As ``HaarDetector``."""
        return self._timed(super().detect_in, frame_bgr, areas, between, known)

    def confirm(self, frame_bgr, boxes, known=()):
        """As ``HaarDetector``."""
        return self._timed(super().confirm, frame_bgr, boxes, known)

    def detect_near(self, frame_bgr, known, *tilts_deg):
        """As ``HaarDetector``."""
        return self._timed(super().detect_near, frame_bgr, known, *tilts_deg)

    def detect_again(self, frame_bgr, known):
        """As ``HaarDetector``."""
        return self._timed(super().detect_again, frame_bgr, known)


class TimedClassifier:
    """Counts the processor time of its calls and keeps the batches."""

    def __init__(self, classifier) -> None:
        self.card, self.classifier = classifier.card, classifier
        self.spent_s, self.batches = 0.0, []

    def predict_proba(self, batch):
        """As ``Classifier``."""
        self.batches.append(batch)
        begun = time.process_time()
        probs = self.classifier.predict_proba(batch)
        self.spent_s += time.process_time() - begun
        return probs


@dataclass
class Run:
    """What one pass through the stages met, and took."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    results: list = field(default_factory=list)
    frames: list = field(default_factory=list)
    drawn: list = field(default_factory=list)
    batches: list = field(default_factory=list)
    searches: list = field(default_factory=list)


def cpu_time(work: Callable[[], object]) -> float:
    """Return the processor seconds of a call, all threads together."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def run_stages(clip: Path, classifiers: list, folder: Path) -> Run:
    """Take the pipeline's stages one after the other, timing each."""
    run, timed = Run(), [TimedClassifier(c) for c in classifiers]
    detector = TimedDetector(VIDEO_HAAR)
    recorder = detector._cascade = RecordingCascade(detector._cascade)
    pipeline = FacePipeline(timed, OPTIONS, detector)
    frames = []
    run.seconds["decode"] = cpu_time(lambda: frames.extend(video.iter_frames(clip)))

    def process() -> None:
        for group in in_groups(find_all(frames, pipeline), MOST_TOGETHER):
            run.results += pipeline.classify_all([found for _, found in group])

    # One network after the other: the processor's time tells nothing of two at the same time.
    with mock.patch("facecore.pipeline.ask_all", lambda works, _: ask_all(works, at_once=False)):
        whole_s = cpu_time(process)
    in_crop = sum(r.timings_ms.get("crop", 0.0) for r in run.results) / 1000
    run.seconds |= {"detect": detector.spent_s, "crop": in_crop}
    run.seconds["infer"] = sum(c.spent_s for c in timed)
    # What is left of the call: tracking, smoothing, results.
    run.seconds["track"] = max(0.0, whole_s - detector.spent_s - in_crop - run.seconds["infer"])

    def draw() -> None:
        run.drawn = [annotate(f.bgr, r) for f, r in zip(frames, run.results, strict=True)]

    def encode() -> None:
        height, width = frames[0].bgr.shape[:2]
        with VideoWriter(folder / "drawn.mp4", (width, height)) as writer:
            for frame, picture in zip(frames, run.drawn, strict=True):
                writer.write(picture, frame.time_s)

    run.seconds["draw"], run.seconds["encode"] = cpu_time(draw), cpu_time(encode)
    run.frames, run.searches = frames, recorder.calls
    run.batches = [(c.classifier, c.batches) for c in timed]
    return run


def time_floors(clip: Path, run: Run, folder: Path) -> dict[str, float]:
    """Return the processor seconds of the bare work of each stage."""
    cascade = HaarDetector(VIDEO_HAAR)._cascade

    def decode() -> None:
        to_bgr = VideoReformatter()
        with av.open(str(clip)) as container:
            container.streams.video[0].thread_type = "AUTO"
            for frame in container.decode(video=0):
                to_bgr.reformat(frame, format="bgr24", interpolation=TO_BGR).to_ndarray()

    def detect() -> None:
        for gray, options in run.searches:
            cascade.detectMultiScale3(gray, **options)

    crops = []
    for classifier, _ in run.batches:
        spec = classifier.card.input
        for frame, result in zip(run.frames, run.results, strict=True):
            if classifier.card.task in result.timings_ms:
                boxes = [face.xyxy for face in result.faces]
                crops += [
                    (c, (spec.width, spec.height)) for c in crop_faces(frame.bgr, boxes, spec)
                ]

    def crop() -> None:
        for picture, size in crops:
            gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
            cv2.resize(gray, size, interpolation=cv2.INTER_AREA)

    graphs = [(build_graph(classifier.model), batches) for classifier, batches in run.batches]
    for graph, batches in graphs:  # the first calls choose kernels
        graph(tf.constant(batches[0]))
        graph(tf.constant(batches[-1]))

    def infer() -> None:
        for graph, batches in graphs:
            for batch in batches:
                graph(tf.constant(batch)).numpy()

    def draw() -> None:
        for frame, result in zip(run.frames, run.results, strict=True):
            picture = frame.bgr.copy()
            for face in result.faces:
                cv2.rectangle(picture, face.xyxy[:2], face.xyxy[2:], (0, 0, 0), 2)
                cv2.putText(picture, "Neutral", face.xyxy[:2], 0, 1.0, (0, 0, 0), 2, cv2.LINE_AA)

    floors = {"decode": decode, "detect": detect, "crop": crop, "infer": infer, "draw": draw}
    times_s = [frame.time_s for frame in run.frames]
    floors["encode"] = lambda: encode_bare(folder / "bare.mp4", run.drawn, times_s)
    return {name: cpu_time(work) for name, work in floors.items()} | {"track": 0.0}


def encode_bare(path: Path, pictures: list, times_s: list[float]) -> None:
    """Encode pictures with x264 and nothing else."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options=X264)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt, stream.codec_context.thread_count = "yuv420p", 4
        stream.time_base = stream.codec_context.time_base = TICK_S
        to_yuv = VideoReformatter()
        for picture, time_s in zip(pictures, times_s, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame = to_yuv.reformat(frame, format="yuv420p", interpolation=TO_YUV)
            frame.pts, frame.time_base = round(time_s / TICK_S), TICK_S
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def time_whole(clip: Path, classifiers: list, folder: Path) -> tuple[float, float]:
    """Return processor and wall seconds of a run as users have it, its decoder process included."""

    def in_decoders() -> float:
        fields = [Path(f"/proc/{p.pid}/stat").read_text().rpartition(")")[2] for p in pool]
        ticks = sum(int(part) for text in fields for part in text.split()[11:13])
        return ticks / os.sysconf("SC_CLK_TCK")

    pool = idle_processes()
    begun_s, wall_s, others_s = time.process_time(), time.perf_counter(), in_decoders()
    process_video(clip, folder / "whole.mp4", FacePipeline(classifiers, OPTIONS))
    cpu_s = time.process_time() - begun_s + in_decoders() - others_s
    return cpu_s, time.perf_counter() - wall_s


def draw_chart(path: Path, table: dict[str, tuple[float, float]]) -> None:
    """Write the table as bars, as HTML that needs no network."""
    figure = go.Figure(layout={"barmode": "group", "yaxis_title": "processor ms per frame"})
    for number, name in enumerate(("pipeline", "floor")):
        figure.add_bar(name=name, x=STAGES, y=[table[stage][number] for stage in STAGES])
    figure.write_html(path)


def main() -> int:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clip", nargs="?", type=Path, help="default: three people walking")
    parser.add_argument("--width", type=int, default=1280, choices=(480, 1280, 1920))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chart", type=Path, metavar="FILE.html")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = (args.width, args.width * 9 // 16)
        clip = args.clip or _clips.enlarge(_clips.WALKING, size, folder).path
        classifiers = [load_classifier(find_bundle(model)) for model in MODELS]
        time_whole(clip, classifiers, folder)  # starts a decoder process and warms everything
        stages, floors, wholes = [], [], []
        for _ in range(args.rounds):
            run = run_stages(clip, classifiers, folder)
            stages.append(run.seconds)
            floors.append(time_floors(clip, run, folder))
            wholes.append(time_whole(clip, classifiers, folder))
    per_frame = 1000 / len(run.frames)
    table = {}
    for stage in STAGES:
        table[stage] = tuple(
            per_frame * statistics.median(row[stage] for row in rows) for rows in (stages, floors)
        )
        own, floor = table[stage]
        ratio = f"{own / floor:5.2f}" if floor else "    -"
        print(f"{stage:<8} {own:7.2f} ms   floor {floor:7.2f} ms   ratio {ratio}")
    floor = sum(row[1] for row in table.values())
    whole, wall = (per_frame * statistics.median(column) for column in zip(*wholes, strict=True))
    print(f"{len(run.frames)} frames; floors together {floor:.2f} ms of processor time per frame")
    print(
        f"the stages one by one {np.sum([row[0] for row in table.values()]) / floor:.2f} times that"
    )
    print(
        f"a whole run {whole / floor:.2f} times that ({whole:.2f} ms), {wall:.2f} ms by the clock"
    )
    if args.chart:
        draw_chart(args.chart, table)
    if whole > (1 + MAX_OVERHEAD) * floor:
        print(f"missed: the overhead is {whole / floor - 1:.0%}, aim {MAX_OVERHEAD:.0%}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
