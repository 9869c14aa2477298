"""What is known of a data set before it is read: titles, splits, badges, terms."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from facecore.datasets_common import FaceDataset
from facecore.errors import DatasetError
from facecore.labels import Task

Use = Literal["fit", "choose", "report", "overview"]
"""Fit weights; choose epochs and thresholds; report once; or only look at the whole."""

HELD_OUT = "held_out"
"""Split name of pictures that a training run held out of its own training split: the only one with
an underscore, and of no data set."""


@dataclass(frozen=True, slots=True)
class SplitInfo:
    """One split.

    Args:
        name: as in file names and on the command line.
        use: what its pictures may be used for.
        title: as shown to people, with the data set's.
        badge: two to four words that a reader must see beside every figure; may be empty.
        note: one or two sentences that explain what is in it.
    """

    name: str
    use: Use
    title: str
    badge: str
    note: str


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """What there is to load.

    Args:
        name: of the data set.
        title: as shown to people.
        task: what is labelled.
        splits: in the order fit, choose, report, overview; not every data set has each.
        licence: terms of the pictures.
        load: reads one split, from a data folder or the default one.
    """

    name: str
    title: str
    task: Task
    splits: tuple[SplitInfo, ...]
    licence: str
    load: Callable[[str, Path | None], FaceDataset]

    @property
    def fit_split(self) -> str:
        """The split on which weights are fitted.

        Raises:
            DatasetError: if the data set has none.
        """
        return self._find_use("fit").name

    @property
    def development_split(self) -> str:
        """The split on which epochs, thresholds and temperatures are chosen.

        Raises:
            DatasetError: if the data set has none.
        """
        return self._find_use("choose").name

    def get_split(self, name: str) -> SplitInfo:
        """Return what is known of a split.

        Raises:
            DatasetError: if there is none of that name.
        """
        check_split(self.name, name, self.splits)
        return next(split for split in self.splits if split.name == name)

    def _find_use(self, use: Use) -> SplitInfo:
        for split in self.splits:
            if split.use == use:
                return split
        raise DatasetError(
            f"{self.title} has no split to {use} on, only "
            f"{', '.join(split.name for split in self.splits)}; use another data set for that."
        )


def check_split(dataset: str, split: str, splits: Sequence[SplitInfo]) -> None:
    """Raise DatasetError unless the data set has this split."""
    names = [info.name for info in splits]
    if split not in names:
        raise DatasetError(
            f"The data set {dataset} has no split '{split}'; choose one of {', '.join(names)}."
        )


def describe_excluded(excluded: Mapping[str, int]) -> str:
    """Say how many pictures a data set left out of a split and why; empty if none.

    Args:
        excluded: reason -> number, as in ``FaceDataset.excluded``.
    """
    if not excluded:
        return ""
    reasons = ", ".join(
        f"{reason.replace('_', ' ')} {num:,}"
        for reason, num in sorted(excluded.items(), key=lambda item: (-item[1], item[0]))
    )
    return f"{sum(excluded.values()):,} images of the split have no usable label ({reasons})"
