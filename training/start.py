"""Beginning with the weights of a finished network instead of random ones."""

import keras
import numpy as np

from facecore.errors import ConfigError
from facecore.inference import load_network
from facecore.registry import find_bundle, load_card
from training.config import TrainConfig

_HEAD = "logits"


def take_weights(model: keras.Model, config: TrainConfig) -> None:
    """Give a new network the weights of the bundle ``config.start_from``.

    The exported network ends in a softmax and has its temperature folded into the layer "logits";
    that is undone. If the classes differ, that layer keeps its random weights.

    Args:
        model: built for the config; ends in "logits".
        config: names the bundle.

    Raises:
        ModelError: if the bundle cannot be opened.
        ConfigError: if its layers are not those of the model.
    """
    bundle = find_bundle(config.start_from)
    card = load_card(bundle)
    source = load_network(bundle)
    same_classes = card.labels == config.labels
    if same_classes:
        head = source.get_layer(_HEAD)
        head.set_weights([values * card.temperature for values in head.get_weights()])
    num_head = len(model.get_layer(_HEAD).get_weights())
    old, new = source.get_weights(), model.get_weights()
    num_taken = len(new) if same_classes else len(new) - num_head
    shapes_old = [np.shape(values) for values in old[:num_taken]]
    if len(old) != len(new) or shapes_old != [np.shape(values) for values in new[:num_taken]]:
        raise ConfigError(
            f"'{config.start_from}' has other layers than this run ({card.architecture} for "
            f"{card.input.height}x{card.input.width} pixels); leave out architecture, base_width, "
            "num_stages, height and width, or start anew."
        )
    model.set_weights([*old[:num_taken], *new[num_taken:]])
