"""Labelled face pictures: one type for every data set, and where to find each set.

The data folder is ``FACECORE_DATA_DIR``, else ``data/`` of the project if there is something in it,
else ``shared/data`` beside the project.
"""

import os
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facecore.labels import Task
from facecore.preprocessing import UInt8Array, to_batch
from facecore.registry import InputSpec
from facecore.user_files import read_folder

AGE_RANGES = ("0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "more than 70")
"""FairFace's, which the attribute "age" of every data set uses."""

_VARIABLE = "FACECORE_DATA_DIR"
_PROJECT_DIR = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True, eq=False)
class FaceDataset:
    """One split of a data set, cropped to faces already.

    Args:
        name: of the data set, as in its loader.
        split: "train", "validation", "holdout", "test" or "all".
        task: what is labelled.
        labels: class names; ``y_true`` points into them.
        sample_ids: str array of shape (n,); the same picture has the same id in every split and
            every run.
        y_true: int16 array of shape (n,).
        image: returns picture ``i`` as uint8 array of shape (H, W), or (H, W, 3) in BGR.
        attributes: what else is known of each picture, such as "age" or "group"; str arrays of
            shape (n,).
        excluded: reason -> how many pictures of the split were left out for it, such as ties.
    """

    name: str
    split: str
    task: Task
    labels: tuple[str, ...]
    sample_ids: npt.NDArray[np.str_]
    y_true: npt.NDArray[np.int16]
    image: Callable[[int], UInt8Array]
    attributes: Mapping[str, npt.NDArray[np.str_]] = field(default_factory=dict)
    excluded: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.sample_ids) != len(self.y_true):
            raise ValueError(f"{len(self.sample_ids)} ids for {len(self.y_true)} labels")
        for name, values in self.attributes.items():
            if len(values) != len(self.y_true):
                raise ValueError(f"{len(values)} values of {name} for {len(self.y_true)} labels")

    def __len__(self) -> int:
        return len(self.y_true)

    def batches(self, spec: InputSpec, size: int) -> Iterator[UInt8Array]:
        """Yield uint8 arrays of shape (at most ``size``, H, W, C), in order.

        The pictures are scaled, never cropped again: ``spec.margin`` brings a detector's box to
        *their* framing.
        """
        for start in range(0, len(self), size):
            stop = min(start + size, len(self))
            yield to_batch([self.image(i) for i in range(start, stop)], spec)

    def select(self, indices: npt.NDArray[np.int64]) -> "FaceDataset":
        """Return these pictures in this order; one may come up more than once."""
        image = self.image

        def selected(i: int) -> UInt8Array:
            return image(int(indices[i]))

        return replace(
            self,
            sample_ids=self.sample_ids[indices],
            y_true=self.y_true[indices],
            image=selected,
            attributes={name: values[indices] for name, values in self.attributes.items()},
        )

    def keep_labels(self, labels: Sequence[str]) -> "FaceDataset":
        """Return the pictures of these classes, ``y_true`` pointing into ``labels``.

        Raises:
            ValueError: if a label is not one of the data set's.
        """
        if unknown := set(labels) - set(self.labels):
            raise ValueError(f"{self.name} has no label {', '.join(sorted(unknown))}")
        codes = np.full(len(self.labels), -1, dtype=np.int16)
        for code, label in enumerate(labels):
            codes[self.labels.index(label)] = code
        y_new = codes[self.y_true]
        kept = self.select(np.flatnonzero(y_new >= 0))
        return replace(kept, labels=tuple(labels), y_true=y_new[y_new >= 0])


def data_dir() -> Path:
    """Return the folder that data sets are read from.

    Raises:
        ConfigError: if the variable names something that cannot be a folder.
    """
    own, shared = _default_dirs()
    return read_folder(_VARIABLE, shared if shared.is_dir() and _is_empty(own) else own)


def tell_data_dirs(root: Path) -> str:
    """Return in parentheses which folders count, to follow the one where a data set is missing.

    Args:
        root: the folder that was looked into; nothing is said where somebody named it.
    """
    own, shared = _default_dirs()
    if os.environ.get(_VARIABLE, "").strip() or root not in (own, shared):
        return ""
    return f" (data sets are read from {own}, or from {shared} while that is empty)"


def _default_dirs() -> tuple[Path, Path]:
    return _PROJECT_DIR / "data", _PROJECT_DIR.parent / "shared" / "data"


def _is_empty(folder: Path) -> bool:
    """Tell whether a folder is missing or holds hidden files at most."""
    if not folder.is_dir():
        return True
    try:
        return all(path.name.startswith(".") for path in folder.iterdir())
    except OSError:  # it cannot be read, which is told where a data set is
        return False


def to_age_range(years: int) -> str:
    """Return the range of ``AGE_RANGES`` that an age of 0 or more lies in."""
    starts = [int(text.split("-")[0]) for text in AGE_RANGES[:-1]]
    return AGE_RANGES[-1] if years >= 70 else AGE_RANGES[bisect_right(starts, years) - 1]


def find_first(candidates: Sequence[Path]) -> Path | None:
    """Return the first path that exists, or None."""
    return next((path for path in candidates if path.exists()), None)
