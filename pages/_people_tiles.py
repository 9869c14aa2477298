"""Faces or people as tiles: how many there are, men, women, and each expression."""

from collections.abc import Mapping

from facecore.labels import TASKS, UNDECIDED, Task, display_answer, display_plural
from facecore.stats import SessionSummary
from pages._look import build_tiles


def build_people_tiles(summary: SessionSummary) -> str:
    """Return the tiles as HTML; a person counts for what they showed for longest."""
    counts = {task: summary.counts(task) for task in TASKS}
    return build_count_tiles("People", len(summary.people), counts)


def build_count_tiles(word: str, total: int, counts: Mapping[Task, Mapping[str, int]]) -> str:
    """Return two rows of tiles as HTML: the total with the genders, and the expressions.

    Args:
        word: what is counted.
        total: how many.
        counts: per task label -> number, in the order of the tiles.
    """
    first = {"gender": {word: total}, "expression": {}}
    return "".join(_build_row(first[task], counts[task], task) for task in reversed(TASKS))


def _build_row(first: Mapping[str, int], counts: Mapping[str, int], task: Task) -> str:
    words = {
        display_answer(task, label) if label == UNDECIDED else display_plural(label): label
        for label in counts
    }
    return build_tiles({**first, **{w: counts[label] for w, label in words.items()}}, words)
