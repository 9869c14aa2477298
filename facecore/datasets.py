"""Every data set by name; ``FaceDataset`` is the one type that they all load into."""

from pathlib import Path

from facecore import (
    datasets_fairface,
    datasets_fer2013,
    datasets_ferplus,
    datasets_folders,
    datasets_imdb,
    datasets_utkface,
)
from facecore.datasets_common import FaceDataset, data_dir
from facecore.datasets_info import DatasetInfo, SplitInfo
from facecore.errors import DatasetError
from facecore.own_data_store import get_own_info, is_own_dataset

__all__ = [
    "DATASETS",
    "DatasetInfo",
    "FaceDataset",
    "SplitInfo",
    "data_dir",
    "find_split_info",
    "get_dataset_info",
    "get_split_info",
    "load_dataset",
    "name_split",
]

# The first of a task is the one that its networks are evaluated on unless another is named.
DATASETS: dict[str, DatasetInfo] = {
    info.name: info
    for info in (
        datasets_fer2013.INFO,
        datasets_ferplus.INFO,
        datasets_fairface.INFO,
        datasets_utkface.INFO,
        datasets_imdb.INFO,
        datasets_folders.EXPRESSION_INFO,
        datasets_folders.GENDER_INFO,
    )
}


def get_dataset_info(name: str) -> DatasetInfo:
    """Return what is known of a data set, shipped or kept by a user.

    Raises:
        DatasetError: if there is none of that name.
    """
    if is_own_dataset(name):
        return get_own_info(name)
    if name not in DATASETS:
        raise DatasetError(
            f"There is no data set called '{name}'; choose one of {', '.join(DATASETS)}."
        )
    return DATASETS[name]


def get_split_info(name: str, split: str) -> SplitInfo:
    """Return title, badge and note of a split.

    Raises:
        DatasetError: if there is no such data set or split.
    """
    return get_dataset_info(name).get_split(split)


def find_split_info(name: str, split: str) -> SplitInfo | None:
    """Return title, badge and note of a split, or None for pictures that are no longer here."""
    try:
        return get_split_info(name, split)
    except DatasetError:
        return None


def name_split(name: str, split: str) -> str:
    """Return a split's title, or the names themselves for pictures that are no longer here."""
    info = find_split_info(name, split)
    return info.title if info else f"{name} {split}"


def load_dataset(name: str, split: str, root: Path | None = None) -> FaceDataset:
    """Read one split of a data set.

    Args:
        name: a key of ``DATASETS``.
        split: one of its splits.
        root: data folder; default: ``data_dir()``.

    Raises:
        DatasetError: if there is no such data set or split, or its files are missing or damaged.
    """
    return get_dataset_info(name).load(split, root)
