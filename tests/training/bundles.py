"""Bundles of untrained networks, for the tests of what begins with or learns from them."""

from pathlib import Path

import keras

from facecore.registry import ModelCard
from training.bundle import export_network, save_bundle
from training.config import TrainConfig


def write_bundle(
    folder: Path,
    config: TrainConfig,
    network: keras.Model,
    temperature: float = 1.0,
    **card_values: object,
) -> None:
    """Write ``folder/<config.name>``; the temperature ends up in the network's last layer."""
    card = ModelCard(
        name=config.name,
        title=config.title,
        task=config.task,
        labels=config.labels,
        input=config.input,
        architecture=config.architecture,
        num_parameters=0,
        sha256="",
        temperature=temperature,
        licence="Theirs.",
        **card_values,
    )
    save_bundle(folder / config.name, export_network(network, temperature), card, [{"epoch": 1}])
