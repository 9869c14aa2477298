"""The comparison in one table and in words: scores, paired tests, agreement, downloads."""

import pandas as pd
import streamlit as st

from facecore.comparison import Comparison
from facecore.comparison_overview import ModelRow, describe_agreement, describe_comparison
from facecore.comparison_tests import Agreement, PairTest
from facecore.export_tables import to_csv
from pages._compare_choices import Choices
from pages._compare_data import compute_statistics
from pages._model_cards import show_cards
from pages._ui import Download, download_buttons, plain

_BEST = "★"
# Score, its words with the direction that is better, whether it is a share of 100 %.
_SCORES = (
    ("accuracy", "Accuracy ↑", True),
    ("balanced_accuracy", "Balanced accuracy ↑", True),
    ("macro_f1", "Macro F1 ↑", False),
    ("log_loss", "Log loss ↓", False),
    ("brier", "Brier score ↓", False),
    ("ece", "Calibration error (ECE) ↓", True),
)


def show_sentence(comparison: Comparison) -> None:
    """Say which model is ahead and whether that is more than chance."""
    statistics = compute_statistics(comparison)
    st.markdown(f"**{plain(describe_comparison(comparison, statistics.pairs))}**")


def show_overview(comparison: Comparison, choices: Choices) -> None:
    """Show the models' scores, the paired tests and how far they agree."""
    statistics = compute_statistics(comparison)
    table = _build_table(statistics.rows)
    st.subheader("The models in numbers")
    st.table(table, border="horizontal")
    st.caption(
        f"How to read it: ↑ more is better, ↓ less is better. {_BEST} marks the best of a row and "
        "those that a paired test on the same images cannot tell from it; a row without a mark has "
        "no winner. The accuracy's range is its 95 % interval. Balanced accuracy counts every "
        "class alike; macro F1 averages precision and recall over the classes. Log loss and Brier "
        "score also punish wrong confidence; a model that lacks a class has no log loss on its "
        "images (–). The calibration error is the mean gap between confidence and accuracy. "
        "Milliseconds per face are those of the evaluation, beside whatever else the machine did. "
        "Minutes of training leave out the networks that a model began with."
    )
    if statistics.pairs:
        st.subheader("Are the differences real?")
        st.table(_build_pairs(comparison, statistics.pairs), border="horizontal", hide_index=True)
        st.caption(
            "How to read it: every image on which exactly one of two models is right is a vote "
            "for that model (“right alone”). The exact McNemar test asks how likely such a split "
            "would be if both were equally good; p is corrected for the number of pairs (Holm), "
            "and under 0.05 the difference counts as real. The range is the 95 % bootstrap "
            "interval of the difference in accuracy, in percentage points."
        )
        st.subheader("How far they agree")
        st.markdown(plain(describe_agreement(statistics.agreement)))
        agreement = _build_agreement(comparison, statistics.agreement)
        st.table(agreement, border="horizontal", hide_index=True)
        st.caption(
            "How to read it: images that only one model has right are what it knows and the "
            "others do not; images that all have wrong are hard, or wrongly labelled: “Faces” "
            "shows them."
        )
    _offer_downloads(comparison, statistics.rows)
    st.subheader("About the models")
    show_cards(model.card for model in comparison.models)


def _offer_downloads(comparison: Comparison, rows: tuple[ModelRow, ...]) -> None:
    name = f"{comparison.dataset}_{comparison.split}_{comparison.view}"
    download_buttons(
        [
            Download(
                "Scores as CSV",
                lambda: to_csv(pd.DataFrame(_build_rows(rows))),
                f"scores_{name}.csv",
                "text/csv",
                "compare_scores_csv",
            ),
            Download(
                "Whole comparison as HTML",
                lambda: _make_report(comparison),
                f"comparison_{name}.html",
                "text/html",
                "compare_report_html",
            ),
        ]
    )
    st.caption(
        "The HTML file holds every table and chart of this comparison, needs no other file and "
        "contains no image of the data set; it takes some seconds to make. The same by "
        "`python -m facecore compare --out report.html`."
    )


def _make_report(comparison: Comparison) -> bytes:
    from facecore.comparison_report import build_report  # opens a large script: only on need

    return build_report(comparison).encode()


def _build_table(rows: tuple[ModelRow, ...]) -> pd.DataFrame:
    """Return one column per model: three fit on a narrow screen."""
    columns = {}
    for row in rows:
        cells = [_show_score(row, name, is_share) for name, _, is_share in _SCORES]
        low, high = row.scores.accuracy_interval
        cells[0] += f" ({100 * low:.1f}–{100 * high:.1f})"
        cells += [
            f"{row.num_parameters:,}",
            _show(row.ms_per_face, "{:.2f}"),
            _show(row.training_minutes, "{:.0f}"),
        ]
        columns[plain(row.title)] = cells
    names = [words for _, words, _ in _SCORES]
    names += ["Parameters", "Milliseconds per face", "Minutes of training"]
    return pd.DataFrame(columns, index=pd.Index(names))


def _show_score(row: ModelRow, name: str, is_share: bool) -> str:
    value = getattr(row.scores, name)
    text = _show(value, "{:.1%}" if is_share else "{:.3f}")
    return f"**{text}** {_BEST}" if name in row.best else text


def _show(value: float | None, layout: str) -> str:
    return "–" if value is None else layout.format(value)


def _build_rows(rows: tuple[ModelRow, ...]) -> list[dict[str, object]]:
    """Return the same as plain numbers, one row per model."""
    return [
        {
            "model": row.name,
            "num_images": row.scores.num_images,
            "accuracy_low": row.scores.accuracy_interval[0],
            "accuracy_high": row.scores.accuracy_interval[1],
            **{name: getattr(row.scores, name) for name, _, _ in _SCORES},
            "num_parameters": row.num_parameters,
            "ms_per_face": row.ms_per_face,
            "training_minutes": row.training_minutes,
        }
        for row in rows
    ]


def _build_pairs(comparison: Comparison, pairs: tuple[PairTest, ...]) -> pd.DataFrame:
    titles = {model.name: plain(model.title) for model in comparison.models}
    return pd.DataFrame(
        [
            {
                "Pair": f"{titles[test.name_a]} : {titles[test.name_b]}",
                "Right alone": f"{test.only_a:,} : {test.only_b:,}",
                "Difference": f"{100 * test.difference:+.1f} ({100 * test.interval[0]:+.1f} to "
                f"{100 * test.interval[1]:+.1f})",
                "p (Holm)": "< 0.001" if test.p_holm < 0.001 else f"{test.p_holm:.3f}",
                "Verdict": "**real**" if test.significant else "may be chance",
            }
            for test in pairs
        ]
    )


def _build_agreement(comparison: Comparison, agreement: Agreement) -> pd.DataFrame:
    counts = {"All right": agreement.all_right}
    for model in comparison.models:
        counts[f"Only {plain(model.title)} right"] = agreement.only_right[model.name]
    if len(comparison.models) > 2:  # of two, one alone is wrong where the other alone is right
        for model in comparison.models:
            counts[f"Only {plain(model.title)} wrong"] = agreement.only_wrong[model.name]
    counts["All wrong"] = agreement.all_wrong
    counts["of these, all with the same answer"] = agreement.same_wrong_answer
    n = agreement.num_images
    return pd.DataFrame(
        {
            "Images": list(counts),
            "Number": [f"{count:,}" for count in counts.values()],
            "Share": [f"{count / n:.1%}" for count in counts.values()],
        }
    )
