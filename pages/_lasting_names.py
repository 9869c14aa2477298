"""Names that tell things of one name apart, and last: the session's videos, all its sources."""

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import streamlit as st

from pages._session_log import Entry
from pages._video_desk import cases

Key = TypeVar("Key", bound=Hashable)


def name_sources(entries: Sequence[Entry]) -> dict[str, str]:
    """Return entry key -> name of all sources of the log; videos have the numbers of their page."""
    numbers = {f"video:{key}": number for key, number in number_videos().items()}
    sources = {entry.key: f"{entry.source}{numbers.get(entry.key, '')}" for entry in entries}
    return name_lasting("source", sources)


def number_videos() -> dict[str, str]:
    """Return video key -> what stands behind the name, such as " (2)"; nothing where it is free."""
    labels = {key: case.label for key, case in cases().items()}
    names = name_lasting("video", labels)
    return {key: names[key].removeprefix(label) for key, label in labels.items()}


def name_lasting(things: str, names: Mapping[str, str]) -> dict[str, str]:
    """Return key -> name with a number behind a name that an older thing has.

    Cameras and phones call many files alike, and Streamlit finds what was chosen by its words. A
    thing keeps what it is called as long as it is there, whichever others go.

    Args:
        things: what they are; for each kind the session remembers the names.
        names: key -> name, oldest first.
    """
    slot = f"{things}_names"
    st.session_state[slot] = name_apart(names, st.session_state.get(slot, {}))
    return dict(st.session_state[slot])


def name_apart(names: Mapping[Key, str], before: Mapping[Key, str]) -> dict[Key, str]:
    """Return key -> name, each name once.

    Args:
        names: key -> name, oldest first.
        before: key -> name, from the last time.
    """
    given = {key: before[key] for key in names if key in before}
    taken = set(given.values())
    for key, name in names.items():
        if key not in given:
            free, number = name, 2
            while free in taken:
                free, number = f"{name} ({number})", number + 1
            given[key] = free
            taken.add(free)
    return given
