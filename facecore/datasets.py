"""Every data set by name; ``FaceDataset`` is the one type that they all load into."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from facecore import datasets_fairface, datasets_fer2013
from facecore.datasets_common import FaceDataset, data_dir
from facecore.errors import DatasetError
from facecore.labels import Task

__all__ = ["DATASETS", "DatasetInfo", "FaceDataset", "data_dir", "get_dataset_info", "load_dataset"]


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """What there is to load.

    Args:
        name: of the data set.
        title: as shown to people.
        task: what is labelled.
        splits: in the order fit, choose, report.
        licence: terms of the pictures.
        load: reads one split, from a data folder or the default one.
    """

    name: str
    title: str
    task: Task
    splits: tuple[str, str, str]
    licence: str
    load: Callable[[str, Path | None], FaceDataset]

    @property
    def development_split(self) -> str:
        """The split on which epochs, thresholds and temperatures are chosen."""
        return self.splits[1]


DATASETS: dict[str, DatasetInfo] = {
    info.name: info
    for info in (
        DatasetInfo(
            name=datasets_fer2013.NAME,
            title="FER-2013",
            task="expression",
            splits=datasets_fer2013.SPLITS,
            licence=datasets_fer2013.LICENCE,
            load=datasets_fer2013.load_fer2013,
        ),
        DatasetInfo(
            name=datasets_fairface.NAME,
            title="FairFace",
            task="gender",
            splits=datasets_fairface.SPLITS,
            licence=datasets_fairface.LICENCE,
            load=datasets_fairface.load_fairface,
        ),
    )
}


def get_dataset_info(name: str) -> DatasetInfo:
    """Return what is known of a data set.

    Raises:
        DatasetError: if there is none of that name.
    """
    if name not in DATASETS:
        raise DatasetError(
            f"There is no data set called '{name}'; choose one of {', '.join(DATASETS)}."
        )
    return DATASETS[name]


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
