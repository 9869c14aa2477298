"""Curves: ranking of each class, confidence, leaving answers undecided, and the trainings."""

import pandas as pd
import streamlit as st

from facecore.charts_curves import (
    build_coverage_chart,
    build_precision_recall_chart,
    build_reliability_chart,
    build_roc_chart,
)
from facecore.charts_data import (
    coverage_to_table,
    curves_to_table,
    find_kept_epoch,
    histories_to_table,
    reliability_to_table,
)
from facecore.charts_training import build_training_chart
from facecore.comparison import Comparison
from facecore.comparison_curves import (
    Curve,
    Reliability,
    compute_coverage,
    compute_precision_recall,
    compute_reliability,
    compute_roc,
)
from facecore.labels import display_name
from pages._compare_chart import choose_image_format, csv_button, show_chart
from pages._compare_choices import Choices
from pages._compare_data import BY_CONTENT
from pages._ui import plain

_PER_ROW = 3
_FALSE_ALARMS, _FOUND, _PRECISION = "false_alarm_rate", "recall", "precision"
Curves = dict[str, dict[str, Curve | None]]  # class -> a model's title -> curve


def show_curves(comparison: Comparison, choices: Choices) -> None:
    """Show the curves of our models; the paper prints none that could be read as numbers."""
    choose_image_format()
    if choices.show_paper:
        st.caption(
            "The paper prints its curves as pictures only and gives no probabilities, so it has "
            "no lines here."
        )
    _show_ranking(comparison)
    _show_reliability(comparison)
    _show_coverage(comparison)
    _show_trainings(comparison)


@st.cache_resource(show_spinner=False, hash_funcs=BY_CONTENT, max_entries=24)
def _compute_ranking(comparison: Comparison) -> tuple[Curves, Curves]:
    roc: Curves = {}
    recall: Curves = {}
    for label in comparison.scored_labels:
        roc[label] = {m.title: compute_roc(m, label) for m in comparison.models}
        recall[label] = {m.title: compute_precision_recall(m, label) for m in comparison.models}
    return roc, recall


def _show_ranking(comparison: Comparison) -> None:
    st.subheader("How well a class is told from all others")
    roc, recall = _compute_ranking(comparison)
    label = st.selectbox(
        "Class",
        list(roc),
        format_func=display_name,
        key="compare_curve_class",
        persist_state="session",
    )
    left, right = st.columns(2)
    with left:
        st.markdown("**ROC**")
        show_chart(build_roc_chart(roc[label]), f"roc_{label}")
    with right:
        st.markdown("**Precision and recall**")
        show_chart(build_precision_recall_chart(recall[label]), f"precision_recall_{label}")
    st.caption(
        "How to read it: the images are sorted by a model's probability of the class, and a "
        "threshold moves down the list. Left: how many images of the class are found by then, over "
        "how many others are taken for it; the nearer to the upper left corner, the better. Right: "
        "how many of those taken for the class are right; a rare class makes this harder. In "
        "brackets the area under the line, 1 at best; the dotted line is guessing. A model that "
        "never learned the class has no line."
    )
    st.markdown("**Areas of all classes**")
    st.table(_build_areas(roc, recall), border="horizontal")
    st.caption(
        "How to read it: area under the ROC curve / average precision, 1.000 at best; – where a "
        "model lacks the class."
    )
    with st.container(horizontal=True, gap="small"):
        csv_button(
            comparison,
            "roc",
            lambda: curves_to_table(roc, _FALSE_ALARMS, _FOUND),
            "ROC of all classes as CSV",
        )
        csv_button(
            comparison,
            "precision_recall",
            lambda: curves_to_table(recall, _FOUND, _PRECISION),
            "Precision and recall as CSV",
        )


def _build_areas(roc: Curves, recall: Curves) -> pd.DataFrame:
    rows = {
        display_name(label): {
            plain(title): "–"
            if curve is None or (other := recall[label][title]) is None
            else f"{curve.area:.3f} / {other.area:.3f}"
            for title, curve in by_title.items()
        }
        for label, by_title in roc.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _show_reliability(comparison: Comparison) -> None:
    st.subheader("Whether confidence can be believed")
    reliability = {model.title: compute_reliability(model) for model in comparison.models}
    models = list(reliability.items())
    for start in range(0, len(models), _PER_ROW):
        columns = st.columns(_PER_ROW)
        for column, (title, own) in zip(columns, models[start : start + _PER_ROW], strict=False):
            with column:
                st.markdown(f"**{plain(title)}**, temperature {own.temperature:.2f}")
                show_chart(build_reliability_chart(title, own), f"reliability_{title}")
    st.table(_build_calibration(reliability), border="horizontal")
    st.caption(
        "How to read it: answers are grouped by their confidence; a larger point holds more "
        "images. On the dotted diagonal a confidence of 70 % is right 70 times of 100; below it a "
        "model is too sure, above it too modest. The hollow points are the network as it came out "
        "of training, the full ones as it answers now: one number, the temperature, divides its "
        "outputs before they become probabilities. It was chosen for the least log loss on "
        "validation images; the calibration error, the mean distance from the diagonal, may go "
        "either way. The table gives both before → after (– where a model lacks a class)."
    )
    csv_button(comparison, "reliability", lambda: reliability_to_table(reliability))


def _build_calibration(reliability: dict[str, Reliability]) -> pd.DataFrame:
    columns = {}
    for title, own in reliability.items():
        loss = "–"
        if own.log_loss_before is not None and own.log_loss_after is not None:
            loss = f"{own.log_loss_before:.3f} → {own.log_loss_after:.3f}"
        error = f"{100 * own.ece_before:.1f} → {100 * own.ece_after:.1f}"
        columns[plain(title)] = [error, loss]
    return pd.DataFrame(columns, index=["Calibration error, %", "Log loss"])


def _show_coverage(comparison: Comparison) -> None:
    st.subheader("When the least sure answers are left undecided")
    curves = {model.title: compute_coverage(model) for model in comparison.models}
    show_chart(build_coverage_chart(curves), "coverage")
    st.caption(
        "How to read it: at the right end a model answers every image. Going left, it keeps back "
        "the answers it is least sure of, and more of the rest are right. A line that rises "
        "steeply belongs to a model that knows when it does not know; point at it for the "
        "confidence that is asked for."
    )
    csv_button(comparison, "coverage", lambda: coverage_to_table(curves))


def _show_trainings(comparison: Comparison) -> None:
    st.subheader("How they were trained")
    models = [model for model in comparison.models if model.history]
    for model in comparison.models:
        if not model.history:
            st.caption(f"{plain(model.title)} has no record of its training.")
    for start in range(0, len(models), _PER_ROW):
        for column, model in zip(
            st.columns(_PER_ROW), models[start : start + _PER_ROW], strict=False
        ):
            with column:
                st.markdown(f"**{plain(model.title)}**")
                for quantity in ("loss", "accuracy"):
                    figure = build_training_chart(
                        model.title, model.history, find_kept_epoch(model), quantity
                    )
                    show_chart(figure, f"training_{quantity}_{model.title}")
    if models:
        st.caption(
            "How to read it: an epoch is one pass over the training images. Where the validation "
            "line stops improving while the training line goes on, the network begins to learn its "
            "images by heart. The weights of the marked epoch were kept. The two lines of one "
            "chart differ in more than the images: training images are distorted on purpose and "
            "judged while the weights still change. Models without Disgust are validated without "
            "it, so that their lines cannot be compared with Model 1's."
        )
        csv_button(comparison, "training", lambda: histories_to_table(models))
