"""What a user's folder names and codes mean: a first guess, which the user may change."""

from collections.abc import Iterable, Mapping

from facecore.datasets_fer2013 import CSV_LABELS
from facecore.datasets_folders import ALIASES
from facecore.errors import InvalidDatasetError
from facecore.label_sets import MAX_LABEL_CHARS, compose, describe_label_problem
from facecore.labels import LABELS, Task

LEFT_OUT = ""
"""What a name is mapped to whose pictures shall not be used."""

_MORE_ALIASES = {
    "disgusting": "disgust",
    "scared": "fear",
    "afraid": "fear",
    "joy": "happy",
    "smile": "happy",
    "smiling": "happy",
    "sorrow": "sad",
    "surprising": "surprise",
    "calm": "neutral",
    "m": "man",
    "f": "woman",
    "w": "woman",
    "boy": "man",
    "girl": "woman",
}
_NO_LABELS = ("unknown", "other", "none", "unlabeled", "unlabelled", "na", "nan")


def guess_mapping(names: Iterable[str], task: Task) -> dict[str, str]:
    """Return a label for every name found.

    Known words and their usual synonyms become ours, FER-2013's codes 0-6 the expressions; other
    words become labels of the user's own. Codes whose meaning nobody can know are left out until
    the user says what they mean.
    """
    return {name: _guess(name, task) for name in dict.fromkeys(names)}


def check_mapping(mapping: Mapping[str, str]) -> dict[str, str]:
    """Return a mapping as edited by a user, its labels tidied, accents composed in all words.

    Raises:
        InvalidDatasetError: if a label cannot be one.
    """
    tidy = {
        compose(name): compose(" ".join(label.lower().split())) for name, label in mapping.items()
    }
    for label in tidy.values():
        if label != LEFT_OUT and (problem := describe_label_problem(label)):
            raise InvalidDatasetError(f"A label cannot be used: {problem}.")
    return tidy


def _guess(name: str, task: Task) -> str:
    word = " ".join(compose(name).lower().replace("_", " ").replace("-", " ").split())
    word = {**ALIASES, **_MORE_ALIASES}.get(word, word)
    if word in LABELS[task]:
        return word
    if word.isascii() and word.isdigit():
        known = task == "expression" and int(word) < len(CSV_LABELS)
        return CSV_LABELS[int(word)] if known else LEFT_OUT
    word = word[:MAX_LABEL_CHARS].strip()
    return LEFT_OUT if word in _NO_LABELS or describe_label_problem(word) else word
