"""Results as text in the paper's form, as tables and CSV, and as JSON.

JSON documents look like this; confidence and probabilities are 0-1, boxes are pixels inside the
frame with x2 and y2 exclusive, times are seconds of media time::

    {"schema_version": 1,
     "results": [
       {"source": "a.jpg", "width": 640, "height": 480,
        "faces": [{"box": [x1, y1, x2, y2],
                   "expression": {"label": "happy", "confidence": 0.9, "probabilities": {...}},
                   "gender": {"label": "woman", "confidence": 0.8, "probabilities": {...}}}]}],
     "errors": [{"source": "b.jpg", "message": "..."}]}

A video's result has the same keys and, beside them::

    {"fps": 12.0, "duration_s": 3.4, "num_frames": 41, "num_faces_seen": 107, "warning": null,
     "faces": [{"frame": 0, "time_s": 0.0, "person": 1, "box": [...], "expression": {...}, ...}],
     "people": [{"person": 1, "name": "Person 1", "first_s": 0.1, "last_s": 3.3, "num_frames": 39,
                 "seconds_by_expression": {"happy": 2.1, ...}, "share_of_time": 0.62,
                 "expression": {...}, "gender": {...}}]}

There ``faces`` holds every face of every frame. A person's ``expression`` is the one shown for
longest, with its share of the person's time; all probabilities of a person are means over that
time. A task without a model has no key. A label is ``"undecided"`` where the network is not sure
enough; its confidence is then that of the most probable label. In a video a gender's label is the
person's in all of it, and so is its confidence where that frame by itself would have another
label. A live session has no size, speed, faces or warning.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from facecore.export_tables import (
    frames_to_csv,
    frames_to_table,
    people_to_csv,
    people_to_table,
    photo_to_csv,
    photo_to_table,
    to_csv,
)
from facecore.label_sets import is_known, list_shown, order_labels
from facecore.labels import TASKS, UNDECIDED, Task, display_name
from facecore.results import FrameResult
from facecore.session import VideoRun
from facecore.stats import PersonSummary, SessionSummary, summarise_photo

__all__ = [
    "SCHEMA_VERSION",
    "Labels",
    "frames_to_csv",
    "frames_to_table",
    "people_to_csv",
    "people_to_table",
    "photo_to_csv",
    "photo_to_dict",
    "photo_to_json",
    "photo_to_table",
    "photo_to_text",
    "to_csv",
    "to_document",
    "to_json",
    "video_to_dict",
    "video_to_json",
    "video_to_text",
]

SCHEMA_VERSION = 1

Labels = Mapping[Task, Sequence[str]]
"""Per task the labels of the network that was asked; a task is missing where there was none."""

_NOTE = (
    "Expressions are what a face looks like to the model, not what the person feels; gender is the "
    "model's guess between two labels."
)


def photo_to_text(source: str, result: FrameResult, labels: Labels | None = None) -> str:
    """Return a photo's statistics in the paper's form: totals, then each face.

    Args:
        source: file name, for the first line.
        result: the photo's faces.
        labels: of the networks that were asked; without faces nothing else tells them.
    """
    summary = summarise_photo(result)
    return _to_text(source, summary, [_describe_person(p) for p in summary.people], labels or {})


def video_to_text(source: str, summary: SessionSummary, labels: Labels | None = None) -> str:
    """Return the statistics of a video or live session in the paper's form.

    Args:
        source: file name, for the first line.
        summary: its people, with the user's edits.
        labels: of the networks that were asked; without people nothing else tells them.
    """
    blocks = []
    for person in summary.people:
        seen = f"Seen: {person.first_s:.1f} s to {person.last_s:.1f} s"
        blocks.append([*_describe_person(person), seen, *_describe_times(person)])
    return _to_text(source, summary, blocks, labels or {})


def photo_to_dict(source: str, result: FrameResult) -> dict[str, Any]:
    """Return a photo's entry of ``results``; see the top of this module."""
    width, height = result.size_wh
    faces = [face.to_dict() for face in result.clipped_faces]
    return {"source": source, "width": width, "height": height, "faces": faces}


def video_to_dict(source: str, results: VideoRun | SessionSummary) -> dict[str, Any]:
    """Return the entry of ``results`` of a video or live session; see the top of this module.

    Args:
        source: file name, or how the live session is called.
        results: everything of a video (after edits: ``dataclasses.replace`` its frames and
            summary), or only the summary: then size, speed and single faces are left out.
    """
    summary = results.summary if isinstance(results, VideoRun) else results
    entry: dict[str, Any] = {"source": source}
    if isinstance(results, VideoRun):
        width, height = results.frames[0].size_wh
        entry |= {"width": width, "height": height, "fps": results.info.fps}
    entry |= {
        "duration_s": summary.duration_s,
        "num_frames": summary.num_frames,
        "num_faces_seen": summary.num_faces_seen,
    }
    if isinstance(results, VideoRun):
        entry["warning"] = results.warning
        entry["faces"] = [
            {"frame": frame.index, "time_s": frame.time_s, **face.to_dict()}
            for frame in results.frames
            for face in frame.clipped_faces
        ]
    entry["people"] = [_to_person_dict(person) for person in summary.people]
    return entry


def to_document(
    results: Sequence[Mapping[str, Any]], errors: Sequence[Mapping[str, str]] = ()
) -> dict[str, Any]:
    """Return the whole JSON object for entries of ``photo_to_dict`` and ``video_to_dict``.

    Args:
        results: one per source that could be read.
        errors: ``{"source", "message"}`` per source that could not.
    """
    return {"schema_version": SCHEMA_VERSION, "results": list(results), "errors": list(errors)}


def to_json(
    results: Sequence[Mapping[str, Any]], errors: Sequence[Mapping[str, str]] = ()
) -> bytes:
    """Return ``to_document`` as a UTF-8 file."""
    document = to_document(results, errors)
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def photo_to_json(source: str, result: FrameResult) -> bytes:
    """Return a photo's JSON document as a file."""
    return to_json([photo_to_dict(source, result)])


def video_to_json(source: str, results: VideoRun | SessionSummary) -> bytes:
    """Return the JSON document of a video or live session as a file."""
    return to_json([video_to_dict(source, results)])


def _to_text(
    source: str, summary: SessionSummary, blocks: Sequence[Sequence[str]], labels: Labels
) -> str:
    one_line = " ".join(source.split())
    lines = [one_line, "", "Predicted number of people with each expression:", ""]
    expressions = _count(summary, "expression", labels)
    known = {*labels.get("expression", ()), *_list_found(summary, "expression")}
    for label in sorted(name for name in expressions if name != UNDECIDED):
        if label in known or not known:
            lines.append(f"{display_name(label)}: {expressions[label]}")
    lines.append(f"{display_name(UNDECIDED)}: {expressions[UNDECIDED]}")
    genders = _count(summary, "gender", labels)
    if is_known("gender", genders):
        lines += ["", "Predicted number of men and women:", ""]
        lines += [f"Women: {genders['woman']}", f"Men: {genders['man']}"]
    else:
        lines += ["", "Predicted number of people with each gender label:", ""]
        lines += [f"{display_name(k)}: {n}" for k, n in genders.items() if k != UNDECIDED]
    lines += [f"{display_name(UNDECIDED)}: {genders[UNDECIDED]}", ""]
    if not blocks:
        lines += ["No faces found", ""]
    else:
        lines += ["Specific predictions for faces", ""]
    for block in blocks:
        lines += [*block, ""]
    return "\n".join([*lines, _NOTE, ""])


def _count(summary: SessionSummary, task: Task, labels: Labels) -> dict[str, int]:
    counts, found = summary.counts(task), _list_found(summary, task)
    return {k: counts.get(k, 0) for k in list_shown(task, (*labels.get(task, ()), *found))}


def _list_found(summary: SessionSummary, task: Task) -> list[str]:
    return [label for person in summary.people for label in person.mean_probs.get(task, {})]


def _describe_person(person: PersonSummary) -> list[str]:
    lines = [f"{' '.join(person.name.split())}:"]
    for task in TASKS:
        if task in person.mean_probs:
            lines.append(f"Predicted {task}: {_describe_label(person, task)}")
            lines.append(f"Confidence: {person.confidence(task):.4f}")
    return lines


def _describe_label(person: PersonSummary, task: Task) -> str:
    label = person.dominant(task)[0]
    if label != UNDECIDED:
        return display_name(label)
    top = person.prediction(task).top_label
    return f"{display_name(label)} (most likely {display_name(top)})"


def _describe_times(person: PersonSummary) -> list[str]:
    if "expression" not in person.mean_probs:
        return []
    seconds, shares = person.seconds_by_label["expression"], person.shares("expression")
    times = [
        f"{display_name(label)} {seconds[label]:.1f} s ({share:.0%})"
        for label, share in sorted(shares.items(), key=lambda item: -item[1])
        if share > 0
    ]
    return [f"Time per expression: {', '.join(times)}"] if times else []


def _to_person_dict(person: PersonSummary) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "person": person.person_id,
        "name": person.name,
        "first_s": person.first_s,
        "last_s": person.last_s,
        "num_frames": person.num_frames,
    }
    if "expression" in person.mean_probs:
        entry["seconds_by_expression"] = dict(person.seconds_by_label["expression"])
        entry["share_of_time"] = person.dominant("expression")[1]
    for task in TASKS:
        if task in person.mean_probs:
            entry[task] = _to_prediction_dict(person, task)
    return entry


def _to_prediction_dict(person: PersonSummary, task: Task) -> dict[str, Any]:
    label, _ = person.dominant(task)
    probs = person.mean_probs[task]
    ordered = {name: probs[name] for name in order_labels(probs)}
    return {"label": label, "confidence": person.confidence(task), "probabilities": ordered}
