"""Which labels the networks of a source can answer: where nobody is, nothing else tells."""

from collections.abc import Sequence

from facecore.export import Labels
from facecore.label_sets import order_labels
from facecore.labels import TASKS
from facecore.registry import ModelCard
from pages._photo_pictures import Photo
from pages._session_log import Entry
from pages._sidebar import Settings
from pages._video_desk import VideoCase, cases


def list_labels(photo: Photo, cards: Sequence[ModelCard]) -> Labels:
    """Return the labels of the networks that a photo's result is from.

    Args:
        photo: analysed.
        cards: of all usable models.
    """
    return _list_labels(photo.settings, (photo.model, photo.settings.gender_model), cards)


def list_video_labels(case: VideoCase, cards: Sequence[ModelCard]) -> Labels:
    """Return the labels of the networks that looked at a video; ``cards``: of all usable models."""
    return _list_labels(case.settings, case.settings.models, cards)


def list_asked(entries: Sequence[Entry], cards: Sequence[ModelCard]) -> dict[str, Labels]:
    """Return entry key -> the labels of the networks that were asked for it.

    Args:
        entries: of the session's log. A live session is missing: it has people, or no entry.
        cards: of all usable models.
    """
    videos = {f"video:{case.key}": case for case in cases().values()}
    asked = {}
    for entry in entries:
        for photo in (part for part in entry.made_from if isinstance(part, Photo)):
            asked[entry.key] = list_labels(photo, cards)
        if (case := videos.get(entry.key)) is not None:
            asked[entry.key] = list_video_labels(case, cards)
    return asked


def join_labels(asked: Sequence[Labels]) -> Labels:
    """Return every label of several sources, in the order of display."""
    return {
        task: order_labels(label for labels in asked for label in labels.get(task, ()))
        for task in TASKS
    }


def _list_labels(settings: Settings, names: Sequence[str], cards: Sequence[ModelCard]) -> Labels:
    """Leave out a network that is gone or has another one's name now."""
    used = {
        (name, settings.checksums[name]) for name in names if name and name in settings.checksums
    }
    return {card.task: card.labels for card in cards if (card.name, card.sha256) in used}
