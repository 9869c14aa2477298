# ruff: noqa: E402 - the path has to be set before the imports
"""Publish a finished run: network, card, development evaluations, threshold. Trains nothing.

    python training/publish.py expression_model1 --run-dir ~/facecore-runs/expression_model1

The test splits stay closed: they are opened by open_test.py, once.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

PROJECT_DIR = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_DIR))  # so that the script runs without being installed

from facecore.card_text import card_to_text
from facecore.datasets import load_dataset
from facecore.errors import ConfigError, FaceCoreError
from facecore.evaluation import evaluate_model
from facecore.inference import load_classifier
from facecore.registry import load_card, models_dir
from training.config import TrainConfig, load_config
from training.data import load_training_data
from training.run_state import load_state
from training.train import evaluate_bundle, train

CONFIGS_DIR = PROJECT_DIR / "training" / "configs"
MORE_EVALUATIONS = {"fer2013": (("ferplus", "validation"),)}
"""Data set of a run -> further splits on which choices may be looked at."""


def check_finished(config: TrainConfig, run_dir: Path) -> None:
    """Make sure that a run needs no training any more.

    Raises:
        ConfigError: if the folder holds no run or one that has epochs left.
        TrainingRunError: if its file is damaged.
    """
    try:
        progress, _ = load_state(run_dir)
    except FileNotFoundError as error:
        raise ConfigError(
            f"{run_dir} holds no run; pass the folder that train.py named."
        ) from error
    num_epochs = len(progress["history"])
    if num_epochs < config.epochs:
        raise ConfigError(
            f"The run in {run_dir} has done {num_epochs} of {config.epochs} epochs; finish it with "
            "training/train.py first."
        )


def publish_run(config: TrainConfig, run_dir: Path, bundle: Path) -> None:
    """Write the bundle of a finished run and evaluate it on the splits that choices are made on.

    Raises:
        ConfigError: if the run is not finished or has other settings or labels.
        DatasetError: if a data set is missing or damaged.
    """
    check_finished(config, run_dir)
    train(config, load_training_data(config), run_dir, bundle)
    evaluate_bundle(config, bundle)
    # A run that held its own pictures out was fitted on those of the other splits.
    more = () if config.validation_share else MORE_EVALUATIONS.get(config.dataset, ())
    for dataset, split in more:
        evaluate_model(load_classifier(bundle), load_dataset(dataset, split), bundle)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 or 1."""
    parser = argparse.ArgumentParser(description="Publish a finished run.")
    parser.add_argument("name", help="of the bundle, and of its config")
    parser.add_argument("--config", type=Path, help="default: training/configs/<name>.toml")
    parser.add_argument("--run-dir", type=Path, help="default: ~/facecore-runs/<name>")
    parser.add_argument("--models-dir", type=Path, help="default: models/ of the project")
    options = parser.parse_args(arguments)
    try:
        config = load_config(options.config or CONFIGS_DIR / f"{options.name}.toml")
        if config.name != options.name:
            raise ConfigError(f"The config is that of '{config.name}', not of '{options.name}'.")
        bundle = (options.models_dir or models_dir()) / config.name
        publish_run(config, options.run_dir or Path.home() / "facecore-runs" / config.name, bundle)
        print(card_to_text(load_card(bundle)))
    except FaceCoreError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
