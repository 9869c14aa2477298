"""What cameras do to far faces: little detail, compression, noise. For a whole batch at once."""

import tensorflow as tf

from training.config import TrainConfig

_SMALLEST, _LARGEST = 0.2, 0.8  # of the side, when a picture is shrunk
_JPEG_QUALITY = (25, 85)


def degrade(images: tf.Tensor, seed: tf.Tensor, config: TrainConfig) -> tf.Tensor:
    """Return the batch with some pictures made worse.

    Args:
        images: float32 tensor of shape (n, H, W, C), 0-255; the order must be random, since the
            chances are met by treating a part of the batch.
        seed: int32 tensor of shape (2,); the same seed gives the same changes.
        config: gives the chances.
    """
    seeds = tf.unstack(tf.random.split(seed, 3))
    if config.soften:
        images = _soften(images, seeds[0], config.soften)
    if config.noise:
        images = _add_noise(images, seeds[1], config.noise)
    if config.jpeg:
        images = _compress(images, seeds[2], config.jpeg)
    return images


def _soften(images: tf.Tensor, seed: tf.Tensor, chance: float) -> tf.Tensor:
    n, height, width = tf.unstack(tf.shape(images)[:3])
    num = tf.cast(tf.round(tf.cast(n, tf.float32) * chance), tf.int32)
    scale = tf.random.stateless_uniform((), seed, _SMALLEST, _LARGEST)
    size = tf.cast(tf.cast(tf.stack([height, width]), tf.float32) * scale, tf.int32)
    small = tf.image.resize(images[:num], tf.maximum(size, 1), antialias=True)
    soft = tf.image.resize(small, tf.stack([height, width]))
    return tf.concat([soft, images[num:]], axis=0)


def _add_noise(images: tf.Tensor, seed: tf.Tensor, most: float) -> tf.Tensor:
    seeds = tf.unstack(tf.random.split(seed, 2))
    strength = tf.random.stateless_uniform((tf.shape(images)[0], 1, 1, 1), seeds[0], 0, most)
    noisy = images + strength * tf.random.stateless_normal(tf.shape(images), seeds[1])
    return tf.clip_by_value(noisy, 0, 255)


def _compress(images: tf.Tensor, seed: tf.Tensor, chance: float) -> tf.Tensor:
    n = tf.shape(images)[0]
    # The end of the batch, so that soft pictures stay soft and sharp ones get the blocks.
    first = n - tf.cast(tf.round(tf.cast(n, tf.float32) * chance), tf.int32)
    qualities = tf.random.stateless_uniform((n,), seed, *_JPEG_QUALITY, tf.int32)

    def through_jpeg(pair: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        picture, quality = pair
        byte = tf.cast(picture, tf.uint8)
        return tf.cast(tf.image.adjust_jpeg_quality(byte, quality), tf.float32)

    def compress_end() -> tf.Tensor:
        changed = tf.map_fn(
            through_jpeg, (images[first:], qualities[first:]), fn_output_signature=tf.float32
        )
        return tf.concat([images[:first], changed], axis=0)

    # Of small batches the share may be no picture, of which map_fn cannot tell the shape.
    return tf.cond(first < n, compress_end, lambda: images)
