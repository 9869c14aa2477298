"""From uploaded bytes to analysed photos, each step computed once per browser session."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from facecore.annotation import annotate, anonymise
from facecore.errors import FaceCoreError
from facecore.media import decode_image, encode_image, example_image
from facecore.pipeline import FacePipeline
from facecore.preprocessing import UInt8Array, crop_box, square_box
from facecore.results import FrameResult
from facecore.session import analyse_photo
from facecore.tracking_labels import Thresholds, decide_again
from pages._cache import is_remembered, remember
from pages._photo_turns import PicturesBar, take_turn
from pages._session_log import log_photo
from pages._sidebar import Settings
from pages._ui import load_classifiers, safe_file_name, show_error

_KEPT_FRAMES = 6  # decoded pictures are large: 36 MB each at 12 megapixels
_KEPT_RESULTS = 600
_KEPT_PICTURES = 12
_THUMBNAIL_MARGIN = 0.3
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
        settings: what it was analysed with.
        state: everything that the results depend on, for remembering what is made of them.
        numbers: each face's number before any was removed.
    """

    source: PhotoInput
    results: dict[str, FrameResult]
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


def analyse_photos(
    inputs: Sequence[PhotoInput], settings: Settings, models: Sequence[str | None]
) -> list[Photo]:
    """Analyse every picture with every model and log it; a bad one is told and left out.

    Args:
        inputs: the pictures.
        settings: the sidebar's.
        models: expression models to ask, None for gender alone.
    """
    waiting = [item for item in inputs if not _is_done(item, settings, models)]
    bar = PicturesBar({item.key: item.name for item in waiting})
    photos: list[Photo] = []
    problems: dict[str, None] = {}  # each sentence once, in order
    for item in inputs:
        bar.tell_analysis(item.key)
        results: dict[str, FrameResult] = {}
        for model in models:
            try:
                results[model or ""] = _analyse(item, model, settings, bar)
            except FaceCoreError as error:
                problems[str(error)] = None
        if results:
            photos.append(_edit_and_log(item, results, settings))
    bar.close()
    for problem in problems:
        show_error(problem)
    return photos


def load_frame(item: PhotoInput) -> UInt8Array:
    """Return the decoded picture: uint8 array of shape (H, W, 3), BGR.

    Raises:
        MediaError: if it is no picture, broken or too large.
    """
    return remember("frames", item.key, lambda: _decode(item), _KEPT_FRAMES)


def draw(photo: Photo, model: str) -> bytes:
    """Return the annotated picture at full resolution as JPEG file."""

    def make() -> bytes:
        return render(photo, model, "jpeg", load_frame(photo.source))

    key = (*photo.state, model, repr(photo.settings.annotation))
    return remember("pictures", key, make, _KEPT_PICTURES)


def render(
    photo: Photo, model: str, file_format: FileFormat, frame_bgr: UInt8Array | None = None
) -> bytes:
    """Return the annotated picture as a file.

    Reads nothing from the session, so that a download can make it when it is asked for, outside
    the page's run.
    """
    frame = _decode(photo.source) if frame_bgr is None else frame_bgr
    return encode_image(
        annotate(frame, photo.results[model], photo.settings.annotation), file_format
    )


def cut_thumbnails(photo: Photo) -> list[bytes]:
    """Return one JPEG file per face, unrecognisable where faces are hidden."""
    hide = photo.settings.annotation.hide_faces

    def make() -> list[bytes]:
        boxes = [face.xyxy for face in photo.result.faces]
        frame = load_frame(photo.source)
        if hide is not None:
            frame = anonymise(frame, photo.result.boxes_to_hide, hide)
        crops = [crop_box(frame, square_box(box, _THUMBNAIL_MARGIN)) for box in boxes]
        return [encode_image(crop, "jpeg") for crop in crops]

    return remember("thumbnails", (*photo.state, hide), make, _KEPT_RESULTS)


def remove_face(photo: Photo, number: int) -> None:
    """Take a false box out of the photo; every number and download follows."""
    removed = _removed(photo.source, photo.settings)
    original = photo.numbers[number - 1]
    if original not in removed:  # a double click asks twice
        removed.append(original)


def count_removed(photo: Photo) -> int:
    """Return how many false boxes were taken out."""
    return len(_removed(photo.source, photo.settings))


def undo_removal(photo: Photo) -> None:
    """Bring the face back that was removed last."""
    if removed := _removed(photo.source, photo.settings):
        removed.pop()


def _decode(item: PhotoInput) -> UInt8Array:
    return example_image() if item.data is None else decode_image(item.data, item.name)


def _removed(item: PhotoInput, settings: Settings) -> list[int]:
    """Return the removed faces' original numbers; other search settings give other faces."""
    everything = st.session_state.setdefault("removed_faces", {})
    removed: list[int] = everything.setdefault((item.key, settings.pipeline.haar), [])
    return removed


def _edit_and_log(item: PhotoInput, results: dict[str, FrameResult], settings: Settings) -> Photo:
    removed = _removed(item, settings)
    kept = {
        model: _decide(
            result.without_faces(set(removed)),
            settings.thresholds_for(model, settings.gender_model),
        )
        for model, result in results.items()
    }
    thresholds = tuple(sorted(settings.thresholds.items()))
    made_by = tuple(_result_key(item, model or None, settings) for model in results)
    state = (made_by, tuple(sorted(removed)), thresholds)
    num_found = len(next(iter(results.values())).faces)
    numbers = tuple(n for n in range(1, num_found + 1) if n not in removed)
    photo = Photo(item, kept, settings, state, numbers)
    log_photo(
        item.name,
        photo.result,
        lambda: render(photo, photo.model, "jpeg"),
        key=item.key,
        file_name=safe_file_name(item.name, f"{photo.ending}.jpg"),
        thumbnails=dict(enumerate(cut_thumbnails(photo), start=1)),
    )
    return photo


def _decide(result: FrameResult, thresholds: Thresholds) -> FrameResult:
    """Apply the sidebar's thresholds, which need no new analysis."""
    (decided,) = decide_again([result], thresholds)
    return decided


def _is_done(item: PhotoInput, settings: Settings, models: Sequence[str | None]) -> bool:
    return all(is_remembered("results", _result_key(item, m, settings)) for m in models)


def _analyse(
    item: PhotoInput, model: str | None, settings: Settings, bar: PicturesBar
) -> FrameResult:
    def run() -> FrameResult:
        names = [name for name in (model, settings.gender_model) if name]
        classifiers = load_classifiers(*names)
        with take_turn(bar.tell_waiting):
            bar.tell_analysis(item.key)
            frame = load_frame(item)
            return analyse_photo(frame, FacePipeline(classifiers, settings.pipeline))

    return remember("results", _result_key(item, model, settings), run, _KEPT_RESULTS)


def _result_key(item: PhotoInput, model: str | None, settings: Settings) -> tuple[object, ...]:
    # Another network may have been published under the same name meanwhile.
    networks = tuple(
        (name, settings.checksums.get(name)) for name in (model, settings.gender_model) if name
    )
    return item.key, networks, settings.pipeline.haar, settings.pipeline.flip
