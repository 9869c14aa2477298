"""Closes what a browser session holds on to when the session ends."""

import threading
from typing import Protocol
from weakref import WeakSet

import streamlit as st
from streamlit.runtime import exists, get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx

from facecore.jobs_queue import read_limit

LONGEST_GRACE_S = 120
"""A lost connection is no goodbye: browsers come back to the same session within two minutes.

Then Streamlit forgets the session, and nobody could come back to what is kept for longer.
"""
GRACE_VARIABLE = "FACECORE_GRACE_S"
"""Sets a shorter time, in whole seconds."""


def read_grace() -> int:
    """Return how many seconds a lost browser may come back.

    Raises:
        ConfigError: if it is set to something else than a whole number up to the longest time.
    """
    return read_limit(GRACE_VARIABLE, LONGEST_GRACE_S, LONGEST_GRACE_S)


class Closable(Protocol):
    """Anything with threads or files that outlive a page's run."""

    def close(self) -> None:
        """Stop the threads and delete the files; may be called twice."""


class _SessionEnd:
    def __init__(self, session_id: str) -> None:
        self._session_id = session_id
        self._grace_s = read_grace()
        self._resources: WeakSet[Closable] = WeakSet()

    def watch(self, resource: Closable) -> None:
        self._resources.add(resource)

    def on_disconnect(self) -> None:
        timer = threading.Timer(self._grace_s, self._close_unless_back)
        timer.daemon = True
        timer.start()

    def _close_unless_back(self) -> None:
        # A server that stopped in the meantime has no sessions any more.
        if not (exists() and get_instance().is_active_session(self._session_id)):
            for resource in list(self._resources):
                resource.close()


@st.cache_resource(scope="session", show_spinner=False, on_release=_SessionEnd.on_disconnect)
def _session_end(session_id: str) -> _SessionEnd:
    return _SessionEnd(session_id)


def session_id() -> str:
    """Return what tells this browser session from the others."""
    context = get_script_run_ctx()
    return context.session_id if context is not None else ""


def close_with_session(resource: Closable) -> None:
    """Close a resource some time after its browser is gone; call this on every run.

    The session state must hold the resource: here it is only watched.
    """
    context = get_script_run_ctx()
    if context is not None:
        _session_end(context.session_id).watch(resource)
