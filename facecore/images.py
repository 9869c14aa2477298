"""Photos: from the bytes of an upload to an upright BGR frame, and back to a file's bytes."""

import io
import struct
import zlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
import pillow_heif
from PIL import Image

from facecore.errors import MediaTooLargeError, UnreadableImageError
from facecore.images_count import MOST_PICTURES, count_pictures, is_animation
from facecore.limits import DEFAULT_LIMITS, MediaLimits, megabytes, safe_name
from facecore.preprocessing import UInt8Array

pillow_heif.register_heif_opener()

# Only these decoders see uploaded bytes: Pillow's others start programs or are seldom tested.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "TIFF", "GIF", "HEIF", "AVIF", "JPEG2000", "PPM")

# What Pillow's decoders raise on damaged bytes; there is no common base class.
_DAMAGE = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    OverflowError,
    RuntimeError,
    struct.error,
    zlib.error,
)

_EXIF_ORIENTATION = 0x0112
_UPRIGHT: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# How pictures begin, to tell a damaged one from a file that never was one.
_PICTURE_STARTS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\0", b"MM\0*", b"BM")
_PICTURE_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis")

# Frequent mix-ups, told from the first bytes: (offset, bytes, what it is).
_OTHER_KINDS = (
    (0, b"%PDF", "a PDF document"),
    (4, b"ftyp", "a video"),
    (0, b"\x1aE\xdf\xa3", "a video"),
    (8, b"AVI ", "a video"),
    (0, b"PK\x03\x04", "a ZIP archive or an office document"),
    (0, b"<svg", "an SVG drawing"),
    (0, b"<?xml", "an XML text"),
    (0, b"<!DOCTYPE", "a web page"),
    (0, b"<html", "a web page"),
)

_JPEG_MAX_SIDE = 65_500


@dataclass(frozen=True, slots=True, eq=False)
class DecodedPicture:
    """The first picture of a file, or the one that the file names as its main one.

    Args:
        bgr: uint8 array of shape (H, W, 3), BGR, upright.
        number: its place in the file, from 1.
        num_in_file: how many pictures the file holds, counted up to ``MOST_PICTURES``.
        is_animation: whether they follow each other in time; otherwise they are pages.
    """

    bgr: UInt8Array
    number: int = 1
    num_in_file: int = 1
    is_animation: bool = False


def describe_rest(picture: DecodedPicture) -> str:
    """Return a sentence on the pictures of a file that are not read; empty where all are."""
    num = picture.num_in_file
    if num == 1:
        return ""
    many = f"{num:,} or more" if num == MOST_PICTURES else str(num)
    return f"Picture {picture.number:,} of {many} in this file; the others are not read."


def decode_image(data: bytes, name: str, limits: MediaLimits = DEFAULT_LIMITS) -> UInt8Array:
    """Turn the bytes of a picture file into an upright frame; see ``decode_picture``.

    Returns:
        uint8 array of shape (H, W, 3), BGR.

    Raises:
        UnreadableImageError: if the bytes are empty, cut off or no picture.
        MediaTooLargeError: if the file or its picture is over the limits.
    """
    return decode_picture(data, name, limits).bgr


def decode_picture(data: bytes, name: str, limits: MediaLimits = DEFAULT_LIMITS) -> DecodedPicture:
    """Turn the bytes of a picture file into an upright frame and tell what else is in the file.

    The format is told from the content, never from the name. EXIF orientation is applied,
    transparency is laid over white, 16-bit and float pictures are scaled to 8 bits; of an
    animation or of several pages the first picture is taken.

    Args:
        data: the file's bytes.
        name: the file's name, for the messages only.
        limits: what is refused unread.

    Raises:
        UnreadableImageError: if the bytes are empty, cut off or no picture.
        MediaTooLargeError: if the file or its picture is over the limits.
    """
    shown = safe_name(name)
    check_size(data, name, limits)
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            width, height = image.size
            if width * height > limits.max_pixels:
                raise _too_many_pixels(shown, f"{width}x{height} pixels", limits)
            image.load()
            number, num = image.tell() + 1, count_pictures(image, data)
            moves = num > 1 and is_animation(image)
            return DecodedPicture(_to_bgr(_turn_upright(image)), number, num, moves)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels(shown, "far too many pixels", limits) from error
    except Image.UnidentifiedImageError as error:
        raise UnreadableImageError(_describe_other(data, shown)) from error
    except _DAMAGE as error:
        raise UnreadableImageError(_describe_damage(shown)) from error


def check_size(data: bytes, name: str, limits: MediaLimits) -> None:
    """Refuse an empty or too large picture file by its size alone.

    Raises:
        UnreadableImageError: if it is empty.
        MediaTooLargeError: if it is over the limit.
    """
    shown = safe_name(name)
    if not data:
        raise UnreadableImageError(f"{shown} is empty (0 bytes); choose a picture file.")
    if len(data) > limits.max_bytes:
        raise MediaTooLargeError(
            f"{shown} has {megabytes(len(data))}, more than the {megabytes(limits.max_bytes)} "
            "allowed for a photo; save it smaller and try again."
        )


def encode_image(frame_bgr: UInt8Array, format: Literal["png", "jpeg"], quality: int = 92) -> bytes:
    """Turn a frame into the bytes of a picture file.

    Args:
        frame_bgr: uint8 array of shape (H, W, 3), BGR.
        format: ``"png"`` (without loss) or ``"jpeg"``.
        quality: JPEG quality, 1-100.

    Raises:
        ValueError: for another format or quality.
        MediaTooLargeError: if a side is longer than JPEG can hold.
    """
    if format not in ("png", "jpeg"):
        raise ValueError(f"format must be 'png' or 'jpeg', got {format!r}")
    if not 1 <= quality <= 100:
        raise ValueError(f"quality must be 1-100, got {quality}")
    height, width = frame_bgr.shape[:2]
    if format == "jpeg" and max(height, width) > _JPEG_MAX_SIDE:
        raise MediaTooLargeError(
            f"A picture of {width}x{height} pixels does not fit into a JPEG file; save it as PNG."
        )
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if format == "jpeg" else []
    _, encoded = cv2.imencode(".jpg" if format == "jpeg" else ".png", frame_bgr, options)
    return encoded.tobytes()


def example_image() -> UInt8Array:
    """Return the built-in example: Grace Hopper's portrait (US Navy, public domain), BGR.

    Raises:
        UnreadableImageError: if matplotlib, which brings the picture, is not installed in full.
    """
    path = matplotlib_data() / "sample_data" / "grace_hopper.jpg"
    if not path.is_file():
        raise UnreadableImageError(
            "The example picture is missing from the installed matplotlib; reinstall matplotlib."
        )
    return decode_image(path.read_bytes(), path.name)


def matplotlib_data() -> Path:
    """Return the folder of matplotlib's pictures and fonts without importing matplotlib."""
    spec = find_spec("matplotlib")
    roots = spec.submodule_search_locations if spec else None
    return Path(next(iter(roots)) if roots else "matplotlib") / "mpl-data"


def _too_many_pixels(shown: str, what: str, limits: MediaLimits) -> MediaTooLargeError:
    return MediaTooLargeError(
        f"{shown} has {what}, more than the {limits.max_pixels / 1e6:.0f} million allowed; "
        "make the picture smaller and try again."
    )


def _describe_damage(shown: str) -> str:
    return (
        f"{shown} is a damaged or incomplete picture and cannot be read; "
        "open it elsewhere, save it again and retry."
    )


def _describe_other(data: bytes, shown: str) -> str:
    webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    if webp or data.startswith(_PICTURE_STARTS) or data[8:12] in _PICTURE_BRANDS:
        return _describe_damage(shown)
    for offset, magic, kind in _OTHER_KINDS:
        if data[offset : offset + len(magic)] == magic:
            return f"{shown} is {kind}, not a picture; choose a JPEG, PNG, WebP or HEIC file."
    return (
        f"{shown} is not a picture in a known format; "
        "choose a JPEG, PNG, WebP, BMP, TIFF, GIF, HEIC or AVIF file."
    )


def _turn_upright(image: Image.Image) -> Image.Image:
    try:
        orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
    except _DAMAGE:
        orientation = 1  # the pixels are whole although the camera's notes about them are not
    turn = _UPRIGHT.get(orientation)
    return image if turn is None else image.transpose(turn)


def _to_bgr(image: Image.Image) -> UInt8Array:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        gray = _to_eight_bits(np.asarray(image))
        return np.asarray(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
    if image.has_transparency_data:
        # Premultiplied modes know only the way to their plain form.
        plain = image.convert({"La": "LA", "RGBa": "RGBA"}.get(image.mode, image.mode))
        layer = plain.convert("RGBA")
        image = Image.new("RGBA", layer.size, "white")
        image.alpha_composite(layer)
    rgb = np.asarray(image.convert("RGB"))
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), dtype=np.uint8)


def _to_eight_bits(values: npt.NDArray[np.generic]) -> UInt8Array:
    """Scale 16-bit, 32-bit or float grey to 0-255 by the range that its values tell of."""
    pixels: npt.NDArray[np.float64] = np.nan_to_num(
        values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0
    )
    low, high = float(pixels.min()), float(pixels.max())
    if np.issubdtype(values.dtype, np.uint16) or (low >= 0 and 255 < high <= 65_535):
        pixels = pixels / 257
    elif np.issubdtype(values.dtype, np.floating) and low >= 0 and high <= 1:
        pixels = pixels * 255
    elif low < 0 or high > 65_535:
        pixels = (pixels - low) * (255 / max(high - low, 1e-12))
    return np.asarray(np.clip(np.rint(pixels), 0, 255), dtype=np.uint8)
