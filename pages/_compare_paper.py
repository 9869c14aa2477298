"""The paper's own numbers, what of them can be compared with ours, and where they are off."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import streamlit as st

from facecore.charts_classes import build_totals_chart
from facecore.charts_data import find_kept_epoch, matrices_to_table, totals_to_table
from facecore.comparison import ComparedModel, Comparison, ConfusionTable
from facecore.comparison_totals import compute_total_percentages
from facecore.labels import EXPRESSIONS, display_name
from facecore.paper import Paper, PaperModel, load_paper
from facecore.paper_text import (
    CONTRADICTIONS,
    HOW_REBUILT,
    WHY_SUMS_DIFFER,
    describe_correction,
    describe_likeness,
)
from pages._compare_chart import choose_image_format, csv_button, show_chart
from pages._compare_choices import Choices
from pages._ui import plain

_WITHOUT = "disgust"
_QUOTED = {1: ("neutral", "disgust"), 2: ("neutral", "sad")}
_VERDICTS = {
    "like with like": ":green-badge[like with like]",
    "partly": ":orange-badge[partly]",
    "not like with like": ":red-badge[not like with like]",
}


def show_paper(comparison: Comparison, choices: Choices) -> None:
    """Show the paper's numbers beside ours, how far they can be compared, and their flaws."""
    paper = load_paper()
    st.markdown(
        "This dashboard follows a paper of 2019 that trained three expression models on FER-2013: "
        "one with all seven classes, one without Disgust, and one without Disgust and with about "
        "4,000 images of each other class. The switch “The paper's models beside them” adds its "
        "matrices and classes to “Matrices” and “Classes” as a fourth, fifth and sixth column."
    )
    _show_headline(paper, comparison)
    _show_likeness(comparison)
    _show_totals(paper, comparison)
    _show_rebuilt(paper, comparison)
    st.subheader("Where the paper contradicts itself")
    st.markdown("\n".join(f"- {plain(text)}" for text in CONTRADICTIONS))


def _show_headline(paper: Paper, comparison: Comparison) -> None:
    st.subheader("Accuracies")
    ours = {model.title: model for model in comparison.models}
    columns = {}
    for theirs in paper.models:
        title = theirs.title.removeprefix("Paper: ")
        columns[title] = {**_describe_theirs(theirs, paper), **_describe_ours(ours.get(title))}
    st.table(pd.DataFrame(columns), border="horizontal")
    st.caption(
        f"How to read it: the paper reports the accuracy on a quarter of its images "
        f"({paper.split} split); it judged Models 2 and 3 without Disgust. Its matrices cover the "
        "whole data set; two rows give the accuracies that follow from them. Ours are on the "
        "images chosen above. The paper's gender network reached "
        f"{paper.gender_accuracy:.2%} on IMDB."
    )


def _describe_theirs(model: PaperModel, paper: Paper) -> dict[str, str]:
    classes = "7 classes" if model.number == 1 else "6 classes"
    return {
        "Paper: held-out images": f"{model.validation_accuracy:.1%} ({classes})",
        "Paper: whole data set": _accuracy(model.table),
        "Paper: whole, without Disgust": _accuracy(model.table.without_images_of([_WITHOUT])),
        "Paper: kept epoch": f"{model.best_epoch} of {paper.epochs}",
    }


def _describe_ours(model: ComparedModel | None) -> dict[str, str]:
    """Return our model's part; dashes where it is not among the chosen ones."""
    names = ("Ours: chosen images", "Ours: chosen, without Disgust", "Ours: kept epoch")
    if model is None:
        return dict.fromkeys(names, "–")
    kept, num = find_kept_epoch(model), len(model.history)
    epoch = "–" if kept is None else f"{kept} of {num}" if num else str(kept)
    fair = _accuracy(model.table.without_images_of([_WITHOUT]))
    return dict(zip(names, (_accuracy(model.table), fair, epoch), strict=True))


def _accuracy(table: ConfusionTable) -> str:
    right = sum(row[i] for i, row in enumerate(table.counts))
    return f"{right / table.total:.1%}" if table.total else "–"


def _show_likeness(comparison: Comparison) -> None:
    st.subheader("What is like with like, and what is not")
    rows = describe_likeness(comparison.dataset, comparison.split)
    st.markdown(
        "\n".join(
            f"- **{plain(row.topic)}** {_VERDICTS[row.verdict]}: {plain(row.reason)}"
            for row in rows
        )
    )


def _show_totals(paper: Paper, comparison: Comparison) -> None:
    st.subheader("Total classification percentages (Figure 5.7.1)")
    choose_image_format()
    printed = paper.printed_totals()
    rebuilt = [compute_total_percentages(table) for table in paper.tables]
    columns = {"Actual": [f"{value:.2f}" for value in paper.actual_percent] + ["–", "–"]}
    for total, own in zip(printed, rebuilt, strict=True):
        columns[plain(total.title)] = [
            *(f"{total.predicted[name]:.2f}" for name in EXPRESSIONS),
            f"**{total.summed_difference:.2f}**",
            f"{own.summed_difference:.2f}",
        ]
    names = [
        *map(display_name, EXPRESSIONS),
        "Total difference",
        "Total difference of the rebuilt counts",
    ]
    st.table(pd.DataFrame(columns, index=names), border="horizontal")
    show_chart(build_totals_chart(printed), "paper_totals")
    st.caption(
        "How to read it: a bar is the percentage of all images that a model gives to a class, the "
        "grey line the percentage labelled so. " + WHY_SUMS_DIFFER
    )
    both = [
        *(replace(total, title=f"{total.title}, printed") for total in printed),
        *(replace(total, title=f"{total.title}, rebuilt") for total in rebuilt),
    ]
    csv_button(comparison, "paper_totals", lambda: totals_to_table(both))


def _show_rebuilt(paper: Paper, comparison: Comparison) -> None:
    st.subheader("The rebuilt counts")
    st.markdown(plain(HOW_REBUILT))
    st.table(_build_counts(paper.models), border="horizontal")
    st.caption(
        "How to read it: how many images are labelled so, and how many each model predicts so. "
        "Bold totals are quoted in the paper's text."
    )
    st.markdown(
        "**Misprinted cells** (* in the charts): " + plain(describe_correction(paper.corrected))
    )
    csv_button(comparison, "paper_matrices", lambda: matrices_to_table(paper.tables))


def _build_counts(models: Sequence[PaperModel]) -> pd.DataFrame:
    labelled = models[0].table.labelled_totals
    columns = {"Labelled": {name: f"{num:,}" for name, num in labelled.items()}}
    for model in models:
        quoted = _QUOTED.get(model.number, ())
        columns[plain(model.title)] = {
            name: f"**{num:,}**" if name in quoted else f"{num:,}"
            for name, num in model.table.predicted_totals.items()
        }
    return pd.DataFrame(columns).rename(index=display_name)
