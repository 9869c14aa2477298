# ruff: noqa: E402 - the path has to be set before the imports
"""Open the test splits for a published network: once, after every choice was made.

    python training/open_test.py expression_model1

Whoever looks at a test split, changes something and looks again, chooses on it: the same network
is therefore never evaluated on it a second time.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_DIR))  # so that the script runs without being installed

from facecore.datasets import FaceDataset, load_dataset
from facecore.errors import EvaluationError, FaceCoreError
from facecore.evaluation import evaluate_model, evaluation_dir, load_report
from facecore.evaluation_report import REPORT_FILE
from facecore.labels import Task
from facecore.pipeline import SupportsPredict
from facecore.registry import ModelCard, load_card, models_dir

Split = tuple[str, str]

TEST_SPLITS: dict[Task, tuple[Split, ...]] = {
    "expression": (("fer2013", "test"), ("fer2013", "all"), ("ferplus", "test")),
    "gender": (("fairface", "test"),),
}


def find_unopened(bundle: Path, card: ModelCard) -> list[Split]:
    """Return the test splits without a report of this very network.

    Raises:
        EvaluationError: if all have one, or the choices on development splits are not made.
        InvalidReportError: if a report is damaged.
    """
    choice = card.threshold_choice
    chosen_on = str(choice.get("dataset", "")), str(choice.get("split", ""))
    if not _has_report(bundle, card, *chosen_on):
        raise EvaluationError(
            f"'{card.name}' has no threshold from a development split with a report yet; publish "
            "it first (make publish), because nothing may be chosen after the test."
        )
    closed = [split for split in TEST_SPLITS[card.task] if not _has_report(bundle, card, *split)]
    if not closed:
        told = ", ".join(" ".join(split) for split in TEST_SPLITS[card.task])
        raise EvaluationError(
            f"The test splits ({told}) were already opened for this network of '{card.name}' "
            f"(SHA-256 {card.sha256[:12]}...); its reports are in evaluations/ and stay as they "
            "are."
        )
    return closed


def open_test(
    bundle: Path,
    load_classifier: Callable[[Path], SupportsPredict],
    load: Callable[[str, str], FaceDataset] = load_dataset,
) -> None:
    """Evaluate a network on the test splits that it has no report on.

    Args:
        bundle: a published one.
        load_classifier: opens it.
        load: reads a split.

    Raises:
        EvaluationError: as for ``find_unopened``.
        DatasetError: if a split is missing or damaged.
    """
    closed = find_unopened(bundle, load_card(bundle))
    classifier = load_classifier(bundle)
    for dataset, split in closed:
        report = evaluate_model(classifier, load(dataset, split), bundle)
        low, high = report.scores.accuracy_interval
        print(f"{dataset} {split}: accuracy {report.scores.accuracy:.1%} ({low:.1%}-{high:.1%})")


def _has_report(bundle: Path, card: ModelCard, dataset: str, split: str) -> bool:
    folder = evaluation_dir(bundle, dataset, split)
    if not (folder / REPORT_FILE).is_file():
        return False
    return load_report(folder).model_sha256 == card.sha256


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 or 1."""
    parser = argparse.ArgumentParser(description="Open the test splits for a network, once.")
    parser.add_argument("name", help="of a published bundle")
    parser.add_argument("--models-dir", type=Path, help="default: models/ of the project")
    options = parser.parse_args(arguments)
    try:
        from facecore.inference import load_classifier  # TensorFlow takes seconds: on need

        open_test((options.models_dir or models_dir()) / options.name, load_classifier)
    except FaceCoreError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
