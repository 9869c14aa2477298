"""Tasks, canonical label names, their display names and colours, and each data set's aliases."""

from typing import Literal

Task = Literal["expression", "gender"]
TASKS: tuple[Task, ...] = ("expression", "gender")

EXPRESSIONS: tuple[str, ...] = (
    "angry",
    "disgust",
    "fear",
    "happy",
    "sad",
    "surprise",
    "neutral",
)
"""The seven expressions in the column order of FER-2013's csv (0 = angry ... 6 = neutral)."""

GENDERS: tuple[str, ...] = ("man", "woman")

LABELS: dict[Task, tuple[str, ...]] = {"expression": EXPRESSIONS, "gender": GENDERS}
"""What networks answer."""

UNDECIDED = "undecided"
"""What is shown instead of an answer that the network is not sure enough of."""

SHOWN_LABELS: dict[Task, tuple[str, ...]] = {
    task: (*labels, UNDECIDED) for task, labels in LABELS.items()
}
"""What a face may be shown and counted as."""

# Okabe-Ito colours, which colour-blind readers can tell apart; never shown without the word.
COLORS: dict[str, str] = {
    "angry": "#D55E00",
    "disgust": "#009E73",
    "fear": "#CC79A7",
    "happy": "#F0E442",
    "neutral": "#999999",
    "sad": "#0072B2",
    "surprise": "#56B4E9",
    "man": "#0072B2",
    "woman": "#E69F00",
    UNDECIDED: "#EEEEEE",  # far lighter than neutral, and without a hue of its own
}


def display_name(label: str) -> str:
    """Return the label as a person reads it: ``"happy"`` becomes ``"Happy"``."""
    return label.capitalize()


def display_answer(task: Task, label: str) -> str:
    """Return the label as it reads beside those of the other task.

    ``"undecided"`` becomes ``"Undecided"`` for an expression, ``"Gender undecided"`` for gender.
    """
    return "Gender undecided" if (task, label) == ("gender", UNDECIDED) else display_name(label)


def display_plural(label: str) -> str:
    """Return the word for a count: ``"man"`` becomes ``"Men"``, ``"happy"`` becomes ``"Happy"``."""
    return {"man": "Men", "woman": "Women"}.get(label, display_name(label))


def to_rgb(color: str) -> tuple[int, int, int]:
    """Return ``"#RRGGBB"`` as three numbers 0-255."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
