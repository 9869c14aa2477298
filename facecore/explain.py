"""What moved a network: heat maps by Grad-CAM, its gradients kept at their places.

Grad-CAM (Selvaraju et al., 2017) weighs a layer's channels by the gradient of a class's logit. Here
each field keeps its own gradient (HiResCAM, Draelos and Carin, 2020): the same where the layer is
averaged right before the logits, and elsewhere free of Grad-CAM's fault of pointing at bright
places that moved nothing. "Why this and not that" takes the difference of two logits.

Imports Keras and is imported only by who explains; the network is received.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from facecore.errors import ModelError
from facecore.preprocessing import UInt8Array

LOGITS = "logits"
"""Name of the layer before softmax, in every network of ``training/``."""

_LEAST_FIELDS = 6  # per side; a map of fewer fields says nothing about a face


def compute_heat_map(
    network: keras.Model,
    labels: Sequence[str],
    image: UInt8Array,
    label: str,
    against: str | None = None,
) -> npt.NDArray[np.float32]:
    """Return how much each field of a picture moved the network towards a class.

    Args:
        network: has a layer "logits".
        labels: its classes in column order.
        image: uint8 array of shape (H, W, C), one picture of ``to_batch``.
        label: the class to explain.
        against: the class that it is compared with; None: by itself.

    Returns:
        float32 array of shape (rows, columns), coarser than the picture; the strongest field is 1
        or -1 (all 0: nothing moved it). By itself a class has only positive fields; compared with
        another one, negative fields speak for that.

    Raises:
        ModelError: if the network has no layer "logits".
    """
    if isinstance(network, keras.Sequential):  # does not tell how its layers hang together
        network = keras.Model(network.inputs, network.outputs)
    layer = find_layer(network)
    column = labels.index(label)
    other = None if against is None else labels.index(against)
    inner = keras.Model(
        network.input, [network.get_layer(layer).output, network.get_layer(LOGITS).output]
    )
    picture = tf.cast(image[None], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(picture)  # what follows from it is recorded
        fields, logits = inner(picture, training=False)
        score = logits[0, column] if other is None else logits[0, column] - logits[0, other]
    moved = tf.reduce_sum(fields * tape.gradient(score, fields), axis=-1)[0].numpy()
    if other is None:
        moved = np.maximum(moved, 0)
    strongest = np.abs(moved).max()
    return np.asarray(moved / strongest if strongest > 0 else moved, dtype=np.float32)


def find_layer(network: keras.Model) -> str:
    """Return a functional network's deepest layer of at least 6x6 fields that everything passes.

    A layer inside a branch would tell about that branch only.

    Raises:
        ModelError: if the network has no layer "logits".
    """
    passed: dict[str, set[str]] = {}  # per layer: what every way from the input to it passes
    order: list[str] = []
    for layer in network.get_config()["layers"]:
        name = str(layer["config"]["name"])
        ways = [passed[parent] for parent in _find_parents(layer["inbound_nodes"])]
        passed[name] = (set.intersection(*ways) if ways else set()) | {name}
        order.append(name)
    if LOGITS not in passed:
        raise ModelError(
            f"The network '{network.name}' cannot be explained: it has no layer '{LOGITS}' before "
            "its probabilities; train it with training/train.py."
        )
    fitting = [name for name in order if name in passed[LOGITS] and _is_fine(network, name)]
    # The input itself is as fine as can be, unless the pictures are tiny.
    return fitting[-1] if fitting else order[0]


def _find_parents(node: Any) -> set[str]:
    """Return the layers whose outputs a layer takes, from its place in the network's config."""
    if isinstance(node, dict):
        if node.get("class_name") == "__keras_tensor__":
            return {str(node["config"]["keras_history"][0])}
        node = list(node.values())
    if isinstance(node, list | tuple):
        return set().union(*map(_find_parents, node))
    return set()


def _is_fine(network: keras.Model, name: str) -> bool:
    shape = tuple(getattr(network.get_layer(name).output, "shape", ()))
    return len(shape) == 4 and min(shape[1] or 0, shape[2] or 0) >= _LEAST_FIELDS
