"""Dividing the pictures that are kept, and what is to say about the people on them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from facecore.labels import display_name
from facecore.own_data_findings import MIN_PER_CLASS, MIN_TRAIN, MIN_VALIDATION, Finding
from facecore.own_data_split import SplitChoice, assign_splits, join_units


@dataclass(frozen=True, slots=True)
class KeptPictures:
    """What dividing needs to know of the pictures that are kept, one entry each.

    Args:
        indices: in the draft.
        labels: ours.
        groups: equal for pictures that look alike.
        people: who is on them; empty where the names do not tell.
        given: split as brought; "" where nothing said.
    """

    indices: Sequence[int]
    labels: Sequence[str]
    groups: Sequence[int]
    people: Sequence[str]
    given: Sequence[str]


@dataclass(frozen=True, slots=True)
class Division:
    """How pictures are divided.

    Args:
        splits: of each picture.
        is_by_person: whether people were kept on one side when they were drawn.
        lacking: labels that would have too few pictures on a side if people were not divided, and
            have enough on both if they are.
    """

    splits: Sequence[str]
    is_by_person: bool
    lacking: tuple[str, ...]


def divide(choice: SplitChoice, kept: KeptPictures) -> Division:
    """Return the split of each picture.

    By person, everybody stays on one side; so they do where the validation pictures are drawn from
    a given training split, unless a label would be lacking then.
    """
    divided = assign_splits(choice, kept.labels, kept.groups, kept.given)
    if not kept.people:
        return Division(divided, False, ())
    units = join_units(kept.groups, kept.people)
    whole = assign_splits(choice, kept.labels, units, kept.given)
    enough = _list_enough(kept.labels, whole)
    lacking = tuple(label for label in _list_enough(kept.labels, divided) if label not in enough)
    is_drawn = choice.method == "given" and "validation" not in kept.given
    is_by_person = choice.method == "person" or (is_drawn and not lacking)
    return Division(whole if is_by_person else divided, is_by_person, lacking)


def check_people(
    choice: SplitChoice, division: Division, sides: Mapping[str, set[str]]
) -> list[Finding]:
    """Return what is to say about people.

    Args:
        choice: how it is divided.
        division: what that gave.
        sides: person -> the splits that they stand in; empty where people are not known.
    """
    findings = []
    if division.is_by_person:
        findings.append(Finding("fine", f"{len(sides)} people were told apart."))
    num = sum("train" in splits and len(splits) > 1 for splits in sides.values())
    if num:
        who = "1 person stands" if num == 1 else f"{num:,} people stand"
        problem = f"By the names of the files, {who} on both sides of the split."
        action = "This flatters the result; divide by person to keep everybody on one side."
        if division.lacking:
            words = ", ".join(map(display_name, division.lacking))
            problem += f" Divided by person, {words} would have too few pictures on a side."
            action = "The result is flattered; add pictures of other people to divide by person."
        elif choice.method == "given":
            action = "This flatters the result; sort them by person, or divide by person."
        findings.append(Finding("warning", problem, action))
    return findings


def _list_enough(labels: Sequence[str], splits: Sequence[str]) -> list[str]:
    """Return the labels with enough pictures on both sides; one that is too rare anyway counts."""
    totals = Counter(labels)
    by_split = Counter(zip(labels, splits, strict=True))
    return [
        label
        for label, total in totals.items()
        if total < MIN_PER_CLASS
        or (
            by_split[label, "train"] >= MIN_TRAIN
            and by_split[label, "validation"] >= MIN_VALIDATION
        )
    ]
