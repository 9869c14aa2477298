"""The report's matrices: the networks' and the paper's, and their differences."""

from itertools import combinations

from facecore.charts_matrices import build_difference_matrix, build_matrix
from facecore.comparison_report_parts import Figures, ReportData, Section
from facecore.comparison_tests import compute_difference_table

_MISPRINTS = (
    " * marks cells that the paper misprints and that were corrected from its totals; the "
    "paper's matrices are of all its images, training images included."
)


def build_matrices(data: ReportData) -> Section:
    """Return the confusion matrices, the paper's beside ours."""
    starred = data.starred
    return Section(
        "Confusion matrices",
        "Rows are the labels, columns the predictions; each cell is the percentage of the labelled "
        "class, so that the diagonal is what each model recognises. Margins count images. Hover "
        "for counts and for the percentage of the predicted class."
        + (_MISPRINTS if data.paper else ""),
        [
            Figures(
                [
                    (table.title, build_matrix(table, starred=starred.get(table.title, ())))
                    for table in data.tables
                ]
            )
        ],
    )


def build_differences(data: ReportData) -> Section:
    """Return the difference of every pair of matrices."""
    tables = [compute_difference_table(a, b) for a, b in combinations(data.comparison.models, 2)]
    figures = [
        (f"{table.title_a} less {table.title_b}", build_difference_matrix(table))
        for table in tables
    ]
    return Section(
        "Differences of the matrices",
        "Percentage points of the labelled class. Blue: the first model answers this more often; "
        "orange: the second. A frame marks cells whose difference is more than chance (exact "
        "McNemar test on the same images, corrected over all cells after Holm).",
        [Figures(figures)] if figures else [],
    )
