"""Searching faces in every n-th frame only: what it saves and what it loses.

    python benchmarks/detect_every.py [CLIP...] [--every 1 2 3] [--rounds 3]

Without arguments: the clips of the folder ``shared`` beside the project. Every n analyses the same
frames, in turn, over several rounds; the median time counts. Decoding is part of the time, drawing
and encoding are not. What is lost is counted against n = 1, which is no truth itself:

- people: how many were found;
- frames: share of frames with the same number of faces, each of which overlaps its counterpart
  by half or more (intersection over union);
- labels: share of such faces, over all frames, with the same word.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pylibsrtp  # noqa: F401  before TensorFlow: loaded after it, it crashes the process

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from facecore.inference import Classifier, load_classifier
from facecore.labels import TASKS
from facecore.pipeline import VIDEO_PIPELINE, FacePipeline
from facecore.registry import find_bundle
from facecore.results import Face, FrameResult
from facecore.session import VideoRun, process_video
from facecore.tracking_sightings import iou

ROOT = Path(__file__).resolve().parent.parent
MODELS = ("expression_model1", "gender")
EVERY = (1, 2, 3)
MIN_IOU = 0.5


def match(faces: Sequence[Face], others: Sequence[Face]) -> list[tuple[Face, Face]]:
    """Return the pairs of faces at the same place, each face at most once."""
    left, pairs = list(others), []
    for face in faces:
        best = max(left, key=lambda other: iou(face.xyxy, other.xyxy), default=None)
        if best is not None and iou(face.xyxy, best.xyxy) >= MIN_IOU:
            left.remove(best)
            pairs.append((face, best))
    return pairs


@dataclass
class Tally:
    """What one n gave, over all clips."""

    seconds: list[float] = field(default_factory=list)
    num_people: int = 0
    num_frames: int = 0
    frames_agree: int = 0
    num_labels: int = 0
    labels_agree: int = 0

    def compare(self, wanted: Sequence[FrameResult], got: Sequence[FrameResult]) -> None:
        """Count where a clip's results agree with those of n = 1."""
        for one, other in zip(wanted, got, strict=True):
            pairs = match(one.faces, other.faces)
            self.num_frames += 1
            self.frames_agree += len(pairs) == len(one.faces) == len(other.faces)
            for a, b in pairs:
                same = [a.predictions[t].label == b.predictions[t].label for t in TASKS]
                self.num_labels += len(same)
                self.labels_agree += sum(same)


def analyse(
    clip: Path, classifiers: Sequence[Classifier], **options: Any
) -> tuple[VideoRun, float]:
    """Return a clip's results and the seconds that they took, with some options for videos."""
    pipeline = FacePipeline(classifiers, replace(VIDEO_PIPELINE, **options))
    begun = time.perf_counter()
    run = process_video(clip, None, pipeline)
    return run, time.perf_counter() - begun


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all clips and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clips", nargs="*", type=Path, metavar="CLIP")
    parser.add_argument("--every", nargs="+", type=int, default=EVERY, metavar="N")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args(arguments)
    clips = args.clips or sorted((ROOT.parent / "shared" / "media").glob("*.mp4"))
    classifiers = [load_classifier(find_bundle(name)) for name in MODELS]
    tallies = {n: Tally() for n in sorted({1, *args.every})}
    analyse(clips[0], classifiers)  # the first calls are slow
    for number in range(args.rounds):
        sums = dict.fromkeys(tallies, 0.0)
        for clip in clips:
            wanted: VideoRun | None = None
            for n, tally in tallies.items():
                run, seconds = analyse(clip, classifiers, detect_every=n)
                wanted = wanted or run
                sums[n] += seconds
                if number == 0:
                    tally.num_people += len(run.summary.people)
                    tally.compare(wanted.frames, run.frames)
        for n, tally in tallies.items():
            tally.seconds.append(sums[n])
    print(f"{len(clips)} clips, {tallies[1].num_frames} frames, {args.rounds} rounds")
    print(f"{'n':>2} {'frames/s':>9} {'time':>7} {'people':>7} {'frames':>8} {'labels':>8}")
    base_s = statistics.median(tallies[1].seconds)
    for n, tally in tallies.items():
        median_s = statistics.median(tally.seconds)
        print(
            f"{n:>2} {tally.num_frames / median_s:9.1f} {median_s / base_s:7.2f} "
            f"{tally.num_people:7d} {tally.frames_agree / tally.num_frames:8.1%} "
            f"{tally.labels_agree / max(tally.num_labels, 1):8.1%}"
        )


if __name__ == "__main__":
    main()
