"""Pictures are analysed in turn on this server, and a bar tells how far they are."""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager

import streamlit as st

from facecore.jobs_queue import PHOTOS_VARIABLE, OnWait, TurnQueue, read_limit
from pages._session_end import session_id
from pages._ui import plain
from pages._waiting import describe_waiting


@st.cache_resource(show_spinner=False)
def _queue() -> TurnQueue:
    # One processor stays free by default: live pictures of others cannot wait.
    return TurnQueue(read_limit(PHOTOS_VARIABLE, max(1, (os.cpu_count() or 1) - 1)))


def take_turn(on_wait: OnWait) -> AbstractContextManager[None]:
    """Wait for this session's turn, and hold it in the ``with`` block.

    Take one for every picture, so that nobody waits for all pictures of somebody else.

    Raises:
        ConfigError: if the limit of pictures at once is set to something else than a number.
    """
    return _queue().turn(session_id(), on_wait)


class PicturesBar:
    """A progress bar over the pictures that need an analysis; none where none does.

    Args:
        names: key -> file name of these pictures, in order.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._share = 0.0
        self._bar = st.progress(0.0, "Starting …") if names else None

    def tell_analysis(self, key: str) -> None:
        """Say that this picture is being analysed."""
        if self._bar is not None and key in self._names:
            done, num = list(self._names).index(key), len(self._names)
            self._share = done / num
            text = f"Analysing {plain(self._names[key])} ({done + 1} of {num}) …"
            self._bar.progress(self._share, text)

    def tell_waiting(self, num_ahead: int) -> None:
        """Say that so many pictures come first."""
        if self._bar is not None:
            self._bar.progress(self._share, describe_waiting(num_ahead, "picture"))

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.empty()
