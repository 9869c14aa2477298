"""Beginning with a network that knows faces: dlib's, which tells people apart.

The picture passes the same numbers as in dlib's network, but its fixed scalings become batch
normalisations, so that it goes on learning as the others do.
"""

from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from facecore.datasets_common import data_dir
from facecore.errors import ConfigError
from training.config import TrainConfig
from training.dlib_file import MEAN_RGB, FaceLayer, read_face_layers
from training.network import build_network

_PACKAGE = "face_recognition_models"
_NUM_IMAGES = 512
_OPEN_GATE = 4.0  # squeeze and excitation lets nearly everything pass at first:
_GATE = float(1 / (1 + np.exp(-_OPEN_GATE)))


def take_face_weights(
    model: keras.Model, config: TrainConfig, images: npt.NDArray[np.uint8]
) -> None:
    """Give a new network of architecture "face_resnet" the weights of dlib's.

    Args:
        model: built for training for the config.
        config: names the file.
        images: training pictures, uint8 array of shape (n, H, W, 1); some of them are looked at,
            for the statistics of the normalisations.

    Raises:
        ConfigError: if the file is missing or another one, or the architecture does not fit.
    """
    source = read_face_layers(find_weights(config.pretrained))
    network = build_network(config, for_training=False)
    rows = np.random.default_rng(config.seed).permutation(len(images))[:_NUM_IMAGES]
    fill_network(network, source, images[rows].astype(np.float32))
    num_weights = len(network.weights)
    model.set_weights([*network.get_weights(), *model.get_weights()[num_weights:]])


def find_weights(name: str) -> Path:
    """Return the file of the data folder or, where it is not there, of the package that has it."""
    path = data_dir() / name
    spec = None if path.is_file() else find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        return path
    return Path(spec.origin).parent / "models" / name


def fill_network(
    network: keras.Model, source: list[FaceLayer], images: npt.NDArray[np.float32]
) -> None:
    """Set every weight but the last layer's, from the picture to the answer.

    Args:
        network: of architecture "face_resnet", with standard layers.
        source: dlib's layers; the network may be its front.
        images: float32 array of shape (n, H, W, 1), 0-255.
    """
    convolutions = [layer for layer in network.layers if isinstance(layer, layers.Conv2D)]
    main = [layer for layer in convolutions if layer.kernel_size != (1, 1)]
    filters = [layer.kernel.shape[-1] for layer in source[: len(main)]]
    if [layer.filters for layer in main] != filters or network.input.shape[-1] != 1:
        raise ConfigError(
            "dlib's network fits grey pictures and the architectures 'face_resnet', "
            "'large_face_resnet' and 'face_resnet_128' with base_width 32 only; choose these."
        )
    behind = {id(layer.output): layer for layer in convolutions}
    for layer in network.layers:
        if isinstance(layer, layers.Dense) and layer.activation is keras.activations.sigmoid:
            kernel, bias = layer.get_weights()
            layer.set_weights([np.zeros_like(kernel), np.full_like(bias, _OPEN_GATE)])
        if not isinstance(layer, layers.BatchNormalization):
            continue
        convolution = behind[id(layer.input)]
        if convolution in main:
            place = main.index(convolution)
            scale, shift = _set_kernel(convolution, source[place])
            if place and place % 2 == 0:  # the gate behind each block's second one takes a little
                scale, shift = scale / _GATE, shift / _GATE
        else:
            convolution.set_weights([np.eye(*convolution.kernel.shape[2:])[None, None]])
            scale, shift = np.float32(1), np.float32(0)
        # Called, not predicted with: nothing is compiled for a single answer.
        outputs = keras.Model(network.input, layer.input)(images, training=False).numpy()
        mean, variance = outputs.mean(axis=(0, 1, 2)), outputs.var(axis=(0, 1, 2))
        gamma = scale * np.sqrt(variance + layer.epsilon)
        layer.set_weights([gamma, shift + scale * mean, mean, variance])


def _set_kernel(
    convolution: layers.Conv2D, source: FaceLayer
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Set the filters; return scale and shift of its outputs that give what dlib's layer gives."""
    kernel, bias = source.kernel, source.bias
    if kernel.shape[2] == 3:  # colours: a grey pixel p - as p / 64 - 2 - counts as each of them
        off = (128 - np.array(MEAN_RGB, np.float32)) / 256
        bias = bias + np.einsum("hwcf,c->f", kernel, off)
        kernel = kernel.sum(axis=2, keepdims=True) / 4
    # dlib's filters are small, which matters to nothing but the step that training makes of a
    # rate. Now they are as large as new ones.
    wanted = np.sqrt(2 / np.prod(kernel.shape[:3]))
    factor = np.float32(wanted / kernel.std())
    convolution.set_weights([kernel * factor])
    return source.scale / factor, source.shift + source.scale * bias
