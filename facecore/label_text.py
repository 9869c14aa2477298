"""Drawing a face's label: a number and up to three short lines, as a small picture."""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facecore.images import matplotlib_data
from facecore.labels import to_rgb
from facecore.preprocessing import UInt8Array

RGB = tuple[int, int, int]

_DARK: RGB = (17, 24, 39)
_LIGHT: RGB = (255, 255, 255)
_MAX_NAME_CHARS = 18
_MISSING = "\U0010ffff"  # no font has it: is drawn as the empty frame of a missing letter
_LINEAR_FROM = 0.03928  # sRGB's straight part ends here


def shorten(name: str) -> str:
    """Return a person's name on one short line, without letters that the font cannot draw."""
    line = " ".join("".join(char for char in name if _can_draw(char)).split())
    return line if len(line) <= _MAX_NAME_CHARS else f"{line[: _MAX_NAME_CHARS - 1]}…"


def text_color(background: RGB) -> RGB:
    """Return dark or light, whichever has the higher contrast (WCAG) on a background."""
    with_light = 1.05 / (_luminance(background) + 0.05)
    with_dark = (_luminance(background) + 0.05) / (_luminance(_DARK) + 0.05)
    return _LIGHT if with_light >= with_dark else _DARK


def render_label(
    badge: str, lines: tuple[str, ...], color: str, font_px: int
) -> tuple[UInt8Array, UInt8Array]:
    """Draw a label.

    Args:
        badge: the face's or person's number; "" leaves the badge out.
        lines: what stands beside it, the most important first.
        color: background as ``"#RRGGBB"``.
        font_px: height of the letters' line in pixels.

    Returns:
        The label, uint8 array of shape (h, w, 3), BGR, and its shape, (h, w), 255 where it is and
        0 around its round corners.
    """
    pad, line_px = _pad_px(font_px), _line_px(font_px)
    pictures = [_draw_line(line, row == 0, color, font_px) for row, line in enumerate(lines)]
    badge_width = _measure(badge, True, font_px) + 2 * pad if badge else 0
    width = badge_width + max((picture.shape[1] for picture in pictures), default=0)
    width = max(width, line_px)
    height = max(1, len(lines)) * line_px + pad
    tile = np.empty((height, width, 3), dtype=np.uint8)
    tile[:] = to_rgb(color)[::-1] if lines else _DARK[::-1]
    if badge:
        badge_width = badge_width if lines else width
        tile[:, :badge_width] = _draw_badge(badge, badge_width, height, font_px)
    for row, picture in enumerate(pictures):
        top = pad // 2 + row * line_px
        tile[top : top + line_px, badge_width : badge_width + picture.shape[1]] = picture
    return tile, _draw_shape(width, height, font_px)


# Percentages change from frame to frame, but each line has few values: kept apart, most are there.
@lru_cache(maxsize=2048)
def _draw_line(text: str, is_bold: bool, color: str, font_px: int) -> UInt8Array:
    """Return one line with room at both ends, (line height, w, 3), BGR."""
    pad, height = _pad_px(font_px), _line_px(font_px)
    image = Image.new("RGB", (_measure(text, is_bold, font_px) + 2 * pad, height), color)
    ink = text_color(to_rgb(color))
    ImageDraw.Draw(image).text((pad, height / 2), text, ink, _font(is_bold, font_px), anchor="lm")
    return _frozen(np.asarray(image)[:, :, ::-1])


@lru_cache(maxsize=512)
def _draw_badge(text: str, width: int, height: int, font_px: int) -> UInt8Array:
    image = Image.new("RGB", (width, height), _DARK)
    middle = (width / 2, height / 2)
    ImageDraw.Draw(image).text(middle, text, _LIGHT, _font(True, font_px), anchor="mm")
    return _frozen(np.asarray(image)[:, :, ::-1])


@lru_cache(maxsize=512)
def _draw_shape(width: int, height: int, font_px: int) -> UInt8Array:
    image = Image.new("L", (width, height), 0)
    radius = max(2, round(font_px * 0.25))
    ImageDraw.Draw(image).rounded_rectangle((0, 0, width - 1, height - 1), radius, fill=255)
    return _frozen(np.asarray(image))


@lru_cache(maxsize=4096)
def _measure(text: str, is_bold: bool, font_px: int) -> int:
    length: float = _font(is_bold, font_px).getlength(text)
    return round(length)


def _pad_px(font_px: int) -> int:
    return max(2, round(font_px * 0.3))


def _line_px(font_px: int) -> int:
    return round(font_px * 1.22)


def _frozen(array: UInt8Array) -> UInt8Array:
    """Return a copy that nobody can change, because the cache hands it out again."""
    copy = np.array(array, dtype=np.uint8)
    copy.setflags(write=False)
    return copy


@lru_cache(maxsize=4096)
def _can_draw(char: str) -> bool:
    font = _font(True, 12)
    return char.isspace() or bytes(font.getmask(char)) != bytes(font.getmask(_MISSING))


@lru_cache(maxsize=64)
def _font(is_bold: bool, font_px: int) -> ImageFont.FreeTypeFont:
    name = "DejaVuSans-Bold.ttf" if is_bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(matplotlib_data() / "fonts" / "ttf" / name), font_px)


def _luminance(color: RGB) -> float:
    parts = [value / 255 for value in color]
    red, green, blue = (
        p / 12.92 if p <= _LINEAR_FROM else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
