"""What a finished video was analysed with, and which of the sidebar's choices come too late."""

from pages._sidebar import Settings
from pages._ui import plain
from pages._video_desk import VideoCase


def describe_analysis(case: VideoCase, settings: Settings) -> str:
    """Return the networks that looked at a video, and what counts for the next one, as Markdown.

    Args:
        case: the video.
        settings: what the sidebar is set to now.
    """
    titles = " and ".join(f"“{plain(title)}”" for title in case.models)
    text = f"Analysed with {titles}."
    if late := _list_late(case.settings, settings):
        verb = "is set" if len(late) == 1 else "are set"
        text += (
            f" In the sidebar, {_join(late)} {verb} differently by now; that counts for the next "
            "analysis."
        )
    return text


def _list_late(earlier: Settings, now: Settings) -> list[str]:
    """Return what would give other results today.

    Thresholds and what is drawn are missing: finished videos follow them. So is how many frames
    are searched, which is chosen for each upload.
    """
    before, after = earlier.pipeline, now.pipeline
    differs = {
        "the expression model": _network(earlier, earlier.expression_model)
        != _network(now, now.expression_model),
        "the gender model": _network(earlier, earlier.gender_model)
        != _network(now, now.gender_model),
        "reading mirror images": before.flip != after.flip,
        "the detection": before.haar != after.haar,
        "the smoothing": before.smoothing != after.smoothing,
    }
    return [words for words, is_other in differs.items() if is_other]


def _network(settings: Settings, model: str | None) -> tuple[str | None, str | None]:
    # Another network may have been published under the same name meanwhile.
    return model, settings.checksums.get(model or "")


def _join(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
