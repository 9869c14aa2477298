"""The paper's kind of network, and those of the works it cites, for comparison.

As in ``architectures``: pixels 0-255 in, logits out.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

Shape = tuple[int | None, int | None, int]

_DROPOUT = 0.25


def build_paper_cnn(
    input_shape: Shape,
    num_classes: int,
    base_width: int = 32,
    num_stages: int = 3,
    dropout: float = 0.5,
    for_training: bool = False,
) -> keras.Model:
    """Build the paper's expression network: convolution, normalisation, pooling, dropout, dense.

    After its section 4.2, which names the layers but not their sizes.

    Args:
        input_shape: (H, W, C); fixed, because the last feature map is flattened.
        num_classes: length of the logits.
        base_width: channels of the first stage; each further one has twice as many.
        num_stages: of convolution and max-pooling.
        dropout: before the last layer.
        for_training: changes nothing; standard layers are used throughout.
    """
    del for_training
    return _plain_cnn(input_shape, num_classes, base_width, num_stages, dropout, normalise=True)


def build_paper_gender_cnn(
    input_shape: Shape,
    num_classes: int,
    base_width: int = 32,
    num_stages: int = 4,
    dropout: float = 0.5,
    for_training: bool = False,
) -> keras.Model:
    """Build the paper's gender network: the same without normalisation (its section 4.1).

    Arguments as for ``build_paper_cnn``.
    """
    del for_training
    return _plain_cnn(input_shape, num_classes, base_width, num_stages, dropout, normalise=False)


def build_mini_xception(
    input_shape: Shape,
    num_classes: int,
    base_width: int = 16,
    num_stages: int = 4,
    dropout: float = 0.0,
    for_training: bool = False,
) -> keras.Model:
    """Build mini_XCEPTION: residual separable convolutions, no dense layer.

    Source: Arriaga, Plöger and Valdenegro, "Real-time Convolutional Neural Networks for Emotion
    and Gender Classification" (2017). Arguments as for ``build_paper_cnn``; its own network has
    width 16 and four stages.
    """
    del for_training
    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    for _ in range(2):
        x = _norm_relu(layers.Conv2D(8, 3, use_bias=False)(x))
    for stage in range(num_stages):
        x = _separable_block(x, base_width * 2**stage)
    if dropout:
        x = layers.Dropout(dropout, seed=0)(x)
    x = layers.Conv2D(num_classes, 3, padding="same", name="logits")(x)
    return keras.Model(inputs, _float32_average(x))


def build_facial_parts(
    input_shape: Shape,
    num_classes: int,
    base_width: int = 32,
    num_stages: int = 3,
    dropout: float = 0.5,
    for_training: bool = False,
) -> keras.Model:
    """Build two networks side by side, one for the eyes and one for the mouth.

    Source: Nwosu et al., "Deep Convolutional Neural Network for Facial Expression Recognition
    using Facial Parts" (2017). Instead of finding the parts, bands of the framed face are taken:
    the eyes at 15-55 % of its height, the mouth at 55-100 % of it and the middle two thirds of its
    width. Arguments as for ``build_paper_cnn``.
    """
    del for_training
    inputs, x = _scaled_input(input_shape)
    height, width = _sides(input_shape)
    eyes = layers.Cropping2D(((round(0.15 * height), height - round(0.55 * height)), (0, 0)))(x)
    side = round(width / 6)
    mouth = layers.Cropping2D(((round(0.55 * height), 0), (side, side)))(x)
    parts = [_convolve(part, base_width, num_stages, normalise=True) for part in (eyes, mouth)]
    return _dense_head(inputs, layers.Concatenate()(parts), num_classes, dropout)


def build_dense_sift_cnn(
    input_shape: Shape,
    num_classes: int,
    base_width: int = 32,
    num_stages: int = 3,
    dropout: float = 0.5,
    for_training: bool = False,
) -> keras.Model:
    """Build a network that sees dense SIFT features beside the pixels.

    Source: Connie, Al-Shabi, Cheah and Goh, "Facial Expression Recognition Using a Hybrid CNN-SIFT
    Aggregator" (2017). The features are computed by fixed layers: eight directions of the
    gradient, summed over cells of 4x4 pixels; a learned 4x4 convolution then sees what one SIFT
    descriptor sees. Arguments as for ``build_paper_cnn``.
    """
    del for_training
    inputs, x = _scaled_input(input_shape)
    pixels = _convolve(x, base_width, num_stages, normalise=True)
    cells = layers.Conv2D(8, 3, padding="same", use_bias=False, trainable=False, name="directions")(
        x
    )
    cells = layers.AveragePooling2D(4)(layers.ReLU()(cells))
    cells = layers.UnitNormalization(axis=-1)(cells)
    sift = _norm_relu(layers.Conv2D(4 * base_width, 4, use_bias=False)(cells))
    sift = layers.Dropout(_DROPOUT, seed=1)(layers.Flatten()(layers.MaxPooling2D(2)(sift)))
    model = _dense_head(inputs, layers.Concatenate()([pixels, sift]), num_classes, dropout)
    model.get_layer("directions").set_weights([_direction_filters(input_shape[2])])
    return model


def _plain_cnn(
    input_shape: Shape,
    num_classes: int,
    base_width: int,
    num_stages: int,
    dropout: float,
    normalise: bool,
) -> keras.Model:
    inputs, x = _scaled_input(input_shape)
    x = _convolve(x, base_width, num_stages, normalise)
    return _dense_head(inputs, x, num_classes, dropout)


def _convolve(x: tf.Tensor, base_width: int, num_stages: int, normalise: bool) -> tf.Tensor:
    for stage in range(num_stages):
        x = layers.Conv2D(base_width * 2**stage, 3, padding="same", use_bias=not normalise)(x)
        x = _norm_relu(x) if normalise else layers.ReLU()(x)
        x = layers.Dropout(_DROPOUT, seed=stage)(layers.MaxPooling2D(2)(x))
    return layers.Flatten()(x)


def _dense_head(inputs: tf.Tensor, x: tf.Tensor, num_classes: int, dropout: float) -> keras.Model:
    x = layers.Dense(256, activation="relu")(x)
    x = layers.Dropout(dropout, seed=9)(x)
    return keras.Model(inputs, layers.Dense(num_classes, dtype="float32", name="logits")(x))


def _separable_block(x: tf.Tensor, width: int) -> tf.Tensor:
    shortcut = layers.Conv2D(width, 1, 2, padding="same", use_bias=False)(x)
    shortcut = layers.BatchNormalization()(shortcut)
    x = _norm_relu(layers.SeparableConv2D(width, 3, padding="same", use_bias=False)(x))
    x = layers.SeparableConv2D(width, 3, padding="same", use_bias=False)(x)
    x = layers.MaxPooling2D(3, 2, padding="same")(layers.BatchNormalization()(x))
    return layers.Add()([x, shortcut])


def _scaled_input(input_shape: Shape) -> tuple[tf.Tensor, tf.Tensor]:
    inputs = keras.Input(input_shape)
    return inputs, layers.Rescaling(1 / 255)(inputs)


def _sides(input_shape: Shape) -> tuple[int, int]:
    height, width, _ = input_shape
    if height is None or width is None:
        raise ValueError("this network needs a fixed input size: set small_side to 0")
    return height, width


def _norm_relu(x: tf.Tensor) -> tf.Tensor:
    return layers.ReLU()(layers.BatchNormalization()(x))


def _float32_average(x: tf.Tensor) -> tf.Tensor:
    return layers.GlobalAveragePooling2D(dtype="float32")(x)


def _direction_filters(num_channels: int) -> np.ndarray:
    """Return float32 kernels (3, 3, channels, 8): how much a gradient points each way."""
    sobel_x = np.outer([1, 2, 1], [-1, 0, 1]) / 4
    angles = np.arange(8) * np.pi / 4
    kernels = [np.cos(a) * sobel_x + np.sin(a) * sobel_x.T for a in angles]
    stacked = np.stack(kernels, axis=-1)[:, :, None, :].repeat(num_channels, axis=2)
    return np.asarray(stacked / num_channels, dtype=np.float32)
