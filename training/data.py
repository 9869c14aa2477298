"""From a config to arrays: what is fitted on, what is chosen on, and where it comes from."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from facecore import datasets_fer2013
from facecore.datasets import FaceDataset, get_dataset_info, load_dataset
from facecore.datasets_ferplus import load_votes
from facecore.datasets_info import HELD_OUT
from facecore.errors import ConfigError
from facecore.registry import InputSpec
from facecore.relabel_apply import apply_decisions
from facecore.relabel_decisions import find_corrections, load_decisions
from training.config import TrainConfig

_BATCH = 512


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """Pictures in memory.

    Args:
        train_images: uint8 array of shape (n, H, W, C).
        train_y: int16 array of shape (n,), columns of ``config.labels``.
        validation_images: uint8 array of shape (m, H, W, C).
        validation_y: int16 array of shape (m,).
        sources: for the card: data set, split, number of pictures, licence.
        train_votes: float32 array of shape (n, num_classes), the crowd's votes for each class of
            ``config.labels``; None without them.
        train_groups: str arrays of shape (n,), the attributes of ``config.balance``.
        unlabelled_images: uint8 array of shape (k, H, W, C), pictures for lessons only; None
            without them.
    """

    train_images: npt.NDArray[np.uint8]
    train_y: npt.NDArray[np.int16]
    validation_images: npt.NDArray[np.uint8]
    validation_y: npt.NDArray[np.int16]
    sources: tuple[dict[str, Any], ...] = ()
    train_votes: npt.NDArray[np.float32] | None = None
    train_groups: tuple[npt.NDArray[np.str_], ...] = ()
    unlabelled_images: npt.NDArray[np.uint8] | None = None

    @property
    def num_per_epoch(self) -> int:
        """Pictures of one epoch; with unlabelled ones there are as many of them again."""
        return len(self.train_y) * (1 if self.unlabelled_images is None else 2)

    @property
    def labels_digest(self) -> str:
        """Differs where labels or corrections do, so that a run does not go on with others.

        Pictures are no part of it: processors decode and scale them a little differently.
        """
        digest = hashlib.sha256(self.train_y.tobytes() + b"|" + self.validation_y.tobytes())
        for source in self.sources:
            digest.update(source.get("corrections", {}).get("sha256", "").encode())
        return digest.hexdigest()


def load_training_data(config: TrainConfig) -> TrainingData:
    """Read both splits of the config's data set.

    Raises:
        DatasetError: if they are missing or damaged, or the corrections do not fit them.
        ConfigError: if the data set lacks the attributes or votes that the config asks for.
    """
    train, validation = load_splits(config)
    corrections: dict[str, Any] = {}
    if config.corrections:
        path = find_corrections(config.corrections, train.name, train.split)
        train, corrections = correct_labels(train, validation, path)
    train, validation = _keep_labels(train, config), _keep_labels(validation, config)
    if config.images_per_class:
        train = draw_per_class(train, config.images_per_class, config.seed)
    sources = [_describe(train, "fitted") | corrections, _describe(validation, "chosen on")]
    needs_votes = config.votes_share or config.votes_weight
    unlabelled = load_dataset(config.unlabelled, "train") if config.unlabelled else None
    if unlabelled:
        sources.append(_describe(unlabelled, "shown without labels"))
    return TrainingData(
        train_images=_stack(train, config.input),
        train_y=train.y_true,
        validation_images=_stack(validation, config.input),
        validation_y=validation.y_true,
        sources=tuple(sources),
        train_votes=_load_votes(train, config) if needs_votes else None,
        train_groups=_select_groups(train, config.balance),
        unlabelled_images=_stack(unlabelled, config.input) if unlabelled else None,
    )


def load_splits(config: TrainConfig) -> tuple[FaceDataset, FaceDataset]:
    """Return what is fitted on and what is chosen on, with every class of the data set.

    Raises:
        DatasetError: if they are missing or damaged.
    """
    train = load_dataset(config.dataset, config.train_split)
    if not config.validation_share:
        return train, load_dataset(config.dataset, config.validation_split)
    return hold_out(train, config.validation_share, config.seed)


def hold_out(dataset: FaceDataset, share: float, seed: int) -> tuple[FaceDataset, FaceDataset]:
    """Divide a data set into the rest and a share of each class, the same for the same seed."""
    held_out = []
    for code in range(len(dataset.labels)):
        indices = np.flatnonzero(dataset.y_true == code)
        order = np.random.default_rng([seed, code]).permutation(indices)
        held_out.append(order[: round(share * len(indices))])
    chosen = np.zeros(len(dataset), dtype=bool)
    chosen[np.concatenate(held_out)] = True
    rest = dataset.select(np.flatnonzero(~chosen))
    return rest, replace(dataset.select(np.flatnonzero(chosen)), split=HELD_OUT)


def correct_labels(
    train: FaceDataset, validation: FaceDataset, path: Path
) -> tuple[FaceDataset, dict[str, Any]]:
    """Return the training pictures with the labels that people decided on.

    Args:
        train: is corrected.
        validation: stays as it is, also where it was held out of the training split.
        path: CSV of decisions.

    Returns:
        The corrected pictures, and for the card: "corrections" with file, checksum and counts.

    Raises:
        CorrectionsError: if the file is missing or damaged, or does not fit the pictures.
    """
    decisions = load_decisions(path)
    held_out = set(validation.sample_ids.tolist()) if validation.split == HELD_OUT else set()
    corrected, applied = apply_decisions(train, decisions, held_out)
    told = {
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "num_relabelled": applied.num_relabelled,
        "num_left_out": applied.num_left_out,
        "num_kept": applied.num_kept,
        "num_held_out": applied.num_elsewhere,
        "relabelled": {f"{old} to {new}": n for (old, new), n in applied.relabelled.items()},
    }
    return corrected, {"corrections": told}


def _keep_labels(dataset: FaceDataset, config: TrainConfig) -> FaceDataset:
    if unknown := set(config.labels) - set(dataset.labels):
        raise ConfigError(
            f"{dataset.name} has no pictures labelled {', '.join(sorted(unknown))}; it has "
            f"{', '.join(dataset.labels)}."
        )
    kept = dataset.keep_labels(config.labels)
    counts = np.bincount(kept.y_true, minlength=len(config.labels))
    if missing := [n for n, num in zip(config.labels, counts, strict=True) if not num]:
        raise ConfigError(
            f"The split {dataset.split} of {dataset.name} has no picture labelled "
            f"{', '.join(missing)}; leave the label out or add pictures."
        )
    return kept


def _load_votes(train: FaceDataset, config: TrainConfig) -> npt.NDArray[np.float32]:
    if train.name != datasets_fer2013.NAME:
        raise ConfigError(
            f"votes_share and votes_weight need the crowd's votes, which {train.name} has not; "
            f"only {datasets_fer2013.NAME} has them: set both to 0."
        )
    votes = load_votes(train.sample_ids.tolist())[list(config.labels)]
    return votes.to_numpy(dtype=np.float32)


def _select_groups(train: FaceDataset, names: tuple[str, ...]) -> tuple[npt.NDArray[np.str_], ...]:
    if missing := [name for name in names if name not in train.attributes]:
        raise ConfigError(
            f"balance names {', '.join(missing)}, which {train.name} does not record; it has "
            f"{', '.join(train.attributes) or 'none'}."
        )
    return tuple(train.attributes[name] for name in names)


def draw_per_class(dataset: FaceDataset, num_images: int, seed: int) -> FaceDataset:
    """Return exactly ``num_images`` of each class, the same for the same seed.

    A class with more is thinned out; one with fewer is filled with repeats.
    """
    drawn = []
    for code in range(len(dataset.labels)):
        indices = np.random.default_rng([seed, code]).permutation(
            np.flatnonzero(dataset.y_true == code)
        )
        # Whole rounds first, so that no picture is repeated more than once oftener than another.
        drawn.append(np.resize(indices, num_images))
    return dataset.select(np.sort(np.concatenate(drawn)))


def _stack(dataset: FaceDataset, spec: InputSpec) -> npt.NDArray[np.uint8]:
    return np.concatenate(list(dataset.batches(spec, _BATCH)))


def _describe(dataset: FaceDataset, use: str) -> dict[str, Any]:
    _, first = np.unique(dataset.sample_ids, return_index=True)
    counts, distinct = (
        dict(
            zip(dataset.labels, np.bincount(y, minlength=len(dataset.labels)).tolist(), strict=True)
        )
        for y in (dataset.y_true, dataset.y_true[first])
    )
    return {
        "name": dataset.name,
        "split": dataset.split,
        "use": use,
        "num_images": len(dataset),
        "num_distinct_images": len(first),
        "num_per_class": counts,
        "num_distinct_per_class": distinct,
        "licence": get_dataset_info(dataset.name).licence,
    }
