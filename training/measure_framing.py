# ruff: noqa: E402 - the path and the log level have to be set before the imports
"""Measure how a data set's pictures are framed around the box that the Haar cascade draws.

    python training/measure_framing.py --dataset fer2013 --model expression_model1

A live crop has to be framed as the training pictures are. The pictures are cropped already, so they
are enlarged and surrounded by repeated edge pixels until the cascade finds the face again; the
picture's side relative to the box gives ``InputSpec.margin``, the distance of the middles gives
``shift_y``. With a trained network, faces of the development split are cut out again with a range
of margins and classified: the best margin should be near the measured one. Writes
training/framing/<dataset>.json, which goes into the model cards; the numbers for the configs are
printed.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
PROJECT_DIR = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_DIR))  # so that the script runs without being installed

from facecore.datasets import FaceDataset, get_dataset_info, load_dataset
from facecore.detection import HaarDetector, HaarOptions
from facecore.inference import Classifier, load_classifier
from facecore.preprocessing import UInt8Array, crop_faces, to_batch
from facecore.registry import find_bundle
from facecore.results import Box

FRAMING_DIR = PROJECT_DIR / "training" / "framing"
MARGINS = tuple(percent / 100 for percent in range(-20, 51, 5))
_PICTURE_PX = 192  # large enough for the cascade's steps to be fine
_BORDER_PX = 96
_SEED = 48
_HAAR = HaarOptions(min_face_fraction=0.2)  # half the pictures' side; the rest as for videos
_METHOD = (
    "Training pictures enlarged to {picture} px, with {border} px of repeated edge around, were "
    "searched with the Haar cascade {cascade}. Of those with exactly one face, the median of "
    "picture side / box side - 1 is the margin, and the median of (picture centre - box centre) / "
    "box side is the vertical shift. Checked by the accuracy of the network named here on "
    "development faces that were found in the same way and cut out with a range of margins."
)


def pad_picture(image: UInt8Array) -> UInt8Array:
    """Return a BGR frame that shows a cropped picture enlarged and surrounded by its edge.

    Args:
        image: uint8 array of shape (H, W) or (H, W, 3).
    """
    large = cv2.resize(image, (_PICTURE_PX, _PICTURE_PX), interpolation=cv2.INTER_CUBIC)
    if large.ndim == 2:
        large = cv2.cvtColor(large, cv2.COLOR_GRAY2BGR)
    sides = [_BORDER_PX] * 4
    return np.asarray(cv2.copyMakeBorder(large, *sides, cv2.BORDER_REPLICATE), dtype=np.uint8)


def find_face(detector: HaarDetector, frame_bgr: UInt8Array) -> Box | None:
    """Return the box of the only face, or None where there is none or more than one."""
    found = detector.detect(frame_bgr)
    return found[0].xyxy if len(found) == 1 else None


def measure_box(box: Box) -> tuple[float, float, float]:
    """Return margin, shift_y and shift_x that cut the whole picture out, given its face's box."""
    x1, y1, x2, y2 = box
    side = x2 - x1
    middle = _BORDER_PX + _PICTURE_PX / 2
    return _PICTURE_PX / side - 1, (middle - (y1 + y2) / 2) / side, (middle - (x1 + x2) / 2) / side


def measure_framing(dataset: FaceDataset, num_images: int) -> dict[str, Any]:
    """Return the framing of a seeded sample of a data set."""
    detector = HaarDetector(_HAAR)
    sample = choose_sample(dataset, num_images)
    boxes = [find_face(detector, pad_picture(sample.image(i))) for i in range(len(sample))]
    values = np.array([measure_box(box) for box in boxes if box is not None])
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
    return {
        "method": _METHOD.format(
            picture=_PICTURE_PX, border=_BORDER_PX, cascade=detector.options.cascade
        ),
        "dataset": dataset.name,
        "split": dataset.split,
        "num_images": len(sample),
        "num_with_one_face": len(values),
        "margin": round(float(median[0]), 2),
        "margin_quartiles": [round(float(low[0]), 3), round(float(high[0]), 3)],
        "shift_y": round(float(median[1]), 2),
        "shift_y_quartiles": [round(float(low[1]), 3), round(float(high[1]), 3)],
        "shift_x_median": round(float(median[2]), 3),
    }


def check_margins(
    classifier: Classifier, dataset: FaceDataset, num_images: int, shift_y: float
) -> dict[str, Any]:
    """Return the accuracy on re-detected faces for a range of margins, and on whole pictures."""
    detector = HaarDetector(_HAAR)
    known = dataset.keep_labels(classifier.card.labels)
    sample = choose_sample(known, num_images)
    frames = [pad_picture(sample.image(i)) for i in range(len(sample))]
    boxes = [find_face(detector, frame) for frame in frames]
    found = [(frame, box) for frame, box in zip(frames, boxes, strict=True) if box is not None]
    rows = np.array([i for i, box in enumerate(boxes) if box is not None])
    y_true = sample.y_true[rows]
    spec = classifier.card.input

    def accuracy(batch: UInt8Array) -> float:
        parts = [classifier.predict_proba(batch[i : i + 256]) for i in range(0, len(batch), 256)]
        return round(float(np.mean(np.concatenate(parts).argmax(axis=1) == y_true)), 4)

    def accuracy_at(margin: float) -> float:
        tried = replace(spec, margin=margin, shift_y=shift_y)
        crops = [crop_faces(frame, [box], tried)[0] for frame, box in found]
        return accuracy(to_batch(crops, spec))

    whole: npt.NDArray[np.uint8] = to_batch([sample.image(int(i)) for i in rows], spec)
    return {
        "model": classifier.card.name,
        "split": dataset.split,
        "num_faces": len(found),
        "accuracy_by_margin": {f"{margin:.2f}": accuracy_at(margin) for margin in MARGINS},
        "accuracy_on_whole_pictures": accuracy(whole),
    }


def choose_sample(dataset: FaceDataset, num_images: int) -> FaceDataset:
    """Return a seeded sample without repeats, or everything if there is no more."""
    order = np.random.default_rng(_SEED).permutation(len(dataset))
    return dataset.select(np.sort(order[:num_images]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Measure a data set's framing.")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--model", help="bundle to check the margin with")
    parser.add_argument("--num-images", type=int, default=4000)
    options = parser.parse_args(arguments)
    info = get_dataset_info(options.dataset)
    framing = measure_framing(load_dataset(info.name, info.fit_split), options.num_images)
    if options.model:
        classifier = load_classifier(find_bundle(options.model))
        development = load_dataset(info.name, info.development_split)
        framing["check"] = check_margins(
            classifier, development, options.num_images, framing["shift_y"]
        )
    FRAMING_DIR.mkdir(exist_ok=True)
    path = FRAMING_DIR / f"{info.name}.json"
    path.write_text(json.dumps(framing, indent=2) + "\n", encoding="utf-8")
    print(path.read_text(encoding="utf-8"))
    print(f"margin = {framing['margin']}\nshift_y = {framing['shift_y']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
