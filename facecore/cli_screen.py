"""What the command line prints: no odd name and no reader that has gone ends the work."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO, cast


class Screen:
    """Standard output or standard error; takes any text and may lose its reader.

    Args:
        stream: what is written to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost = False
        """Whether the reader has gone, as ``head`` does after its lines."""

    def write(self, text: str) -> int:
        """Print a text; return its length in characters."""
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._give_up()
            return len(text)

    def flush(self) -> None:
        """Pass on what was kept back."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._give_up()

    def reconfigure(self, **options: Any) -> None:
        """Change the encoding or the like, where the stream is one that can."""
        self.flush()
        if hasattr(self._stream, "reconfigure"):
            self._stream.reconfigure(**options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _give_up(self) -> None:
        self.lost = True
        # What is kept back and all that follows must go somewhere, also when the program ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


@contextmanager
def patient_screens() -> Iterator[list[Screen]]:
    """Print any text meanwhile, and let the work go on where nobody reads it any more.

    Yields:
        What stands for standard output and standard error, where the program has them.
    """
    screens: list[Screen] = []
    with ExitStack() as stack:
        for stream, redirect in ((sys.stdout, redirect_stdout), (sys.stderr, redirect_stderr)):
            if cast(TextIO | None, stream) is None:  # closed by the shell: ``>&-``
                continue
            screen = Screen(stream)
            # A file's name may have characters that the screen's encoding lacks.
            screen.reconfigure(errors="backslashreplace")
            stack.callback(screen.flush)
            stack.enter_context(redirect(cast(TextIO, screen)))
            screens.append(screen)
        yield screens


def is_read() -> bool:
    """Return whether somebody may still read what is printed."""
    return not getattr(sys.stdout, "lost", False)


def print_document(document: bytes) -> None:
    """Print a JSON document; its readers expect UTF-8, whatever the screen's encoding is."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(encoding="utf-8")
    print(document.decode(), end="", flush=True)
