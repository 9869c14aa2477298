"""A photo, what was said about it, and the pictures made of it, each once per session."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from facecore.annotation import HIDE_METHODS, HideMethod, annotate, anonymise
from facecore.media import (
    DecodedPicture,
    decode_picture,
    encode_image,
    example_image,
)
from facecore.media import describe_rest as describe_unread
from facecore.preprocessing import UInt8Array, crop_box, square_box, to_batch
from facecore.registry import InputSpec
from facecore.results import Box, FrameResult
from pages._cache import remember
from pages._sidebar import Settings

_KEPT_FRAMES = 6  # decoded pictures are large: 36 MB each at 12 megapixels
_KEPT_THUMBNAILS = 600
_KEPT_NOTES = 600
_KEPT_PICTURES = 12
_THUMBNAIL_MARGIN = 0.3
_THUMBNAIL_PX = 256
_EXAMPLE = "example"

FileFormat = Literal["png", "jpeg"]


@dataclass(frozen=True, slots=True)
class PhotoInput:
    """A picture to analyse.

    Args:
        name: as the user knows it.
        key: digest of name and content; identifies the picture in memory and in the log.
        data: the file; None for the built-in example.
    """

    name: str
    key: str
    data: bytes | None


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A picture and what each model said; false boxes are already removed.

    Args:
        source: where it came from.
        results: bundle name of the expression model -> faces.
        settings: what it was analysed with; what is drawn and the thresholds are the latest.
        state: what the results depend on besides these, for remembering what is made of them.
        numbers: each face's number before any was removed.
    """

    source: PhotoInput
    results: Mapping[str, FrameResult]
    settings: Settings
    state: tuple[object, ...]
    numbers: tuple[int, ...]

    @property
    def model(self) -> str:
        """The model chosen in the sidebar, or the first that worked."""
        chosen = self.settings.expression_model
        return chosen if chosen in self.results else next(iter(self.results))

    @property
    def result(self) -> FrameResult:
        """That model's faces."""
        return self.results[self.model]

    @property
    def ending(self) -> str:
        """What file names say was done to the picture."""
        return "_hidden" if self.settings.annotation.hide_faces else "_annotated"


def to_input(name: str, data: bytes) -> PhotoInput:
    """Return an uploaded file as input."""
    digest = hashlib.sha256(name.encode() + b"\0" + data).hexdigest()
    return PhotoInput(name, digest[:20], data)


EXAMPLE_INPUT = PhotoInput("Grace Hopper", _EXAMPLE, None)


def load_frame(item: PhotoInput) -> UInt8Array:
    """Return the decoded picture: uint8 array of shape (H, W, 3), BGR.

    Raises:
        MediaError: if it is no picture, broken or too large.
    """
    return _load(item).bgr


def describe_rest(item: PhotoInput) -> str:
    """Return a sentence on the pictures of the file that are not read; empty where all are.

    Raises:
        MediaError: if it is no picture, broken or too large.
    """
    return remember("rests", item.key, lambda: word_rest(_load(item)), _KEPT_NOTES)


def word_rest(picture: DecodedPicture) -> str:
    """Return the same of a decoded picture."""
    text = describe_unread(picture)
    return f"{text} Videos takes animations saved as GIF." if picture.is_animation else text


def draw(photo: Photo, model: str) -> bytes:
    """Return the annotated picture at full resolution as JPEG file."""

    def make() -> bytes:
        return render(photo, model, "jpeg", load_frame(photo.source))

    thresholds = tuple(sorted(photo.settings.thresholds.items()))
    key = (*photo.state, thresholds, model, repr(photo.settings.annotation))
    return remember("pictures", key, make, _KEPT_PICTURES)


def render(
    photo: Photo, model: str, file_format: FileFormat, frame_bgr: UInt8Array | None = None
) -> bytes:
    """Return the annotated picture as a file.

    Reads nothing from the session, so that a download can make it when it is asked for, outside
    the page's run.
    """
    frame = _decode(photo.source).bgr if frame_bgr is None else frame_bgr
    return encode_image(
        annotate(frame, photo.results[model], photo.settings.annotation), file_format
    )


def cut_thumbnails(photo: Photo) -> list[bytes]:
    """Return one JPEG file per face, unrecognisable where faces are hidden.

    They depend on the boxes alone, and the hidden ones are there from the beginning: however many
    photos there are, none is read again to hide its faces or to move a threshold.
    """
    boxes = tuple(face.xyxy for face in photo.result.faces)
    ways = remember(
        "thumbnails",
        (photo.source.key, boxes),
        lambda: _cut(load_frame(photo.source), boxes),
        _KEPT_THUMBNAILS,
    )
    return ways[photo.settings.annotation.hide_faces]


def _cut(frame_bgr: UInt8Array, boxes: Sequence[Box]) -> dict[HideMethod | None, list[bytes]]:
    """Return JPEG files of the faces as they are, and wholly hidden in every way."""
    crops = [_shrink(crop_box(frame_bgr, square_box(box, _THUMBNAIL_MARGIN))) for box in boxes]
    ways: dict[HideMethod | None, list[UInt8Array]] = {None: crops}
    for method in HIDE_METHODS:
        # All of the crop: a neighbour may reach into it.
        ways[method] = [
            anonymise(crop, [(0, 0, crop.shape[1], crop.shape[0])], method) for crop in crops
        ]
    return {
        method: [encode_image(crop, "jpeg") for crop in hidden] for method, hidden in ways.items()
    }


def _shrink(crop_bgr: UInt8Array) -> UInt8Array:
    if max(crop_bgr.shape[:2]) <= _THUMBNAIL_PX:
        return crop_bgr
    (shrunk,) = to_batch([crop_bgr], InputSpec(_THUMBNAIL_PX, _THUMBNAIL_PX, "rgb"))
    return np.ascontiguousarray(shrunk[:, :, ::-1])


def _load(item: PhotoInput) -> DecodedPicture:
    return remember("frames", item.key, lambda: _decode(item), _KEPT_FRAMES)


def _decode(item: PhotoInput) -> DecodedPicture:
    if item.data is None:
        return DecodedPicture(example_image())
    return decode_picture(item.data, item.name)
