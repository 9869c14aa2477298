"""Run a network over a labelled split and write what follows from its answers.

The files' types are in ``evaluation_report``, the numbers in ``evaluation_metrics``, the card's
share of them in ``evaluation_card``.
"""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facecore.datasets import FaceDataset
from facecore.errors import EvaluationError
from facecore.evaluation_card import summarise
from facecore.evaluation_report import (
    EvaluationReport,
    Predictions,
    compute_report,
    evaluation_dir,
    load_predictions,
    load_report,
    save_evaluation,
)
from facecore.flip import average, mirror
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
    probs = _classify(classifier, dataset, False, on_progress)
    return Predictions(
        sample_ids=dataset.sample_ids,
        labels=dataset.labels,
        y_true=dataset.y_true,
        columns=card.labels,
        probs=probs,
        attributes=dataset.attributes,
    )


def _classify(
    classifier: SupportsPredict,
    dataset: FaceDataset,
    mirrored: bool,
    on_progress: OnProgress | None,
) -> npt.NDArray[np.float32]:
    parts: list[npt.NDArray[np.float32]] = []
    done = 0
    for batch in dataset.batches(classifier.card.input, _BATCH):
        parts.append(classifier.predict_proba(mirror(batch) if mirrored else batch))
        done += len(batch)
        if on_progress is not None:
            on_progress(done, len(dataset))
    return np.concatenate(parts)


def evaluate_model(
    classifier: SupportsPredict,
    dataset: FaceDataset,
    bundle: Path,
    on_progress: OnProgress | None = None,
) -> EvaluationReport:
    """Classify a split and write ``<bundle>/evaluations/<dataset>_<split>/``.

    The bundle's card gets the main numbers, under the same name as the folder. The pictures are
    classified once more as mirror images, for the second figure; speed is that of the first time.

    Args:
        classifier: loaded from ``bundle``.
        dataset: of the same task.
        bundle: folder that gets report.json and predictions.npz.
        on_progress: called with pictures done and in all, from 0 again for the mirror images;
            raising from it cancels, and nothing is written.

    Raises:
        EvaluationError: if the network's task is not the data set's.
    """
    start = time.perf_counter()
    predictions = compute_predictions(classifier, dataset, on_progress)
    speed = round(len(dataset) / (time.perf_counter() - start), 1)
    mirrored = _classify(classifier, dataset, True, on_progress)
    predictions = replace(predictions, flip_probs=average(predictions.probs, mirrored))
    report = compute_report(
        predictions, classifier.card, dataset.name, dataset.split, speed, dataset.excluded
    )
    folder = evaluation_dir(bundle, dataset.name, dataset.split)
    save_evaluation(folder, report, predictions)
    card = load_card(bundle)
    save_card(bundle, replace(card, metrics={**card.metrics, folder.name: summarise(report)}))
    return report
