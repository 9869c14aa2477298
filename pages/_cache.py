"""What keeps a rerun from computing anything twice: a memory per session, and marks of files."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TypeVar

import streamlit as st

T = TypeVar("T")


def remember(store: str, key: Hashable, make: Callable[[], T], limit: int) -> T:
    """Return what ``make`` gives for this key, computed once while it is among the newest.

    Args:
        store: the memory's name in the session state.
        key: everything the value depends on.
        make: computes it; an exception is not remembered.
        limit: how many values are kept; the one unused for longest goes first.
    """
    values: OrderedDict[Hashable, T] = st.session_state.setdefault(f"cache_{store}", OrderedDict())
    if key not in values:
        values[key] = make()
    values.move_to_end(key)
    while len(values) > limit:
        values.popitem(last=False)
    return values[key]


def is_remembered(store: str, key: Hashable) -> bool:
    """Tell whether ``remember`` would answer at once."""
    return key in st.session_state.get(f"cache_{store}", {})


def stamp(path: Path) -> tuple[int, int] | None:
    """Return what changes with a file's content; None where there is none."""
    try:
        state = path.stat()
    except OSError:  # reading it tells what is wrong
        return None
    return state.st_mtime_ns, state.st_size
