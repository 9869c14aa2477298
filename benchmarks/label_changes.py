"""How often a person's shown word changes in a video: before and after it is kept with a margin.

    python benchmarks/label_changes.py CLIP...

Each clip is analysed once; the same answers are then shown in three ways. Changes are counted
between neighbouring frames of a person and divided by the time that people are seen. "Always" has
no threshold, "undecided" the thresholds of the cards.

On the four clips of shared/media (23 s of faces; nobody is found in one), changes per second:

    network            words      frame by frame  averaged (before)  averaged, with margin (now)
    expression_model1  always     0.08            0.00               0.00
    expression_model1  undecided  0.55            0.04               0.04
    gender             always     0.25            0.00               0.00
    gender             undecided  0.59            0.13               0.04
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pylibsrtp  # noqa: F401  before TensorFlow: loaded after it, it crashes the process

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from facecore.inference import load_classifier
from facecore.labels import TASKS, Task
from facecore.pipeline import VIDEO_PIPELINE, FacePipeline
from facecore.registry import models_dir
from facecore.results import Face, FrameResult, Prediction
from facecore.session import process_video
from facecore.stats import compute_durations
from facecore.tracking_labels import decide_again
from facecore.tracking_smoothing import ProbabilitySmoother

MODELS = ("expression_model1", "gender")
Frames = Sequence[FrameResult]
WINDOWS_S: dict[Task, float] = {
    "expression": VIDEO_PIPELINE.smoothing,
    "gender": VIDEO_PIPELINE.gender_smoothing,
}


def change_predictions(
    frames: Frames, change: Callable[[FrameResult, Face, Task, Prediction], Prediction]
) -> list[FrameResult]:
    """Return the frames with every prediction changed."""
    return [
        replace(
            frame,
            faces=tuple(
                replace(
                    face,
                    predictions={t: change(frame, face, t, p) for t, p in face.predictions.items()},
                )
                for face in frame.faces
            ),
        )
        for frame in frames
    ]


def smooth(frames: Frames) -> list[FrameResult]:
    """Average each person's probabilities as the pipeline does."""
    smoother = ProbabilitySmoother()

    def change(frame: FrameResult, face: Face, task: Task, prediction: Prediction) -> Prediction:
        person = face.person_id or 0
        probs = smoother.update(person, task, prediction.probs, frame.time_s, WINDOWS_S[task])
        return replace(prediction, probs=probs)

    return change_predictions(frames, change)


def release(frames: Frames, with_threshold: bool) -> list[FrameResult]:
    """Let every answer stand by itself: nothing is kept from the frame before."""
    return change_predictions(
        frames,
        lambda _frame, _face, _task, p: replace(
            p, held=None, threshold=p.threshold if with_threshold else 0.0
        ),
    )


def count_changes(frames: Frames, task: Task) -> tuple[int, float]:
    """Return how often people's words change, and how many seconds people are seen."""
    shown: dict[int | None, str] = {}
    num_changes, seconds = 0, 0.0
    for frame, duration_s in zip(frames, compute_durations(frames), strict=True):
        for face in frame.faces:
            label = face.predictions[task].label
            num_changes += shown.get(face.person_id, label) != label
            shown[face.person_id] = label
            seconds += duration_s
    return num_changes, seconds


def main(paths: Sequence[str]) -> None:
    """Print changes per second of each clip, task and way, and of all clips together."""
    classifiers = [load_classifier(models_dir() / name) for name in MODELS]
    pipeline = FacePipeline(
        classifiers, replace(VIDEO_PIPELINE, smoothing=0.0, gender_smoothing=0.0)
    )
    sums: dict[tuple[Task, str, str], list[float]] = {}
    for path in map(Path, paths):
        single = process_video(path, None, pipeline).frames
        smoothed = smooth(single)
        print(path.name)
        for kind, with_threshold in (("always", False), ("undecided", True)):
            off: dict[Task, float] = {} if with_threshold else dict.fromkeys(TASKS, 0.0)
            ways = {
                "frame by frame": release(single, with_threshold),
                "averaged": release(smoothed, with_threshold),
                "averaged, with margin": decide_again(smoothed, off),
            }
            for task in TASKS:
                told = []
                for way, frames in ways.items():
                    num_changes, seconds = count_changes(frames, task)
                    total = sums.setdefault((task, kind, way), [0, 0.0])
                    total[0] += num_changes
                    total[1] += seconds
                    told.append(f"{way} {num_changes / max(seconds, 1e-6):.2f}")
                print(f"  {task:10} {kind:9} {', '.join(told)}  ({seconds:.0f} s of faces)")
    print("all clips")
    for (task, kind, way), (num_changes, seconds) in sums.items():
        rate = num_changes / max(seconds, 1e-6)
        print(f"  {task:10} {kind:9} {way:22} {rate:.2f} /s ({num_changes:.0f} changes)")


if __name__ == "__main__":
    main(sys.argv[1:])
