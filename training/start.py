"""Beginning with the weights of a finished network instead of random ones."""

import keras

from facecore.errors import ConfigError
from facecore.inference import load_network
from facecore.registry import find_bundle, load_card
from training.config import TrainConfig

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
    new = model.get_weights()[: -len(new_head)]
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
    model.set_weights([*old, *new_head])
