"""The command line's compare command: evaluations in, one HTML report out."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from facecore.cli_bundles import check_task
from facecore.cli_files import write_file
from facecore.comparison import (
    EvaluationKey,
    describe_missing,
    list_evaluations,
    load_comparison,
)
from facecore.comparison_overview import describe_comparison
from facecore.comparison_report import build_report
from facecore.comparison_tests import compare_pairs
from facecore.datasets import DATASETS, get_dataset_info
from facecore.datasets_info import SplitInfo, Use
from facecore.errors import EvaluationError, InvalidModelCardError
from facecore.registry import find_bundle, iter_cards, load_card

_DEFAULT_DATASET = "fer2013"
_USES: tuple[Use, ...] = ("report", "choose", "overview", "fit")  # what says most comes first


def add_compare_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="FILE", help="the HTML report")
    add(
        "--model",
        action="append",
        metavar="NAME",
        help="once per model; default: every model that was evaluated on the images",
    )
    add("--dataset", default=_DEFAULT_DATASET, help=f"default: {_DEFAULT_DATASET}")
    add("--split", help="default: test where the models were evaluated on it, else validation")
    add(
        "--view",
        choices=("all", "known"),
        default="all",
        help="known: leave out images of classes that not every model has",
    )


def run_compare(args: argparse.Namespace) -> bool:
    """Write the report to ``args.out``; return whether every model could be considered."""
    if args.model:
        bundles, all_usable = [find_bundle(name) for name in dict.fromkeys(args.model)], True
    else:
        bundles, all_usable = _list_bundles_for(args.dataset)
    _check_images(bundles, args.dataset, args.split)
    key = EvaluationKey(args.dataset, args.split or _choose_split(bundles, args.dataset))
    if not args.model:
        bundles = _leave_out_unevaluated(bundles, key)
    comparison = load_comparison(bundles, key.dataset, key.split, args.view)
    with tqdm(desc="Report", unit="section", leave=False) as bar:

        def on_progress(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        document = build_report(comparison, on_progress)
    write_file(args.out, document.encode())
    print(describe_comparison(comparison, compare_pairs(comparison)))
    return all_usable


def _list_bundles_for(dataset: str) -> tuple[list[Path], bool]:
    """Return the bundles whose task the data set labels, and whether all cards could be read."""
    info, bundles, all_usable = DATASETS.get(dataset), [], True
    for bundle, card in iter_cards():
        if isinstance(card, InvalidModelCardError):
            print(card, file=sys.stderr)
            all_usable = False
            continue
        # Of a user's own data set it is known only who was evaluated on it.
        if card.task == info.task if info else _list_splits(bundle, dataset):
            bundles.append(bundle)
    return bundles, all_usable


def _check_images(bundles: Sequence[Path], dataset: str, split: str | None) -> None:
    """Refuse what no evaluation could ever be of, before telling which command makes one.

    Raises:
        DatasetError: if there is no such data set or split, or a model answers something else.
    """
    splits = set[str]().union(*(_list_splits(bundle, dataset) for bundle in bundles))
    found = split in splits or (splits and split is None)
    if found and dataset not in DATASETS:
        return  # a user's pictures, which may no longer be here
    info = get_dataset_info(dataset)
    if split is not None and not found:
        info.get_split(split)
    for card in map(load_card, bundles):
        check_task(card, info)


def _list_splits(bundle: Path, dataset: str) -> set[str]:
    return {key.split for key in list_evaluations(bundle) if key.dataset == dataset}


def _choose_split(bundles: Sequence[Path], dataset: str) -> str:
    """Return a split that all models share, or else that any has; held-out images first."""
    evaluated = [_list_splits(bundle, dataset) for bundle in bundles] or [set()]
    choice = set.intersection(*evaluated) or set.union(*evaluated)
    if not choice:
        raise EvaluationError(
            f"No model has been evaluated on {dataset}; run: python -m facecore evaluate "
            f"--dataset {dataset}"
        )
    uses = {split.name: _USES.index(split.use) for split in _splits_of(dataset)}
    return min(choice, key=lambda name: (uses.get(name, len(_USES)), name))


def _splits_of(dataset: str) -> tuple[SplitInfo, ...]:
    info = DATASETS.get(dataset)
    return info.splits if info else ()


def _leave_out_unevaluated(bundles: Sequence[Path], key: EvaluationKey) -> list[Path]:
    """Return the bundles with this evaluation, and tell of each other the command that makes it."""
    evaluated = [bundle for bundle in bundles if key in list_evaluations(bundle)]
    for bundle in bundles:
        if bundle not in evaluated:
            print(describe_missing(bundle.name, key), file=sys.stderr)
    if not evaluated:
        raise EvaluationError(f"There is nothing to compare on {key.dataset} {key.split}.")
    return evaluated
