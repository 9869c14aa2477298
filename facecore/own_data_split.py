"""Which of a user's pictures are learned from and which are held out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

SplitMethod = Literal["share", "person", "given"]
SPLIT_NAMES = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class SplitChoice:
    """How pictures are divided.

    Args:
        method: a share of each label; a share of the people; or as the folders or the column Usage
            say. Where a given split has no validation pictures, a share of the training pictures is
            held out.
        share: of the pictures or people, for validation.
        seed: of the draw.
    """

    method: SplitMethod = "share"
    share: float = 0.2
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0.05 <= self.share <= 0.5:
            raise ValueError(f"the share must be 0.05-0.5, got {self.share}")


def assign_splits(
    choice: SplitChoice,
    labels: Sequence[str],
    units: Sequence[int],
    given: Sequence[str],
) -> list[str]:
    """Return "train", "validation" or "test" for each picture.

    Args:
        choice: how to divide.
        labels: of the pictures.
        units: pictures of the same number stay together, such as those that look alike or show the
            same person; not for a given split, which is taken as it is.
        given: split of each picture as brought, "" where nothing said.
    """
    if choice.method == "given":
        splits = [split or "train" for split in given]
        if "validation" in splits:
            return splits
        rows = [row for row, split in enumerate(splits) if split == "train"]
        drawn = _draw(choice, [labels[row] for row in rows], [units[row] for row in rows])
        for row, is_drawn in zip(rows, drawn, strict=True):
            splits[row] = "validation" if is_drawn else "train"
        return splits
    return ["validation" if drawn else "train" for drawn in _draw(choice, labels, units)]


def join_units(groups: Sequence[int], people: Sequence[str]) -> list[int]:
    """Return units in which neither a group nor a person is divided."""
    parent = {group: group for group in groups}

    def find(group: int) -> int:
        while parent[group] != group:
            parent[group] = parent[parent[group]]
            group = parent[group]
        return group

    first: dict[str, int] = {}
    for group, person in zip(groups, people, strict=True):
        parent[find(group)] = find(first.setdefault(person, group))
    return [find(group) for group in groups]


def _draw(choice: SplitChoice, labels: Sequence[str], units: Sequence[int]) -> list[bool]:
    """Draw whole units until every label has its share; rare labels first."""
    members: dict[int, Counter[str]] = {}
    for unit, label in zip(units, labels, strict=True):
        members.setdefault(unit, Counter())[label] += 1
    wanted = {label: max(1, round(choice.share * num)) for label, num in Counter(labels).items()}
    has: Counter[str] = Counter()
    order = np.random.default_rng(choice.seed).permutation(sorted(members))
    drawn: set[int] = set()
    for label in sorted(wanted, key=lambda name: (wanted[name], name)):
        for unit in order.tolist():
            num = members[unit][label]
            if not num or unit in drawn:
                continue
            # A unit that brings more than is missing twice over would leave too few to learn from.
            if has[label] + num / 2 <= wanted[label]:
                drawn.add(unit)
                has += members[unit]
    return [unit in drawn for unit in units]
