"""A select box whose choice lasts while the words of its options change."""

from collections.abc import Mapping
from hashlib import sha256

import streamlit as st


def choose_lasting(
    label: str,
    words: Mapping[str, str],
    key: str,
    *,
    disabled: bool = False,
    help: str | None = None,
) -> str:
    """Let the user choose one of several things.

    Streamlit finds a choice again by its words and falls back to the first option where a count
    in them has changed. Here the thing itself is kept, and other words make another widget.

    Args:
        label: above the box.
        words: what can be chosen -> how it reads; the first is chosen at first.
        key: how the widget's key begins, and what the choice is kept by.
        disabled: whether nothing can be chosen at the moment.
        help: the tooltip.
    """
    things = list(words)
    kept = f"{key}_chosen"
    digest = sha256(repr(list(words.items())).encode()).hexdigest()[:12]
    chosen: str | None = st.session_state.get(kept)
    return st.selectbox(
        label,
        things,
        index=things.index(chosen) if chosen in words else 0,
        format_func=lambda thing: words.get(thing, thing),
        key=f"{key}_{digest}",
        on_change=_keep,
        args=(f"{key}_{digest}", kept),
        disabled=disabled,
        help=help,
    )


def _keep(widget: str, kept: str) -> None:
    st.session_state[kept] = st.session_state[widget]
