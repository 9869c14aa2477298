"""How large a file may be, and how its name and size read in a message."""

import os
from dataclasses import dataclass
from pathlib import Path

_MAX_NAME_CHARS = 60
_MAX_STEM_BYTES = 150

DECODER_MEMORY_BYTES = 4_000_000_000
"""A process that reads an uploaded file gets no more address space than this."""


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """What is refused before it can fill the memory.

    Args:
        max_bytes: largest photo file.
        max_pixels: largest photo, width times height.
        max_video_bytes: largest video file.
        max_video_pixels: largest video frame, width times height (the default is 8K).
    """

    max_bytes: int = 100_000_000
    max_pixels: int = 80_000_000
    max_video_bytes: int = 2_000_000_000
    max_video_pixels: int = 7680 * 4320


DEFAULT_LIMITS = MediaLimits()


def safe_name(name: str) -> str:
    """Return a file's name fit for a sentence: no folders or control characters, shortened."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(char for char in base if char.isprintable()).strip()
    if len(printable) > _MAX_NAME_CHARS:
        half = _MAX_NAME_CHARS // 2
        printable = f"{printable[:half]}…{printable[-half:]}"
    return printable or "The file"


def path_to_text(path: str | Path) -> str:
    """Return a path as text for any file or screen; bytes that are no UTF-8 read as ``\\xff``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def short_stem(path: Path) -> str:
    """Return a file's name without its suffix, cut so that its results can be called after it.

    A file system allows 255 bytes for a name, and results have endings longer than ``.jpg``.
    """
    stem = path.stem
    while len(os.fsencode(stem)) > _MAX_STEM_BYTES:
        stem = stem[:-1]  # by whole characters: half of one is no name everywhere
    return stem


def fit_for_files(text: str) -> str:
    """Return a message as text for any file; a name's bytes that are no UTF-8 read as ``\\xff``."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def megabytes(num_bytes: int) -> str:
    """Return a file size as a person reads it."""
    return f"{num_bytes / 1e6:.1f} MB" if num_bytes < 1e7 else f"{num_bytes / 1e6:.0f} MB"
