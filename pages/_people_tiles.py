"""Faces or people as tiles: how many there are, men, women, and each expression."""

from collections.abc import Mapping

from facecore.labels import TASKS, display_plural
from facecore.stats import SessionSummary
from pages._look import build_tiles


def build_people_tiles(summary: SessionSummary) -> str:
    """Return the tiles as HTML; a person counts for what they showed for longest."""
    counts = {label: n for task in reversed(TASKS) for label, n in summary.counts(task).items()}
    return build_count_tiles("People", len(summary.people), counts)


def build_count_tiles(word: str, total: int, counts: Mapping[str, int]) -> str:
    """Return one tile for the total and one per label as HTML.

    Args:
        word: what is counted.
        total: how many.
        counts: label -> number, in the order of the tiles.
    """
    words = {display_plural(label): label for label in counts}
    numbers: dict[str, int | str] = {word: total}
    return build_tiles(numbers | {shown: counts[label] for shown, label in words.items()}, words)
