"""Lessons: changed pictures with what the teachers answer for exactly these.

A teacher that sees what its pupil sees, and pictures that nobody labelled, say far more about how
it decides than its answers for the training pictures, of which it knows the labels by heart (Beyer
et al., 2022, "Knowledge distillation: a good teacher is patient and consistent"; for pictures
without labels: Xie et al., 2020, "Self-training with noisy student").

Teachers are slow, so a fixed number of lessons is made once, kept in the run's folder and taken in
turn by the epochs. Each has every labelled picture and, drawn anew, as many unlabelled ones.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from facecore.untrusted_files import ARCHIVE_ERRORS, shorten
from training.batches import batch_epoch, change_pictures
from training.config import TrainConfig
from training.data import TrainingData
from training.run_state import select_settings
from training.targets import FloatArray, compute_class_weights, compute_targets
from training.teachers import Teachers
from training.whole_files import writing

LESSONS_DIR = "lessons"
_BATCH = 256
_SEED_OFFSET = 7_000_000  # apart from the epochs' seeds


class LessonBatches:
    """Makes the batches of any epoch from lessons, as ``TrainingBatches`` does from pictures.

    Args:
        config: decides everything random, and names the teachers.
        data: pictures in memory.
        run_dir: holds the lessons; those that are missing are made when they are needed.

    Raises:
        ModelError: if a teacher cannot be opened.
        ConfigError: if a teacher does not fit.
    """

    def __init__(self, config: TrainConfig, data: TrainingData, run_dir: Path) -> None:
        self._config = config
        self._data = data
        self._folder = run_dir / LESSONS_DIR
        self._teachers = Teachers(config)
        self._key = self._compute_key()
        others = np.ones(data.num_per_epoch - len(data.train_y), dtype=np.float32)
        weights = compute_class_weights(data.train_y, config)
        self._weights = tf.constant(np.concatenate([weights, others]))

    def iter_epoch(self, epoch: int) -> tf.data.Dataset:
        """Return one epoch's batches: pictures (n, H, W, C), targets (n, classes), weights (n,)."""
        config = self._config
        pictures, answers = self._load(epoch % config.lessons)
        images, targets = tf.constant(pictures), tf.constant(self._compute_targets(answers))

        def show(rows: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
            changed = tf.cast(tf.gather(images, rows), tf.float32)
            if not config.flip:
                return changed
            # The mirror image looks the same to the teachers, or should.
            shape = (tf.shape(changed)[0], 1, 1, 1)
            mirror = tf.random.stateless_uniform(shape, tf.random.split(seed, 2)[0])
            return tf.where(mirror < 0.5, tf.reverse(changed, [2]), changed)

        order = np.random.default_rng([config.seed, epoch]).permutation(len(pictures))
        return batch_epoch(config, epoch, order, show, targets, self._weights)

    def _compute_targets(self, answers: FloatArray) -> FloatArray:
        """Return the labels mixed with the answers, then the answers for unlabelled pictures."""
        y, votes = self._data.train_y, self._data.train_votes
        labelled = compute_targets(y, self._config, votes, answers[: len(y)])
        return np.concatenate([labelled, answers[len(y) :]])

    def _load(self, lesson: int) -> tuple[npt.NDArray[np.uint8], FloatArray]:
        """Return a lesson's pictures and answers, made now unless it was made before.

        Raises:
            StorageError: if it cannot be kept.
        """
        path = self._folder / f"{lesson}.npz"
        if (kept := self._find(path)) is not None:
            return kept
        pictures = self._change_pictures(lesson)
        answers = self._teachers.answer(pictures, mirror=False)
        part = path.with_suffix(".part")
        with writing(part):
            with part.open("wb") as file:
                np.savez(file, key=np.array(self._key), pictures=pictures, answers=answers)
            part.replace(path)
        print(f"Lesson {lesson + 1} of {self._config.lessons} is made", flush=True)
        return pictures, answers

    def _find(self, path: Path) -> tuple[npt.NDArray[np.uint8], FloatArray] | None:
        """Return what a file holds, if it is this lesson and whole."""
        try:
            with np.load(path) as archive:
                if str(archive["key"]) == self._key:
                    return archive["pictures"], archive["answers"]
        except FileNotFoundError:
            return None
        except ARCHIVE_ERRORS as error:  # as a power failure may leave it
            print(f"{path} is damaged ({shorten(error)}) and made anew", flush=True)
        return None

    def _change_pictures(self, lesson: int) -> npt.NDArray[np.uint8]:
        """Return the lesson's pictures, uint8 array of shape (n, H, W, C)."""
        config = self._config
        images = self._data.train_images
        rng = np.random.default_rng([config.seed, _SEED_OFFSET + lesson])
        if (others := self._data.unlabelled_images) is not None:
            # Whole rounds first, so that none comes twice before each has come once.
            chosen = np.resize(rng.permutation(len(others)), len(images))
            images = np.concatenate([images, others[chosen]])
        # ``degrade`` treats a part of each batch, so the order has to be random.
        order = rng.permutation(len(images))
        changed = np.empty_like(images)
        for step, start in enumerate(range(0, len(order), _BATCH)):
            rows = order[start : start + _BATCH]
            seed = tf.constant([config.seed * 10_000 + _SEED_OFFSET + lesson, step], tf.int32)
            batch = change_pictures(tf.cast(images[rows], tf.float32), seed, config)
            changed[rows] = tf.cast(tf.round(batch), tf.uint8).numpy()
        return changed

    def _compute_key(self) -> str:
        """Return what differs wherever other lessons would come out."""
        told: dict[str, Any] = select_settings(self._config) | {
            "labels_digest": self._data.labels_digest,
            "teachers": self._teachers.checksums,
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
