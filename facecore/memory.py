"""Memory that is no longer needed, given back to the system."""

import contextlib
import ctypes
import gc


def give_back_memory() -> None:
    """Free what objects that hold each other still keep, and what the C library keeps for later."""
    gc.collect()
    # Other C libraries than GNU's give back by themselves.
    with contextlib.suppress(AttributeError, TypeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
