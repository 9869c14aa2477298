"""The people of a video: a table of them; renaming, merging, removing, and taking that back."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from facecore.labels import TASKS, Task, display_name
from facecore.media import encode_image
from facecore.preprocessing import UInt8Array
from facecore.stats import PeopleEdits, PersonSummary, SessionSummary
from pages._face_cards import to_data_uri
from pages._lasting_names import name_apart
from pages._video_desk import VideoCase

_MAX_NAME_CHARS = 40
_PX_PER_SIGN, _PX_AROUND = 7, 20  # in a table's cell, which cuts what is longer without a sign


def show_people_table(
    case: VideoCase, summary: SessionSummary, key: str, on_select: Callable[[], None]
) -> None:
    """Show one row per person; choosing a row calls ``on_select``."""
    labels = {
        task: [
            label
            for label in summary.shown_labels(task)
            if any(label in _shares(p, task) for p in summary.people)
        ]
        for task in TASKS
    }
    columns: dict[str, Any] = {
        "Picture": st.column_config.ImageColumn(width="small"),
        "Name": st.column_config.TextColumn(width=_name_width(summary)),
        "From": st.column_config.NumberColumn(format="%.1f s"),
        "To": st.column_config.NumberColumn(format="%.1f s"),
    }
    for task in TASKS:
        for label in labels[task]:
            columns[display_name(label)] = st.column_config.NumberColumn(
                format="%.0f %%",
                help="Share of the person's time with this expression"
                if task == "expression"
                else "Mean probability over the person's frames",
            )
    thumbnails = case.thumbnails()
    st.dataframe(
        pd.DataFrame([_to_row(person, thumbnails, labels) for person in summary.people]),
        column_config=columns,
        hide_index=True,
        row_height=56,
        key=key,
        on_select=on_select,
        selection_mode="single-row",
        alt="People with first and last time, share of time per expression, gender probabilities",
    )


def _name_width(summary: SessionSummary) -> int:
    """Return the width in pixels that shows the longest name to its end."""
    longest = max((len(person.name) for person in summary.people), default=0)
    return _PX_AROUND + _PX_PER_SIGN * longest


def _to_row(
    person: PersonSummary, thumbnails: Mapping[int, UInt8Array], labels: dict[Task, list[str]]
) -> dict[str, Any]:
    thumbnail = thumbnails.get(person.person_id)
    row: dict[str, Any] = {
        "Picture": None if thumbnail is None else to_data_uri(encode_image(thumbnail, "jpeg")),
        "Name": person.name,
        "From": person.first_s,
        "To": person.last_s,
    }
    for task in TASKS:
        shares = _shares(person, task)
        row |= {display_name(label): 100 * shares.get(label, 0.0) for label in labels[task]}
    return row


def _shares(person: PersonSummary, task: Task) -> Mapping[str, float]:
    """Share of time per expression; mean probabilities for the gender, which does not change."""
    if task not in person.mean_probs:
        return {}
    return person.mean_probs[task] if task == "gender" else person.shares(task)


def show_people_editor(case: VideoCase) -> None:
    """Offer to rename, merge and remove people; every number and download follows."""
    _, summary = case.results()
    names = {person.person_id: person.name for person in summary.people}
    with st.expander("Rename, merge or remove people", icon=":material/edit:", key="video_edit"):
        if names:
            _show_controls(case, names)
        changed = len(case.history) > 1
        with st.container(horizontal=True):
            if st.button("Undo", icon=":material/undo:", key="video_undo", disabled=not changed):
                case.history.pop()
                st.rerun()
            if st.button("Undo all", key="video_undo_all", disabled=not changed):
                del case.history[1:]
                st.rerun()


def _show_controls(case: VideoCase, names: dict[int, str]) -> None:
    who, rename, merge = st.columns([2, 3, 3], gap="medium")
    options = name_apart(names, {})  # of two people of one name a choice is the second one
    person = who.selectbox(
        "Person",
        list(options),
        format_func=lambda i: options.get(i, ""),
        key=f"video_who_{case.key}_{len(case.history)}",  # a chosen option keeps its old name
    )
    if who.button("Remove", icon=":material/person_remove:", key="video_remove"):
        _apply(case, case.edits.remove(person))
    with rename.form(f"video_rename_{case.key}_{person}", border=False):
        name = st.text_input(
            "New name", names[person], _MAX_NAME_CHARS, key=f"video_name_{case.key}_{person}"
        )
        if st.form_submit_button("Rename", key=f"video_rename_go_{case.key}_{person}"):
            _apply(case, case.edits.rename(person, name))
    others = {i: other for i, other in options.items() if i != person}
    into = merge.selectbox(
        "Is the same person as",
        list(others),
        index=None,
        format_func=lambda i: others.get(i, ""),
        placeholder="Choose",
        key=f"video_into_{case.key}_{person}",
        disabled=not others,
    )
    if merge.button("Merge", key="video_merge", disabled=into is None) and into is not None:
        _apply(case, case.edits.merge(person, into))


def _apply(case: VideoCase, edits: PeopleEdits) -> None:
    case.history.append(edits)
    st.rerun()
