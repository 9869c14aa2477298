"""What is to say about a user's pictures, one sentence each: sizes, numbers, labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from facecore.label_sets import is_known
from facecore.labels import Task, display_name
from facecore.own_data_pictures import Picture

MIN_PER_CLASS = 20
MIN_TRAIN, MIN_VALIDATION = 10, 3
FEW_HELD_OUT = 50  # then the accuracy is known to some 14 percentage points at best
MAX_EXAMPLES = 200

_SMALL_SIDE_PX = 24
_SQUEEZED = 1.25  # from this ratio of the sides a face visibly changes
_UNEQUAL = 3.0

Level = Literal["fine", "warning", "refused"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about the pictures.

    Args:
        level: "refused" keeps the data from being used until it is mended.
        problem: what is so.
        action: what will be done about it, or what the user should do.
        examples: paths of the pictures that it is about, at most 200.
    """

    level: Level
    problem: str
    action: str = ""
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedPicture:
    """A picture that will be kept: its index in the draft, our label, and its split."""

    index: int
    label: str
    split: str


def check_shapes(pictures: Sequence[Picture]) -> list[Finding]:
    """Return what is to say about the sizes of pictures."""
    findings = []
    if pictures:
        sides = sorted(min(p.width, p.height) for p in pictures)
        words = f"The shorter sides have {sides[0]} to {sides[-1]} pixels, half of them "
        words = f"{words}{sides[len(sides) // 2]} or more."
        if sides[0] == sides[-1]:
            words = f"The shorter side of every picture has {sides[0]} pixels."
        findings.append(Finding("fine", words))
    small = [p.source for p in pictures if min(p.width, p.height) < _SMALL_SIDE_PX]
    if small:
        problem = f"A side of under {_SMALL_SIDE_PX} pixels: {say_pictures(len(small))}."
        action = "They are kept, though little can be seen on them."
        findings.append(Finding("warning", problem, action, tuple(small[:MAX_EXAMPLES])))
    long = [
        p.source for p in pictures if max(p.width, p.height) > _SQUEEZED * min(p.width, p.height)
    ]
    if long:
        problem = f"Far from square, so that faces would be squeezed: {say_pictures(len(long))}."
        action = "If they are whole photos, bring them again with “Cut out the faces” switched on."
        findings.append(Finding("warning", problem, action, tuple(long[:MAX_EXAMPLES])))
    return findings


def check_counts(task: Task, counts: Mapping[str, Mapping[str, int]]) -> list[Finding]:
    """Return what is to say about the numbers of pictures.

    Args:
        task: what the labels say.
        counts: label -> split -> number of pictures.
    """
    findings = []
    if len(counts) < 2:
        problem = f"There {'is only one label' if counts else 'are no usable pictures'}."
        findings.append(Finding("refused", problem, "A network needs two labels or more."))
    for label, by_split in counts.items():
        total, word = sum(by_split.values()), display_name(label)
        train, validation = by_split.get("train", 0), by_split.get("validation", 0)
        advice = "or leave the label out."
        if total < MIN_PER_CLASS:
            problem = f"{word} has {say_pictures(total)}; at least {MIN_PER_CLASS} are needed."
            action = f"Add {MIN_PER_CLASS - total} more, {advice}"
        elif train < MIN_TRAIN or validation < MIN_VALIDATION:
            problem = (
                f"{word} has {train} pictures for training and {validation} held out; at least "
                f"{MIN_TRAIN} and {MIN_VALIDATION} are needed."
            )
            action = f"Divide differently, add pictures that look different, {advice}"
        else:
            continue
        findings.append(Finding("refused", problem, action))
    numbers = [by_split.get("train", 0) for by_split in counts.values()]
    if len(numbers) > 1 and min(numbers) and max(numbers) >= _UNEQUAL * min(numbers):
        most = display_name(max(counts, key=lambda label: counts[label].get("train", 0)))
        least = display_name(min(counts, key=lambda label: counts[label].get("train", 0)))
        times = max(numbers) / min(numbers)
        problem = f"The labels are unequal: {most} has {times:.1f} times the pictures of {least}."
        action = (
            "Choose equal numbers or weights when you train, or rare labels are seldom answered."
        )
        findings.append(Finding("warning", problem, action))
    held_out = sum(by_split.get("validation", 0) for by_split in counts.values())
    if len(counts) > 1 and held_out < FEW_HELD_OUT:
        problem = f"A network can be judged on {say_pictures(held_out)} only."
        action = "Its accuracy will be known roughly at best; add pictures."
        findings.append(Finding("warning", problem, action))
    own = [display_name(label) for label in counts if not is_known(task, [label])]
    if own:
        problem = f"Labels of your own: {', '.join(own)}."
        findings.append(Finding("fine", problem, "Networks trained on them answer these words."))
    return findings


def say_pictures(num: int) -> str:
    """Return a number of pictures in words."""
    return f"{num:,} picture" if num == 1 else f"{num:,} pictures"
