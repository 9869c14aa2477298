"""How a run behaves when another program has started it."""

import os
import sys
import threading

_ENDED = 143  # as a shell tells of a program that was asked to end


def lower_priority(niceness: int) -> None:
    """Let other programs go first; 0 leaves everything as it is, 19 is the lowest priority."""
    if niceness:
        os.nice(niceness)


def end_with_stdin() -> None:
    """End this process as soon as its standard input does: the one who held it is gone.

    What is lost is the epoch at hand; the run goes on from the last saved one.
    """

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        os._exit(_ENDED)

    threading.Thread(target=wait, name="end-with-stdin", daemon=True).start()
