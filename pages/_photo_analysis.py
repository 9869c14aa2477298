"""From uploaded bytes to analysed photos, each step computed once per browser session."""

from collections.abc import Sequence

import streamlit as st

from facecore.errors import FaceCoreError
from facecore.pipeline import FacePipeline
from facecore.results import FrameResult
from facecore.session import analyse_photo
from pages._cache import is_remembered, remember
from pages._photo_log import decide, log_analysed
from pages._photo_pictures import Photo, PhotoInput, load_frame
from pages._photo_turns import PicturesBar, take_turn
from pages._sidebar import Settings
from pages._ui import load_classifiers, show_error

_KEPT_RESULTS = 600


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


def _removed(item: PhotoInput, settings: Settings) -> list[int]:
    """Return the removed faces' original numbers; other search settings give other faces."""
    everything = st.session_state.setdefault("removed_faces", {})
    removed: list[int] = everything.setdefault((item.key, settings.pipeline.haar), [])
    return removed


def _edit_and_log(item: PhotoInput, results: dict[str, FrameResult], settings: Settings) -> Photo:
    removed = _removed(item, settings)
    kept = {
        model: decide(
            result.without_faces(set(removed)),
            settings.thresholds_for(model, settings.gender_model),
        )
        for model, result in results.items()
    }
    made_by = tuple(_result_key(item, model or None, settings) for model in results)
    num_found = len(next(iter(results.values())).faces)
    numbers = tuple(n for n in range(1, num_found + 1) if n not in removed)
    photo = Photo(item, kept, settings, (made_by, tuple(sorted(removed))), numbers)
    log_analysed(photo)
    return photo


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
