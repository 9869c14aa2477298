"""Which section of the comparison page is open, also while there is nothing to compare."""

from collections.abc import Sequence

import streamlit as st

_KEY = "compare_section"
_WAITING = "compare_section_waiting"


def choose_section(compared: Sequence[str], always: Sequence[str], has_comparison: bool) -> str:
    """Let the user choose a section and return it.

    Whoever takes one model away before choosing another has nothing to compare for a moment; the
    section that was open comes back after it, unless the user has gone to another one.

    Args:
        compared: sections that need a comparison.
        always: those that need none.
        has_comparison: whether there is one.
    """
    if has_comparison and _WAITING in st.session_state:
        st.session_state[_KEY] = st.session_state.pop(_WAITING)
    elif not has_comparison and st.session_state.get(_KEY, compared[0]) in compared:
        st.session_state[_WAITING] = st.session_state.get(_KEY, compared[0])
    sections = [*compared, *always] if has_comparison else list(always)
    return st.segmented_control(
        "Section",
        sections,
        default=sections[0],
        required=True,
        key=_KEY,
        on_change=_stop_waiting,
        label_visibility="collapsed",
        persist_state="session",
    )


def _stop_waiting() -> None:
    st.session_state.pop(_WAITING, None)
