"""The report's curves: one class against the rest, reliability, coverage, training."""

from typing import Literal

from facecore.charts_curves import (
    build_coverage_chart,
    build_precision_recall_chart,
    build_reliability_chart,
    build_roc_chart,
)
from facecore.charts_training import build_training_chart
from facecore.comparison_curves import (
    compute_coverage,
    compute_precision_recall,
    compute_reliability,
    compute_roc,
)
from facecore.comparison_report_parts import (
    WIDE_PX,
    Block,
    Figures,
    ReportData,
    Section,
    Table,
    show,
)
from facecore.labels import display_name


def build_curves(data: ReportData) -> Section:
    """Return ROC and precision-recall curves of each class, reliability and coverage."""
    models, labels = data.comparison.models, data.comparison.scored_labels
    roc = {k: {m.title: compute_roc(m, k) for m in models} for k in labels}
    recall = {k: {m.title: compute_precision_recall(m, k) for m in models} for k in labels}
    reliability = {m.title: compute_reliability(m) for m in models}
    blocks: list[Block] = [
        Figures([(f"{display_name(k)}: ROC", build_roc_chart(roc[k])) for k in labels]),
        Figures(
            [
                (f"{display_name(k)}: precision and recall", build_precision_recall_chart(own))
                for k, own in recall.items()
            ]
        ),
        Figures(
            [
                (f"{title}: reliability", build_reliability_chart(title, own))
                for title, own in reliability.items()
            ]
        ),
        Table(
            (
                "Model",
                "Temperature",
                "Log loss before",
                "after",
                "Calibration error before",
                "after",
            ),
            [
                (
                    title,
                    f"{own.temperature:.3f}",
                    show(own.log_loss_before, ".4f"),
                    show(own.log_loss_after, ".4f"),
                    f"{own.ece_before:.2%}",
                    f"{own.ece_after:.2%}",
                )
                for title, own in reliability.items()
            ],
        ),
        Figures(
            [
                (
                    "Accuracy when the least sure answers are left undecided",
                    build_coverage_chart({m.title: compute_coverage(m) for m in models}),
                )
            ],
            WIDE_PX,
        ),
    ]
    return Section(
        "Curves",
        "One class against all others: the nearer to the upper corner, the better; the area is in "
        "brackets. Reliability: on the diagonal, of the answers given with 70 % confidence 70 % "
        "are right. The temperature is chosen for the least log loss; the calibration error may go "
        "either way.",
        blocks,
    )


_QUANTITIES: tuple[Literal["loss"], Literal["accuracy"]] = ("loss", "accuracy")


def build_training(data: ReportData) -> Section:
    """Return loss and accuracy by epoch of each network."""
    figures = [
        (
            f"{model.title}: {quantity}",
            build_training_chart(
                model.title, model.history, model.card.training.get("best_epoch"), quantity
            ),
        )
        for model in data.comparison.models
        if model.history
        for quantity in _QUANTITIES
    ]
    return Section(
        "Training",
        "The mark is the epoch whose weights were kept. Curves that part show a network that "
        "learns its training images by heart.",
        [Figures(figures)] if figures else [],
    )
