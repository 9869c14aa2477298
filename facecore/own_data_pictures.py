"""A user's pictures one by one: decoded, cropped to the face on request, measured, stored anew."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from facecore.detection import PHOTO_HAAR, HaarDetector
from facecore.errors import MediaError
from facecore.images import encode_image
from facecore.likeness import is_blank, make_thumb
from facecore.own_data_alike import group_alike
from facecore.own_data_sources import RawPicture
from facecore.preprocessing import UInt8Array, crop_faces
from facecore.progress import OnProgress
from facecore.registry import InputSpec
from facecore.temp_folders import cannot_store

STORED_SIDE_PX = 256
"""Longer side of what is kept: twice what the largest network sees."""

_REASONS = {"no face": "no face was found", "several faces": "more than one face was found"}


@dataclass(frozen=True, slots=True)
class Picture:
    """A usable picture.

    Args:
        file: its name in the draft's folder.
        source: where it was brought from.
        label: as brought.
        split: as brought; "" where nothing said.
        width: in pixels, as brought or cropped.
        height: the same.
        digest: equal for pictures of equal pixels.
        is_blank: whether nothing can be seen on it.
    """

    file: str
    source: str
    label: str
    split: str
    width: int
    height: int
    digest: str
    is_blank: bool


@dataclass(frozen=True, slots=True)
class Unusable:
    """A picture that was left out, and why: a word that stands in ``REASONS``, or a sentence."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """Pictures that were brought and not yet kept; the files lie in ``folder``.

    Args:
        folder: of the stored pictures.
        pictures: usable ones.
        unusable: the others.
        left_out: files that are no pictures by their names.
        groups: a number per picture, equal for those that show the same or nearly the same.
        framing: margin and shift of the crops; None where pictures were taken as they are.
    """

    folder: Path
    pictures: tuple[Picture, ...]
    unusable: tuple[Unusable, ...]
    left_out: tuple[str, ...]
    groups: tuple[int, ...]
    framing: tuple[float, float] | None


def prepare_pictures(
    raws: Sequence[RawPicture],
    folder: Path,
    crop_to: InputSpec | None = None,
    left_out: Sequence[str] = (),
    on_progress: OnProgress | None = None,
) -> Draft:
    """Decode every picture, crop it on request, and store it without its camera's notes.

    Args:
        raws: the pictures as brought.
        folder: gets one PNG file per picture, at most 256 pixels a side.
        crop_to: if given, pictures are photos: the same detector as everywhere searches them, and
            the one face in each is cut out with this framing. Pictures with no face or several
            are unusable.
        left_out: files that are no pictures, for the report.
        on_progress: called with pictures done and in all, from the start again when they are read
            and compared with each other; raising from it ends the work.

    Raises:
        StorageError: if there is no room for them.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_store(error) from error
    detector = HaarDetector(PHOTO_HAAR) if crop_to is not None else None
    pictures: list[Picture] = []
    unusable: list[Unusable] = []
    thumbs: list[npt.NDArray[np.float32]] = []
    for number, raw in enumerate(raws):
        try:
            image = raw.read()
        except MediaError as error:
            unusable.append(Unusable(raw.source, str(error)))
            continue
        finally:
            if on_progress is not None:
                on_progress(number + 1, len(raws))
        if detector is not None and crop_to is not None:
            frame = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image
            boxes = [hit.xyxy for hit in detector.detect(np.asarray(frame, dtype=np.uint8))]
            if len(boxes) != 1:
                unusable.append(Unusable(raw.source, "several faces" if boxes else "no face"))
                continue
            image = crop_faces(image, boxes, crop_to)[0]
        file = f"{number:06d}.png"
        pictures.append(_store(image, raw, folder / file))
        thumbs.append(make_thumb(image))
    framing = None if crop_to is None else (crop_to.margin, crop_to.shift_y)
    return Draft(
        folder=folder,
        pictures=tuple(pictures),
        unusable=tuple(unusable),
        left_out=tuple(left_out),
        groups=group_alike(thumbs, on_progress),
        framing=framing,
    )


def describe_unusable(item: Unusable) -> str:
    """Return why a picture was left out, in words."""
    return _REASONS.get(item.reason, item.reason)


def _store(image: UInt8Array, raw: RawPicture, path: Path) -> Picture:
    height, width = image.shape[:2]
    is_gray = image.ndim == 2 or bool((image == image[..., :1]).all())
    plain = image if image.ndim == 2 or not is_gray else np.ascontiguousarray(image[..., 0])
    scale = STORED_SIDE_PX / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        shrunk = cv2.resize(plain, size, interpolation=cv2.INTER_AREA)
        plain = np.asarray(shrunk, dtype=np.uint8)
    data = encode_image(plain, "png")
    try:
        path.write_bytes(data)
    except OSError as error:
        raise cannot_store(error) from error
    digest = hashlib.sha256(repr(plain.shape).encode() + plain.tobytes()).hexdigest()
    return Picture(
        path.name, raw.source, raw.label, raw.split, width, height, digest, is_blank(plain)
    )
