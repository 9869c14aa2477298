"""Random changes to a whole batch at once; every number follows from the seed that is passed."""

import math

import tensorflow as tf

from training.config import TrainConfig


def augment(images: tf.Tensor, seed: tf.Tensor, config: TrainConfig, side: int = 0) -> tf.Tensor:
    """Return changed copies of a batch.

    Args:
        images: float32 tensor of shape (n, H, W, C), 0-255.
        seed: int32 tensor of shape (2,); the same seed gives the same changes.
        config: how far each change may go.
        side: of the copies in pixels; 0 keeps the size.
    """
    seeds = tf.unstack(tf.random.split(seed, 4))
    images = _move(images, seeds[0], config, side)
    images = _change_light(images, seeds[1], config)
    return _erase(images, seeds[2], seeds[3], config.erase)


def _move(images: tf.Tensor, seed: tf.Tensor, config: TrainConfig, side: int) -> tf.Tensor:
    """Mirror, shift, zoom, rotate and shrink in one resampling: pictures blur only once."""
    n, height, width = _size(images)
    out_h, out_w = (float(side), float(side)) if side else (height, width)
    r = tf.random.stateless_uniform((5, n), seed, -1, 1)
    mirror = tf.where(r[0] < 0, -1.0, 1.0) if config.flip else tf.ones_like(r[0])
    angle = r[1] * (config.rotate_deg * math.pi / 180)
    scale = tf.exp(r[2] * math.log1p(config.zoom))
    cos, sin = tf.cos(angle) * scale, tf.sin(angle) * scale
    # Output pixel (x, y) is read at matrix @ (x, y, 1); the middle stays where it is.
    step_x, step_y = width / out_w, height / out_h
    a, b, c, d = mirror * cos * step_x, -sin * step_y, mirror * sin * step_x, cos * step_y
    mid_x, mid_y = (width - 1) / 2, (height - 1) / 2
    out_x, out_y = (out_w - 1) / 2, (out_h - 1) / 2
    tx = mid_x - a * out_x - b * out_y + r[3] * config.shift * width
    ty = mid_y - c * out_x - d * out_y + r[4] * config.shift * height
    zero = tf.zeros_like(a)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([a, b, tx, c, d, ty, zero, zero], axis=1),
        output_shape=tf.cast(tf.stack([out_h, out_w]), tf.int32),
        interpolation="BILINEAR",
        fill_mode="NEAREST",  # as crops that reach outside a frame repeat its edge
        fill_value=0.0,
    )


def _change_light(images: tf.Tensor, seed: tf.Tensor, config: TrainConfig) -> tf.Tensor:
    r = tf.random.stateless_uniform((2, tf.shape(images)[0], 1, 1, 1), seed, -1, 1)
    gain = tf.exp(r[0] * math.log1p(config.contrast))
    mean = tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True)
    changed = (images - mean) * gain + mean + r[1] * config.brightness
    return tf.clip_by_value(changed, 0, 255)


def _erase(images: tf.Tensor, seed: tf.Tensor, noise_seed: tf.Tensor, chance: float) -> tf.Tensor:
    """Blank one rectangle of 10-40 % of each side, in a random grey."""
    n, height, width = _size(images)
    r = tf.random.stateless_uniform((5, n, 1, 1, 1), seed)
    box_h, box_w = (0.1 + 0.3 * r[0]) * height, (0.1 + 0.3 * r[1]) * width
    top, left = r[2] * (height - box_h), r[3] * (width - box_w)
    y = tf.reshape(tf.range(height), (1, -1, 1, 1))
    x = tf.reshape(tf.range(width), (1, 1, -1, 1))
    inside = (y >= top) & (y < top + box_h) & (x >= left) & (x < left + box_w)
    gray = tf.random.stateless_uniform((n, 1, 1, 1), noise_seed, 0, 255)
    return tf.where(inside & (r[4] < chance), gray, images)


def _size(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    shape = tf.shape(images)
    return shape[0], tf.cast(shape[1], tf.float32), tf.cast(shape[2], tf.float32)
