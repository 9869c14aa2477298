"""How many pictures a file holds, told without decoding any, also of a hostile file."""

import struct

from PIL import Image

MOST_PICTURES = 1000
"""Counting stops here: nobody needs the exact number, and a file can claim any."""

# What a GIF's data are cut into: 255 MB of them at their usual size. Made as small as possible they
# would keep the counting busy for minutes.
_MOST_GIF_BLOCKS = 1_000_000
_MOST_TAGS = 8  # they are in the order of their numbers, and only the first one is looked for
_SUBFILE_TYPE = 254
_NO_PAGE = 0b101  # a smaller copy of another page, or its mask

# These tell their number in the file's head. A JPEG with more than one has a brightness map or a
# stereo partner, which nobody looks at as a picture of its own.
_TOLD_AT_ONCE = ("WEBP", "PNG", "HEIF", "AVIF")
_ANIMATED = ("GIF", "WEBP", "PNG", "AVIF")


def count_pictures(image: Image.Image, data: bytes) -> int:
    """Return how many pictures there are, at least 1 and at most ``MOST_PICTURES``.

    Args:
        image: the opened file.
        data: its bytes.
    """
    number = 1
    try:
        if image.format == "TIFF":
            number = _count_tiff(data)
        elif image.format == "GIF":
            number = _count_gif(data)
        elif image.format in _TOLD_AT_ONCE:
            number = int(getattr(image, "n_frames", 1))
    except (struct.error, IndexError):
        pass  # damaged behind the first picture, which is whole
    return min(max(number, 1), MOST_PICTURES)


def is_animation(image: Image.Image) -> bool:
    """Tell whether several pictures in a file of this format follow each other in time."""
    return image.format in _ANIMATED


def _count_tiff(data: bytes) -> int:
    """Follow the chain of the pages' tables; one that leads back is at its end."""
    order = "<" if data[:2] == b"II" else ">"
    is_big = struct.unpack_from(f"{order}H", data, 2) == (43,)
    length, start, entry = ("Q", "Q", 20) if is_big else ("H", "I", 12)
    (place,) = struct.unpack_from(order + start, data, 8 if is_big else 4)
    number, seen = 0, set[int]()
    while place and place not in seen and len(seen) < MOST_PICTURES:
        seen.add(place)
        try:
            (num_tags,) = struct.unpack_from(order + length, data, place)
            first = place + struct.calcsize(order + length)
            tags = range(first, first + min(num_tags, _MOST_TAGS) * entry, entry)
            number += not any(_is_no_page(data, tag, order, is_big) for tag in tags)
            (place,) = struct.unpack_from(order + start, data, first + num_tags * entry)
        except (struct.error, OverflowError):
            break  # the file was cut off here
    return number


def _is_no_page(data: bytes, tag: int, order: str, is_big: bool) -> bool:
    number, kind = struct.unpack_from(f"{order}HH", data, tag)
    if number != _SUBFILE_TYPE:
        return False
    value = struct.unpack_from(order + ("H" if kind == 3 else "I"), data, tag + 4 + 4 + 4 * is_big)
    return bool(value[0] & _NO_PAGE)


def _count_gif(data: bytes) -> int:
    """Walk over the blocks from one length to the next."""
    place = 13 + _palette_bytes(data[10])
    number = blocks = 0
    while place < len(data) and number < MOST_PICTURES and blocks < _MOST_GIF_BLOCKS:
        if data[place] == 0x2C:  # a picture
            number += 1
            if place + 9 >= len(data):
                break
            place += 11 + _palette_bytes(data[place + 9])
        elif data[place] == 0x21:  # a remark, such as how long a picture is shown
            place += 2
        else:
            break
        while place < len(data) and data[place] and blocks < _MOST_GIF_BLOCKS:
            place += 1 + data[place]
            blocks += 1
        place += 1
        blocks += 1
    return number


def _palette_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
