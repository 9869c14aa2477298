"""Beginning with the weights of a finished network instead of random ones."""

import keras
import numpy as np
import numpy.typing as npt

from facecore.errors import ConfigError
from facecore.inference import load_network
from facecore.registry import find_bundle, load_card
from training.config import TrainConfig
from training.votes_head import VOTES

_HEAD = "logits"


def take_weights(model: keras.Model, config: TrainConfig) -> None:
    """Give a new network the weights of the bundle ``config.start_from``.

    The exported network ends in a softmax and has its temperature folded into the layer "logits";
    that is undone. In that layer, labels that the bundle does not know keep their random weights.

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
    known_head = [w * card.temperature for w in source.get_layer(_HEAD).get_weights()]
    new_head = model.get_layer(_HEAD).get_weights()
    old = source.get_weights()[: -len(known_head)]
    votes_head = [w for layer in model.layers if layer.name == VOTES for w in layer.get_weights()]
    new = model.get_weights()[: -len([*new_head, *votes_head])]
    # One row of the head's kernel per feature, so that different features are different layers.
    if [w.shape for w in (*old, known_head[0].T[0])] != [w.shape for w in (*new, new_head[0].T[0])]:
        raise ConfigError(
            f"'{config.start_from}' has other layers than this run ({card.architecture} for "
            f"{card.input.height}x{card.input.width} pixels); leave out architecture, base_width, "
            "num_stages, height and width, or start anew."
        )
    for column, label in enumerate(config.labels):
        if label in card.labels:
            for weights, known in zip(new_head, known_head, strict=True):
                weights[..., column] = known[..., card.labels.index(label)]
    model.set_weights([*old, *new_head, *votes_head])


def read_start(model: keras.Model, config: TrainConfig) -> list[npt.NDArray[np.float32]]:
    """Give a new network the weights, and return its trainable ones for ``start_share``.

    Args, Raises:
        As for ``take_weights``; ConfigError also if the bundle does not know every label: random
        weights would be a part of the result.
    """
    unknown = sorted(set(config.labels) - set(load_card(find_bundle(config.start_from)).labels))
    if unknown:
        raise ConfigError(
            f"'{config.start_from}' does not know {', '.join(unknown)}, so that it cannot be a "
            "share of the result; set start_share to 0 or begin with a network that does."
        )
    take_weights(model, config)
    return [variable.numpy() for variable in model.trainable_variables]
