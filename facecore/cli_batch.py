"""The command line's batch command: folders of photos and videos in, tables out."""

import argparse
import dataclasses
import functools
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from facecore.batch import BatchSummary, Engine, run_batch
from facecore.batch_inputs import Failure, find_files
from facecore.batch_pool import default_num_workers, run_pool
from facecore.batch_ray import run_ray
from facecore.batch_records import ANNOTATED_DIR, BatchPlan, BatchSettings
from facecore.cli_files import (
    HAAR_OPTIONS,
    add_detect_every_argument,
    add_haar_arguments,
    add_network_arguments,
    find_networks,
)
from facecore.cli_threshold import add_decision_arguments, read_thresholds
from facecore.labels import display_name
from facecore.limits import path_to_text
from facecore.pipeline import PHOTO_PIPELINE, VIDEO_PIPELINE, PipelineOptions, SupportsPredict
from facecore.registry import load_card


def add_batch_arguments(parser: argparse.ArgumentParser, default_model: str) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("inputs", nargs="+", metavar="INPUT", help="files, folders, patterns in quotes")
    add("--out", type=Path, required=True, metavar="DIR", help="tables and summary go there")
    add_network_arguments(parser, default_model)
    add("--annotate", action="store_true", help="write annotated photos and videos too")
    add(
        "--hide-faces",
        nargs="?",
        const="blur",
        choices=("blur", "pixelate"),
        help="hide every face in the annotated media (default way: blur)",
    )
    work = parser.add_argument_group("where the work is done")
    work.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="processes; default: one per core, fewer where memory is short",
    )
    work.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="processes of this machine, or a Ray cluster (default: local)",
    )
    work.add_argument("--address", help="of a running Ray cluster: host:port, or auto")
    group = parser.add_argument_group("detection (default: as for photos and videos alone)")
    add_haar_arguments(group)
    add_detect_every_argument(parser)
    add_decision_arguments(parser)
    parser.set_defaults(parser=parser)


def run_batch_command(args: argparse.Namespace) -> bool:
    """Analyse all files of ``args.inputs``; return whether every one could be used."""
    _check(args)
    plan = _make_plan(args)
    files, failures = find_files(args.inputs, leave_out=plan.out / ANNOTATED_DIR)
    for failure in failures:
        print(failure.reason, file=sys.stderr)
    num_workers = min(args.workers or default_num_workers(), max(1, len(files)))
    engine: Engine
    if args.engine == "ray":
        engine = functools.partial(run_ray, address=args.address)
    else:
        cores = default_num_workers()
        plan = dataclasses.replace(plan, num_threads=max(1, cores // num_workers))
        engine = functools.partial(run_pool, num_workers=num_workers)
    with tqdm(desc="Files", unit="file", total=len(files), leave=False) as bar:

        def on_progress(done: int, total: int | None) -> None:
            bar.update(done - bar.n)

        def on_failure(failure: Failure) -> None:
            tqdm.write(f"{failure.source}: {failure.reason}", file=sys.stderr)

        try:
            summary = run_batch(plan, files, engine, failures, on_progress, on_failure)
        except KeyboardInterrupt:
            bar.close()
            print(
                f"Stopped after {bar.n:,} of {len(files):,} files; the same command goes on from "
                "there.",
                file=sys.stderr,
            )
            return False
    print(_describe(summary, args.out))
    return not summary.failures


def load_network(bundle: Path) -> SupportsPredict:
    """Open a bundle's network in a worker process."""
    from facecore.inference import configure_device, load_classifier  # takes seconds

    configure_device()
    return load_classifier(bundle)


def _check(args: argparse.Namespace) -> None:
    error = args.parser.error
    if args.workers is not None and args.workers < 1:
        error("--workers must be 1 or more")
    if args.detect_every < 1:
        error("--detect-every must be 1 or more")
    if (args.engine == "ray") != (args.address is not None):
        error("--engine ray needs --address, and only it takes one")
    if args.hide_faces and not args.annotate:
        error("--hide-faces is about annotated media: add --annotate")


def _make_plan(args: argparse.Namespace) -> BatchPlan:
    bundles = find_networks(args)
    cards = [load_card(bundle) for bundle in bundles]
    # Named even where they are the cards' own: with another card, files are analysed again.
    thresholds = {card.task: card.threshold for card in cards} | read_thresholds(args)
    settings = BatchSettings(
        tuple((card.name, card.sha256) for card in cards),
        dataclasses.replace(_with_haar(args, PHOTO_PIPELINE), thresholds=thresholds),
        dataclasses.replace(
            _with_haar(args, VIDEO_PIPELINE),
            thresholds=thresholds,
            detect_every=args.detect_every,
        ),
        args.annotate,
        args.hide_faces,
    )
    paths = tuple(bundle.absolute() for bundle in bundles)
    return BatchPlan(args.out.absolute(), settings, paths, load_network)


def _with_haar(args: argparse.Namespace, options: PipelineOptions) -> PipelineOptions:
    changes: dict[str, Any] = {
        name: getattr(args, name) for name in HAAR_OPTIONS if getattr(args, name) is not None
    }
    try:
        haar = dataclasses.replace(options.haar, **changes)
        return dataclasses.replace(options, haar=haar, flip=args.flip)
    except ValueError as error:
        args.parser.error(str(error))
        raise  # not reached: the parser has ended the program


def _describe(summary: BatchSummary, out: Path) -> str:
    lines = [
        f"Photos: {summary.num_photos:,}, videos: {summary.num_videos:,} (done before: "
        f"{summary.num_skipped:,}); faces: {summary.num_faces:,}, people: {summary.num_people:,}"
    ]
    for task, counts in summary.people_by_label.items():
        told = ", ".join(f"{display_name(label)} {count:,}" for label, count in counts.items())
        lines.append(f"Predicted {task}: {told}")
    if summary.num_partial:
        place = path_to_text(out / "files.csv")
        lines.append(f"Read in part: {summary.num_partial:,}; see the notes in {place}")
    if summary.failures:
        place = path_to_text(out / "failures.csv")
        lines.append(f"Could not be used: {len(summary.failures):,}; see {place}")
    place = path_to_text(out / "faces.parquet")
    lines.append(f"Tables: {place}, people.parquet, files.parquet, and each as CSV")
    return "\n".join(lines)
