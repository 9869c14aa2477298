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

Images = npt.NDArray[np.uint8]


class Teachers:
    """Finished networks that are asked together.

    Args:
        config: names them, and the labels to answer with.

    Raises:
        ModelError: if one cannot be opened.
        ConfigError: if one needs other pictures or knows labels that the run does not, or none
            knows all of the run's.
    """

    def __init__(self, config: TrainConfig) -> None:
        self._num_classes = len(config.labels)
        self._all: list[tuple[Classifier, list[int]]] = []
        for name in config.teachers:
            teacher = load_classifier(find_bundle(name))
            self._all.append((teacher, _find_columns(name, teacher, config)))
        if not any(len(columns) == self._num_classes for _, columns in self._all):
            raise ConfigError(
                f"None of the teachers {', '.join(config.teachers)} knows all of "
                f"{', '.join(config.labels)}; add one that does."
            )

    @property
    def checksums(self) -> list[str]:
        """SHA-256 of each one's network, in the config's order."""
        return [teacher.card.sha256 for teacher, _ in self._all]

    def answer(self, images: Images, mirror: bool) -> FloatArray:
        """Return the mean answer for each picture, float32 array of shape (n, num_classes).

        A teacher that does not know every label divides what those who do leave for its labels.

        Args:
            images: uint8 array of shape (n, H, W, C).
            mirror: ask for the mirror image too, and take the mean.
        """
        parts = [images[i : i + _BATCH] for i in range(0, len(images), _BATCH)]
        answers = [self._answer_batch(part, mirror) for part in parts]
        return np.concatenate([np.zeros((0, self._num_classes), np.float32), *answers])

    def _answer_batch(self, images: Images, mirror: bool) -> FloatArray:
        asked = [(_ask(teacher, images, mirror), columns) for teacher, columns in self._all]
        complete, partial = [], []
        for probs, columns in asked:
            if len(columns) == self._num_classes:
                complete.append(probs[:, np.argsort(columns)])
            else:
                partial.append((probs, columns))
        everything = np.mean(complete, axis=0)
        filled = []
        for probs, columns in partial:
            answer = everything.copy()
            answer[:, columns] = probs * everything[:, columns].sum(axis=1, keepdims=True)
            filled.append(answer)
        return np.asarray(np.mean([*complete, *filled], axis=0), dtype=np.float32)


def ask_teachers(config: TrainConfig, images: Images) -> FloatArray | None:
    """Return what the config's teachers answer for each training picture and its mirror image.

    Args:
        config: names the teachers.
        images: uint8 array of shape (n, H, W, C).

    Returns:
        float32 array of shape (n, num_classes), rows sum to 1; None where there are no teachers.

    Raises:
        ModelError: if a teacher cannot be opened.
        ConfigError: if a teacher does not fit, see ``Teachers``.
    """
    return Teachers(config).answer(images, mirror=True) if config.teachers else None


def _ask(teacher: Classifier, images: Images, mirror: bool) -> FloatArray:
    if mirror:
        return np.asarray(predict_flipped(teacher.predict_proba, images), dtype=np.float32)
    return teacher.predict_proba(images)


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
