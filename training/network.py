"""From a config to a network that can be fitted: number format, optimizer, loss."""

from collections.abc import Sequence
from pathlib import Path

import keras
import tensorflow as tf

from facecore.errors import ConfigError
from facecore.untrusted_files import shorten
from training.architectures import ARCHITECTURES
from training.config import TrainConfig
from training.votes_head import LabelsAndVotesLoss, add_votes_head, labels_accuracy


def build_network(config: TrainConfig, for_training: bool) -> keras.Model:
    """Return a new network with logits; exported ones are float32 and of standard layers.

    In training there are as many logits again for the crowd's votes, if the config wants them.

    Raises:
        ConfigError: if the config names no known architecture, or sizes that it cannot have.
    """
    if config.architecture not in ARCHITECTURES:
        raise ConfigError(
            f"There is no architecture '{config.architecture}'; choose one of "
            f"{', '.join(ARCHITECTURES)}."
        )
    policy = choose_precision(tf.config.list_physical_devices("GPU")) if for_training else "float32"
    keras.mixed_precision.set_global_policy(policy)
    # Where training begins on smaller pictures, the weights must not depend on the size.
    several_sizes = for_training and config.small_side
    sides = (None, None) if several_sizes else (config.height, config.width)
    try:
        model = ARCHITECTURES[config.architecture](
            (*sides, config.input.num_channels),
            len(config.labels),
            base_width=config.base_width,
            num_stages=config.num_stages,
            dropout=config.dropout,
            for_training=for_training,
        )
        return add_votes_head(model) if for_training and config.votes_weight else model
    except ValueError as error:  # such as more stages than the picture can be halved
        raise ConfigError(
            f"The network '{config.architecture}' cannot be built ({shorten(error)}); change "
            "height, width, small_side, base_width or num_stages."
        ) from error
    finally:
        keras.mixed_precision.set_global_policy("float32")


def choose_precision(gpus: Sequence[object]) -> str:
    """Return Keras' name of the number format that trains fastest here.

    On GPUs half precision with a scaled loss, on processors that multiply bfloat16 that, else
    float32. The layer of the logits is float32 in all of them.
    """
    if gpus:
        return "mixed_float16"
    return "mixed_bfloat16" if has_fast_bfloat16() else "float32"


def choose_strategy(devices: Sequence[str] | None = None) -> tf.distribute.Strategy:
    """Return how batches are shared out: over all GPUs where there are several.

    Args:
        devices: names such as "GPU:0"; default: every GPU.
    """
    if devices is None:
        devices = [f"GPU:{i}" for i in range(len(tf.config.list_physical_devices("GPU")))]
    if len(devices) > 1:
        return tf.distribute.MirroredStrategy(list(devices))
    return tf.distribute.get_strategy()


def has_fast_bfloat16() -> bool:
    """Tell whether the processor multiplies bfloat16 numbers; emulated, they are slow."""
    path = Path("/proc/cpuinfo")
    flags = path.read_text(encoding="utf-8").split() if path.is_file() else []
    return "avx512_bf16" in flags or "amx_bf16" in flags


def count_steps(config: TrainConfig, num_train: int) -> int:
    """Return the steps of one epoch; what does not fill a batch waits for another epoch."""
    steps = max(1, num_train // config.batch_size)
    return min(steps, config.max_steps_per_epoch or steps)


def compile_network(model: keras.Model, config: TrainConfig, num_train: int) -> None:
    """Give the network its optimizer, with a rate that rises and then falls along a cosine."""
    steps = count_steps(config, num_train)
    warmup = round(config.warmup_epochs * steps)
    rate = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=config.learning_rate / 20,
        decay_steps=max(1, config.epochs * steps - warmup),
        warmup_target=config.learning_rate,
        warmup_steps=warmup,
    )
    decay = config.weight_decay
    optimizer = (
        keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=decay)
        if config.optimizer == "sgd"
        else keras.optimizers.AdamW(rate, weight_decay=decay)
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    labels_only = keras.losses.CategoricalCrossentropy(from_logits=True)  # targets are smoothed
    accuracy = keras.metrics.MeanMetricWrapper(labels_accuracy, name="accuracy")
    model.compile(
        optimizer,
        loss=LabelsAndVotesLoss() if config.votes_weight else labels_only,
        metrics=[accuracy if config.votes_weight else "accuracy"],
    )
    # In half precision this is a wrapper that scales the loss.
    model.optimizer.build(model.trainable_variables)
