"""The report before anything is kept: each problem of a user's pictures and what is done."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from facecore.label_sets import order_labels
from facecore.labels import Task
from facecore.own_data_divide import KeptPictures, check_people, divide
from facecore.own_data_findings import (
    MAX_EXAMPLES,
    Finding,
    Level,
    PlannedPicture,
    check_counts,
    check_shapes,
    say_pictures,
)
from facecore.own_data_labels import LEFT_OUT, check_mapping
from facecore.own_data_people import MIN_PEOPLE, find_people
from facecore.own_data_pictures import Draft, describe_unusable
from facecore.own_data_split import SPLIT_NAMES, SplitChoice, SplitMethod


@dataclass(frozen=True, slots=True)
class Plan:
    """What keeping a draft with these choices would give.

    Args:
        task: what the labels say.
        mapping: names as brought -> our labels.
        choice: how it is divided.
        pictures: that would be kept.
        labels: in order.
        findings: most severe first.
        left_out: reason -> how many pictures.
    """

    task: Task
    mapping: Mapping[str, str]
    choice: SplitChoice
    pictures: tuple[PlannedPicture, ...]
    labels: tuple[str, ...]
    findings: tuple[Finding, ...]
    left_out: Mapping[str, int]

    @property
    def is_usable(self) -> bool:
        """Whether a network can be trained on it."""
        return not any(finding.level == "refused" for finding in self.findings)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return label -> split -> number of pictures; every label and used split is present."""
        splits = [s for s in SPLIT_NAMES if any(p.split == s for p in self.pictures)]
        counts = {label: dict.fromkeys(splits, 0) for label in self.labels}
        for picture in self.pictures:
            counts[picture.label][picture.split] += 1
        return counts


def choose_method(draft: Draft, mapping: Mapping[str, str], share: float = 0.2) -> SplitMethod:
    """Return the best way to divide: as given, else by person, else by share.

    By person only where that leaves every label enough to learn from and to be judged on.

    Args:
        draft: the pictures.
        mapping: every name as brought -> our label, or "" to leave its pictures out.
        share: of the people, for validation.

    Raises:
        InvalidDatasetError: if a label cannot be one.
    """
    given = {picture.split for picture in draft.pictures}
    if "train" in given and len(given - {""}) > 1:
        return "given"
    sorting = _Sorting(draft, check_mapping(mapping))
    sorting.sort_out()
    kept = sorting.list_kept()
    fits = kept.people and not divide(SplitChoice("person", share), kept).lacking
    return "person" if fits else "share"


def make_plan(draft: Draft, task: Task, mapping: Mapping[str, str], choice: SplitChoice) -> Plan:
    """Decide about every picture of a draft.

    Args:
        draft: the pictures.
        task: what the labels say.
        mapping: every name as brought -> our label, or "" to leave its pictures out.
        choice: how to divide.

    Raises:
        InvalidDatasetError: if a label cannot be one.
    """
    mapping = check_mapping(mapping)
    sorting = _Sorting(draft, mapping)
    findings = sorting.sort_out()
    kept = sorting.list_kept()
    if choice.method == "person" and not kept.people:
        findings.append(
            Finding(
                "refused",
                "The names of the files do not say who is on the pictures.",
                f"Begin each name with the person, such as anna_01.jpg, for {MIN_PEOPLE} people or "
                "more; or divide by share.",
            )
        )
    division = divide(choice, kept)
    rows = zip(kept.indices, kept.labels, division.splits, strict=True)
    planned = [PlannedPicture(*row) for row in rows]
    if choice.method == "given":
        planned, across = _drop_across(draft, planned)
        sorting.count("like a held-out picture", across, findings)
    people = dict(zip(kept.indices, kept.people, strict=True)) if kept.people else {}
    sides: dict[str, set[str]] = {}
    for picture in planned if people else ():
        sides.setdefault(people[picture.index], set()).add(picture.split)
    findings += check_people(choice, division, sides)
    names = order_labels(kept.labels)
    plan = Plan(task, mapping, choice, tuple(planned), names, (), sorting.left_out)
    findings += check_shapes([draft.pictures[picture.index] for picture in planned])
    findings += check_counts(task, plan.counts())
    severity = ("refused", "warning", "fine")
    findings.sort(key=lambda finding: severity.index(finding.level))
    return Plan(task, mapping, choice, plan.pictures, names, tuple(findings), sorting.left_out)


class _Sorting:
    """Sorts out pictures that cannot be used, reason by reason."""

    def __init__(self, draft: Draft, mapping: Mapping[str, str]) -> None:
        self._draft = draft
        self._mapping = mapping
        self.out: set[int] = set()
        self.left_out: Counter[str] = Counter()

    def sort_out(self) -> list[Finding]:
        draft, findings = self._draft, list[Finding]()
        for reason in dict.fromkeys(_kind(item.reason) for item in draft.unusable):
            items = [item for item in draft.unusable if _kind(item.reason) == reason]
            self.left_out[reason] += len(items)
            words = "Cannot be read" if reason == "unreadable" else reason.capitalize()
            told = tuple(f"{i.source}: {describe_unusable(i)}" for i in items[:MAX_EXAMPLES])
            problem = f"{words}: {say_pictures(len(items))}."
            findings.append(Finding("warning", problem, "They are left out.", told))
        if draft.left_out:
            num = len(draft.left_out)
            problem = (
                f"{num:,} {'file is' if num == 1 else 'files are'} no pictures by their names."
            )
            examples = draft.left_out[:MAX_EXAMPLES]
            findings.append(Finding("fine", problem, "They are left out.", examples))
        pictures = range(len(draft.pictures))
        unmapped = [i for i in pictures if self._mapping[draft.pictures[i].label] == LEFT_OUT]
        self.count("no label", unmapped, findings)
        self.count("blank", [i for i in pictures if draft.pictures[i].is_blank], findings)
        torn, copies = self._find_copies()
        self.count("two labels", torn, findings)
        self.count("copy", copies, findings)
        alike = self._find_alike()
        if alike:
            problem = f"Almost the same as another one: {say_pictures(len(alike))}."
            action = "They are kept, all of a kind on one side of the split."
            findings.append(Finding("fine", problem, action, self._examples(alike)))
        return findings

    def list_kept(self) -> KeptPictures:
        pictures = self._draft.pictures
        people = find_people([p.source for p in pictures], [p.label for p in pictures])
        kept = [i for i in range(len(pictures)) if i not in self.out]
        return KeptPictures(
            indices=kept,
            labels=[self._mapping[pictures[i].label] for i in kept],
            groups=[self._draft.groups[i] for i in kept],
            people=[people[i] for i in kept] if people else (),
            given=[pictures[i].split for i in kept],
        )

    def count(self, reason: str, indices: Sequence[int], findings: list[Finding]) -> None:
        fresh = [i for i in indices if i not in self.out]
        self.out.update(fresh)
        if fresh:
            self.left_out[reason] += len(fresh)
            problem, action = _TEXTS[reason]
            level: Level = "fine" if reason in ("no label", "copy") else "warning"
            words = f"{problem}: {say_pictures(len(fresh))}."
            findings.append(Finding(level, words, action, self._examples(fresh)))

    def _examples(self, indices: Sequence[int]) -> tuple[str, ...]:
        return tuple(self._draft.pictures[i].source for i in indices[:MAX_EXAMPLES])

    def _find_copies(self) -> tuple[list[int], list[int]]:
        """Return pictures whose copies have another label, and all copies but one of the others."""
        by_digest: dict[str, list[int]] = {}
        for i, picture in enumerate(self._draft.pictures):
            if i not in self.out:
                by_digest.setdefault(picture.digest, []).append(i)
        torn, copies = [], []
        for same in by_digest.values():
            if len({self._mapping[self._draft.pictures[i].label] for i in same}) > 1:
                torn += same
            else:  # the copy of the latest split stays: what is held out must be whole
                same.sort(key=lambda i: -_split_rank(self._draft.pictures[i].split))
                copies += same[1:]
        return torn, copies

    def _find_alike(self) -> list[int]:
        sizes = Counter(g for i, g in enumerate(self._draft.groups) if i not in self.out)
        return [
            i
            for i, group in enumerate(self._draft.groups)
            if i not in self.out and sizes[group] > 1
        ]


_TEXTS = {
    "no label": (
        "Under a name that is mapped to no label",
        "They are left out; write a label beside the name to use them.",
    ),
    "blank": ("Nothing but one colour", "They are left out."),
    "two labels": (
        "Identical to one with another label, so nobody knows which is right",
        "All of them are left out.",
    ),
    "copy": ("Identical to another one of the same label", "One of each is kept."),
    "like a held-out picture": (
        "For training, but almost the same as a held-out one, which would flatter the result",
        "They are left out of the training pictures.",
    ),
}


def _kind(reason: str) -> str:
    return reason if reason in ("no face", "several faces") else "unreadable"


def _split_rank(split: str) -> int:
    return SPLIT_NAMES.index(split) if split in SPLIT_NAMES else -1


def _drop_across(
    draft: Draft, planned: list[PlannedPicture]
) -> tuple[list[PlannedPicture], list[int]]:
    """Return the pictures without those that look like one of a later split, and those."""
    latest: dict[int, int] = {}
    for picture in planned:
        group = draft.groups[picture.index]
        latest[group] = max(latest.get(group, 0), _split_rank(picture.split))
    across = [p for p in planned if _split_rank(p.split) < latest[draft.groups[p.index]]]
    dropped = {picture.index for picture in across}
    return [p for p in planned if p.index not in dropped], sorted(dropped)
