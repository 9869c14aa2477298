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


@lru_cache(maxsize=1024)
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
        The label, uint8 array of shape (h, w, 3), BGR, and its opacity, (h, w, 1), 0-255.
    """
    bold, plain = _font("DejaVuSans-Bold.ttf", font_px), _font("DejaVuSans.ttf", font_px)
    pad = max(2, round(font_px * 0.3))
    line_px = round(font_px * 1.22)
    fonts = [bold] + [plain] * (len(lines) - 1)
    text_width = max(
        (round(font.getlength(line)) for font, line in zip(fonts, lines, strict=False)), default=0
    )
    badge_width = round(bold.getlength(badge)) + 2 * pad if badge else 0
    body_width = text_width + 2 * pad if lines else 0
    width = max(badge_width + body_width, line_px)
    height = max(1, len(lines)) * line_px + pad
    image = Image.new("RGB", (width, height), color if lines else _DARK)
    draw = ImageDraw.Draw(image)
    if badge:
        badge_right = badge_width if lines else width
        draw.rectangle((0, 0, badge_right - 1, height), fill=_DARK)
        draw.text((badge_right / 2, height / 2), badge, _LIGHT, bold, anchor="mm")
    ink = text_color(to_rgb(color))
    for row, (font, line) in enumerate(zip(fonts, lines, strict=False)):
        middle = pad / 2 + (row + 0.5) * line_px
        draw.text((badge_width + pad, middle), line, ink, font, anchor="lm")
    opacity = Image.new("L", (width, height), 0)
    ImageDraw.Draw(opacity).rounded_rectangle(
        (0, 0, width - 1, height - 1), radius=max(2, round(font_px * 0.25)), fill=245
    )
    return _frozen(np.asarray(image)[:, :, ::-1]), _frozen(np.asarray(opacity)[:, :, None])


def _frozen(array: UInt8Array) -> UInt8Array:
    """Return a copy that nobody can change, because the cache hands it out again."""
    copy = np.array(array, dtype=np.uint8)
    copy.setflags(write=False)
    return copy


@lru_cache(maxsize=4096)
def _can_draw(char: str) -> bool:
    font = _font("DejaVuSans-Bold.ttf", 12)
    return char.isspace() or bytes(font.getmask(char)) != bytes(font.getmask(_MISSING))


@lru_cache(maxsize=64)
def _font(name: str, font_px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(matplotlib_data() / "fonts" / "ttf" / name), font_px)


def _luminance(color: RGB) -> float:
    parts = [value / 255 for value in color]
    red, green, blue = (
        p / 12.92 if p <= _LINEAR_FROM else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
