"""What was analysed in this browser session: one entry per source, for the statistics page.

An entry is replaced when the same key is logged again, so that edits and new settings reach the
statistics at once. Everything lives in the browser session's state and goes with it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import streamlit as st

from facecore.annotation import HideMethod
from facecore.media import encode_image
from facecore.preprocessing import UInt8Array
from facecore.results import FrameResult
from facecore.session import VideoRun
from facecore.stats import PeopleEdits, SessionSummary, summarise_photo
from facecore.stats_clip import settle_clip

Kind = Literal["photo", "video", "live"]
Media = bytes | Path | Callable[[], bytes]
"""A file's content, where it lies, or a function that makes it when it is downloaded."""

_STATE = "session_log"
_DROPPED = "session_log_dropped"
MAX_ENTRIES = 200
"""The oldest entries make room: pictures stay in the server's memory as long as their entry."""


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One source: a photo, a video or a live session.

    Args:
        key: identifies it in the log.
        source: file name, or how the live session is called.
        kind: "photo", "video" or "live".
        summary: its people, edits applied; in a photo one person per face.
        thumbnails: person_id (in a photo the face's number) -> crop as JPEG file.
        media: annotated pictures and clips by file name.
        result: a photo's faces, false boxes removed.
        made_from: what it was made from, to notice that nothing changed or to make it anew.
    """

    key: str
    source: str
    kind: Kind
    summary: SessionSummary
    thumbnails: Mapping[int, bytes] = field(default_factory=dict)
    media: Mapping[str, Media] = field(default_factory=dict)
    result: FrameResult | None = None
    made_from: tuple[object, ...] = ()


def log_photo(
    source: str,
    result: FrameResult,
    annotated: Media,
    *,
    key: str | None = None,
    file_name: str = "",
    thumbnails: Mapping[int, bytes] | None = None,
    made_from: tuple[object, ...] = (),
) -> None:
    """Put a photo into the log, or replace it.

    Args:
        source: its file name.
        result: its faces, false boxes removed.
        annotated: the annotated picture as PNG or JPEG file, or what makes it.
        key: what identifies it; default: the source.
        file_name: of the annotated picture in downloads; default: made from the source.
        thumbnails: face number -> crop as JPEG file.
        made_from: what it takes to log the photo again with other settings.
    """
    media = {file_name or f"{Path(source).stem}_annotated.png": annotated}
    summary = summarise_photo(result)
    crops = thumbnails or {}
    entry_key = f"photo:{key or source}"
    _put(Entry(entry_key, source, "photo", summary, crops, media, result, made_from))


def log_video(
    source: str,
    run: VideoRun,
    edits: PeopleEdits,
    path: Path | None,
    *,
    key: str | None = None,
    file_name: str = "",
    thumbnails: Mapping[int, UInt8Array] | None = None,
    hide_faces: HideMethod | None = None,
) -> None:
    """Put a video into the log, or replace it; cheap when nothing changed since the last call.

    Args:
        source: its file name.
        run: what ``process_video`` returned.
        edits: people renamed, merged, removed.
        path: the annotated video, or None.
        key: what identifies it; default: the source.
        file_name: of the annotated video in downloads; default: made from the source.
        thumbnails: person_id -> uint8 crop (h, w, 3), BGR; default: the run's.
        hide_faces: how faces are hidden on them, to notice that it changed.
    """
    entry_key = f"video:{key or source}"
    made_from = (run, edits, path, hide_faces)
    old = _entries().get(entry_key)
    if old is not None and old.made_from == made_from:
        return
    _, summary = settle_clip(run.frames, run.summary.duration_s, edits)
    media = {file_name or f"{Path(source).stem}_annotated.mp4": path} if path else {}
    crops = _encode(run.thumbnails if thumbnails is None else thumbnails)
    _put(Entry(entry_key, source, "video", summary, crops, media, made_from=made_from))


def log_live(
    summary: SessionSummary,
    *,
    source: str = "Live",
    key: str = "live",
    thumbnails: Mapping[int, UInt8Array] | None = None,
    media: Mapping[str, Media] | None = None,
) -> None:
    """Put a live session into the log, or replace it.

    Args:
        summary: its people so far.
        source: how the session is called in the statistics.
        key: a new one for every session that shall be counted by itself.
        thumbnails: person_id -> uint8 crop (h, w, 3), BGR.
        media: photos and clips taken, by file name.
    """
    crops = _encode(thumbnails or {})
    _put(Entry(f"live:{key}", source, "live", summary, crops, media or {}))


def log_entries() -> Sequence[Entry]:
    """Return the log, oldest entry first."""
    return list(_entries().values())


def count_dropped() -> int:
    """Return how many sources made room for later ones and are not in the log."""
    return len(_dropped())


def is_logged(kind: Kind, key: str) -> bool:
    """Tell whether a source has an entry; the user may have emptied the log."""
    return f"{kind}:{key}" in _entries()


def forget(kind: Kind, key: str) -> None:
    """Take an entry out of the log; an unknown key is no error."""
    _entries().pop(f"{kind}:{key}", None)
    _dropped().discard(f"{kind}:{key}")


def forget_all() -> None:
    """Empty the log."""
    _entries().clear()
    _dropped().clear()


def _encode(crops: Mapping[int, UInt8Array]) -> dict[int, bytes]:
    return {person: encode_image(crop, "jpeg") for person, crop in crops.items()}


def _entries() -> dict[str, Entry]:
    entries: dict[str, Entry] = st.session_state.setdefault(_STATE, {})
    return entries


def _dropped() -> set[str]:
    """Return the keys of what made room: a page that runs again logs its photos again."""
    dropped: set[str] = st.session_state.setdefault(_DROPPED, set())
    return dropped


def _put(entry: Entry) -> None:
    entries, dropped = _entries(), _dropped()
    entries[entry.key] = entry
    dropped.discard(entry.key)
    while len(entries) > MAX_ENTRIES:
        oldest = next(iter(entries))
        del entries[oldest]
        dropped.add(oldest)
