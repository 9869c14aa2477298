"""The command line's threshold command, and the thresholds of the commands that analyse."""

import argparse
from pathlib import Path

from facecore.cli_bundles import for_each_bundle
from facecore.datasets import DATASETS
from facecore.errors import DatasetError
from facecore.evaluation_threshold import DEFAULT_ACCURACY, ThresholdChoice, write_threshold
from facecore.labels import TASKS, Task
from facecore.registry import ModelCard, load_card


def add_threshold_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("--model", action="append", metavar="NAME", help="default: every model")
    add(
        "--accuracy",
        type=_share,
        metavar="SHARE",
        help="wanted accuracy of the decided answers, 0-1; default: as the model was trained for",
    )


def run_threshold(args: argparse.Namespace) -> bool:
    """Choose the thresholds of ``args.model`` on validation and write them into the cards.

    Returns:
        Whether every model could be used.
    """

    def choose(bundle: Path) -> None:
        card = load_card(bundle)
        dataset, split = _find_validation(card)
        wanted = args.accuracy
        if wanted is None:
            config = card.training.get("config", {})
            wanted = float(config.get("wanted_accuracy", DEFAULT_ACCURACY[card.task]))
        choice = write_threshold(bundle, dataset, split, wanted)
        print(f"{card.name}: {describe_choice(choice)} ({dataset} {split})")

    return for_each_bundle(args.model, choose)


def describe_choice(choice: ThresholdChoice) -> str:
    """Return a threshold and what it does in words."""
    text = (
        f"undecided below {choice.threshold:.0%}; {choice.coverage:.1%} of "
        f"{choice.num_images:,} pictures are decided, {choice.accuracy:.1%} of these rightly"
    )
    if not choice.reached:
        text += f"; no threshold reaches the wanted {choice.wanted_accuracy:.1%}"
    return text


def add_decision_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare one threshold per task for a command that analyses."""
    group = parser.add_argument_group("undecided")
    for task in TASKS:
        group.add_argument(
            f"--{task}-threshold",
            type=_share,
            metavar="SHARE",
            help=f"show {task} as undecided below this confidence, 0-1; default: the model's own",
        )


def read_thresholds(args: argparse.Namespace) -> dict[Task, float]:
    """Return the thresholds that were given; other tasks have those of their cards."""
    given = {task: getattr(args, f"{task}_threshold") for task in TASKS}
    return {task: value for task, value in given.items() if value is not None}


def _find_validation(card: ModelCard) -> tuple[str, str]:
    """Return data set and split on which the network's choices were made."""
    for source in card.training.get("datasets", ()):
        if source.get("use") == "chosen on":
            return str(source["name"]), str(source["split"])
    for name, info in DATASETS.items():
        if info.task == card.task:
            return name, info.development_split
    raise DatasetError(f"There is no data set to choose a threshold for {card.task} on.")


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must be a number between 0 and 1, such as 0.8")
    return value
