"""The command line: ``python -m facecore photo | video | batch | models | evaluate | ...``.

Exit code 0: all done; 1: something could not be used (one sentence each on standard error, the
rest is done); 2: the command line was wrong; 141: whoever read what was printed had gone.
"""

import argparse
import math
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from facecore.card_text import card_to_text
from facecore.cli_batch import add_batch_arguments, run_batch_command
from facecore.cli_bundles import check_task, for_each_bundle
from facecore.cli_compare import add_compare_arguments, run_compare
from facecore.cli_data import add_data_arguments, run_data
from facecore.cli_files import (
    add_detect_every_argument,
    add_haar_arguments,
    add_network_arguments,
    run_photos,
    run_videos,
)
from facecore.cli_relabel import add_relabel_arguments, run_relabel
from facecore.cli_screen import patient_screens
from facecore.cli_threshold import add_decision_arguments, add_threshold_arguments, run_threshold
from facecore.datasets import DATASETS, get_dataset_info, load_dataset
from facecore.datasets_info import describe_excluded
from facecore.detection import PHOTO_HAAR, VIDEO_HAAR, HaarOptions
from facecore.errors import FaceCoreError
from facecore.evaluation import evaluate_model
from facecore.own_data_store import is_own_dataset
from facecore.registry import ModelCard, list_bundles, load_card, models_dir

DEFAULT_EXPRESSION_MODEL = "expression_model1"
EXIT_OK, EXIT_FAILED = 0, 1
EXIT_UNREAD = 141  # as a shell gives for a program that a closed pipe has ended

_DESCRIPTION = (
    "Finds faces in photos and videos and says what their expressions and genders look like to "
    "small networks. COMMAND --help tells the options of one command."
)
_MAX_S = 1e9  # later moments overflow the clocks of video files

_METRIC_WORDS = {
    "accuracy": "accuracy",
    "known_accuracy": "accuracy on the classes it knows",
    "flip_accuracy": "accuracy with mirror images averaged in",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "ece": "expected calibration error",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; argparse itself exits with 2."""
    with patient_screens() as screens:
        code = _run(argv)
    return code or (EXIT_UNREAD if any(screen.lost for screen in screens) else EXIT_OK)


def _run(argv: Sequence[str] | None) -> int:
    args = _build_parser().parse_args(argv)
    try:
        with _sigterm_as_interrupt():
            return int(args.run(args))
    except FaceCoreError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return _fail("Stopped before the end; the file that was being written was removed.")


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Let ``kill`` end a command as Ctrl-C does: no half-written file stays."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's alone
        return
    usual = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, usual)


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return EXIT_FAILED


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m facecore", description=_DESCRIPTION)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    photo = commands.add_parser("photo", help="analyse photos")
    photo.set_defaults(run=lambda args: EXIT_OK if run_photos(args) else EXIT_FAILED)
    _add_file_arguments(photo, PHOTO_HAAR)
    video = commands.add_parser("video", help="analyse videos and follow the people in them")
    video.set_defaults(run=lambda args: EXIT_OK if run_videos(args) else EXIT_FAILED)
    _add_file_arguments(video, VIDEO_HAAR)
    video.add_argument("--start", type=_seconds, default=0.0, metavar="S", help="begin at second S")
    video.add_argument("--end", type=_seconds, metavar="S", help="stop at second S")
    add_detect_every_argument(video)
    batch = commands.add_parser("batch", help="analyse folders of photos and videos, resumably")
    batch.set_defaults(run=lambda args: EXIT_OK if run_batch_command(args) else EXIT_FAILED)
    add_batch_arguments(batch, DEFAULT_EXPRESSION_MODEL)
    models = commands.add_parser("models", help="list the model bundles with their figures")
    models.set_defaults(run=_run_models)
    models.add_argument("--card", action="append", metavar="NAME", help="print a whole card")
    data = commands.add_parser("data", help="bring one's own labelled pictures")
    data.set_defaults(run=lambda args: EXIT_OK if run_data(args) else EXIT_FAILED)
    add_data_arguments(data)
    evaluate = commands.add_parser("evaluate", help="score models on a data set")
    evaluate.set_defaults(run=_run_evaluate)
    evaluate.add_argument("--model", action="append", metavar="NAME", help="default: every model")
    evaluate.add_argument(
        "--dataset", type=_dataset, metavar="NAME", help="default: the one of the model's task"
    )
    evaluate.add_argument("--split", help="default: the split on which choices are made")
    threshold = commands.add_parser("threshold", help="choose below what models are undecided")
    threshold.set_defaults(run=lambda args: EXIT_OK if run_threshold(args) else EXIT_FAILED)
    add_threshold_arguments(threshold)
    compare = commands.add_parser("compare", help="compare evaluated models in one HTML report")
    compare.set_defaults(run=lambda args: EXIT_OK if run_compare(args) else EXIT_FAILED)
    add_compare_arguments(compare)
    relabel = commands.add_parser("relabel", help="write corrected labels, or merge several files")
    relabel.set_defaults(run=lambda args: EXIT_OK if run_relabel(args) else EXIT_FAILED)
    add_relabel_arguments(relabel)
    return parser


def _add_file_arguments(parser: argparse.ArgumentParser, haar: HaarOptions) -> None:
    add = parser.add_argument
    add("paths", nargs="+", metavar="PATH", help="files to analyse")
    add_network_arguments(parser, DEFAULT_EXPRESSION_MODEL)
    add("--out", type=Path, metavar="DIR", help="write annotated media, text and CSV there")
    add("--json", type=Path, metavar="FILE", help="write all results as JSON ('-': to the screen)")
    add(
        "--hide-faces",
        nargs="?",
        const="blur",
        choices=("blur", "pixelate"),
        help="hide every face in the annotated media (default way: blur)",
    )
    add_haar_arguments(parser.add_argument_group("detection"), haar)
    add_decision_arguments(parser)
    parser.set_defaults(parser=parser)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if value < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    if not (math.isfinite(value) and value <= _MAX_S):
        raise argparse.ArgumentTypeError("must be a number of seconds, such as 12.5")
    return value


def _dataset(text: str) -> str:
    if text not in DATASETS and not is_own_dataset(text):
        raise argparse.ArgumentTypeError(f"choose one of {', '.join(sorted(DATASETS))}")
    return text


def _run_models(args: argparse.Namespace) -> int:
    if not args.card and not list_bundles():
        return _fail(
            f"There are no model bundles in {models_dir()}; train one or set FACECORE_MODELS_DIR."
        )

    def show(bundle: Path) -> None:
        card = load_card(bundle)
        if args.card:
            print(card_to_text(card))
            return
        print(f"{card.name}: {card.title} ({card.task})")
        print(f"  labels: {', '.join(card.labels)}; {card.num_parameters:,} parameters")
        print(f"  undecided below {card.threshold:.0%} confidence")
        for split, metrics in sorted(card.metrics.items()):
            print(f"  {split}: {_format_metrics(metrics)}")

    return EXIT_OK if for_each_bundle(args.card, show) else EXIT_FAILED


def _format_metrics(metrics: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{words} {metrics[name]:.1%}"
        for name, words in _METRIC_WORDS.items()
        if isinstance(metrics.get(name), int | float)
    )


def _run_evaluate(args: argparse.Namespace) -> int:
    def evaluate(bundle: Path) -> None:
        card = load_card(bundle)
        dataset = args.dataset or _dataset_of(card)
        info = get_dataset_info(dataset)
        if args.model:
            check_task(card, info)
        if info.task == card.task:
            _evaluate(bundle, dataset, args.split or info.development_split)

    return EXIT_OK if for_each_bundle(args.model, evaluate) else EXIT_FAILED


def _dataset_of(card: ModelCard) -> str:
    for source in card.training.get("datasets", ()):
        if is_own_dataset(str(source.get("name", ""))):
            return str(source["name"])
    return next(name for name, info in DATASETS.items() if info.task == card.task)


def _evaluate(bundle: Path, dataset: str, split: str) -> None:
    from facecore.inference import load_classifier  # TensorFlow takes seconds: import on need

    data = load_dataset(dataset, split)
    classifier = load_classifier(bundle)
    with tqdm(desc=f"{bundle.name} on {dataset} {split}", unit="picture", leave=False) as bar:

        def on_progress(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        report = evaluate_model(classifier, data, bundle, on_progress)
    scores = report.scores
    low, high = scores.accuracy_interval
    print(
        f"{bundle.name} on {dataset} {split}: accuracy {scores.accuracy:.1%} "
        f"({low:.1%}-{high:.1%}), macro F1 {scores.macro_f1:.3f}, {scores.num_images:,} pictures"
    )
    if report.excluded:
        print(f"  {describe_excluded(report.excluded)}")
    for view in report.groups:
        print(f"  {view.people}: accuracy {view.accuracy.value:.1%}")
        for table in view.tables:
            worst = table.results[0]
            print(f"    worst {table.attribute}: {worst.value}, {worst.accuracy.value:.1%}")


if __name__ == "__main__":
    sys.exit(main())
