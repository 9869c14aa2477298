"""What the session's sources are called on the statistics page: no two alike."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from pages._session_log import Entry

_NAMES = "stats_source_names"


def tell_sources_apart(entries: Sequence[Entry]) -> list[Entry]:
    """Return all entries of the log, with a number behind a name that an older one has.

    Cameras and phones call many pictures alike. A source keeps what it is called as long as it is
    in the log, whichever others leave it: people choose by the name, and it stands in downloads.
    """
    names = name_apart({e.key: e.source for e in entries}, st.session_state.get(_NAMES, {}))
    st.session_state[_NAMES] = names
    return [replace(entry, source=names[entry.key]) for entry in entries]


def name_apart(sources: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    """Return key -> name, each name once.

    Args:
        sources: key -> file name, oldest first.
        before: key -> name, from the last time.
    """
    names = {key: before[key] for key in sources if key in before}
    taken = set(names.values())
    for key, source in sources.items():
        if key not in names:
            name, number = source, 2
            while name in taken:
                name, number = f"{source} ({number})", number + 1
            names[key] = name
            taken.add(name)
    return names
