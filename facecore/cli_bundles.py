"""What the commands over several models share: one that cannot be used does not stop the others."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from facecore.errors import FaceCoreError
from facecore.registry import find_bundle, list_bundles


def for_each_bundle(names: Sequence[str] | None, act: Callable[[Path], None]) -> bool:
    """Call ``act`` with every bundle; a ``FaceCoreError`` of it is told on standard error.

    Args:
        names: of the bundles; None or none: all there are.
        act: what is done with one.

    Returns:
        Whether all of it could be done.
    """
    all_done = True
    for bundle in [find_bundle(name) for name in names] if names else list_bundles():
        try:
            act(bundle)
        except FaceCoreError as error:
            all_done = False
            print(error, file=sys.stderr)
    return all_done
