"""What people decided about labels: small CSV files, one per person, beside the users' data.

A decision changes no pixel and no data set; training takes the files as ``corrections``.
"""

import csv
import fcntl
import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from facecore.errors import CorrectionsError, StorageError
from facecore.limits import safe_name
from facecore.untrusted_files import shorten
from facecore.user_files import changing, to_name, user_relabel_dir

NOT_A_FACE = "not_a_face"
"""Stands in place of a new label where a picture shows no face; training leaves it out."""

TOGETHER = " + "
"""Stands between the names of those who decided the same; no name contains it."""

COLUMNS = ("image", "old", "new", "who", "when")
MAX_BYTES = 20_000_000
MAX_WHO_CHARS = 60

_DECISIONS_DIR = "decisions"


@dataclass(frozen=True, slots=True)
class Decision:
    """One person's word on one picture.

    Args:
        image: the picture's sample id in its data set.
        old: the label it had.
        new: the label it should have: ``old`` again, another one, or ``NOT_A_FACE``.
        who: the person, as they call themselves.
        when: date and time in ISO 8601, UTC.
    """

    image: str
    old: str
    new: str
    who: str
    when: str

    @property
    def is_change(self) -> bool:
        """Whether the label does not stay."""
        return self.new != self.old


def decide(image: str, old: str, new: str, who: str) -> Decision:
    """Return a decision that is made now."""
    return Decision(image, old, new, who, datetime.now(UTC).isoformat(timespec="seconds"))


def relabel_dir(dataset: str, split: str) -> Path:
    """Return the users' folder for a split's predictions and decisions; it need not exist yet."""
    return user_relabel_dir() / f"{dataset}_{split}"


def clean_name(who: str) -> str:
    """Return a person's name as the files have it; empty where there is none."""
    return " ".join(word for word in _clean(who).split() if word != TOGETHER.strip())


def _clean(who: str) -> str:
    printable = "".join(sign if sign.isprintable() else " " for sign in who)
    # A spreadsheet would run a name that begins like a formula.
    return " ".join(printable.split()).lstrip("=+-@' ")[:MAX_WHO_CHARS].rstrip()


def decisions_path(dataset: str, split: str, who: str) -> Path:
    """Return the file of one person's decisions; different names have different files."""
    digest = hashlib.sha256(who.encode()).hexdigest()[:8]
    name = f"{to_name(who) or 'person'}_{digest}.csv"
    return relabel_dir(dataset, split) / _DECISIONS_DIR / name


def find_corrections(name: str, dataset: str, split: str) -> Path:
    """Return where a file of decisions is that a config names.

    Args:
        name: a path; a relative one is meant from where the program runs, or, where nothing is
            there, from the users' folder for the split.
        dataset: the data set's name.
        split: that is corrected.
    """
    path = Path(name).expanduser()
    return path if path.is_file() else relabel_dir(dataset, split) / path


def load_person(dataset: str, split: str, who: str) -> list[Decision]:
    """Return what a person decided on this server, in their order; empty at first.

    Raises:
        CorrectionsError: if the file is damaged.
    """
    return _load_kept(decisions_path(dataset, split, who))


def load_everyone(dataset: str, split: str) -> dict[str, list[Decision]]:
    """Return the decisions of everybody on this server, by name.

    Raises:
        CorrectionsError: if a file is damaged.
    """
    people: dict[str, list[Decision]] = {}
    for path in sorted((relabel_dir(dataset, split) / _DECISIONS_DIR).glob("*.csv")):
        for decision in _load_kept(path):
            people.setdefault(decision.who, []).append(decision)
    return people


def add_decision(dataset: str, split: str, decision: Decision) -> None:
    """Write a decision into its person's file, in place of an earlier one on the same picture.

    Raises:
        CorrectionsError: if the file is damaged.
        StorageError: if it cannot be written.
    """
    with _change(decisions_path(dataset, split, decision.who)) as rows:
        rows[:] = [row for row in rows if row.image != decision.image] + [decision]


def remove_decision(dataset: str, split: str, who: str, image: str) -> None:
    """Take a person's decision on a picture back.

    Raises:
        CorrectionsError: if the file is damaged.
        StorageError: if it cannot be written.
    """
    with _change(decisions_path(dataset, split, who)) as rows:
        rows[:] = [row for row in rows if row.image != image]


def delete_decisions(dataset: str, split: str, who: str) -> None:
    """Delete a person's file, and its lock, whose name tells theirs; an absent one is no error.

    Raises:
        StorageError: if it cannot be deleted.
    """
    path = decisions_path(dataset, split, who)
    if not path.parent.is_dir():
        return
    with _lock(path) as lock, changing(path.parent):
        path.unlink(missing_ok=True)
        lock.unlink(missing_ok=True)


def load_decisions(path: Path) -> list[Decision]:
    """Read a file of decisions.

    Raises:
        CorrectionsError: if it is missing or has not the columns ``COLUMNS``.
    """
    try:
        return read_decisions(path.read_bytes(), path.name)
    except OSError as error:
        raise _cannot_read(path, error) from error


def _load_kept(path: Path) -> list[Decision]:
    """Return a person's decisions; empty where there are none, or they are deleted this moment."""
    try:
        return read_decisions(path.read_bytes(), path.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _cannot_read(path, error) from error


def _cannot_read(path: Path, error: OSError) -> CorrectionsError:
    return CorrectionsError(
        f"The corrections {path} cannot be read ({error.strerror}); check the path, or write "
        "them with python -m facecore relabel."
    )


def read_decisions(data: bytes, name: str) -> list[Decision]:
    """Return the decisions in a CSV file's bytes.

    Args:
        data: the file.
        name: of the file, for the messages.

    Raises:
        CorrectionsError: if it is too large or has not the columns ``COLUMNS``.
    """
    name = safe_name(name)
    expected = f"expected a CSV with the columns {', '.join(COLUMNS)}, as the page Relabel saves it"
    if len(data) > MAX_BYTES:
        raise CorrectionsError(f"{name} is larger than {MAX_BYTES // 1_000_000} MB; {expected}.")
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        rows, columns = list(reader), reader.fieldnames or ()
    except (UnicodeDecodeError, csv.Error) as error:
        raise CorrectionsError(f"{name} is no CSV file ({shorten(error)}); {expected}.") from error
    # Asked of a file without rows too: an empty one would change nothing and nobody would know.
    if missing := [column for column in COLUMNS if column not in columns]:
        raise CorrectionsError(f"{name} has no column {', '.join(missing)}; {expected}.")
    decisions = []
    for number, row in enumerate(rows, start=2):
        cells = [row[column] for column in COLUMNS]
        image, old, new, who, when = ((cell or "").strip() for cell in cells)
        if None in cells or not (image and old and new):
            raise CorrectionsError(f"Line {number} of {name} lacks a value; {expected}.")
        # Each name by itself: cut as a whole, the last of several people would be lost.
        names = filter(None, map(_clean, who.split(TOGETHER)))
        decisions.append(Decision(image, old, new, TOGETHER.join(names), when))
    return decisions


def to_decisions_csv(decisions: Iterable[Decision]) -> bytes:
    """Return decisions as a CSV file in UTF-8."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([getattr(decision, column) for column in COLUMNS] for decision in decisions)
    return text.getvalue().encode()


def save_decisions(path: Path, decisions: Sequence[Decision]) -> None:
    """Write a file of decisions in one step.

    Raises:
        StorageError: if it cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(to_decisions_csv(decisions))
        part.replace(path)
    except OSError as error:
        raise _cannot_write(path, error) from error


@contextmanager
def _change(path: Path) -> Iterator[list[Decision]]:
    """Hand out a file's rows and write them back; other sessions of the person wait."""
    with _lock(path):
        rows = _load_kept(path)
        yield rows
        save_decisions(path, rows)


@contextmanager
def _lock(path: Path) -> Iterator[Path]:
    """Keep a person's other sessions from their file; hand out the lock, which may be deleted."""
    lock = path.with_suffix(".lock")
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = lock.open("w")
        except OSError as error:
            raise _cannot_write(path, error) from error
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # Whoever waited while it was deleted holds a file that later ones do not find.
            if _is_at(file, lock):
                yield lock
                return


def _is_at(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _cannot_write(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"The decisions cannot be written to {path} ({error.strerror}); make room there, or name "
        "another folder."
    )
