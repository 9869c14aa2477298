"""From a trained network to models/<name>/: calibration, export, card."""

import json
import platform
import re
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from facecore.errors import InvalidReportError
from facecore.evaluation import load_report, summarise
from facecore.registry import (
    EVALUATIONS_DIR,
    HISTORY_FILE,
    MODEL_FILE,
    ModelCard,
    compute_sha256,
    save_card,
)
from training.config import TrainConfig
from training.data import TrainingData
from training.run_state import RunState
from training.texts import (
    EXCLUDED_USES,
    INTENDED_USE,
    describe_licence,
    describe_protocol,
    find_pretrained,
    list_limitations,
)
from training.whole_files import writing

FloatArray = npt.NDArray[np.float64]

# Temperatures, and which pictures are too few to find one below 1.
_LEAST, _LEAST_OF_FEW, _MOST = 0.2, 1.0, 5.0
_FEW = 100
_DROPPED_BITS = 13  # of float32's 24 significant ones
_NO_TIME = "1980-01-01@00:00:00"
_SHARED_OBJECT = re.compile(rb'("shared_object_id": )(\d+)')


def compute_log_loss(logits: npt.ArrayLike, y_true: npt.NDArray[np.int16]) -> float:
    """Return the mean negative log probability of the truth.

    Args:
        logits: array of shape (n, num_classes).
        y_true: int array of shape (n,).
    """
    log_probs = log_softmax(np.asarray(logits, dtype=np.float64), axis=1)
    return float(-log_probs[np.arange(len(y_true)), y_true].mean())


def fit_temperature(logits: npt.ArrayLike, y_true: npt.NDArray[np.int16]) -> float:
    """Return the number that logits have to be divided by for the lowest log loss.

    On few pictures, which a network may get all right, it never makes the answers surer.
    """
    values = np.asarray(logits, dtype=np.float64)
    least = _LEAST_OF_FEW if len(values) < _FEW else _LEAST
    result = minimize_scalar(
        lambda log_t: compute_log_loss(values / np.exp(log_t), y_true),
        bounds=(np.log(least), np.log(_MOST)),
        method="bounded",
    )
    return float(np.exp(result.x))


def export_network(network: keras.Model, temperature: float) -> keras.Model:
    """Return a network that gives probabilities; the temperature becomes part of its weights.

    All weights are rounded to float16's precision, so that their file packs to little more than
    half; a probability changes by less than 0.001.

    Args:
        network: float32 network of standard layers that ends in the layer "logits"; its weights
            are changed.
        temperature: as of ``fit_temperature``.
    """
    logits = network.get_layer("logits")
    logits.set_weights([weights / temperature for weights in logits.get_weights()])
    network.set_weights([round_weights(weights) for weights in network.get_weights()])
    outputs = keras.layers.Softmax(name="probabilities")(network.output)
    return keras.Model(network.input, outputs)


def round_weights(weights: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return numbers with the 11 significant bits that float16 has, but the range of float32.

    Args:
        weights: finite numbers of any shape.
    """
    bits = np.asarray(weights, dtype=np.float32).view(np.uint32)
    to_even = (bits >> _DROPPED_BITS) & 1  # at a tie
    rounded = bits + (np.uint32(2 ** (_DROPPED_BITS - 1) - 1) + to_even)
    return np.asarray(rounded >> _DROPPED_BITS << _DROPPED_BITS, dtype=np.uint32).view(np.float32)


def build_card(
    config: TrainConfig,
    data: TrainingData,
    state: RunState,
    network: keras.Model,
    temperature: float,
    framing: Mapping[str, Any],
) -> ModelCard:
    """Return the card of a trained network; checksum and metrics are still empty."""
    return ModelCard(
        name=config.name,
        title=config.title,
        task=config.task,
        labels=config.labels,
        input=config.input,
        architecture=config.architecture,
        num_parameters=network.count_params(),
        sha256="",
        temperature=temperature,
        training={
            "datasets": list(data.sources),
            "protocol": describe_protocol(config),
            "pretrained": find_pretrained(config),
            "config": asdict(config),
            "seed": config.seed,
            "epochs": state.num_epochs,
            "best_epoch": state.best_epoch,
            "duration_s": round(state.duration_s),
            "versions": {
                "python": platform.python_version(),
                "tensorflow": tf.__version__,
                "keras": keras.__version__,
                "numpy": np.__version__,
            },
        },
        framing=framing,
        intended_use=INTENDED_USE[config.task],
        excluded_uses=EXCLUDED_USES,
        limitations=list_limitations(config),
        licence=describe_licence(config),
        role=config.role,
    )


def save_bundle(
    bundle: Path, network: keras.Model, card: ModelCard, history: Sequence[Mapping[str, float]]
) -> ModelCard:
    """Write network, history and card, the card last: a bundle with a card is a whole one.

    Evaluations of an earlier network of the same name are removed; those of the very same network
    stay, and their numbers come into the new card.

    Returns:
        The card with the network's checksum.

    Raises:
        StorageError: if it cannot be written.
    """
    part = bundle / f"part.{MODEL_FILE}"  # Keras wants the ending .keras
    with writing(part):
        network.save(part)
        _make_reproducible(part)
        sha256 = compute_sha256(part)
        card = replace(card, sha256=sha256, metrics=_keep_evaluations(bundle, sha256))
        part.replace(bundle / MODEL_FILE)
        pd.DataFrame(history).to_csv(bundle / HISTORY_FILE, index=False, float_format="%.5f")
    save_card(bundle, card)
    return card


def _make_reproducible(path: Path) -> None:
    """Write a Keras file anew, packed, without times and addresses in memory.

    The same weights then make the same file and checksum.
    """
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    metadata = json.loads(members["metadata.json"])
    members["metadata.json"] = json.dumps(metadata | {"date_saved": _NO_TIME}).encode()
    numbers: dict[bytes, int] = {}
    members["config.json"] = _SHARED_OBJECT.sub(
        lambda match: match[1] + str(numbers.setdefault(match[2], len(numbers) + 1)).encode(),
        members["config.json"],
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


def _keep_evaluations(bundle: Path, sha256: str) -> dict[str, Any]:
    """Remove what is not of this network; return the card's numbers of what stays."""
    metrics = {}
    for folder in sorted((bundle / EVALUATIONS_DIR).glob("*")):
        try:
            report = load_report(folder)
        except InvalidReportError:
            report = None
        if report is not None and report.model_sha256 == sha256:
            metrics[folder.name] = summarise(report)
        else:
            shutil.rmtree(folder)
    return metrics
