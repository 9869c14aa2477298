"""The report's context: results by group, the paper's numbers, and where everything comes from."""

from facecore.charts_groups import build_group_chart
from facecore.comparison_report_parts import WIDE_PX, Block, Figures, ReportData, Section, Table
from facecore.evaluation_groups import compute_group_views
from facecore.evaluation_groups_text import describe_view


def build_groups(data: ReportData) -> Section:
    """Return the results by group of people, where the data set knows them; worst first."""
    blocks: list[Block] = []
    for model in data.comparison.models:
        for view in compute_group_views(
            model.labels, model.y_true, model.predicted, model.predictions.attributes
        ):
            for table in view.tables:
                chart = build_group_chart(table, view.accuracy, model.labels)
                blocks.append(
                    f"{model.title}, by {table.attribute}, {view.people}: "
                    + describe_view(view, table.attribute)
                )
                blocks.append(Figures([("", chart)], WIDE_PX))
    return Section(
        "By group",
        "The circle is the accuracy of a group with its 95 % Wilson interval, worst first; the "
        "other marks are the share of each label that is recognised.",
        blocks,
    )


def build_paper(data: ReportData) -> Section:
    """Return the paper's headline numbers, and what they can be compared with."""
    paper = data.paper
    if paper is None:
        return Section("The paper's numbers", "", [])
    rows = [
        (
            f"Paper: Model {model.number}",
            f"{model.validation_accuracy:.1%}",
            f"{sum(row[i] for i, row in enumerate(model.table.counts)) / model.table.total:.1%}",
            f"{model.best_epoch} of {paper.epochs}",
        )
        for model in paper.models
    ]
    cells = "; ".join(
        f"Model {c.model}, labelled {c.labelled}, predicted {c.predicted}: printed "
        f"{c.printed_percent:.2f} %, must be about {c.percent:.2f} %"
        for c in paper.corrected
    )
    return Section(
        "The paper's numbers",
        "From the 2019 paper that these networks follow.",
        [
            Table(
                ("Model", "Validation accuracy", "Accuracy on all its images", "Kept epoch"), rows
            ),
            f"Like with like: the classes, and the paper's validation accuracy ({paper.split} "
            "split) against ours on images that no network was fitted on. Not like with like: the "
            "paper's matrices, classwise tables and totals are of its whole data set, training "
            "images included, so that they flatter; its images are other ones than ours too (its "
            "columns add to 35,867, FER-2013 has 35,887).",
            f"Two printed cells cannot be right, as their column adds to 113 %: {cells}.",
        ],
    )


def build_origin(data: ReportData) -> Section:
    """Return which networks these are, to the byte."""
    comparison = data.comparison
    names = " ".join(f"--model {model.name}" for model in comparison.models)
    return Section(
        "Where this comes from",
        "All numbers are worked out from the stored predictions of these networks; no images of "
        "the data set are in this file.",
        [
            Table(
                ("Model", "Title", "SHA-256 of the network"),
                [(model.name, model.card.title, model.card.sha256) for model in comparison.models],
                has_words=True,
            ),
            f"Made by: python -m facecore compare {names} --dataset {comparison.dataset} --split "
            f"{comparison.split} --view {comparison.view} --out report.html",
        ],
    )
