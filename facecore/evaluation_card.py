"""What a model card states of an evaluation: the main numbers, and what is confused with what."""

from typing import Any

import numpy as np

from facecore.evaluation_groups import summarise_groups
from facecore.evaluation_metrics import Scores, compute_macro_interval
from facecore.evaluation_report import EvaluationReport

MAX_CONFUSIONS = 5


def summarise(report: EvaluationReport) -> dict[str, Any]:
    """Return the numbers of a report that a model card states, fractions 0-1.

    The names of those with the mirror images averaged in begin with "flip_".
    """
    scores, known = report.scores, report.known_scores
    numbers: dict[str, Any] = {
        "num_images": scores.num_images,
        "accuracy": scores.accuracy,
        "accuracy_interval": list(scores.accuracy_interval),
        "balanced_accuracy": scores.balanced_accuracy,
        "macro_f1": scores.macro_f1,
        "macro_f1_interval": list(compute_macro_interval(np.array(scores.confusion))),
        "ece": (known or scores).ece,
        "log_loss": (known or scores).log_loss,
    }
    if known is not None:
        numbers |= {
            "num_known_images": known.num_images,
            "known_accuracy": known.accuracy,
            "known_accuracy_interval": list(known.accuracy_interval),
            "known_macro_f1": known.macro_f1,
        }
    if report.flip_scores is not None:
        numbers |= _summarise_flip(report.flip_scores, report.known_flip_scores)
    if report.excluded:
        numbers["excluded"] = dict(report.excluded)
    if report.groups:
        numbers["groups"] = summarise_groups(report.groups)
    numbers["recalls"] = {name: m.recall for name, m in scores.per_class.items() if m.support}
    numbers["confusions"] = find_confusions(scores)
    return numbers


def find_confusions(scores: Scores, num: int = MAX_CONFUSIONS) -> list[dict[str, Any]]:
    """Return the most frequent wrong answers: which label was taken for which, how often.

    Args:
        scores: with a confusion matrix.
        num: how many at most.

    Returns:
        The largest share of the truth's pictures first: "truth", "answer", "num_images" and
        "share", a fraction 0-1.
    """
    found: list[dict[str, Any]] = [
        {
            "truth": truth,
            "answer": answer,
            "num_images": count,
            "share": count / scores.per_class[truth].support,
        }
        for truth, row in zip(scores.labels, scores.confusion, strict=True)
        for answer, count in zip(scores.labels, row, strict=True)
        if truth != answer and count
    ]
    return sorted(found, key=lambda pair: (-pair["share"], pair["truth"], pair["answer"]))[:num]


def _summarise_flip(scores: Scores, known: Scores | None) -> dict[str, Any]:
    numbers: dict[str, Any] = {
        "flip_accuracy": scores.accuracy,
        "flip_accuracy_interval": list(scores.accuracy_interval),
        "flip_macro_f1": scores.macro_f1,
        "flip_ece": (known or scores).ece,
    }
    if known is not None:
        numbers["flip_known_accuracy"] = known.accuracy
    return numbers
