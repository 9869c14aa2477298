"""JSON and NumPy files that may come from elsewhere: read, or refused with a short reason.

Damaged or hostile files make the libraries below raise nearly everything; here all of it becomes
``ValueError``, which a caller turns into a sentence with the file's name and what to do.
"""

import json
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

ARCHIVE_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    SyntaxError,
    ValueError,
)
"""What Python's ZIP reader and NumPy raise for damaged files, apart from ``OSError``; each was met
with mutated files, but for MemoryError and OverflowError: headers that promise too much."""

MAX_JSON_BYTES = 50_000_000
MAX_ARRAYS_BYTES = 2_000_000_000
_MAX_REASON_CHARS = 160


def load_json(path: Path) -> Any:
    """Read a JSON file in UTF-8.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is damaged, nested too deep or larger than ``MAX_JSON_BYTES``.
    """
    if path.stat().st_size > MAX_JSON_BYTES:
        raise ValueError(f"it is larger than {MAX_JSON_BYTES // 1_000_000} MB")
    return parse_json(path.read_bytes())


def parse_json(data: bytes) -> Any:
    """Read JSON in UTF-8.

    Raises:
        ValueError: if it is damaged or nested too deep.
    """
    try:
        return json.loads(data.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def load_arrays(path: Path, names: Sequence[str] | None = None) -> dict[str, npt.NDArray[Any]]:
    """Read the arrays of an .npz file; one that needs Python objects made is refused.

    Args:
        path: the file.
        names: which arrays; default: all.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is damaged, lacks an array, or unpacks to more than ``MAX_ARRAYS_BYTES``.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > MAX_ARRAYS_BYTES:
                raise ValueError("it unpacks to far too much")
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in (arrays.files if names is None else names)}
    except ARCHIVE_ERRORS as error:
        raise ValueError(shorten(error)) from error


def shorten(error: Exception) -> str:
    """Return an error's message fit for a sentence: one line, without control characters."""
    words = "".join(char if char.isprintable() else " " for char in str(error))
    text = " ".join(words.split()) or type(error).__name__
    return text if len(text) <= _MAX_REASON_CHARS else f"{text[:_MAX_REASON_CHARS]}…"
