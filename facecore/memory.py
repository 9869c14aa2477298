"""Memory that is no longer needed, given back to the system."""

import contextlib
import ctypes


def give_back_memory() -> None:
    """Give back what was freed and the C library keeps for later."""
    # Other C libraries than GNU's give back by themselves.
    with contextlib.suppress(AttributeError, TypeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
