"""Asking the networks only as often as their averages need it: what it saves and what it loses.

    python benchmarks/ask_less.py [CLIP...] [--rounds 3]

Without arguments: the clips of the folder ``shared`` beside the project, as they are and enlarged
to 1280x720. Both ways analyse the same frames, in turn, over several rounds; the median time
counts. Decoding is part of the time, drawing and encoding are not. Faces are the same in both; told
are the share of them with the same words, and how far a face's most different probability lies
apart.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pylibsrtp  # noqa: F401  before TensorFlow: loaded after it, it crashes the process

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks import _clips
from benchmarks.detect_every import MODELS, analyse
from facecore.inference import load_classifier
from facecore.labels import TASKS
from facecore.registry import find_bundle
from facecore.results import Face
from facecore.session import VideoRun

SIZES = (_clips.SIZE, (1280, 720))


def pair_faces(wanted: VideoRun, got: VideoRun) -> list[tuple[Face, Face]]:
    """Return the faces of two analyses that found the same ones."""
    frames = zip(wanted.frames, got.frames, strict=True)
    return [pair for one, other in frames for pair in zip(one.faces, other.faces, strict=True)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all clips and print what came out."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clips", nargs="*", type=Path, metavar="CLIP")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args(arguments)
    classifiers = [load_classifier(find_bundle(name)) for name in MODELS]
    always_s, sparing_s = [], []
    with tempfile.TemporaryDirectory() as folder:
        clips = args.clips or [
            _clips.enlarge(name, size, Path(folder)).path for size in SIZES for name in _clips.NAMES
        ]
        analyse(clips[0], classifiers)  # the first calls are slow
        for number in range(args.rounds):
            always, sparing, pairs = 0.0, 0.0, []
            for clip in clips:
                wanted, seconds = analyse(clip, classifiers, ask_always=True)
                always += seconds
                got, seconds = analyse(clip, classifiers)
                sparing += seconds
                pairs += pair_faces(wanted, got)
            always_s.append(always)
            sparing_s.append(sparing)
            print(f"round {number + 1}: {sparing / always:.2f} of the time", flush=True)
    ratio = statistics.median(sparing_s) / statistics.median(always_s)
    print(f"{len(clips)} clips: {ratio:.2f} of the time of asking in every frame")
    for task in TASKS:
        answers = [(a.predictions[task], b.predictions[task]) for a, b in pairs]
        same = sum(a.label == b.label for a, b in answers)
        apart = np.array([np.abs(a.probs - b.probs).max() for a, b in answers])
        print(
            f"{task}: the same word for {same} of {len(answers)} faces, probabilities "
            f"{apart.mean():.3f} apart (mean), {np.quantile(apart, 0.95):.3f} (95 of 100)"
        )


if __name__ == "__main__":
    main()
