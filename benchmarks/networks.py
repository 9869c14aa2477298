"""What each network costs, against the limits that it was built for.

    python benchmarks/networks.py [BUNDLE...] [--config training/configs/NAME.toml]

BUNDLE is a name or a folder. Without arguments: every bundle of the models folder. ``--config``
(again and again) measures a network that is not trained yet: weights do not change what a network
costs. Parameters and multiply-adds are counted over the layers, times are those of
``Classifier.predict_proba``, the call that the dashboard makes, on two cores. Exits with 1 where a
limit is exceeded or a network is not there; the time that counts is the median at batch 1.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import keras
import numpy as np
import tensorflow as tf

from facecore.errors import FaceCoreError
from facecore.inference import Classifier, load_classifier
from facecore.registry import (
    MODEL_FILE,
    ModelCard,
    compute_sha256,
    find_bundle,
    list_bundles,
    save_card,
)

CORES = 2
MAX_PARAMETERS = 3_000_000
MAX_MULTIPLY_ADDS = 250_000_000
MAX_BYTES = 12_000_000
MAX_MS = {"expression": 15.0, "gender": 30.0}
BATCHES = (1, 4, 16)
# Layers that multiply nothing worth counting: at most once per value.
CHEAP = (
    *(keras.layers.InputLayer, keras.layers.Rescaling, keras.layers.BatchNormalization),
    *(keras.layers.ReLU, keras.layers.Activation, keras.layers.Softmax, keras.layers.Dropout),
    *(keras.layers.Add, keras.layers.Multiply, keras.layers.Concatenate, keras.layers.Flatten),
    *(keras.layers.Reshape, keras.layers.Cropping2D, keras.layers.MaxPooling2D),
    *(keras.layers.AveragePooling2D, keras.layers.GlobalAveragePooling2D),
    *(keras.layers.ZeroPadding2D, keras.layers.Permute, keras.layers.UnitNormalization),
)


def iter_layers(model: keras.Model) -> Iterator[keras.Layer]:
    """Yield the layers, also those inside networks that are layers themselves."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from iter_layers(layer)
        else:
            yield layer


def count_multiply_adds(model: keras.Model) -> int:
    """Return the multiplications of one image's convolutions, dense layers and enlargements.

    Raises:
        TypeError: for a kind of layer whose cost is not known here.
    """
    total = 0
    for layer in iter_layers(model):
        if isinstance(layer, CHEAP):
            continue
        sites = int(np.prod([side or 1 for side in layer.output.shape[1:-1]]))
        kernels = [w for w in layer.trainable_weights if "bias" not in w.name]
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            total += sites * int(np.prod(kernels[0].shape))
        elif isinstance(layer, keras.layers.SeparableConv2D | keras.layers.Conv2D):
            # A depthwise kernel is used once per place and channel, like an ordinary one.
            total += sum(sites * int(np.prod(kernel.shape)) for kernel in kernels)
        elif isinstance(layer, keras.layers.Dense):
            total += sites * int(np.prod(kernels[0].shape))
        elif isinstance(layer, keras.layers.UpSampling2D | keras.layers.Resizing):
            total += 4 * sites * layer.output.shape[-1]  # each value is a mean of four, weighted
        elif isinstance(layer, keras.layers.GroupNormalization):
            # Every value is squared for the variance, then scaled, and scaled again as was learned.
            total += (2 + layer.scale) * sites * layer.output.shape[-1]
        else:
            raise TypeError(f"the cost of a layer of kind {type(layer).__name__} is not known")
    return total


def measure_ms(classifier: Classifier, size: int, seconds: float) -> list[float]:
    """Return the sorted milliseconds of calls with so many faces."""
    spec = classifier.card.input
    shape = (size, spec.height, spec.width, spec.num_channels)
    batch = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    for _ in range(3):
        classifier.predict_proba(batch)
    times, end_s = [], time.perf_counter() + seconds
    while time.perf_counter() < end_s or len(times) < 20:
        begun = time.perf_counter()
        classifier.predict_proba(batch)
        times.append((time.perf_counter() - begun) * 1000)
    return sorted(times)


@dataclass(frozen=True)
class Measurement:
    """One network's figures; times are (median, 95th percentile) in ms per face."""

    name: str
    task: str
    num_parameters: int
    multiply_adds: int
    num_bytes: int
    ms_per_face: dict[int, tuple[float, float]]

    def broken_limits(self) -> list[str]:
        """Return one sentence per limit that is exceeded."""
        checks = (
            ("parameters", self.num_parameters, MAX_PARAMETERS),
            ("multiply-adds", self.multiply_adds, MAX_MULTIPLY_ADDS),
            ("bytes on disk", self.num_bytes, MAX_BYTES),
            ("ms at batch 1", self.ms_per_face[1][0], MAX_MS[self.task]),
        )
        return [
            f"{self.name} has {value:,.6g} {what}, more than the {limit:,.6g} allowed"
            for what, value, limit in checks
            if value > limit
        ]

    def row(self) -> str:
        """Return the figures as a line below ``HEAD``."""
        times = "  ".join(f"{m:6.1f} ({p:5.1f})" for m, p in self.ms_per_face.values())
        return (
            f"{self.name:<24} {self.num_parameters / 1e6:5.2f} M {self.multiply_adds / 1e6:7.0f} M "
            f"{self.num_bytes / 1e6:6.1f} MB  {times}"
        )


HEAD = (
    f"{'network':<24} {'param.':>7} {'mult-adds':>9} {'on disk':>9}  "
    + "  ".join(f"batch {size:>2}     ".ljust(14) for size in BATCHES)
    + "ms per face: median (95th percentile)"
)


def measure(bundle: Path, seconds: float) -> Measurement:
    """Measure one bundle; ``seconds`` is spent on each batch size."""
    classifier = load_classifier(bundle)
    times: dict[int, tuple[float, float]] = {}
    for size in BATCHES:
        sample = measure_ms(classifier, size, seconds)
        slow = sample[int(0.95 * len(sample))]
        times[size] = (statistics.median(sample) / size, slow / size)
    return Measurement(
        bundle.name,
        classifier.card.task,
        classifier.model.count_params(),
        count_multiply_adds(classifier.model),
        sum(path.stat().st_size for path in bundle.glob("model.*")),
        times,
    )


def write_untrained(config_path: Path, folder: Path) -> Path:
    """Write a bundle of a config's network with random weights.

    The statistics of its normalisations are random too: answers then differ between pictures.
    """
    from training.config import load_config
    from training.network import build_network

    config = load_config(config_path)
    keras.utils.set_random_seed(config.seed)
    network = build_network(config, for_training=False)
    rng = np.random.default_rng(config.seed)
    for layer in iter_layers(network):
        if isinstance(layer, keras.layers.BatchNormalization):
            spread = [rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()]
            layer.set_weights([w * s for w, s in zip(layer.get_weights(), spread, strict=True)])
    outputs = keras.layers.Softmax()(network.output)
    network = keras.Model(network.input, outputs)
    bundle = folder / f"{config.name}_untrained"
    bundle.mkdir()
    network.save(bundle / MODEL_FILE)
    card = ModelCard(
        bundle.name,
        config.title,
        config.task,
        config.labels,
        config.input,
        config.architecture,
        network.count_params(),
        compute_sha256(bundle / MODEL_FILE),
    )
    save_card(bundle, card)
    return bundle


def use_few_cores() -> None:
    """Keep this process to so many cores; call before TensorFlow's first calculation."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("bundles", nargs="*", type=Path, metavar="BUNDLE")
    parser.add_argument("--config", action="append", default=[], type=Path, metavar="TOML")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each batch size")
    args = parser.parse_args(arguments)
    use_few_cores()
    broken, missing = [], ""
    print(f"tensorflow {tf.__version__}, keras {keras.__version__}, at most {CORES} cores")
    print(HEAD)
    named = [path if path.is_dir() else find_bundle(str(path)) for path in args.bundles]
    try:
        with tempfile.TemporaryDirectory() as folder:
            bundles = named or ([] if args.config else list_bundles())
            bundles += [write_untrained(path, Path(folder)) for path in args.config]
            for bundle in bundles:
                measured = measure(bundle, args.seconds)
                print(measured.row(), flush=True)
                broken += measured.broken_limits()
    except FaceCoreError as error:
        missing = str(error)
    for sentence in broken:
        print(f"LIMIT: {sentence}")
    if missing:
        print(missing, file=sys.stderr)
    return 1 if broken or missing else 0


if __name__ == "__main__":
    sys.exit(main())
