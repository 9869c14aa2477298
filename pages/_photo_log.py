"""Photos in the session's statistics, which follow the sidebar whether they are shown or not."""

from collections.abc import Mapping
from dataclasses import replace

from facecore.results import FrameResult
from facecore.tracking_labels import Thresholds, decide_again
from pages._photo_pictures import Photo, cut_thumbnails, render
from pages._session_log import log_entries, log_photo
from pages._sidebar import Settings, follow_today
from pages._ui import error_box, safe_file_name


def log_analysed(photo: Photo) -> None:
    """Tell the session's statistics about a photo, or what changed about it."""
    log_photo(
        photo.source.name,
        photo.result,
        lambda: render(photo, photo.model, "jpeg"),
        key=photo.source.key,
        file_name=safe_file_name(photo.source.name, f"{photo.ending}.jpg"),
        thumbnails=dict(enumerate(cut_thumbnails(photo), start=1)),
        made_from=(photo,),
    )


def follow_sidebar(settings: Settings) -> None:
    """Let every photo of the statistics be drawn and decided as the sidebar says now.

    Those on the page are logged again when they are shown; this reaches the others too: of another
    source, cleared, or no longer uploaded. Nothing is analysed or read again, so that no face is
    left to be seen where the user goes on to the statistics at once.

    Args:
        settings: what the sidebar is set to now.
    """
    for photo in _list_logged():
        _log_again(photo, settings)


def follow_thresholds() -> None:
    """Let every photo of the statistics be decided by the thresholds last set on any page."""
    to_today = follow_today()
    for photo in _list_logged():
        _log_again(photo, to_today(photo.settings))


def _list_logged() -> list[Photo]:
    logged = [part for entry in log_entries() for part in entry.made_from]
    return [part for part in logged if isinstance(part, Photo)]


def _log_again(photo: Photo, today: Settings) -> None:
    now = replace(photo.settings, annotation=today.annotation, thresholds=today.thresholds)
    if now != photo.settings:
        with error_box():
            log_analysed(replace(photo, results=_decide(photo, today), settings=now))


def decide(result: FrameResult, thresholds: Thresholds) -> FrameResult:
    """Apply the sidebar's thresholds, which need no new analysis."""
    (decided,) = decide_again([result], thresholds)
    return decided


def _decide(photo: Photo, settings: Settings) -> Mapping[str, FrameResult]:
    """Return the photo's results with today's thresholds of those networks that made them."""
    return {
        model: decide(
            result,
            settings.thresholds_since(replace(photo.settings, expression_model=model or None)),
        )
        for model, result in photo.results.items()
    }
