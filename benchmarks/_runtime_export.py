"""Writes a bundle's network in every candidate's format, with Keras' own answers beside it.

Part of ``runtimes.py``, which runs it as a process of its own: ``python _runtime_export.py JSON``.
"""

import json
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
from networks import write_untrained

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from facecore.datasets import load_dataset
from facecore.errors import DatasetError
from facecore.images import example_image
from facecore.preprocessing import UInt8Array
from facecore.registry import MODEL_FILE, InputSpec

NUM_REAL, NUM_RANDOM = 300, 100


def make_crops(spec: InputSpec) -> UInt8Array:
    """Return real faces (those of FER-2013's validation split where it is there) and noise.

    Returns:
        uint8 array of shape (n, H, W, C).
    """
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 256, (NUM_RANDOM, spec.height, spec.width, spec.num_channels))
    try:
        dataset = load_dataset("fer2013", "validation").select(np.arange(NUM_REAL))
        real = np.concatenate(list(dataset.batches(spec, NUM_REAL)))
    except DatasetError:
        real = shift_example(spec)
    return np.concatenate([real, noise.astype(np.uint8)])


def shift_example(spec: InputSpec) -> UInt8Array:
    """Return many cuts of the example portrait's face."""
    grey = cv2.cvtColor(example_image(), cv2.COLOR_BGR2GRAY)
    cuts = [
        grey[80 + i // 20 : 330 + i // 20, 120 + i % 20 : 370 + i % 20] for i in range(NUM_REAL)
    ]
    small = [cv2.resize(cut, (spec.width, spec.height)) for cut in cuts]
    return np.repeat(np.stack(small)[..., None], spec.num_channels, axis=3)


def export(bundle: Path, target: Path) -> None:
    """Write crops.npy, probs.npy, and the network as .tflite, .onnx and OpenVINO's .xml."""
    import openvino
    import tensorflow as tf

    from facecore.inference import load_classifier

    target.mkdir(exist_ok=True)
    classifier = load_classifier(bundle)
    crops = make_crops(classifier.card.input)
    np.save(target / "crops.npy", crops)
    np.save(target / "probs.npy", classifier.predict_proba(crops))
    model = classifier.model
    lite = tf.lite.TFLiteConverter.from_keras_model(model)
    (target / "network.tflite").write_bytes(lite.convert())
    model.export(str(target / "network.onnx"), format="onnx", verbose=False)
    saved = target / "saved"
    model.export(str(saved), verbose=False)
    converted = openvino.convert_model(str(saved))
    openvino.save_model(converted, str(target / "network.xml"), compress_to_fp16=False)
    shutil.rmtree(saved)
    if target != bundle:
        shutil.copy(bundle / MODEL_FILE, target / MODEL_FILE)


if __name__ == "__main__":
    task = json.loads(sys.argv[1])
    sys.path.append(task["packages"])
    folder = Path(task["folder"])
    untrained = [write_untrained(Path(config), folder) for config in task["configs"]]
    for bundle in [*map(Path, task["bundles"]), *untrained]:
        export(bundle, folder / bundle.name)
