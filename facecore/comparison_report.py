"""The comparison as one HTML file: the page's tables and figures, without any data-set image."""

from collections.abc import Callable

from facecore.comparison import Comparison
from facecore.comparison_bootstrap import compute_draws
from facecore.comparison_report_curves import build_curves, build_training
from facecore.comparison_report_matrices import build_differences, build_matrices
from facecore.comparison_report_origin import build_groups, build_origin, build_paper
from facecore.comparison_report_parts import ReportData, Section, render_page
from facecore.comparison_report_scores import build_classes, build_overview, build_totals
from facecore.datasets import DATASETS
from facecore.datasets_info import SplitInfo, describe_excluded
from facecore.labels import EXPRESSIONS
from facecore.paper import load_paper
from facecore.progress import OnProgress

_SECTIONS: tuple[Callable[[ReportData], Section], ...] = (
    build_overview,
    build_matrices,
    build_differences,
    build_classes,
    build_totals,
    build_groups,
    build_curves,
    build_training,
    build_paper,
    build_origin,
)


def build_report(comparison: Comparison, on_progress: OnProgress | None = None) -> str:
    """Return the report as one HTML document that needs no other file and no network.

    Where the seven expressions are compared, the paper's figures stand beside.

    Args:
        comparison: of any number of networks.
        on_progress: called with sections done and in all; raising from it cancels.
    """
    data = _collect(comparison)
    sections = []
    for done, build in enumerate(_SECTIONS, start=1):
        sections.append(build(data))
        if on_progress is not None:
            on_progress(done, len(_SECTIONS))
    info = _find_split(comparison)
    lines = [
        "What follows is what the expressions and genders look like to the networks, judged by "
        "the data set's labels; nobody's feelings or gender can be read from a picture."
    ]
    if comparison.excluded:
        lines.insert(0, f"{describe_excluded(comparison.excluded)}.")
    if info:
        lines.insert(0, info.note)
    if comparison.view == "known":
        lines.insert(
            0,
            f"Fair view: {comparison.num_left_out:,} images whose class not every model has are "
            "left out.",
        )
    models = ", ".join(model.title for model in comparison.models)
    return render_page(
        f"{models} on {info.title if info else f'{comparison.dataset} {comparison.split}'}",
        info.badge if info else "",
        lines,
        [section for section in sections if section.blocks],
    )


def _collect(comparison: Comparison) -> ReportData:
    paper = load_paper() if comparison.labels == EXPRESSIONS else None
    left_out = set(comparison.labels) - set(comparison.scored_labels)
    papers = paper.tables if paper else ()
    return ReportData(
        comparison=comparison,
        draws=compute_draws(comparison),
        paper=paper,
        tables=(
            *(model.table for model in comparison.models),
            *(table.without_images_of(left_out) for table in papers),
        ),
    )


def _find_split(comparison: Comparison) -> SplitInfo | None:
    """Return what is known of the images; None where they are a user's own."""
    info = DATASETS.get(comparison.dataset)
    splits = info.splits if info else ()
    return next((split for split in splits if split.name == comparison.split), None)
