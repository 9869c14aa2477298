"""Decisions as a training takes them: one person's or everybody's, written down as they are now.

What people decide later does not change a training that waits or is resumed: it takes a file whose
name follows from its content.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from facecore.errors import CorrectionsError
from facecore.relabel_decisions import (
    TOGETHER,
    Decision,
    delete_decisions,
    load_decisions,
    load_everyone,
    relabel_dir,
    save_decisions,
    to_decisions_csv,
)
from facecore.relabel_merge import merge_decisions
from facecore.user_files import changing

EVERYBODY = "Everybody together"

_STORED = "decisions_*.csv"


def list_choices(dataset: str, split: str) -> dict[str, tuple[Decision, ...]]:
    """Return name -> decisions on a split: of everybody together where several decided, of each.

    Raises:
        CorrectionsError: if a file is damaged, or they are about different data.
    """
    people = load_everyone(dataset, split)
    merged = {EVERYBODY: merge_decisions(people).decisions} if len(people) > 1 else {}
    return merged | {who: tuple(decisions) for who, decisions in people.items()}


def name_corrections(decisions: Sequence[Decision]) -> str:
    """Return the file name of decisions, the same for the same content."""
    digest = hashlib.sha256(to_decisions_csv(decisions)).hexdigest()[:10]
    return _STORED.replace("*", digest)


def store_corrections(dataset: str, split: str, decisions: Sequence[Decision]) -> None:
    """Write decisions where ``find_corrections`` finds them by ``name_corrections``.

    Raises:
        StorageError: if they cannot be written.
    """
    save_decisions(relabel_dir(dataset, split) / name_corrections(decisions), decisions)


def delete_person(dataset: str, split: str, who: str) -> None:
    """Delete a person's decisions for good, also where they were written down for a training.

    A training that still needs them cannot go on; nothing happens where there are none.

    Raises:
        StorageError: if they cannot be deleted.
    """
    delete_decisions(dataset, split, who)
    for path in relabel_dir(dataset, split).glob(_STORED):
        if _names(path, who):
            with changing(path.parent):
                path.unlink(missing_ok=True)


def _names(path: Path, who: str) -> bool:
    """Tell whether a file holds a person's decisions; one that is damaged may."""
    try:
        decisions = load_decisions(path)
    except CorrectionsError:
        return True
    # Older files hold people who called themselves like two ("Ann + Bob"): no split finds them.
    wanted = f"{TOGETHER}{who}{TOGETHER}"
    return any(wanted in f"{TOGETHER}{decision.who}{TOGETHER}" for decision in decisions)
