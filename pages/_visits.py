"""Tells a page whether the user has been elsewhere since its last run."""

import streamlit as st

_PAGE = "visited_page"
_COUNT = "num_page_visits"


def note_visit(page: str) -> None:
    """Count a change of page; the router calls this before it runs a page."""
    if st.session_state.get(_PAGE) != page:
        st.session_state[_PAGE] = page
        st.session_state[_COUNT] = visit_number() + 1


def visit_number() -> int:
    """Return a number that stays the same while the user stays on the page."""
    return int(st.session_state.get(_COUNT, 0))
