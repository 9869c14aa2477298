"""Results as tables and CSV files."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from facecore.labels import TASKS
from facecore.results import FrameResult
from facecore.stats import PersonSummary, SessionSummary

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_FACE_COLUMNS = ("face", "x1", "y1", "x2", "y2")
_FRAME_COLUMNS = ("frame", "time_s", "person", "x1", "y1", "x2", "y2")
_PEOPLE_COLUMNS = ("person", "name", "first_s", "last_s", "num_frames")


def photo_to_table(source: str, result: FrameResult) -> pd.DataFrame:
    """Return one row per face: source, number, box, label, confidence and probabilities."""
    table = _to_table(result.to_rows(), _FACE_COLUMNS).drop(
        columns=["frame", "time_s", "person"], errors="ignore"
    )
    table.insert(0, "source", source)
    return table


def frames_to_table(frames: Sequence[FrameResult]) -> pd.DataFrame:
    """Return one row per face and frame of a video: probabilities smoothed as on screen.

    The gender is that of the whole clip, see ``stats_clip.settle_clip``.
    """
    rows = [row for frame in frames for row in frame.to_rows()]
    return _to_table(rows, _FRAME_COLUMNS).drop(columns="face", errors="ignore")


def people_to_table(summary: SessionSummary) -> pd.DataFrame:
    """Return one row per person: times, seconds per expression, mean probabilities."""
    return _to_table([_to_person_row(person) for person in summary.people], _PEOPLE_COLUMNS)


def to_csv(table: pd.DataFrame) -> bytes:
    """Return a table as CSV in UTF-8, safe to open in a spreadsheet."""
    # A spreadsheet would run a text that begins like a formula; the apostrophe makes it text.
    text: str = table.map(_disarm).to_csv(index=False)
    return text.encode()


def photo_to_csv(source: str, result: FrameResult) -> bytes:
    """Return ``photo_to_table`` as CSV."""
    return to_csv(photo_to_table(source, result))


def frames_to_csv(frames: Sequence[FrameResult]) -> bytes:
    """Return ``frames_to_table`` as CSV."""
    return to_csv(frames_to_table(frames))


def people_to_csv(summary: SessionSummary) -> bytes:
    """Return ``people_to_table`` as CSV."""
    return to_csv(people_to_table(summary))


def _to_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=list(columns))


def _disarm(value: object) -> object:
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value


def _to_person_row(person: PersonSummary) -> dict[str, Any]:
    row: dict[str, Any] = {
        "person": person.person_id,
        "name": person.name,
        "first_s": round(person.first_s, 3),
        "last_s": round(person.last_s, 3),
        "num_frames": person.num_frames,
    }
    for task in TASKS:
        if task not in person.mean_probs:
            continue
        label, share = person.dominant(task)
        row[task] = label
        row[f"{task}_confidence"] = person.confidence(task)
        if task == "expression":
            row["share_of_time"] = share
            row |= {f"seconds_{k}": v for k, v in person.seconds_by_label[task].items()}
        row |= {f"p_{k}": v for k, v in person.mean_probs[task].items()}
    return row
