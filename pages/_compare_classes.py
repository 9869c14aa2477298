"""Class by class: what each label's images become, how often each class is answered, scores."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from facecore.charts_classes import (
    build_class_bars,
    build_classwise,
    build_totals_chart,
    order_classwise,
)
from facecore.charts_data import classes_to_table, matrices_to_table, totals_to_table
from facecore.comparison import Comparison, ConfusionTable
from facecore.comparison_totals import TotalPercentages, compute_total_percentages
from facecore.label_sets import order_labels
from facecore.labels import EXPRESSIONS, display_name
from facecore.paper import load_paper
from facecore.paper_text import WHY_SUMS_DIFFER
from pages._compare_chart import (
    choose_image_format,
    csv_button,
    find_starred,
    list_tables,
    paper_note,
    show_chart,
)
from pages._compare_choices import Choices
from pages._ui import plain

_PER_ROW = 3
_METRICS = {"f1": "F1", "recall": "Recall", "precision": "Precision"}
_DIFFERENCE = "Total difference"


def show_classes(comparison: Comparison, choices: Choices) -> None:
    """Show classwise columns, total percentages, and scores per class."""
    choose_image_format()
    tables = list_tables(comparison, choices)
    _show_classwise(comparison, choices, tables)
    _show_totals(comparison, choices, tables)
    _show_scores(comparison, choices, tables)


def _show_classwise(
    comparison: Comparison, choices: Choices, tables: Sequence[ConfusionTable]
) -> None:
    st.subheader("What the images of each label become")
    starred, labels = find_starred(tables), order_classwise(comparison.scored_labels)
    supports = tables[0].labelled_totals
    for start in range(0, len(labels), _PER_ROW):
        row = labels[start : start + _PER_ROW]
        for column, label in zip(st.columns(_PER_ROW), row, strict=False):
            with column:
                st.markdown(f"**Labelled {display_name(label)}** ({supports[label]:,} images)")
                show_chart(build_classwise(tables, label, starred), f"classwise_{label}")
    st.caption(
        "How to read it: each column is one model and tells, in percent of the images of the "
        "label, what it predicts for them; a column adds to 100. The framed row holds the right "
        "answers. Disgust stands first, as in the paper's Figure 5.6.4: a model that never learned "
        "it must call its images something else."
    )
    paper_note(choices)
    csv_button(comparison, "classwise", lambda: matrices_to_table(tables))


def _show_totals(
    comparison: Comparison, choices: Choices, tables: Sequence[ConfusionTable]
) -> None:
    st.subheader("How often each class is answered")
    totals = [compute_total_percentages(table) for table in tables]
    is_printed = choices.show_paper and set(comparison.scored_labels) == set(EXPRESSIONS)
    if is_printed:
        totals = [*totals[: len(comparison.models)], *load_paper().printed_totals()]
    st.table(_build_totals_table(totals), border="horizontal")
    show_chart(build_totals_chart(totals), "totals")
    st.caption(
        "How to read it: a bar is the percentage of all images that a model gives to a class, the "
        "grey line across it the percentage that is labelled so. A bar that passes its line means "
        "that the model leans to the class. The total difference adds up, sign left out, how far "
        "all bars are from their lines, as the paper's Figure 5.7.1 does. A small one does not "
        "make single answers right: mistakes can cancel out."
    )
    if is_printed:
        st.caption(
            "The paper's columns are as printed. With its rebuilt counts: " + WHY_SUMS_DIFFER
        )
    csv_button(comparison, "totals", lambda: totals_to_table(totals))


def _build_totals_table(totals: Sequence[TotalPercentages]) -> pd.DataFrame:
    """Return classes by columns: the actual share once per set of images, then the models'."""
    labels = order_labels(name for total in totals for name in total.actual)
    columns: dict[str, list[str]] = {}
    actual: dict[str, float] = {}
    for total in totals:
        if total.actual != actual:
            actual = total.actual
            title = "Paper: actual" if columns else "Actual"
            columns[title] = [*_format_all(actual, labels), "–"]
        summed = f"**{total.summed_difference:.2f}**"
        columns[plain(total.title)] = [*_format_all(total.predicted, labels), summed]
    return pd.DataFrame(columns, index=[*map(display_name, labels), _DIFFERENCE])


def _format_all(percentages: dict[str, float], labels: Sequence[str]) -> list[str]:
    return [f"{percentages[name]:.2f}" if name in percentages else "–" for name in labels]


def _show_scores(
    comparison: Comparison, choices: Choices, tables: Sequence[ConfusionTable]
) -> None:
    st.subheader("Precision, recall and F1 of each class")
    metric = st.segmented_control(
        "Bars show",
        list(_METRICS),
        default="f1",
        required=True,
        format_func=_METRICS.get,
        key="compare_class_metric",
        persist_state="session",
    )
    scores = classes_to_table(tables)
    values = {
        title: dict(zip(own["class"], 100 * own[metric], strict=True))
        for title, own in scores.dropna(subset=[metric]).groupby("model", sort=False)
    }
    show_chart(build_class_bars(values, unit=f"% {_METRICS[metric]}"), f"classes_{metric}")
    st.table(_build_scores_table(scores, tables[0]), border="horizontal")
    st.caption(
        "How to read it: precision / recall / F1 in percent. Precision: of the images that a model "
        "gives to the class, how many belong there (– where it never answers the class). Recall: "
        "of the images of the class, how many it finds. F1 is high only where both are. Support "
        "is the number of images that our models were judged on."
    )
    if choices.show_paper:
        st.caption("The paper's are computed from its rebuilt matrices, training images included.")
    csv_button(comparison, "classes", lambda: scores)


def _build_scores_table(scores: pd.DataFrame, first: ConfusionTable) -> pd.DataFrame:
    columns = {"Support": {name: f"{num:,}" for name, num in first.labelled_totals.items()}}
    for row in scores.itertuples():
        texts = [
            "–" if pd.isna(value) else f"{100 * value:.1f}"
            for value in (row.precision, row.recall, row.f1)
        ]
        columns.setdefault(plain(row.model), {})[row[2]] = " / ".join(texts)
    table = pd.DataFrame(columns).fillna("–")
    return table.rename(index=display_name)
