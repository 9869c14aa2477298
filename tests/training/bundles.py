"""Bundles of untrained networks, for the tests of what begins with or learns from them."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from training.bundle import build_card, export_network, save_bundle
from training.config import TrainConfig
from training.data import TrainingData
from training.run_state import RunState

_NOTHING = TrainingData(*2 * (np.empty((0, 1, 1, 1), np.uint8), np.empty(0, np.int16)))
_RUN = RunState([{"epoch": 1, "validation_loss": 1.0}])


def write_bundle(
    folder: Path,
    config: TrainConfig,
    network: keras.Model,
    temperature: float = 1.0,
    **card_values: object,
) -> None:
    """Write ``folder/<config.name>``; the temperature ends up in the network's last layer."""
    card = build_card(config, _NOTHING, _RUN, network, temperature, {})
    card = replace(card, licence="Theirs.", **card_values)
    save_bundle(folder / config.name, export_network(network, temperature), card, _RUN.history)
