"""Run a network over a labelled split and write what follows from its answers.

The files' types are in ``evaluation_report``, the numbers in ``evaluation_metrics``.
"""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from facecore.datasets import FaceDataset
from facecore.errors import EvaluationError
from facecore.evaluation_groups import summarise_groups
from facecore.evaluation_report import (
    EvaluationReport,
    Predictions,
    compute_report,
    evaluation_dir,
    load_predictions,
    load_report,
    save_evaluation,
)
from facecore.pipeline import SupportsPredict
from facecore.progress import OnProgress
from facecore.registry import load_card, save_card

__all__ = [
    "EvaluationReport",
    "Predictions",
    "compute_predictions",
    "compute_report",
    "evaluate_model",
    "evaluation_dir",
    "load_predictions",
    "load_report",
    "save_evaluation",
    "summarise",
]

_BATCH = 256


def compute_predictions(
    classifier: SupportsPredict, dataset: FaceDataset, on_progress: OnProgress | None = None
) -> Predictions:
    """Classify every picture of a data set.

    Args:
        classifier: of the data set's task.
        dataset: its pictures are scaled, not cropped.
        on_progress: called with pictures done and in all; raising from it cancels.

    Raises:
        EvaluationError: if the network's task is not the data set's, it has labels that the data
            set has not, or there are no pictures.
    """
    card = classifier.card
    if card.task != dataset.task or len(dataset) == 0:
        raise EvaluationError(
            f"Model '{card.name}' ({card.task}) cannot be evaluated on {dataset.name} "
            f"{dataset.split} ({len(dataset)} pictures, labelled with {dataset.task}); choose a "
            "data set of the model's task."
        )
    if unknown := set(card.labels) - set(dataset.labels):
        raise EvaluationError(
            f"Model '{card.name}' answers {', '.join(sorted(unknown))}, which no picture of "
            f"{dataset.name} can be labelled; choose a data set with these labels."
        )
    parts: list[npt.NDArray[np.float32]] = []
    done = 0
    for batch in dataset.batches(card.input, _BATCH):
        parts.append(classifier.predict_proba(batch))
        done += len(batch)
        if on_progress is not None:
            on_progress(done, len(dataset))
    return Predictions(
        sample_ids=dataset.sample_ids,
        labels=dataset.labels,
        y_true=dataset.y_true,
        columns=card.labels,
        probs=np.concatenate(parts),
        attributes=dataset.attributes,
    )


def evaluate_model(
    classifier: SupportsPredict,
    dataset: FaceDataset,
    bundle: Path,
    on_progress: OnProgress | None = None,
) -> EvaluationReport:
    """Classify a split and write ``<bundle>/evaluations/<dataset>_<split>/``.

    The bundle's card gets the main numbers, under the same name as the folder.

    Args:
        classifier: loaded from ``bundle``.
        dataset: of the same task.
        bundle: folder that gets report.json and predictions.npz.
        on_progress: called with pictures done and in all; raising from it cancels, and nothing is
            written.

    Raises:
        EvaluationError: if the network's task is not the data set's.
    """
    start = time.perf_counter()
    predictions = compute_predictions(classifier, dataset, on_progress)
    speed = round(len(dataset) / (time.perf_counter() - start), 1)
    report = compute_report(
        predictions, classifier.card, dataset.name, dataset.split, speed, dataset.excluded
    )
    folder = evaluation_dir(bundle, dataset.name, dataset.split)
    save_evaluation(folder, report, predictions)
    card = load_card(bundle)
    save_card(bundle, replace(card, metrics={**card.metrics, folder.name: summarise(report)}))
    return report


def summarise(report: EvaluationReport) -> dict[str, Any]:
    """Return the numbers of a report that a model card states, fractions 0-1."""
    scores, known = report.scores, report.known_scores
    numbers: dict[str, Any] = {
        "num_images": scores.num_images,
        "accuracy": scores.accuracy,
        "accuracy_interval": list(scores.accuracy_interval),
        "balanced_accuracy": scores.balanced_accuracy,
        "macro_f1": scores.macro_f1,
        "ece": (known or scores).ece,
        "log_loss": (known or scores).log_loss,
    }
    if known is not None:
        numbers |= {"num_known_images": known.num_images, "known_accuracy": known.accuracy}
    if report.excluded:
        numbers["excluded"] = dict(report.excluded)
    if report.groups:
        numbers["groups"] = summarise_groups(report.groups)
    return numbers
