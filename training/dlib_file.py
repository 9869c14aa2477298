"""Reads the weights of dlib's face recognition network from its own file format.

``dlib_face_recognition_resnet_model_v1.dat`` (Davis King, 2017; public domain, CC0) holds the
layers from the picture to the answer, each as its name, then its weights as a tensor: four sizes,
then float32 numbers. Names, order and counts are checked, so that another file is refused.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facecore.errors import ConfigError

FloatArray = npt.NDArray[np.float32]

# A name is its length (one byte that says how many bytes follow, then these) and its letters.
_CONVOLUTION = b"\x01\x05con_4"
_AFFINE = b"\x01\x07affine_"
_TENSOR_VERSION = b"\x01\x02"
# Filters of each convolution: one, then the pairs of 3, 4, 3, 3 and 1 residual blocks.
WIDTHS = (32, *[32] * 6, *[64] * 8, *[128] * 6, *[256] * 8)
MEAN_RGB = (122.782, 117.001, 104.298)
"""What the network takes off every pixel (0-255), before it divides by 256."""


@dataclass(frozen=True, slots=True)
class FaceLayer:
    """One convolution and the fixed scaling behind it.

    Args:
        kernel: float32 array of shape (rows, columns, channels in, filters).
        bias: float32 array of shape (filters,), added before scaling.
        scale: float32 array of shape (filters,).
        shift: float32 array of shape (filters,), added after scaling.
    """

    kernel: FloatArray
    bias: FloatArray
    scale: FloatArray
    shift: FloatArray


def read_face_layers(path: Path) -> list[FaceLayer]:
    """Return the 29 convolutions in the order in which a picture passes them.

    Raises:
        ConfigError: if the file cannot be read or holds another network.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"The pretrained weights {path} cannot be read ({error.strerror}); put dlib's "
            "face recognition network there (see training/README.md)."
        ) from error
    found = [m.start() for m in re.finditer(_CONVOLUTION + b"|" + _AFFINE, content)]
    try:
        tensors = [_read_tensor(content, start) for start in found]
        pairs = list(zip(tensors[::2], tensors[1::2], strict=True))
        return _to_layers(pairs)
    except (ValueError, IndexError) as error:
        raise ConfigError(
            f"{path} is not dlib's face recognition network "
            "(dlib_face_recognition_resnet_model_v1.dat); put that file there."
        ) from error


def _to_layers(pairs: list[tuple[FloatArray, FloatArray]]) -> list[FaceLayer]:
    layers, num_in = [], 3
    for (weights, affine), width in zip(pairs, WIDTHS, strict=True):
        side = 3 if layers else 7
        kernel = weights[:-width].reshape(width, num_in, side, side).transpose(2, 3, 1, 0)
        scale, shift = affine.reshape(2, width)
        layers.append(FaceLayer(kernel, weights[-width:], scale, shift))
        num_in = width
    return layers


def _read_tensor(content: bytes, start: int) -> FloatArray:
    """Return the numbers of the tensor behind a layer's name, flat."""
    name = _CONVOLUTION if content.startswith(_CONVOLUTION, start) else _AFFINE
    at = start + len(name)
    if not content.startswith(_TENSOR_VERSION, at):
        raise ValueError(f"no tensor at byte {at}")
    at += len(_TENSOR_VERSION)
    count = 1
    for _ in range(4):
        num_bytes = content[at]
        count *= int.from_bytes(content[at + 1 : at + 1 + num_bytes], "little")
        at += 1 + num_bytes
    return np.frombuffer(content, "<f4", count, at)
