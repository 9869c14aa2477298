"""Bundles with evaluations but without networks, for everything that compares."""

from pathlib import Path

import numpy as np
from stubs import build_card

from facecore.evaluation import Predictions, compute_report, evaluation_dir, save_evaluation
from facecore.labels import LABELS
from facecore.registry import save_card

HISTORY = (
    "epoch,loss,accuracy,validation_loss,validation_accuracy,duration_s\n"
    "1,1.8,0.30,1.7,0.35,12.5\n"
    "2,1.5,0.42,1.6,0.40,12.0\n"
)


def write_bundle(
    root: Path,
    name: str,
    y_true,
    probs,
    columns=None,
    labels=None,
    sample_ids=None,
    dataset="made",
    split="test",
    history=HISTORY,
    task="expression",
    **card_fields,
) -> Path:
    """Write ``<root>/<name>/`` with a card, a history and one evaluation.

    ``y_true`` points into ``labels`` (default: all of the task); ``probs`` has the ``columns``.
    """
    labels = tuple(labels or LABELS[task])
    card = build_card(task=task, labels=columns or labels, name=name, **card_fields)
    bundle = root / name
    save_card(bundle, card)
    if history:
        (bundle / "history.csv").write_text(history)
    ids = sample_ids if sample_ids is not None else [f"p{i:05}" for i in range(len(y_true))]
    predictions = Predictions(
        sample_ids=np.array(ids),
        labels=labels,
        y_true=np.asarray(y_true, dtype=np.int16),
        columns=card.labels,
        probs=np.asarray(probs, dtype=np.float32),
    )
    report = compute_report(predictions, card, dataset, split, images_per_s=100.0)
    save_evaluation(evaluation_dir(bundle, dataset, split), report, predictions)
    return bundle


def draw_answers(y_true, num_classes, skill, seed=0):
    """Return random probabilities, float64 of shape (n, num_classes), right more or less often."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(len(y_true), num_classes))
    logits[np.arange(len(y_true)), y_true] += skill
    powers = np.exp(logits)
    return powers / powers.sum(axis=1, keepdims=True)
