"""Work in background threads that comes to its end before the program does.

An interpreter that is taken down ends daemon threads wherever they ask for its lock. In the middle
of OpenCV's or TensorFlow's C++ that aborts the whole program ("terminate called without an active
exception"); and a lock that such a thread held, as h5py's while a network is opened, is never free
again, so that the program waits for it for ever.
"""

import atexit
import concurrent.futures.thread  # noqa: F401  its own end has to be registered before ours
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PATIENCE_S = 5.0

_log = logging.getLogger(__name__)
_changed = threading.Condition()
_asks: dict[object, Callable[[], None]] = {}  # of the pieces of work at hand
_ending = threading.Event()


@contextmanager
def awaited(ask: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Let the program's end wait for the ``with`` block, for some seconds.

    Args:
        ask: makes the block come to its end soon and returns at once; default: it takes seconds
            anyway. May be called from another thread and more than once.
    """
    work = object()
    with _changed:
        _asks[work] = ask
    try:
        if _ending.is_set():
            ask()
        yield
    finally:
        with _changed:
            del _asks[work]
            _changed.notify_all()


def start_thread(work: Callable[[], None], ask: Callable[[], None], name: str) -> threading.Thread:
    """Start a thread whose work the program's end asks to end, and waits for.

    Args:
        work: what it does.
        ask: as for ``awaited``.
        name: the thread's name.
    """

    def run() -> None:
        with awaited(ask):
            work()

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread


def _end_all() -> None:
    _ending.set()
    with _changed:
        asks = list(_asks.values())
    for ask in asks:
        ask()
    with _changed:
        ended = _changed.wait_for(lambda: not _asks, _PATIENCE_S)
    if not ended:
        _log.warning("some threads are still at work; the program ends without waiting for them")
        _leave()


def _leave() -> None:
    """End the process as it is: taken down under a thread at work, it might never end."""
    atexit._run_exitfuncs()  # temporary folders, other processes
    os._exit(1)


# Not atexit: before that the pools of concurrent.futures refuse work, and what uses them fails.
threading._register_atexit(_end_all)  # type: ignore[attr-defined]
