"""Whether a GIF is whole: it names no length, so that only its blocks tell where one is cut."""

import os
from pathlib import Path
from typing import BinaryIO

_SCREEN_AT = 10  # where the header tells of its colours, which follow it
_HEADER_BYTES = 13
_EXTENSION, _IMAGE, _END = 0x21, 0x2C, 0x3B
_HAS_COLOURS, _COLOUR_BITS = 0x80, 0x07
_TAIL_BYTES = 1024


def is_cut_gif(path: Path) -> bool:
    """Return whether a file is a GIF that ends before its end mark; what follows that may be there.

    Args:
        path: the file; any other kind of video is no GIF.

    Raises:
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
        if header[:4] != b"GIF8":
            return False
        if len(header) < _HEADER_BYTES:
            return True
        _skip_colours(file, header[_SCREEN_AT])
        while (kind := _read_byte(file)) in (_EXTENSION, _IMAGE):
            if kind == _EXTENSION:
                _read_byte(file)  # which extension
            else:
                place_and_flags = file.read(9)
                _skip_colours(file, place_and_flags[-1] if place_and_flags else 0)
                _read_byte(file)  # the size of the first code
            _skip_data(file)
        if kind is None or kind == _END:
            return kind is None
        # Bytes that are no block: decoders find their way, so only the very end tells.
        file.seek(-min(path.stat().st_size, _TAIL_BYTES), os.SEEK_END)
        return not file.read().rstrip(b"\0").endswith(bytes([_END]))


def _read_byte(file: BinaryIO) -> int | None:
    byte = file.read(1)
    return byte[0] if byte else None


def _skip_colours(file: BinaryIO, flags: int) -> None:
    if flags & _HAS_COLOURS:
        file.seek(3 << (flags & _COLOUR_BITS) + 1, os.SEEK_CUR)


def _skip_data(file: BinaryIO) -> None:
    """Go behind a block's pieces; each begins with its length, the last one has none."""
    while length := _read_byte(file):
        file.seek(length, os.SEEK_CUR)
