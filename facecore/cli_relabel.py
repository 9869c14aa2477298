"""The command line's relabel command: decisions by the crowd's votes, or merged from files."""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from facecore import datasets_fer2013
from facecore.datasets import get_split_info, load_dataset
from facecore.datasets_ferplus import load_votes
from facecore.errors import CorrectionsError
from facecore.relabel_decisions import (
    NOT_A_FACE,
    Decision,
    load_decisions,
    relabel_dir,
    save_decisions,
)
from facecore.relabel_merge import add_files, compare_people, merge_decisions
from facecore.relabel_votes import CROWD_FILE, decide_by_votes


def add_relabel_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--from-votes", action="store_true", help="what clear majorities of FER+'s crowd say"
    )
    source.add_argument(
        "--merge", nargs="+", type=Path, metavar="CSV", help="what most of several people say"
    )
    add = parser.add_argument
    add("--dataset", default=datasets_fer2013.NAME, help="for --from-votes (default: %(default)s)")
    add("--split", default="train", help="for --from-votes (default: %(default)s)")
    add(
        "--least-votes",
        type=int,
        default=7,
        metavar="N",
        help="of ten, for one expression or for no face (default: %(default)s)",
    )
    add(
        "--out",
        type=Path,
        metavar="CSV",
        help=f"the file to write; --from-votes writes {CROWD_FILE} into the users' folder for the "
        "split, where a training finds it by its name",
    )


def run_relabel(args: argparse.Namespace) -> bool:
    """Write the decisions and say what they are."""
    out: Path | None = args.out
    if args.merge:
        if out is None:
            raise CorrectionsError("Say where the merged decisions go: --out merged.csv.")
        decisions = _merge(args.merge)
    else:
        decisions = _ask_votes(args.dataset, args.split, args.least_votes)
        out = out or relabel_dir(args.dataset, args.split) / CROWD_FILE
    save_decisions(out, decisions)
    print(f"{out}: {describe_decisions(decisions)}")
    return True


def describe_decisions(decisions: Sequence[Decision]) -> str:
    """Return how many labels change, and the most frequent changes, in words."""
    changes = Counter((d.old, d.new) for d in decisions if d.is_change and d.new != NOT_A_FACE)
    no_faces = sum(decision.new == NOT_A_FACE for decision in decisions)
    kept = sum(not decision.is_change for decision in decisions)
    often = ", ".join(f"{old} to {new} {num:,}" for (old, new), num in changes.most_common(5))
    num = sum(changes.values())
    text = f"{num:,} other label{'' if num == 1 else 's'}"
    return f"{text}{f' ({often})' if often else ''}, {no_faces:,} not a face, {kept:,} kept"


def _ask_votes(dataset: str, split: str, least_votes: int) -> list[Decision]:
    if dataset != datasets_fer2013.NAME:
        raise CorrectionsError(
            f"FER+'s crowd voted on {datasets_fer2013.NAME} only, not on {dataset}; leave "
            "--dataset out."
        )
    if get_split_info(dataset, split).use != "fit":
        raise CorrectionsError(
            f"Only training pictures are corrected, and {dataset} {split} is none of them: what "
            "networks are judged on stays as it is. Leave --split out."
        )
    pictures = load_dataset(dataset, split)
    return decide_by_votes(pictures, load_votes(pictures.sample_ids.tolist()), least_votes)


def _merge(paths: Sequence[Path]) -> list[Decision]:
    people: dict[str, list[Decision]] = {}
    errors = add_files(people, [(path.name, load_decisions(path)) for path in paths])
    if errors:
        raise errors[0]
    for pair in compare_people(people):
        kappa = "" if pair.kappa is None else f", kappa {pair.kappa:.2f}"
        print(
            f"{pair.first} and {pair.second}: the same on {pair.num_same:,} of {pair.num_both:,} "
            f"pictures{kappa}"
        )
    merged = merge_decisions(people)
    if merged.disputed:
        print(f"{len(merged.disputed):,} pictures are disputed and left out")
    return list(merged.decisions)
