"""The numbers behind the comparison's figures as tables, one row per mark: what a CSV holds.

Labels are canonical names and shares are fractions 0-1, save where a column says percent.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from facecore.comparison import ComparedModel, ConfusionTable
from facecore.comparison_curves import CoverageCurve, Curve, Reliability
from facecore.comparison_tests import DifferenceTable
from facecore.comparison_totals import TotalPercentages
from facecore.evaluation_metrics import compute_class_metrics


def matrices_to_table(tables: Sequence[ConfusionTable]) -> pd.DataFrame:
    """Return model, labelled, predicted, images and both shares of every cell."""
    rows = []
    for table in tables:
        of_labelled, of_predicted = table.fractions("labelled"), table.fractions("predicted")
        for i, truth in enumerate(table.labels):
            for j, guess in enumerate(table.labels):
                rows.append(
                    {
                        "model": table.title,
                        "labelled": truth,
                        "predicted": guess,
                        "images": table.counts[i][j],
                        "share_of_labelled": of_labelled[i, j],
                        "share_of_predicted": of_predicted[i, j],
                    }
                )
    return pd.DataFrame(rows)


def difference_to_table(difference: DifferenceTable) -> pd.DataFrame:
    """Return both models, labelled, predicted, the differences and their tests of every cell."""
    return pd.DataFrame(
        {
            "model": difference.title_a,
            "less_model": difference.title_b,
            "labelled": difference.labels[i],
            "predicted": difference.labels[j],
            "difference_images": int(difference.counts[i, j]),
            "difference_share_of_labelled": difference.fractions[i, j],
            "p": difference.p[i, j],
            "p_holm": difference.p_holm[i, j],
            "significant": bool(difference.significant[i, j]),
        }
        for i, j in np.ndindex(difference.counts.shape)
    )


def totals_to_table(totals: Sequence[TotalPercentages]) -> pd.DataFrame:
    """Return model, class, actual and predicted percent, and the model's summed difference."""
    return pd.DataFrame(
        {
            "model": total.title,
            "class": name,
            "actual_percent": total.actual[name],
            "predicted_percent": total.predicted[name],
            "summed_difference": total.summed_difference,
        }
        for total in totals
        for name in total.actual
    )


def classes_to_table(tables: Sequence[ConfusionTable]) -> pd.DataFrame:
    """Return precision, recall, F1 and support of every class and model.

    A precision is nan where a model never answers the class, a recall where no image shows it.
    """
    rows = []
    for table in tables:
        for name, own in compute_class_metrics(table.to_array(), table.labels).items():
            rows.append(
                {
                    "model": table.title,
                    "class": name,
                    "precision": own.precision if own.num_predicted else np.nan,
                    "recall": own.recall if own.support else np.nan,
                    "f1": own.f1 if own.support else np.nan,
                    "support": own.support,
                    "predicted": own.num_predicted,
                }
            )
    return pd.DataFrame(rows)


def curves_to_table(
    curves: Mapping[str, Mapping[str, Curve | None]], x: str, y: str
) -> pd.DataFrame:
    """Return the points of curves that are given by class and by a model's title.

    Args:
        curves: class -> title -> curve; a model that lacks the class has None.
        x: name of the first coordinate.
        y: name of the second.
    """
    parts = [
        pd.DataFrame({"model": title, "class": label, x: curve.x, y: curve.y, "area": curve.area})
        for label, by_title in curves.items()
        for title, curve in by_title.items()
        if curve is not None
    ]
    empty = pd.DataFrame(columns=["model", "class", x, y, "area"])
    return pd.concat(parts, ignore_index=True) if parts else empty


def reliability_to_table(reliability: Mapping[str, Reliability]) -> pd.DataFrame:
    """Return the bins of confidence before and after temperature scaling, by a model's title."""
    return pd.DataFrame(
        {
            "model": title,
            "temperature": own.temperature,
            "when": when,
            "low": b.low,
            "high": b.high,
            "images": b.num_images,
            "mean_confidence": b.mean_confidence if b.num_images else np.nan,
            "accuracy": b.accuracy if b.num_images else np.nan,
        }
        for title, own in reliability.items()
        for when, bins in (("before", own.bins_before), ("after", own.bins_after))
        for b in bins
    )


def coverage_to_table(curves: Mapping[str, CoverageCurve]) -> pd.DataFrame:
    """Return the points of the curves, by a model's title."""
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "model": title,
                    "coverage": curve.coverage,
                    "accuracy": curve.accuracy,
                    "least_confidence": curve.confidence,
                }
            )
            for title, curve in curves.items()
        ],
        ignore_index=True,
    )


def histories_to_table(models: Sequence[ComparedModel]) -> pd.DataFrame:
    """Return the training of every model, epoch by epoch, with the kept one told."""
    return pd.DataFrame(
        {
            "model": model.title,
            "epoch": row.epoch,
            "loss": row.loss,
            "accuracy": row.accuracy,
            "validation_loss": row.validation_loss,
            "validation_accuracy": row.validation_accuracy,
            "kept": row.epoch == find_kept_epoch(model),
        }
        for model in models
        for row in model.history
    )


def find_kept_epoch(model: ComparedModel) -> int | None:
    """Return the epoch whose weights the network has; None where its card does not say."""
    epoch = model.card.training.get("best_epoch")
    return epoch if isinstance(epoch, int) else None
