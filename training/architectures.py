"""Networks. Each takes pixels 0-255, scales them itself and returns logits."""

import functools
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf
from keras import layers

from training import architectures_paper

Shape = architectures_paper.Shape

# Channels of the only layer at full size. Each of its filters weighs nine pixels, so that more of
# them repeat each other, and at full size they are the dearest of all.
_FULL_SIZE_WIDTH = 32

# Residual blocks of each stage. dlib's network goes on with two of 256 channels and a fifth stage,
# which would make it too large for live use.
_FACE_BLOCKS = (3, 4, 3, 1)


class FusedBatchNormalization(layers.BatchNormalization):
    """Batch normalisation in one kernel for training, with statistics in float32.

    Keras 3 computes it in many small steps, which take 30 % of the time of a training step. The
    weights are those of the standard layer, which is what exported networks use.
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Normalise a tensor of shape (n, H, W, C)."""
        mean, variance = self.moving_mean, self.moving_variance
        outputs, batch_mean, batch_variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=tf.convert_to_tensor(self.gamma, tf.float32),
            offset=tf.convert_to_tensor(self.beta, tf.float32),
            mean=tf.convert_to_tensor(mean, tf.float32),
            variance=tf.convert_to_tensor(variance, tf.float32),
            epsilon=self.epsilon,
            is_training=bool(training),
        )
        if training:
            mean.assign(mean * self.momentum + batch_mean * (1 - self.momentum))
            variance.assign(variance * self.momentum + batch_variance * (1 - self.momentum))
        return outputs


def build_small_resnet(
    input_shape: Shape,
    num_classes: int,
    base_width: int = 32,
    num_stages: int = 3,
    dropout: float = 0.0,
    for_training: bool = False,
    even_light: bool = False,
) -> keras.Model:
    """Build the net for 48x48 pixels: two-layer stem to 24x24, then stages of two blocks.

    Args:
        input_shape: (H, W, C); H and W may be None, for pictures of several sizes.
        num_classes: length of the logits.
        base_width: channels of the first stage; each further one has twice as many.
        num_stages: each but the first halves the sides.
        dropout: before the last layer.
        for_training: use the fused normalisation, which cannot be exported.
        even_light: bring every picture to the same mean and contrast first.
    """
    norm = FusedBatchNormalization if for_training else layers.BatchNormalization
    inputs, x = _scaled_input(input_shape)
    if even_light:
        # One group of all pixels; the constant keeps flat pictures from becoming noise.
        even = layers.GroupNormalization(
            1, epsilon=0.01, center=False, scale=False, dtype="float32"
        )
        x = even(x)
    x = _conv_norm_relu(x, min(base_width, _FULL_SIZE_WIDTH), 1, norm)
    x = _conv_norm_relu(x, base_width, 2, norm)
    return _stages_and_head(inputs, x, num_classes, base_width, (2,) * num_stages, dropout, norm)


def build_strided_resnet(
    input_shape: Shape,
    num_classes: int,
    base_width: int = 32,
    num_stages: int = 3,
    dropout: float = 0.0,
    for_training: bool = False,
) -> keras.Model:
    """Build the net for 128x128 pixels: the stem shrinks 4 times before the stages.

    Arguments as for ``build_small_resnet``.
    """
    norm = FusedBatchNormalization if for_training else layers.BatchNormalization
    inputs, x = _scaled_input(input_shape)
    x = layers.AveragePooling2D(2)(x)
    x = _conv_norm_relu(x, base_width, 2, norm)
    return _stages_and_head(inputs, x, num_classes, base_width, (2,) * num_stages, dropout, norm)


def build_face_resnet(
    input_shape: Shape,
    num_classes: int,
    base_width: int = 32,
    num_stages: int = 4,
    dropout: float = 0.0,
    for_training: bool = False,
    enlarge: int = 1,
    side: int = 0,
) -> keras.Model:
    """Build the front of dlib's face recognition network (King, 2017).

    Unlike there, blocks have squeeze and excitation, and shortcuts that change the width have
    weights. Pictures 96 and 128 pixels wide need 113 and 201 million multiply-adds.

    Args:
        input_shape: (H, W, C); H and W may be None, for pictures of several sizes.
        num_classes: length of the logits.
        base_width: channels of the first stage; dlib has 32.
        num_stages: not looked at: as many as dlib has, less what follows the first block of 256.
        dropout: before the last layer.
        for_training: use the fused normalisation, which cannot be exported.
        enlarge: so many times, first: dlib's network knows faces about 100 pixels wide.
        side: bring every picture to this size first; 0: do not.
    """
    del num_stages
    norm = FusedBatchNormalization if for_training else layers.BatchNormalization
    inputs, x = _scaled_input(input_shape)
    if enlarge > 1:
        x = layers.UpSampling2D(enlarge, interpolation="bilinear")(x)
    if side:
        x = layers.Resizing(side, side)(x, training=False)
    x = _conv_norm_relu(x, base_width, 2, norm, side=7)
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    return _stages_and_head(inputs, x, num_classes, base_width, _FACE_BLOCKS, dropout, norm)


Builder = Callable[..., keras.Model]

ARCHITECTURES: dict[str, Builder] = {
    "small_resnet": build_small_resnet,
    "even_resnet": functools.partial(build_small_resnet, even_light=True),
    "strided_resnet": build_strided_resnet,
    "face_resnet": functools.partial(build_face_resnet, enlarge=2),
    "large_face_resnet": functools.partial(build_face_resnet, side=128),
    "face_resnet_128": build_face_resnet,
    "paper_cnn": architectures_paper.build_paper_cnn,
    "paper_gender_cnn": architectures_paper.build_paper_gender_cnn,
    "mini_xception": architectures_paper.build_mini_xception,
    "facial_parts": architectures_paper.build_facial_parts,
    "dense_sift_cnn": architectures_paper.build_dense_sift_cnn,
}


def _scaled_input(input_shape: Shape) -> tuple[tf.Tensor, tf.Tensor]:
    inputs = keras.Input(input_shape)
    return inputs, layers.Rescaling(1 / 64, offset=-2.0)(inputs)


def _stages_and_head(
    inputs: tf.Tensor,
    x: tf.Tensor,
    num_classes: int,
    base_width: int,
    blocks: Sequence[int],
    dropout: float,
    norm: type[layers.Layer],
) -> keras.Model:
    for stage, num_blocks in enumerate(blocks):
        for block in range(num_blocks):
            shrinks = stage > 0 and block == 0
            x = _residual_block(x, base_width * 2**stage, 2 if shrinks else 1, norm)
    x = layers.GlobalAveragePooling2D()(x)
    if dropout:
        x = layers.Dropout(dropout, seed=0)(x)
    # Logits in float32: softmax and loss lose too much in bfloat16.
    return keras.Model(inputs, layers.Dense(num_classes, dtype="float32", name="logits")(x))


def _conv_norm_relu(
    x: tf.Tensor, width: int, strides: int, norm: type[layers.Layer], side: int = 3
) -> tf.Tensor:
    x = layers.Conv2D(width, side, strides, padding="same", use_bias=False)(x)
    return layers.ReLU()(norm()(x))


def _residual_block(x: tf.Tensor, width: int, strides: int, norm: type[layers.Layer]) -> tf.Tensor:
    shortcut = x
    if strides > 1 or x.shape[-1] != width:
        shortcut = layers.AveragePooling2D(2)(x) if strides > 1 else x
        shortcut = norm()(layers.Conv2D(width, 1, use_bias=False)(shortcut))
    x = _conv_norm_relu(x, width, strides, norm)
    x = norm()(layers.Conv2D(width, 3, padding="same", use_bias=False)(x))
    return layers.ReLU()(layers.Add()([_squeeze_excite(x, width), shortcut]))


def _squeeze_excite(x: tf.Tensor, width: int) -> tf.Tensor:
    weights = layers.GlobalAveragePooling2D(keepdims=True)(x)
    weights = layers.Dense(width // 8, activation="relu")(weights)
    weights = layers.Dense(width, activation="sigmoid")(weights)
    return layers.Multiply()([x, weights])
