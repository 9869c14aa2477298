"""Any set of labels: checks, order and colours, for labels of one's own beside the known ones."""

import unicodedata
from collections.abc import Iterable, Sequence

from facecore.labels import COLORS, LABELS, TASKS, UNDECIDED, Task

MAX_LABEL_CHARS = 30
_HARMLESS = "-_'’.,()/"

# For labels that have no colour of their own; Tol's and Okabe-Ito's, which colour-blind readers can
# tell apart.
_FREE_COLORS = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#F0E442",
    "#332288",
    "#117733",
    "#AA4499",
    "#882255",
    "#44AA99",
)


def compose(word: str) -> str:
    """Return a word with each letter and its accent as one sign, where there is such a sign.

    A Mac writes the names of folders with two; both look the same and must be one label.
    """
    return unicodedata.normalize("NFC", word)


def check_labels(labels: Sequence[str]) -> None:
    """Raise ValueError unless a network may have these classes: at least two, all different."""
    if len(labels) < 2 or len(set(labels)) != len(labels):
        raise ValueError(f"labels must be two or more different ones, got {list(labels)}")
    check_words(labels)


def check_words(labels: Iterable[str]) -> None:
    """Raise ValueError unless these words can be labels; also where a file brings other values."""
    for label in labels:
        if not isinstance(label, str):
            raise ValueError(f"the label {label!r} is no text")
        if problem := describe_label_problem(label):
            raise ValueError(problem)


def describe_label_problem(label: str) -> str:
    """Return what is wrong with a word as a label, or nothing."""
    if not label or label != " ".join(label.split()) or not label.isprintable():
        return f"the label {label!r} is empty or has spaces or signs that cannot be printed"
    if odd := sorted({sign for sign in label if not _is_harmless(sign)}):
        return (
            f"the label {label[:MAX_LABEL_CHARS]!r} has {' '.join(odd)} in it, which pages and "
            f"charts could take for markup; use letters, digits, spaces and {_HARMLESS}"
        )
    if len(label) > MAX_LABEL_CHARS:
        return f"the label {label[:MAX_LABEL_CHARS]!r}… is longer than {MAX_LABEL_CHARS} letters"
    if label == UNDECIDED:
        return f"the label {label!r} means that a network is not sure; choose another word"
    if label != label.lower():
        return f"the label {label!r} must be in small letters"
    return ""


def _is_harmless(sign: str) -> bool:
    kind = unicodedata.category(sign)
    return kind[0] in "LMN" or kind == "So" or sign in f" {_HARMLESS}"


def is_known(task: Task, labels: Iterable[str]) -> bool:
    """Tell whether all labels are among those that this program has names and colours for."""
    return set(labels) <= {*LABELS[task], UNDECIDED}


def order_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Return each label once: the known ones in their own order, then others as they come.

    "undecided" is always the last.
    """
    given = dict.fromkeys(labels)
    known = [name for task in TASKS for name in LABELS[task] if name in given]
    others = [name for name in given if name not in known and name != UNDECIDED]
    return (*known, *others, *([UNDECIDED] if UNDECIDED in given else []))


def compute_colors(labels: Iterable[str]) -> dict[str, str]:
    """Return a colour "#RRGGBB" for each label, never shown without the word.

    Known labels have theirs always. Others take, by their order here, colours that no label of the
    list has; so pass all the labels that may stand together.
    """
    names = list(dict.fromkeys(labels))
    taken = {COLORS[name] for name in names if name in COLORS}
    free = [color for color in _FREE_COLORS if color not in taken]
    own = [name for name in names if name not in COLORS]
    colors = {name: free[i % len(free)] for i, name in enumerate(own)}
    return {name: COLORS.get(name) or colors[name] for name in names}


def list_shown(task: Task, found: Iterable[str] = ()) -> tuple[str, ...]:
    """Return every label that faces may be counted as: those of the network, and "undecided".

    Args:
        task: what the labels say.
        found: labels of the networks that answered; where all are known ones, or there are none,
            all known ones of the task are returned.
    """
    names = [name for name in found if name != UNDECIDED]
    return (*(LABELS[task] if is_known(task, names) else order_labels(names)), UNDECIDED)
