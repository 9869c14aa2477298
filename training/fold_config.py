"""The settings of the small networks of a cross-validation."""

from typing import Any

import numpy as np

from facecore.datasets import FaceDataset
from facecore.errors import ConfigError
from facecore.registry import find_bundle, load_card
from training.config import TrainConfig, build_config

_SETTINGS = {
    "height": 48,
    "width": 48,
    "architecture": "small_resnet",
    "base_width": 32,
    "epochs": 10,
    "batch_size": 64,
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "weight_decay": 0.001,
    "small_side": 32,
    "small_share": 0.5,
    "shift": 0.08,
    "zoom": 0.1,
    "rotate_deg": 10.0,
    "contrast": 0.2,
    "erase": 0.1,
}

_NOT_LOOKED_AT = (
    "name",
    "title",
    "task",
    "labels",
    "dataset",
    "train_split",
    "validation_split",
    "validation_share",
    "corrections",
    "images_per_class",
    "votes_share",
    "votes_weight",
    "unlabelled",
    "balance",
    "balance_power",
)
"""Settings that follow from the data set, or need more than its pictures and labels."""


def build_fold_config(dataset: FaceDataset, overrides: dict[str, Any]) -> TrainConfig:
    """Return the settings of every fold's network.

    Raises:
        ConfigError: if an override is unknown, of the wrong type or not for this, if a network that
            it names has seen the pictures, or if these are all of one class.
        ModelError: if there is no usable network of a name.
    """
    if unfit := [key for key in _NOT_LOOKED_AT if key in overrides]:
        raise ConfigError(
            f"Every picture of {dataset.name} is judged by its own label, so that "
            f"{', '.join(unfit)} cannot be set here; leave --set {unfit[0]} out."
        )
    values = {
        "name": f"cross_validation_{dataset.name}",
        "title": f"Cross-validation of {dataset.name}",
        "task": dataset.task,
        "labels": list(list_occurring(dataset)),
        "dataset": dataset.name,
        "train_split": dataset.split,
        "validation_split": dataset.split,
    }
    config = build_config(values | _SETTINGS | overrides)
    for name in filter(None, (config.start_from, *config.teachers)):
        seen = load_card(find_bundle(name)).training.get("datasets", ())
        if any(source["name"] == dataset.name for source in seen):
            raise ConfigError(
                f"'{name}' was trained on {dataset.name}, so that no network that learns from it "
                "can judge these pictures; name another one, or leave it out."
            )
    return config


def list_occurring(dataset: FaceDataset) -> tuple[str, ...]:
    """Return the classes of which there are pictures, in order."""
    return tuple(dataset.labels[code] for code in np.unique(dataset.y_true))
