"""Asking the networks only as often as their averages need it: what it saves and what it loses.

    python benchmarks/ask_less.py [CLIP...] [--rounds 3]

Without arguments: the clips of the folder ``shared`` beside the project, as they are and enlarged
to 1280x720. Both ways analyse the same frames, in turn, over several rounds; the median time
counts.
Decoding is part of the time, drawing and encoding are not. Faces are the same in both; told are the
share of them with the same words, and how far a face's most different probability lies apart.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pylibsrtp  # noqa: F401  before TensorFlow: loaded after it, it crashes the process

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks import _clips
from facecore.inference import Classifier, load_classifier
from facecore.labels import TASKS
from facecore.pipeline import VIDEO_PIPELINE, FacePipeline
from facecore.registry import GENDER_MODEL, find_bundle
from facecore.results import FrameResult
from facecore.session import process_video

MODELS = ("expression_model1", GENDER_MODEL)
NAMES = (_clips.WALKING, _clips.PAIR, _clips.MAN, _clips.CLASSROOM)


def analyse(
    clip: Path, ask_always: bool, classifiers: Sequence[Classifier]
) -> tuple[tuple[FrameResult, ...], float]:
    """Return a clip's results and the seconds that they took."""
    pipeline = FacePipeline(classifiers, replace(VIDEO_PIPELINE, ask_always=ask_always))
    begun = time.perf_counter()
    run = process_video(clip, None, pipeline)
    return run.frames, time.perf_counter() - begun


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all clips and print what came out."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clips", nargs="*", type=Path, metavar="CLIP")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args(arguments)
    classifiers = [load_classifier(find_bundle(name)) for name in MODELS]
    with tempfile.TemporaryDirectory() as folder:
        sizes = (_clips.SIZE, (1280, 720))
        clips = args.clips or [
            _clips.enlarge(name, size, Path(folder)).path for size in sizes for name in NAMES
        ]
        analyse(clips[0], False, classifiers)  # the first calls are slow
        always_s, sparing_s = [], []
        for number in range(args.rounds):
            sums = [0.0, 0.0]
            same, apart = {task: [] for task in TASKS}, {task: [] for task in TASKS}
            for clip in clips:
                wanted, seconds = analyse(clip, True, classifiers)
                sums[0] += seconds
                got, seconds = analyse(clip, False, classifiers)
                sums[1] += seconds
                for one, other in zip(wanted, got, strict=True):
                    for face, again in zip(one.faces, other.faces, strict=True):
                        for task in TASKS:
                            a, b = face.predictions[task], again.predictions[task]
                            same[task].append(a.label == b.label)
                            apart[task].append(float(np.abs(a.probs - b.probs).max()))
            always_s.append(sums[0])
            sparing_s.append(sums[1])
            print(f"round {number + 1}: {sums[1] / sums[0]:.2f} of the time", flush=True)
    ratio = statistics.median(sparing_s) / statistics.median(always_s)
    print(f"{len(clips)} clips: {ratio:.2f} of the time of asking in every frame")
    for task in TASKS:
        far = np.array(apart[task])
        print(
            f"{task}: the same word for {sum(same[task])} of {len(far)} faces, probabilities "
            f"{far.mean():.3f} apart (mean), {np.quantile(far, 0.95):.3f} (95 of 100)"
        )


if __name__ == "__main__":
    main()
