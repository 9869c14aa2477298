"""Several people's decisions: how far they agree, and what they decided together."""

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, count
from pathlib import PurePath

from facecore.errors import CorrectionsError
from facecore.limits import safe_name
from facecore.relabel_decisions import TOGETHER, Decision, clean_name


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """How two people compare on the pictures that both decided on.

    Args:
        first: a person.
        second: another.
        num_both: pictures that both decided on.
        num_same: those on which they said the same.
        kappa: agreement beyond chance (Cohen, 1960): 1 is perfect, 0 is chance; None where chance
            alone explains everything or there is no common picture.
    """

    first: str
    second: str
    num_both: int
    num_same: int
    kappa: float | None


@dataclass(frozen=True, slots=True)
class MergedDecisions:
    """What people decided together.

    Args:
        decisions: one per picture on which most of those who decided agree, by picture.
        disputed: picture -> who said what, where no choice has most of them.
        num_shared: pictures on which two people or more decided.
    """

    decisions: tuple[Decision, ...]
    disputed: Mapping[str, Mapping[str, str]]
    num_shared: int


def add_files(
    people: dict[str, list[Decision]], files: Sequence[tuple[str, Sequence[Decision]]]
) -> list[CorrectionsError]:
    """Add files' decisions to those of people; decisions without a name go by their file's.

    Two files without names are two people, also where they are called the same, and so are they and
    somebody who has such a name in whichever file.

    Args:
        people: name -> decisions; changed.
        files: name of each, such as "ann.csv", and its decisions.

    Returns:
        One error for each file in which somebody says otherwise than before, which is left out.
    """
    taken = {*people, *(decision.who for _, decisions in files for decision in decisions)}
    errors = []
    for name, decisions in files:
        nameless = _find_free_name(clean_name(PurePath(name).stem) or "file", taken)
        taken.add(nameless)
        try:
            _add_file(people, decisions, name, nameless)
        except CorrectionsError as error:
            errors.append(error)
    return errors


def _add_file(
    people: dict[str, list[Decision]], decisions: Sequence[Decision], name: str, nameless: str
) -> None:
    brought: dict[str, list[Decision]] = {}
    for decision in decisions:
        brought.setdefault(decision.who or nameless, []).append(decision)
    for who, rows in brought.items():
        before = {decision.image: decision.new for decision in people.get(who, ())}
        for image, new in {decision.image: decision.new for decision in rows}.items():
            if before.get(image, new) != new:
                raise CorrectionsError(
                    f"{safe_name(name)} has '{new}' from {who} for picture '{image}', and "
                    f"'{before[image]}' was read from {who} before; leave the older file out, or, "
                    "if these are two people, change one of the names in the column who."
                )
    for who, rows in brought.items():
        people.setdefault(who, []).extend(rows)


def _find_free_name(name: str, taken: Container[str]) -> str:
    return next(n for n in chain([name], (f"{name} ({i})" for i in count(2))) if n not in taken)


def merge_decisions(people: Mapping[str, Sequence[Decision]]) -> MergedDecisions:
    """Return the choice of more than half of those who decided on each picture.

    Args:
        people: name -> decisions, at most one per picture and person; of several the last counts.

    Raises:
        CorrectionsError: if they name different old labels: they are about different data.
    """
    by_image: dict[str, dict[str, Decision]] = {}
    for who, decisions in people.items():
        for decision in decisions:
            by_image.setdefault(decision.image, {})[who] = decision
    merged: list[Decision] = []
    disputed: dict[str, dict[str, str]] = {}
    for image, said in sorted(by_image.items()):
        if len({decision.old for decision in said.values()}) > 1:
            raise CorrectionsError(
                f"The files name different labels for picture '{image}' "
                f"({', '.join(sorted({d.old for d in said.values()}))}), so they are about "
                "different data; merge only decisions on the same data set and split."
            )
        new, num = Counter(decision.new for decision in said.values()).most_common(1)[0]
        if 2 * num <= len(said):
            disputed[image] = {who: decision.new for who, decision in said.items()}
            continue
        agreeing = {who: d for who, d in said.items() if d.new == new}
        merged.append(
            Decision(
                image=image,
                old=next(iter(agreeing.values())).old,
                new=new,
                who=TOGETHER.join(agreeing),
                when=max(decision.when for decision in agreeing.values()),
            )
        )
    num_shared = sum(len(said) > 1 for said in by_image.values())
    return MergedDecisions(tuple(merged), disputed, num_shared)


def compare_people(people: Mapping[str, Sequence[Decision]]) -> list[PairAgreement]:
    """Return the agreement of every two people."""
    choices = {who: {d.image: d.new for d in decisions} for who, decisions in people.items()}
    return [_compare(a, b, choices[a], choices[b]) for a, b in combinations(choices, 2)]


def _compare(a: str, b: str, first: Mapping[str, str], second: Mapping[str, str]) -> PairAgreement:
    common = sorted(set(first) & set(second))
    num_same = sum(first[image] == second[image] for image in common)
    if not common:
        return PairAgreement(a, b, 0, 0, None)
    of_a, of_b = (Counter(said[image] for image in common) for said in (first, second))
    by_chance = sum(of_a[label] * of_b[label] for label in of_a) / len(common) ** 2
    observed = num_same / len(common)
    kappa = None if by_chance == 1 else (observed - by_chance) / (1 - by_chance)
    return PairAgreement(a, b, len(common), num_same, kappa)
