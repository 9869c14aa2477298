"""Who is on a picture, where the names of the files say so."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

MIN_PEOPLE = 5

_BEGINNING = re.compile(r"^([A-Za-z]*\d*[A-Za-z]*)[_\-. ]")
_LARGEST_SHARE = 0.5  # a word that most files begin with, such as IMG, is no person

# What cameras and collections of faces put first: a day of this century, with or without the time,
# or UTKFace's age, gender, race (not always) and moment, such as 26_1_3_20170104023102422.
_DAY = r"20\d\d([-_.]?)(0[1-9]|1[0-2])\1(0[1-9]|[12]\d|3[01])(\d{6,9})?(?!\d)"
_AGE = r"\d{1,3}_[01]_([0-4]_)?20\d{7,}"
_NO_PEOPLE = (re.compile(_DAY), re.compile(_AGE))
_NEARLY_ALL = 0.9


def find_people(sources: Sequence[str], labels: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the person on each picture, or nothing where the names do not tell.

    The person is what a file's name begins with, up to the first ``_``, ``-``, ``.`` or space, as
    in ``S005_001.png``, ``KA.AN1.39.tiff`` or ``anna-12.jpg``. All names must have one; there must
    be at least five people with two pictures each on average, nobody on more than half of them.
    Days, ages and what only repeats the label, as in ``happy/happy_001.png``, are no people.

    Args:
        sources: paths of the pictures.
        labels: the label of each, as brought; without them none is taken for a repeated one.
    """
    names = [PurePosixPath(source).stem for source in sources]
    found = [_BEGINNING.match(name) for name in names]
    people = tuple(match[1].lower() for match in found if match and match[1])
    if not people or len(people) < len(sources):
        return ()
    counts = Counter(people)
    enough = MIN_PEOPLE <= len(counts) <= len(people) / 2
    if not enough or max(counts.values()) > _LARGEST_SHARE * len(people):
        return ()
    if any(sum(map(bool, map(no.match, names))) >= _NEARLY_ALL * len(names) for no in _NO_PEOPLE):
        return ()
    return () if labels and _repeat_labels(people, labels) else people


def _repeat_labels(people: Sequence[str], labels: Sequence[str]) -> bool:
    """Tell whether the beginnings of the names say no more than the labels."""
    words = {match[1].lower() for label in labels if (match := _BEGINNING.match(f"{label}_"))}
    # Numbers are left to the rule below: a person may have one that is a label's code as well.
    words = {word for word in words if not word.isdigit()}
    if sum(person in words for person in people) > _LARGEST_SHARE * len(people):
        return True
    pairs = set(zip(people, labels, strict=True))
    stands_once = len(pairs) == len({person for person, _ in pairs})
    # With fewer than two beginnings to each label some label has only one, so that dividing by
    # them could not hold out a part of it even if they were people.
    return stands_once and len(pairs) < 2 * len(set(labels))
