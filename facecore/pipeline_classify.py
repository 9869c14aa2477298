"""What the networks answer for the chosen faces of some frames: cut out, asked about in one go."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facecore.flip import predict_flipped
from facecore.labels import Task
from facecore.pipeline_asks import SupportsPredict
from facecore.pipeline_search import FoundFaces
from facecore.preprocessing import UInt8Array, crop_faces, to_batch

_MOST_AT_ONCE = 32  # faces in one call; more take no less time each, only more memory

Answers = dict[int, npt.NDArray[np.float32]]
"""Probabilities of shape (num_classes,) by the position of the face in its frame."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What one network answered, and what that took.

    Args:
        answers: one entry per frame.
        spent_ms: per frame the milliseconds of each stage, "crop" and the network's task.
    """

    answers: list[Answers]
    spent_ms: list[dict[str, float]]


def ask(
    classifier: SupportsPredict,
    frames: Sequence[FoundFaces],
    chosen: Sequence[Sequence[int]],
    flip: bool,
) -> Asked:
    """Ask one network about the chosen faces of some frames, in as few calls as there may be.

    Args:
        classifier: the network.
        frames: with their faces.
        chosen: per frame the positions of the faces that it is asked about.
        flip: average the answers for each face and its mirror image.
    """
    task, spec = classifier.card.task, classifier.card.input
    asked = Asked([{} for _ in frames], [{} for _ in frames])
    places = [(k, i) for k, positions in enumerate(chosen) for i in positions]
    if not places:
        return asked
    start = time.perf_counter()
    crops: list[UInt8Array] = []
    for found, positions in zip(frames, chosen, strict=True):
        boxes = [found.faces[i].xyxy for i in positions]
        tilts_deg = [found.faces[i].tilt_deg for i in positions]
        crops += crop_faces(found.frame_bgr, boxes, spec, tilts_deg)
    batch = to_batch(crops, spec)
    cut = time.perf_counter()
    predict = classifier.predict_proba
    # Parts of one size: the last of 33 faces by itself would cost as much as four.
    size = math.ceil(len(places) / math.ceil(len(places) / _MOST_AT_ONCE))
    for first in range(0, len(places), size):
        part = slice(first, first + size)
        rows = predict_flipped(predict, batch[part]) if flip else predict(batch[part])
        for (k, i), row in zip(places[part], rows, strict=True):
            asked.answers[k][i] = row
    end = time.perf_counter()
    for spent, positions in zip(asked.spent_ms, chosen, strict=True):
        share = 1000 * len(positions) / len(places)  # each face bears its share
        if positions:
            spent |= {"crop": share * (cut - start), task: share * (end - cut)}
    return asked


def ask_all(works: Mapping[Task, Callable[[], Asked]], at_once: bool) -> dict[Task, Asked]:
    """Ask several networks.

    Args:
        works: asks each.
        at_once: all at the same time. One network leaves a fifth of two cores idle, since not all
            of it can be divided.

    Raises:
        Exception: that of the first one that failed, after all have come to their end.
    """
    if not at_once or len(works) < 2:
        return {task: work() for task, work in works.items()}
    (first, work), *others = works.items()
    with ThreadPoolExecutor(len(others), "facecore-classify") as threads:
        waiting = {task: threads.submit(other) for task, other in others}
        return {first: work()} | {task: answer.result() for task, answer in waiting.items()}
