"""The command line's data command: bring one's own pictures, list and delete what is kept."""

import argparse
import sys
from contextlib import closing
from pathlib import Path

from tqdm import tqdm

from facecore.errors import InvalidDatasetError
from facecore.label_sets import compose
from facecore.labels import TASKS
from facecore.own_data import bring_path
from facecore.own_data_labels import guess_mapping
from facecore.own_data_plan import Plan, choose_method, make_plan
from facecore.own_data_split import SPLIT_NAMES, SplitChoice
from facecore.own_data_store import keep_data, list_own_data
from facecore.temp_folders import TempFolder
from facecore.training_config import get_crop_spec
from facecore.training_data import delete_unneeded_data

_METHODS = ("share", "person", "given")


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True)
    add = actions.add_parser("add", help="report on pictures, and keep them")
    add.add_argument("path", type=Path, help="folder of folders by label, ZIP of them, or CSV")
    add.add_argument("--title", help="keep them under this name; without it: report only")
    add.add_argument(
        "--task", choices=TASKS, default="expression", help="of the labels (default: %(default)s)"
    )
    add.add_argument("--crop", action="store_true", help="cut the faces out of whole photos")
    add.add_argument(
        "--label",
        action="append",
        default=[],
        metavar="NAME=LABEL",
        help="what a folder's name means; NAME= leaves its pictures out",
    )
    add.add_argument("--split", choices=_METHODS, help="default: what fits the pictures best")
    add.add_argument("--share", type=float, default=0.2, help="held out for judging (0.2)")
    actions.add_parser("list", help="list what is kept")
    delete = actions.add_parser("delete", help="delete kept pictures")
    delete.add_argument("name", help="as listed: own_...")
    parser.set_defaults(parser=parser)


def run_data(args: argparse.Namespace) -> bool:
    """Do what ``args.action`` says; return whether it could be done.

    Raises:
        FaceCoreError: if the pictures cannot be used, kept or deleted.
    """
    if args.action == "list":
        kept = list_own_data()
        if not kept:
            print("No pictures are kept; the command data add PATH --title NAME keeps some.")
        for data in kept:
            numbers = ", ".join(f"{k} {sum(v.values()):,}" for k, v in data.counts.items())
            print(f"{data.name}: {data.title} ({data.task}; {numbers})")
        return True
    if args.action == "delete":
        delete_unneeded_data(args.name)
        return True
    return _add(args)


def _add(args: argparse.Namespace) -> bool:
    try:
        choice = SplitChoice(args.split or "share", args.share)
        given = dict(compose(pair).split("=", 1) for pair in args.label)
    except ValueError as error:
        args.parser.error(f"--share must be 0.05-0.5 and --label NAME=LABEL ({error})")
    spec = get_crop_spec(args.task) if args.crop else None
    with (
        closing(TempFolder("data")) as folder,
        tqdm(desc=args.path.name, unit="picture", leave=False) as bar,
    ):

        def on_progress(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        draft = bring_path(args.path)(folder.path, spec, on_progress)
        bar.close()
        mapping = guess_mapping([picture.label for picture in draft.pictures], args.task)
        if unknown := set(given) - set(mapping):
            raise InvalidDatasetError(
                f"There are no pictures under {', '.join(sorted(unknown))}; the names are "
                f"{', '.join(mapping)}."
            )
        mapping |= given
        if args.split is None:
            choice = SplitChoice(choose_method(draft, mapping, args.share), args.share)
        plan = make_plan(draft, args.task, mapping, choice)
        _tell(plan)
        if args.title is None or not plan.is_usable:
            return plan.is_usable
        data = keep_data(draft, plan, args.title)
    splits = ", ".join(split for split in SPLIT_NAMES if data.num_images(split))
    print(f"Kept as data set {data.name}; splits: {splits}.")
    return True


def _tell(plan: Plan) -> None:
    for label, by_split in plan.counts().items():
        print(f"{label}: {', '.join(f'{num:,} {split}' for split, num in by_split.items())}")
    for finding in plan.findings:
        screen = sys.stderr if finding.level == "refused" else sys.stdout
        print(f"{finding.problem} {finding.action}".rstrip(), file=screen)
