"""What the commands over several models share: one that cannot be used does not stop the others."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from facecore.errors import FaceCoreError
from facecore.registry import find_bundle, list_bundles


def for_each_bundle(names: Sequence[str] | None, act: Callable[[Path], None]) -> bool:
    """Call ``act`` with every bundle; each ``FaceCoreError`` is told once, on standard error.

    Args:
        names: of the bundles; None or none: all there are.
        act: what is done with one.

    Returns:
        Whether all of it could be done.
    """
    problems: set[str] = set()
    for bundle in [find_bundle(name) for name in names] if names else list_bundles():
        try:
            act(bundle)
        except FaceCoreError as error:
            if str(error) not in problems:  # such as that a data set is missing, which all need
                print(error, file=sys.stderr)
            problems.add(str(error))
    return not problems
