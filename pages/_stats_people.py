"""The session's people: one per face of a photo, one per person of a video or live session."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from facecore.export import Labels, to_csv
from facecore.label_sets import list_shown
from facecore.labels import (
    TASKS,
    UNDECIDED,
    Task,
    display_answer,
    display_name,
    display_plural,
)
from facecore.results import Prediction
from pages._face_cards import to_data_uri
from pages._session_log import Entry, Kind

_CSV_COLUMNS = ("source", "kind", "person", "first_s", "last_s")
_MAX_NAME_CHARS = 18  # as many as the pinned column of the source table shows


@dataclass(frozen=True, slots=True, eq=False)
class SeenPerson:
    """One person of one source.

    Args:
        source: file name or live session.
        kind: "photo", "video" or "live".
        name: "Face 1" or the person's name.
        predictions: per task; in a video the mean over the person's frames.
        labels: per task; in a video the one shown for longest.
        thumbnail: crop as JPEG file, if there is one.
        first_s: when first seen; None in a photo.
        last_s: when last seen; None in a photo.
    """

    source: str
    kind: Kind
    name: str
    predictions: dict[Task, Prediction]
    labels: dict[Task, str]
    thumbnail: bytes | None
    first_s: float | None = None
    last_s: float | None = None

    def confidence(self, task: Task) -> float:
        """Return the (mean) probability of the person's label, 0-1; undecided: the highest."""
        probs = self.predictions[task].probabilities
        return probs.get(self.labels[task], max(probs.values()))


def list_people(entries: Sequence[Entry]) -> list[SeenPerson]:
    """Return everybody of these entries, in the order of analysis."""
    return [person for entry in entries for person in _people_of(entry)]


def count_people(
    people: Sequence[SeenPerson], task: Task, labels: Labels | None = None
) -> dict[str, int]:
    """Return how many people have each label of the task; each is present, undecided too.

    Args:
        people: of some sources.
        task: what the labels say.
        labels: of the networks that were asked; without people nothing else tells them.
    """
    asked = (labels or {}).get(task, ())
    found = (k for p in people if task in p.predictions for k in p.predictions[task].labels)
    counts = dict.fromkeys(list_shown(task, (*asked, *found)), 0)
    for person in people:
        if task in person.labels:
            counts[person.labels[task]] += 1
    return counts


def mean_confidence(people: Sequence[SeenPerson], task: Task) -> float | None:
    """Return the mean confidence, 0-1; None where nobody has a prediction."""
    found = [p.confidence(task) for p in people if task in p.labels]
    return sum(found) / len(found) if found else None


def format_share(share: float | None) -> str:
    """Return ``0.784`` as ``"78%"``, nothing as a dash."""
    return "–" if share is None else f"{share:.0%}"


def describe_dropped(number: int) -> str:
    """Return a sentence on the sources that made room in the log, at least one."""
    who = "oldest source" if number == 1 else f"{number:,} oldest sources"
    return f"The {who} made room and {'is' if number == 1 else 'are'} not counted."


def to_people_table(people: Sequence[SeenPerson]) -> pd.DataFrame:
    """Return one row per person as shown on the page, confidences in percent."""
    return pd.DataFrame([_to_shown_row(person) for person in people])


def to_source_table(entries: Sequence[Entry], labels: Labels | None = None) -> pd.DataFrame:
    """Return one row per source: people, men, women, each expression, mean confidences.

    Args:
        entries: the sources.
        labels: of all networks that were asked.
    """
    # Every row has every column: a source of other labels, or without people, counts as 0 there.
    everybody = list_people(entries)
    shown = {task: list(count_people(everybody, task, labels)) for task in reversed(TASKS)}
    rows = []
    for entry in entries:
        people = _people_of(entry)
        row: dict[str, object] = {
            "Source": _shorten(entry.source),
            "Kind": display_name(entry.kind),
            "People": len(people),
        }
        for task, names in shown.items():
            counts = count_people(people, task)
            row |= {_name_column(task, label): counts.get(label, 0) for label in names}
        row["Sure"] = " / ".join(format_share(mean_confidence(people, task)) for task in TASKS)
        rows.append(row)
    return pd.DataFrame(rows)


def to_people_csv(people: Sequence[SeenPerson]) -> bytes:
    """Return one row per person with every probability, as CSV file."""
    rows = []
    for person in people:
        row: dict[str, object] = {
            "source": person.source,
            "kind": person.kind,
            "person": person.name,
            "first_s": person.first_s,
            "last_s": person.last_s,
        }
        for task, prediction in person.predictions.items():
            row[task] = person.labels[task]
            row[f"{task}_confidence"] = person.confidence(task)
            row |= {f"p_{label}": share for label, share in prediction.probabilities.items()}
        rows.append(row)
    # Without anybody a table has its heads all the same.
    return to_csv(pd.DataFrame(rows) if rows else pd.DataFrame(columns=list(_CSV_COLUMNS)))


def _name_column(task: Task, label: str) -> str:
    return display_answer(task, label) if label == UNDECIDED else display_plural(label)


def _shorten(name: str) -> str:
    """Return a long file name without its middle: beginning and ending tell files apart."""
    if len(name) <= _MAX_NAME_CHARS:
        return name
    return f"{name[: _MAX_NAME_CHARS - 9]}…{name[-8:]}"


def _people_of(entry: Entry) -> list[SeenPerson]:
    is_photo = entry.kind == "photo"
    return [
        SeenPerson(
            source=entry.source,
            kind=entry.kind,
            name=f"Face {person.person_id}" if is_photo else person.name,
            predictions={task: person.prediction(task) for task in person.mean_probs},
            labels={task: person.dominant(task)[0] for task in person.mean_probs},
            thumbnail=entry.thumbnails.get(person.person_id),
            first_s=None if is_photo else person.first_s,
            last_s=None if is_photo else person.last_s,
        )
        for person in entry.summary.people
    ]


def _to_shown_row(person: SeenPerson) -> dict[str, object]:
    row: dict[str, object] = {
        "Crop": to_data_uri(person.thumbnail) if person.thumbnail else None,
        "Source": person.source,
        "Person": person.name,
    }
    for task in TASKS:
        known = task in person.labels
        row[display_name(task)] = display_name(person.labels[task]) if known else None
        row[f"Sure of {task}"] = round(100 * person.confidence(task)) if known else None
    return row
