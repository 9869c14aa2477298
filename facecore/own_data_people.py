"""Who is on a picture, where the names of the files say so."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

MIN_PEOPLE = 5

_BEGINNING = re.compile(r"^([A-Za-z]*\d*[A-Za-z]*)[_\-. ]")
_LARGEST_SHARE = 0.5  # a word that most files begin with, such as IMG, is no person


def find_people(sources: Sequence[str]) -> tuple[str, ...]:
    """Return the person on each picture, or nothing where the names do not tell.

    The person is what a file's name begins with, up to the first ``_``, ``-``, ``.`` or space, as
    in ``S005_001.png``, ``KA.AN1.39.tiff`` or ``anna-12.jpg``. All names must have one; there must
    be at least five people with two pictures each on average, nobody on more than half of them.

    Args:
        sources: paths of the pictures.
    """
    found = [_BEGINNING.match(PurePosixPath(source).stem) for source in sources]
    people = tuple(match[1].lower() for match in found if match and match[1])
    if not people or len(people) < len(sources):
        return ()
    counts = Counter(people)
    enough = MIN_PEOPLE <= len(counts) <= len(people) / 2
    return people if enough and max(counts.values()) <= _LARGEST_SHARE * len(people) else ()
