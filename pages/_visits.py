"""Tells a page whether the router ran before it, and whether the user has been elsewhere."""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

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


def require_router() -> None:
    """Begin anew where the page runs without the router; every page calls this first.

    Until st.navigation has been called once, Streamlit takes the folder for pages of its own
    finding. What a new server's first visitors open by its address would come without style,
    start-up and visit.
    """
    if _PAGE not in st.session_state:
        PagesManager.uses_pages_directory = False
        st.rerun()
