# ruff: noqa: E402 - the path and the log level have to be set before the imports
"""Train one network: config -> data -> model -> fit -> choose -> bundle.

    python training/train.py --config training/configs/expression_model1.toml

Every epoch is saved in the run folder, outside the project; the same command goes on after an
interruption and ends with the same result. Never looks at a test split.
"""

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
PROJECT_DIR = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_DIR))  # so that the script runs without being installed

import keras
import tensorflow as tf

from facecore.errors import FaceCoreError, TrainingRunError
from facecore.evaluation import EvaluationReport, evaluate_model
from facecore.evaluation_threshold import write_threshold
from facecore.inference import configure_device, load_classifier
from facecore.registry import ModelCard, models_dir
from training.averaging import AveragedWeights, MeasuredStatistics, WeightAverage
from training.batches import TrainingBatches
from training.bundle import (
    build_card,
    compute_log_loss,
    export_network,
    fit_temperature,
    save_bundle,
)
from training.config import TrainConfig, load_config, parse_override
from training.data import TrainingData, load_splits, load_training_data
from training.lessons import LESSONS_DIR, LessonBatches
from training.network import build_network, choose_strategy, compile_network, count_steps
from training.pretrained import take_face_weights
from training.run_state import STATE_FILE, RunState, restore_state, save_state
from training.speed import measure_speed
from training.start import read_start, take_weights
from training.supervision import end_with_stdin, lower_priority
from training.teachers import ask_teachers

FRAMING_DIR = PROJECT_DIR / "training" / "framing"
_EVALUATION_BATCH = 256
# Moving statistics look back over about a hundred steps. Shorter epochs are judged while much of
# what the statistics began with is left in them, and shorter runs end so.
_SHORT_EPOCH_STEPS, _SHORT_RUN_STEPS = 50, 500


def train(
    config: TrainConfig,
    data: TrainingData,
    run_dir: Path,
    bundle: Path,
    strategy: tf.distribute.Strategy | None = None,
) -> ModelCard:
    """Train, or go on training, and write the bundle.

    Args:
        config: what to train.
        data: pictures in memory.
        run_dir: where the state is saved after each epoch.
        bundle: folder of the finished network; its name should be ``config.name``.
        strategy: how batches are shared out; default: over all GPUs.

    Raises:
        ConfigError: if ``run_dir`` holds a run with other settings or labels, or a teacher does
            not fit.
        ModelError: if a teacher cannot be opened.
        StorageError: if there is no room for the state or the bundle.
        TrainingRunError: if the loss is no number any more, or never was one.
    """
    keras.utils.set_random_seed(config.seed)
    with (strategy or choose_strategy()).scope():
        model = build_network(config, for_training=True)
        compile_network(model, config, num_train=data.num_per_epoch)
    start = read_start(model, config) if config.start_share else []  # and takes the weights
    state = restore_state(run_dir, config, model, data.labels_digest)
    if state.num_epochs:
        print(f"Going on after epoch {state.num_epochs} of {config.epochs}")
    elif config.start_from and not start:
        take_weights(model, config)
    elif config.pretrained:
        take_face_weights(model, config, data.train_images)
    if state.num_epochs < config.epochs:
        average = WeightAverage(
            model, config.average_decay, state.average, start, config.start_share
        )
        fit(model, average, config, data, state, run_dir)
    return publish(config, data, state, bundle)


def fit(
    model: keras.Model,
    average: WeightAverage,
    config: TrainConfig,
    data: TrainingData,
    state: RunState,
    run_dir: Path,
) -> None:
    """Train the epochs that are left, and save the state after each.

    Raises:
        StorageError: if there is no room for the state; earlier epochs stay saved.
        TrainingRunError: if the loss is no number any more; earlier epochs stay saved.
    """
    if config.lessons:
        batches: TrainingBatches | LessonBatches = LessonBatches(config, data, run_dir)
    else:
        taught = ask_teachers(config, data.train_images)
        batches = TrainingBatches(config, data, taught)
    for epoch in range(state.num_epochs, config.epochs):
        fit_epoch(model, average, config, batches, data, state, epoch)
        save_state(run_dir, config, model, state)


def fit_epoch(
    model: keras.Model,
    average: WeightAverage,
    config: TrainConfig,
    batches: TrainingBatches | LessonBatches,
    data: TrainingData,
    state: RunState,
    epoch: int,
) -> None:
    """Train one epoch, judge it on the validation pictures and note both in the state.

    Raises:
        TrainingRunError: if the loss is no number any more; the state is as before the epoch.
    """
    start = time.monotonic()
    fitted = model.fit(
        batches.iter_epoch(epoch),
        initial_epoch=epoch,
        epochs=epoch + 1,
        shuffle=False,  # done by iter_epoch
        callbacks=[average] if config.average_decay else [],
        verbose=1 if sys.stdout.isatty() else 0,
    )
    with choose_weights(model, average, config, data, epoch):
        logits = compute_logits(model, data.validation_images)
        loss = compute_log_loss(logits, data.validation_y)
        if not np.isfinite(loss):
            raise TrainingRunError(
                f"The loss of '{config.name}' is no number any more in epoch {epoch + 1}; lower "
                f"learning_rate ({config.learning_rate:g} now) and train again from the start."
            )
        if loss < state.lowest_loss:
            state.best_weights = model.get_weights()
    state.average = average.values if config.average_decay else []
    duration_s = time.monotonic() - start
    row = {
        "epoch": epoch + 1,
        "loss": float(fitted.history["loss"][-1]),
        "accuracy": float(fitted.history["accuracy"][-1]),
        "validation_loss": loss,
        "validation_accuracy": float(np.mean(logits.argmax(axis=1) == data.validation_y)),
        "duration_s": duration_s,
    }
    state.history.append(row)
    state.duration_s += duration_s
    minutes_left = state.duration_s / state.num_epochs * (config.epochs - epoch - 1) / 60
    print(
        f"{config.name} epoch {epoch + 1}/{config.epochs}: accuracy {row['accuracy']:.3f}, "
        f"on validation {row['validation_accuracy']:.3f} (loss {loss:.3f}), "
        f"{duration_s:.0f} s, about {minutes_left:.0f} min left",
        flush=True,
    )


def choose_weights(
    model: keras.Model,
    average: WeightAverage,
    config: TrainConfig,
    data: TrainingData,
    epoch: int,
) -> AbstractContextManager[Any]:
    """Return a context in which the model has the weights that are judged and kept."""
    if config.average_decay:
        return AveragedWeights(model, average, data.train_images, seed=epoch)
    steps = count_steps(config, data.num_per_epoch)
    if steps < _SHORT_EPOCH_STEPS or steps * config.epochs < _SHORT_RUN_STEPS:
        return MeasuredStatistics(model, data.train_images, seed=epoch)
    return nullcontext()


def compute_logits(model: keras.Model, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return a float32 array of shape (n, num_classes); the crowd's logits are left out."""
    logits = model.predict(images, batch_size=_EVALUATION_BATCH, verbose=0)
    num_classes = model.get_layer("logits").units
    return np.asarray(logits[:, :num_classes], dtype=np.float32)


def publish(config: TrainConfig, data: TrainingData, state: RunState, bundle: Path) -> ModelCard:
    """Calibrate the best weights on the validation pictures and write the bundle.

    Raises:
        TrainingRunError: if no epoch had a loss that is a number, as older runs may end.
    """
    if not state.best_weights:
        raise TrainingRunError(
            f"The loss of '{config.name}' was no number in any epoch; lower learning_rate "
            f"({config.learning_rate:g} now) and train again from the start."
        )
    keras.utils.clear_session()  # layers are numbered anew: their names are part of the file
    network = build_network(config, for_training=False)
    network.set_weights(state.best_weights[: len(network.weights)])  # no votes' layer
    logits = compute_logits(network, data.validation_images)
    # Rounded, so that the last digit of a sum cannot make another file of the same weights.
    temperature = round(fit_temperature(logits, data.validation_y), 4)
    exported = export_network(network, temperature)
    framing = load_framing(config.dataset)
    card = build_card(config, data, state, exported, temperature, framing)
    return save_bundle(bundle, exported, card, state.history)


def evaluate_bundle(config: TrainConfig, bundle: Path) -> EvaluationReport:
    """Write the finished bundle's report on the validation pictures, of every class.

    From its answers follows the confidence below which the network counts as undecided.
    """
    _, validation = load_splits(config)
    report = evaluate_model(load_classifier(bundle), validation, bundle)
    write_threshold(bundle, report.dataset, report.split, config.wanted_accuracy)
    return report


def load_framing(dataset: str) -> dict[str, Any]:
    """Return what measure_framing.py found for a data set; empty if it has not run."""
    path = FRAMING_DIR / f"{dataset}.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 or 1."""
    parser = argparse.ArgumentParser(description="Train one network and write its bundle.")
    parser.add_argument("--config", type=Path, required=True, help="a file of training/configs/")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--run-dir", type=Path, help="default: ~/facecore-runs/<name>")
    parser.add_argument("--models-dir", type=Path, help="default: models/ of the project")
    parser.add_argument("--restart", action="store_true", help="forget an earlier run")
    parser.add_argument("--measure-speed", action="store_true", help="print it and train nothing")
    parser.add_argument("--nice", type=int, default=0, help="0-19: let other programs go first")
    parser.add_argument(
        "--end-with-stdin", action="store_true", help="for programs that start this one"
    )
    options = parser.parse_args(arguments)
    lower_priority(options.nice)
    if options.end_with_stdin:
        end_with_stdin()
    try:
        config = load_config(options.config, dict(map(parse_override, options.set)))
        device = configure_device().text  # GPUs take memory as they need it
        if options.measure_speed:
            print(json.dumps(measure_speed(config).to_dict()))
            return 0
        print(device, flush=True)
        run_dir = options.run_dir or Path.home() / "facecore-runs" / config.name
        if options.restart:
            (run_dir / STATE_FILE).unlink(missing_ok=True)
            shutil.rmtree(run_dir / LESSONS_DIR, ignore_errors=True)
        data = load_training_data(config)
        print(f"{config.name}: {len(data.train_y)} pictures, run folder {run_dir}", flush=True)
        bundle = (options.models_dir or models_dir()) / config.name
        train(config, data, run_dir, bundle)
        report = evaluate_bundle(config, bundle)
    except FaceCoreError as error:
        print(error, file=sys.stderr)
        return 1
    low, high = report.scores.accuracy_interval
    print(
        f"{bundle}: accuracy {report.scores.accuracy:.3f} ({low:.3f}-{high:.3f}) on "
        f"{report.dataset} {report.split}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
