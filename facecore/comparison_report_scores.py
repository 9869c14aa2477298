"""The report's numbers: of each network, of each class, and in all."""

from collections.abc import Sequence

from facecore.charts_classes import (
    build_class_bars,
    build_classwise,
    build_totals_chart,
    order_classwise,
)
from facecore.comparison_overview import (
    ModelRow,
    compute_overview,
    describe_agreement,
    describe_comparison,
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
from facecore.comparison_tests import compare_pairs, compute_agreement
from facecore.comparison_totals import TotalPercentages, compute_total_percentages
from facecore.labels import display_name

_STAR = "★"
_METRICS = (
    ("accuracy", "Accuracy", ".1%"),
    ("balanced_accuracy", "Balanced accuracy", ".1%"),
    ("macro_f1", "Macro F1", ".3f"),
    ("log_loss", "Log loss", ".3f"),
    ("brier", "Brier score", ".3f"),
    ("ece", "Calibration error", ".1%"),
)


def build_overview(data: ReportData) -> Section:
    """Return the table of networks, its meaning in words, and the paired tests."""
    pairs = compare_pairs(data.comparison, data.draws)
    agreement = compute_agreement(data.comparison)
    rows = compute_overview(data.comparison, data.draws)
    blocks: list[Block] = [
        describe_comparison(data.comparison, pairs),
        Table(("", *(row.title for row in rows)), _describe_models(rows)),
    ]
    if pairs:
        titles = {model.name: model.title for model in data.comparison.models}
        blocks += [
            describe_agreement(agreement),
            Table(
                (
                    "Pair",
                    "Only the first is right",
                    "Only the second is right",
                    "Difference",
                    "95 % interval",
                    "p (McNemar)",
                    "p (Holm)",
                    "More than chance",
                ),
                [
                    (
                        f"{titles[test.name_a]} and {titles[test.name_b]}",
                        f"{test.only_a:,}",
                        f"{test.only_b:,}",
                        _points(test.difference),
                        f"{_points(test.interval[0])} to {_points(test.interval[1])}",
                        f"{test.p:.2g}",
                        f"{test.p_holm:.2g}",
                        "yes" if test.significant else "no",
                    )
                    for test in pairs
                ],
            ),
            Table(
                ("Model", "It alone is right", "It alone is wrong"),
                [
                    (titles[name], f"{right:,}", f"{agreement.only_wrong[name]:,}")
                    for name, right in agreement.only_right.items()
                ],
            ),
        ]
    return Section(
        "The models",
        f"{_STAR} marks the best of a row and those that a paired test on the same images "
        "cannot tell from it; a row without it has no difference beyond chance. Log loss, Brier "
        "score and calibration error are better when lower; log loss is missing where a model "
        "gives a class of the images no probability. Milliseconds are those of the evaluation.",
        blocks,
    )


def build_classes(data: ReportData) -> Section:
    """Return the classwise columns, and precision, recall and F1 of each class."""
    models = data.comparison.models
    labels = data.comparison.scored_labels
    rows = []
    for label in labels:
        for model in models:
            own = model.scores.per_class[label]
            rows.append(
                (
                    f"{display_name(label)}, {model.title}",
                    f"{own.precision:.1%}" if own.num_predicted else "–",
                    f"{own.recall:.1%}" if own.support else "–",
                    f"{own.f1:.3f}",
                    f"{own.support:,}",
                    f"{own.num_predicted:,}",
                )
            )
    recalls = {m.title: {k: 100 * m.scores.per_class[k].recall for k in labels} for m in models}
    return Section(
        "Class by class",
        "For the images of one label, what each model makes of them, in percent; a frame marks "
        "the right answers. Below, how much of each class is recognised (recall).",
        [
            Figures(
                [
                    (display_name(k), build_classwise(data.tables, k, data.starred))
                    for k in order_classwise(labels)
                ]
            ),
            Figures([("", build_class_bars(recalls, unit="% recognised"))], WIDE_PX),
            Table(("Class", "Precision", "Recall", "F1", "Labelled", "Predicted"), rows),
        ],
    )


def build_totals(data: ReportData) -> Section:
    """Return the total percentages against the actual ones (the paper's Figure 5.7.1)."""
    totals = [compute_total_percentages(table) for table in data.tables]
    blocks: list[Block] = [
        Figures([("", build_totals_chart(totals))], WIDE_PX),
        _build_totals_table(totals),
    ]
    if data.paper:
        printed = [model.total_difference for model in data.paper.models]
        rebuilt = [compute_total_percentages(t).summed_difference for t in data.paper.tables]
        blocks.append(
            f"The paper prints summed differences of {_list(printed)}, which follow exactly from "
            f"its printed percentages. The counts rebuilt from its tables give {_list(rebuilt)} on "
            f"all its images: it divides by {data.paper.stated_images:,} images while its columns "
            f"add to {data.paper.tables[0].total:,}, and its percentages are rounded."
        )
    return Section(
        "Total percentages",
        "How often each class is answered in all, against how often it is labelled, in percent of "
        "all images; a column Labelled is that of the models on its right. A small sum says that "
        "answers are spread as the labels are, not that they are right.",
        blocks,
    )


def _build_totals_table(totals: Sequence[TotalPercentages]) -> Table:
    """Return one column per model; those with the same labels share the column of these."""
    columns: list[tuple[str, list[str]]] = []
    last_actual: list[str] = []
    for total in totals:
        actual = [f"{percent:.2f}" for percent in total.actual.values()]
        if actual != last_actual:
            columns.append(("Labelled", [*actual, ""]))
            last_actual = actual
        predicted = [f"{percent:.2f}" for percent in total.predicted.values()]
        columns.append((total.title, [*predicted, f"{total.summed_difference:.2f}"]))
    names = [*map(display_name, totals[0].actual), "Summed difference"]
    cells = zip(*(column for _, column in columns), strict=True)
    return Table(
        ("Class", *(title for title, _ in columns)),
        [(name, *row) for name, row in zip(names, cells, strict=True)],
    )


def _describe_models(rows: Sequence[ModelRow]) -> list[tuple[str, ...]]:
    """Return one line per number and one column per network: three fit on a narrow screen."""
    lines = [
        (words, *(_show_score(row, metric, layout) for row in rows))
        for metric, words, layout in _METRICS
    ]
    intervals = [row.scores.accuracy_interval for row in rows]
    lines.insert(1, ("95 % interval", *(f"{100 * low:.1f}–{high:.1%}" for low, high in intervals)))
    return [
        *lines,
        ("Parameters", *(f"{row.num_parameters:,}" for row in rows)),
        ("Milliseconds per face", *(show(row.ms_per_face, ".1f") for row in rows)),
        ("Training minutes", *(show(row.training_minutes, ".0f") for row in rows)),
    ]


def _show_score(row: ModelRow, metric: str, layout: str) -> str:
    mark = f"{_STAR} " if metric in row.best else ""
    return mark + show(getattr(row.scores, metric), layout)


def _points(fraction: float) -> str:
    return f"{100 * fraction:+.1f}"


def _list(sums: Sequence[float]) -> str:
    return " / ".join(f"{value:.2f}" for value in sums)
