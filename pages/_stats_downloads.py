"""The session's downloads: text, CSV, JSON, and a ZIP with the annotated media."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

from facecore.export import (
    Labels,
    photo_to_dict,
    photo_to_text,
    to_document,
    video_to_dict,
    video_to_text,
)
from facecore.labels import TASKS, display_name
from pages._asked_labels import join_labels
from pages._session_log import Entry, Media
from pages._stats_people import (
    count_people,
    describe_dropped,
    list_people,
    mean_confidence,
    to_people_csv,
)
from pages._ui import Download

_STEM = "facecore_session"

Asked = Mapping[str, Labels]
"""Entry key -> the labels of the networks that were asked for the source."""


def list_session_downloads(
    entries: Sequence[Entry], num_dropped: int = 0, asked: Asked | None = None
) -> list[Download]:
    """Return the downloads; each is made when its button is pressed.

    Args:
        entries: the sources.
        num_dropped: how many others of the session made room and are not counted.
        asked: the labels of the networks that were asked for each source.
    """

    def offer(label: str, data: object, file_name: str, mime: str) -> Download:
        return Download(label, data, file_name, mime, f"download_session_{label}")

    return [
        offer(
            "ZIP with everything",
            lambda: to_zip(entries, num_dropped, asked),
            f"{_STEM}.zip",
            "application/zip",
        ),
        offer(
            "Text",
            lambda: to_text(entries, num_dropped, asked).encode(),
            f"{_STEM}.txt",
            "text/plain",
        ),
        offer("CSV", lambda: to_people_csv(list_people(entries)), f"{_STEM}.csv", "text/csv"),
        offer(
            "JSON",
            lambda: to_json(entries, num_dropped, asked),
            f"{_STEM}.json",
            "application/json",
        ),
    ]


def describe_left_out(entries: Sequence[Entry]) -> str:
    """Return a sentence on the videos whose annotated copy the ZIP lacks; empty where none does."""
    names = [
        f"“{entry.source}”"
        for entry in entries
        if entry.kind == "video" and not any(map(_is_there, entry.media.values()))
    ]
    if not names:
        return ""
    whose = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    if len(names) == 1:
        return (
            f"The annotated video of {whose} is not in the ZIP: it is missing or does not show "
            "your latest changes. Open it on the page Videos to have it drawn again."
        )
    return (
        f"The annotated videos of {whose} are not in the ZIP: they are missing or do not show your "
        "latest changes. Open each on the page Videos to have it drawn again."
    )


def _is_there(content: Media) -> bool:
    return not isinstance(content, Path) or content.is_file()


def to_text(entries: Sequence[Entry], num_dropped: int = 0, asked: Asked | None = None) -> str:
    """Return the totals, then every source in the paper's form."""
    people, asked = list_people(entries), asked or {}
    everything = join_labels(list(asked.values()))
    lines = [f"Sources: {len(entries)}", f"People: {len(people)}"]
    if num_dropped:
        lines.insert(1, describe_dropped(num_dropped))
    for task in TASKS:
        counts = count_people(people, task, everything)
        lines.append(", ".join(f"{display_name(k)}: {n}" for k, n in counts.items()))
    parts = ["All sources\n" + "\n".join(lines) + "\n"]
    for entry in entries:
        if entry.result is not None:
            parts.append(photo_to_text(entry.source, entry.result, asked.get(entry.key)))
        else:
            parts.append(video_to_text(entry.source, entry.summary, asked.get(entry.key)))
    return "\n".join(parts)


def to_json(entries: Sequence[Entry], num_dropped: int = 0, asked: Asked | None = None) -> bytes:
    """Return totals and all results as JSON file."""
    people, everything = list_people(entries), join_labels(list((asked or {}).values()))
    totals: dict[str, object] = {"sources": len(entries), "people": len(people)}
    if num_dropped:
        totals["sources_not_counted"] = num_dropped
    for task in TASKS:
        totals[task] = count_people(people, task, everything)
        totals[f"mean_{task}_confidence"] = mean_confidence(people, task)
    results = [
        photo_to_dict(entry.source, entry.result)
        if entry.result is not None
        else video_to_dict(entry.source, entry.summary)
        for entry in entries
    ]
    document = {"totals": totals, **to_document(results)}
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def to_zip(entries: Sequence[Entry], num_dropped: int = 0, asked: Asked | None = None) -> bytes:
    """Return a ZIP file: text, CSV, JSON, and ``media/`` with the annotated pictures and clips."""
    buffer = io.BytesIO()
    # Pictures and videos are compressed already.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(f"{_STEM}.txt", to_text(entries, num_dropped, asked))
        archive.writestr(f"{_STEM}.csv", to_people_csv(list_people(entries)))
        archive.writestr(f"{_STEM}.json", to_json(entries, num_dropped, asked))
        taken: set[str] = set()
        for entry in entries:
            for file_name, content in entry.media.items():
                target = _free_name(file_name, taken)
                if not isinstance(content, Path):
                    data = content if isinstance(content, bytes) else content()
                    archive.writestr(f"media/{target}", data)
                elif content.is_file():  # a clip may have been discarded on its page
                    archive.write(content, f"media/{target}")
    return buffer.getvalue()


def _free_name(file_name: str, taken: set[str]) -> str:
    """Return the name, with a number where two sources are called alike."""
    path = PurePath(file_name)
    name, number = path.name, 2
    while name.lower() in taken:
        name, number = f"{path.stem}_{number}{path.suffix}", number + 1
    taken.add(name.lower())
    return name
