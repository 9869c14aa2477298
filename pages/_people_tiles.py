"""A video's or stream's people as tiles: how many there are, men, women, and each expression."""

from facecore.labels import TASKS, display_name
from facecore.stats import SessionSummary
from pages._look import build_tiles

_PLURALS = {"man": "Men", "woman": "Women"}


def build_people_tiles(summary: SessionSummary) -> str:
    """Return the tiles as HTML; a person counts for what they showed for longest."""
    counts = {label: n for task in reversed(TASKS) for label, n in summary.counts(task).items()}
    words = {_PLURALS.get(label, display_name(label)): label for label in counts}
    numbers: dict[str, int | str] = {"People": len(summary.people)}
    return build_tiles(numbers | {word: counts[label] for word, label in words.items()}, words)
