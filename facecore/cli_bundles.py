"""What the commands over several models share: one that cannot be used does not stop the others."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from facecore.datasets_info import DatasetInfo
from facecore.errors import DatasetError, FaceCoreError
from facecore.registry import ModelCard, find_bundle, list_bundles


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


def check_task(card: ModelCard, info: DatasetInfo) -> None:
    """Raise DatasetError where a data set does not label what a model answers."""
    if info.task != card.task:
        raise DatasetError(
            f"Model '{card.name}' predicts {card.task}, which {info.title} does not label; "
            "choose another --dataset or --model."
        )
