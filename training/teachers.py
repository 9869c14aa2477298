"""Answers of finished networks as part of the truth.

What several networks answer for a training picture says more than its label alone: which other
expressions it resembles, and that a label is doubtful (distillation; Hinton et al., 2015; for a
network of the teachers' own size: Furlanello et al., 2018).
"""

import numpy as np
import numpy.typing as npt

from facecore.errors import ConfigError
from facecore.flip import predict_flipped
from facecore.inference import Classifier, load_classifier
from facecore.registry import find_bundle
from training.config import TrainConfig
from training.targets import FloatArray

_BATCH = 256


def ask_teachers(
    config: TrainConfig, images: npt.NDArray[np.uint8], y_true: npt.NDArray[np.int16]
) -> FloatArray | None:
    """Return the mean answer of the config's teachers for each training picture.

    Each one sees the picture and its mirror image. A teacher has no say on pictures whose label it
    was not taught: it must name another one.

    Args:
        config: names the teachers.
        images: uint8 array of shape (n, H, W, C).
        y_true: int array of shape (n,), columns of ``config.labels``.

    Returns:
        float32 array of shape (n, num_classes), or None where there are no teachers; rows sum to
        1, or are 0 where no teacher knows the label.

    Raises:
        ModelError: if a teacher cannot be opened.
        ConfigError: if a teacher needs other pictures or knows labels that the run does not.
    """
    if not config.teachers:
        return None
    sums = np.zeros((len(images), len(config.labels)), dtype=np.float32)
    for name in config.teachers:
        teacher = load_classifier(find_bundle(name))
        columns = _find_columns(name, teacher, config)
        rows = np.flatnonzero(np.isin(y_true, columns))
        for start in range(0, len(rows), _BATCH):
            part = rows[start : start + _BATCH]
            sums[np.ix_(part, columns)] += predict_flipped(teacher.predict_proba, images[part])
    totals = sums.sum(axis=1, keepdims=True)
    return np.asarray(np.where(totals > 0, sums / np.maximum(totals, 1e-12), 0), dtype=np.float32)


def _find_columns(name: str, teacher: Classifier, config: TrainConfig) -> list[int]:
    """Return the place of each of the teacher's labels among the config's."""
    spec = teacher.card.input
    size, wanted = ((s.height, s.width, s.num_channels) for s in (spec, config.input))
    if size != wanted:
        raise ConfigError(
            f"The teacher '{name}' needs pictures of {size[0]}x{size[1]} pixels and {size[2]} "
            f"channels, but this run has {wanted[0]}x{wanted[1]} and {wanted[2]}; name another one."
        )
    if unknown := set(teacher.card.labels) - set(config.labels):
        raise ConfigError(
            f"The teacher '{name}' knows {', '.join(sorted(unknown))}, which this run does not "
            "learn; name another one."
        )
    return [config.labels.index(label) for label in teacher.card.labels]
