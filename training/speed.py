"""How fast this machine trains a network, measured on a few steps with made pictures."""

import time
from dataclasses import asdict, dataclass, replace

import numpy as np

from training.batches import TrainingBatches
from training.config import TrainConfig
from training.data import TrainingData
from training.network import build_network, compile_network

_WARM_STEPS = 2
_STEPS = 8
_CHANGES = (
    "shift",
    "zoom",
    "rotate_deg",
    "brightness",
    "contrast",
    "erase",
    "soften",
    "jpeg",
    "noise",
)


@dataclass(frozen=True, slots=True)
class Speed:
    """What a run costs here.

    Args:
        images_per_s: labelled pictures fitted on per second; where lessons show an unlabelled one
            beside each, both take their time.
        judged_per_s: pictures judged per second, without learning from them.
        start_s: seconds until the first step: building and compiling, without teachers' answers.
        measured_s: what this measurement took, without the start of the process.
    """

    images_per_s: float
    judged_per_s: float
    start_s: float
    measured_s: float

    def to_dict(self) -> dict[str, float]:
        """Return the JSON form."""
        return asdict(self)


def measure_speed(config: TrainConfig) -> Speed:
    """Fit a few steps on random pictures, full-sized and augmented as the config says."""
    short = replace(
        config, start_from="", start_share=0.0, small_side=0, images_per_class=0, balance=()
    )
    if config.lessons:
        # Made once, with all their changes; the epochs do no more than mirror them.
        short = replace(short, **dict.fromkeys(_CHANGES, 0.0))
    begun = time.monotonic()
    model = build_network(short, for_training=True)
    num_images = short.batch_size * (_WARM_STEPS + _STEPS)
    compile_network(model, short, num_images)
    data = _make_data(short, num_images)
    steps = TrainingBatches(short, data).iter_epoch(0)
    started = begun
    for number, batch in enumerate(steps):
        if number == _WARM_STEPS:
            started = time.monotonic()
        model.train_on_batch(*batch)
    fitted_s = time.monotonic() - started
    model.predict(data.train_images[:1], verbose=0)
    judging = time.monotonic()
    model.predict(data.train_images, batch_size=short.batch_size, verbose=0)
    judged_s = time.monotonic() - judging
    beside = 2 if config.unlabelled else 1
    return Speed(
        images_per_s=round(_STEPS * short.batch_size / fitted_s / beside, 1),
        judged_per_s=round(num_images / judged_s, 1),
        start_s=round(started - begun, 1),
        measured_s=round(time.monotonic() - begun, 1),
    )


def _make_data(config: TrainConfig, num_images: int) -> TrainingData:
    rng = np.random.default_rng(0)
    shape = (num_images, config.height, config.width, config.input.num_channels)
    images = rng.integers(0, 256, shape, dtype=np.uint8)
    y = (np.arange(num_images) % len(config.labels)).astype(np.int16)
    votes = np.ones((num_images, len(config.labels)), dtype=np.float32)
    return TrainingData(images, y, images[:1], y[:1], train_votes=votes)
