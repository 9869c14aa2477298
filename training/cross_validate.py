# ruff: noqa: E402 - the path and the log level have to be set before the imports
"""Judge every training picture by a network that has not seen it, and so find doubtful labels.

    python training/cross_validate.py --dataset fer2013

The pictures are divided into folds; for each one a small network is trained on the others. The
answers, and what confident learning (Northcutt, Jiang and Chuang, 2021) makes of them, go to the
users' folder, where the page Relabel finds them. After an interruption the same command goes on
with the fold and the epoch at hand.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
PROJECT_DIR = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_DIR))  # so that the script runs without being installed

from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores

from facecore.datasets import FaceDataset, get_dataset_info, load_dataset
from facecore.errors import ConfigError, FaceCoreError
from facecore.inference import load_classifier
from facecore.relabel_decisions import relabel_dir
from facecore.relabel_predictions import OutOfSample, predictions_path, save_predictions
from facecore.relabel_scan import scan_pictures
from training.config import TrainConfig, parse_override
from training.data import TrainingData
from training.fold_config import build_fold_config, list_occurring
from training.supervision import lower_priority
from training.train import train
from training.whole_files import writing

NUM_FOLDS = 5
CHOOSING_SHARE = 10
"""One of so many pictures that are not in the fold chooses epoch and temperature: were the fold's
own labels to choose, its answers would know of them."""

_PLAN_FILE, _WORK_DIR, _ANSWERS_FILE = "plan.json", "folds", "probs.npy"
_BATCH = 256


def assign_folds(
    y_true: npt.NDArray[np.int16], copies: npt.NDArray[np.int64], num_folds: int, seed: int
) -> npt.NDArray[np.int64]:
    """Divide pictures so that each class is spread evenly and equal pictures stay together.

    Args:
        y_true: int16 array of shape (n,).
        copies: int64 array of shape (n,), equal for equal pictures.
        num_folds: how many parts.
        seed: of the order.

    Returns:
        int64 array of shape (n,), 0 to ``num_folds - 1``.
    """
    _, first, group = np.unique(copies, return_index=True, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(first))
    order = order[np.argsort(y_true[first][order], kind="stable")]
    fold_of_group = np.empty(len(first), dtype=np.int64)
    fold_of_group[order] = np.arange(len(first)) % num_folds
    return np.asarray(fold_of_group[group.reshape(-1)])


def cross_validate(
    dataset: FaceDataset, config: TrainConfig, folder: Path, num_folds: int = NUM_FOLDS
) -> OutOfSample:
    """Train what is not trained yet, and return answers and doubts.

    Classes without pictures are no part of it; their probability is 0.

    Args:
        dataset: the pictures.
        config: of every fold's network.
        folder: where unfinished work is kept.
        num_folds: how many networks.

    Raises:
        ConfigError: if the folder holds unfinished work with other pictures or settings, or a
            class is too rare to be divided.
        StorageError: if there is no room for the work.
    """
    copies = scan_pictures(dataset).copies
    # Users' own data name every class of their task, whether or not there are pictures of it.
    whole, dataset = dataset, dataset.keep_labels(list_occurring(dataset))
    counts = np.bincount(dataset.y_true, minlength=len(dataset.labels))
    if counts.min() < 2 * num_folds:
        rare = dataset.labels[int(counts.argmin())]
        raise ConfigError(
            f"{dataset.name} {dataset.split} has {counts.min()} pictures labelled {rare}, too few "
            f"for {num_folds} parts; take fewer --folds or add pictures."
        )
    images = np.concatenate(list(dataset.batches(config.input, _BATCH)))
    _check_plan(folder, dataset, config, num_folds, images)
    folds = assign_folds(dataset.y_true, copies, num_folds, config.seed)
    probs = np.zeros((len(dataset), len(dataset.labels)), dtype=np.float32)
    for fold in range(num_folds):
        is_held_out = folds == fold
        rest = np.flatnonzero(~is_held_out)
        chooses = assign_folds(dataset.y_true[rest], copies[rest], CHOOSING_SHARE, config.seed) == 0
        fitted, chosen = rest[~chooses], rest[chooses]
        data = TrainingData(
            images[fitted], dataset.y_true[fitted], images[chosen], dataset.y_true[chosen]
        )
        work = folder / f"fold_{fold + 1}"
        fold_config = replace(config, name=f"{config.name}_{fold + 1}_of_{num_folds}")
        probs[is_held_out] = _answer_fold(fold_config, data, images[is_held_out], work)
        accuracy = np.mean(probs[is_held_out].argmax(axis=1) == dataset.y_true[is_held_out])
        print(f"Fold {fold + 1} of {num_folds}: {accuracy:.1%} of its labels given", flush=True)
    return _restore_labels(judge_labels(dataset, probs, num_folds), whole)


def judge_labels(
    dataset: FaceDataset, probs: npt.NDArray[np.float32], num_folds: int
) -> OutOfSample:
    """Return out-of-sample answers with what confident learning makes of the labels."""
    codes = dataset.y_true.astype(np.int64)
    return OutOfSample(
        sample_ids=dataset.sample_ids,
        labels=dataset.labels,
        y_true=dataset.y_true,
        probs=probs,
        quality=get_label_quality_scores(codes, probs, method="self_confidence").astype(np.float32),
        is_issue=np.asarray(find_label_issues(codes, probs, n_jobs=1), dtype=np.bool_),
        num_folds=num_folds,
    )


def _restore_labels(found: OutOfSample, dataset: FaceDataset) -> OutOfSample:
    """Return answers with a column for each of the data set's labels."""
    probs = np.zeros((len(dataset), len(dataset.labels)), dtype=np.float32)
    probs[:, [dataset.labels.index(label) for label in found.labels]] = found.probs
    return replace(found, labels=dataset.labels, y_true=dataset.y_true, probs=probs)


def _answer_fold(
    config: TrainConfig, data: TrainingData, images: npt.NDArray[np.uint8], work: Path
) -> npt.NDArray[np.float32]:
    """Return the fold's probabilities; of a finished fold only these are kept."""
    path = work / _ANSWERS_FILE
    if not path.is_file():
        bundle = work / "models" / config.name
        train(config, data, work / "run", bundle)
        classifier = load_classifier(bundle)
        starts = range(0, len(images), _BATCH)
        parts = [classifier.predict_proba(images[i : i + _BATCH]) for i in starts]
        part_file = path.with_name(f"{path.name}.part")
        with writing(part_file):
            with part_file.open("wb") as file:
                np.save(file, np.concatenate(parts))
            part_file.replace(path)
    for leftover in ("run", "models"):
        shutil.rmtree(work / leftover, ignore_errors=True)
    return np.asarray(np.load(path), dtype=np.float32)


def _check_plan(
    folder: Path,
    dataset: FaceDataset,
    config: TrainConfig,
    num_folds: int,
    images: npt.NDArray[np.uint8],
) -> None:
    """Write what is being done, or refuse to go on with something else."""
    content = hashlib.sha256(images.tobytes() + dataset.y_true.tobytes())
    plan = json.dumps(
        {"config": asdict(config), "folds": num_folds, "content": content.hexdigest()}, indent=2
    )
    path = folder / _PLAN_FILE
    if not path.is_file():
        part = path.with_name(f"{path.name}.part")
        with writing(part):
            part.write_text(plan, encoding="utf-8")
            part.replace(path)
    elif path.read_text(encoding="utf-8") != plan:
        raise ConfigError(
            f"{folder} holds unfinished work with other pictures or settings; repeat the earlier "
            "command to go on with it, or pass --restart to begin again."
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 or 1."""
    parser = argparse.ArgumentParser(description="Find doubtful labels by cross-validation.")
    parser.add_argument("--dataset", required=True, help="a data set's name, shipped or one's own")
    parser.add_argument(
        "--folds", type=int, default=NUM_FOLDS, choices=range(2, 21), metavar="2-20"
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--restart", action="store_true", help="forget unfinished work")
    parser.add_argument("--nice", type=int, default=0, help="0-19: let other programs go first")
    options = parser.parse_args(arguments)
    lower_priority(options.nice)
    try:
        info = get_dataset_info(options.dataset)
        dataset = load_dataset(info.name, info.fit_split)
        config = build_fold_config(dataset, dict(map(parse_override, options.set)))
        folder = relabel_dir(dataset.name, dataset.split) / _WORK_DIR
        if options.restart:
            shutil.rmtree(folder, ignore_errors=True)
        print(f"{dataset.name} {dataset.split}: {len(dataset):,} pictures, {folder}", flush=True)
        result = cross_validate(dataset, config, folder, options.folds)
        path = predictions_path(dataset.name, dataset.split)
        save_predictions(path, result)
        shutil.rmtree(folder, ignore_errors=True)
    except FaceCoreError as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"{path}: {result.accuracy:.1%} of the labels given, {result.is_issue.sum():,} of "
        f"{len(dataset):,} doubted"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
