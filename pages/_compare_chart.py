"""How the comparison page shows a chart: its toolbar, its words, its numbers as CSV."""

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from facecore.charts_common import Figure
from facecore.comparison import Comparison, ConfusionTable
from facecore.export_tables import to_csv
from facecore.paper import load_paper
from facecore.paper_text import describe_correction
from pages._compare_choices import Choices
from pages._ui import Download, download_buttons, safe_file_name

_FORMATS = {"png": "PNG", "svg": "SVG"}
_FORMAT_KEY = "compare_image_format"
_SAVED_WIDTH_PX = 760  # whatever the screen, a saved chart has room for its words


def choose_image_format() -> None:
    """Draw the switch for the format in which a chart's toolbar saves it."""
    st.segmented_control(
        "Charts are saved as",
        list(_FORMATS),
        default="png",
        required=True,
        format_func=_FORMATS.get,
        key=_FORMAT_KEY,
        persist_state="session",
        help="The camera in a chart's corner, which shows when you point at the chart, saves it.",
    )


def show_chart(figure: Figure, key: str) -> None:
    """Show a chart whose toolbar saves it under its key's name.

    The theme's background replaces the transparent one: a saved picture can be read by itself.
    """
    figure.update_layout(paper_bgcolor=None)
    st.plotly_chart(
        figure,
        key=key,
        config={
            "displaylogo": False,
            "modeBarButtons": [["toImage"]],
            "toImageButtonOptions": {
                "format": st.session_state.get(_FORMAT_KEY, "png"),
                "filename": safe_file_name(key, ""),
                "width": _SAVED_WIDTH_PX,
                "height": figure.layout.height,
                "scale": 2,
            },
        },
    )


def csv_button(
    comparison: Comparison,
    name: str,
    make: Callable[[], pd.DataFrame],
    words: str = "These numbers as CSV",
) -> None:
    """Offer a chart's numbers; they are worked out when the button is pressed."""
    source = f"{comparison.dataset}_{comparison.split}_{comparison.view}"
    file_name = safe_file_name(f"{name}_{source}", ".csv")
    button = Download(words, lambda: to_csv(make()), file_name, "text/csv", f"compare_csv_{name}")
    download_buttons([button])


def list_tables(comparison: Comparison, choices: Choices) -> list[ConfusionTable]:
    """Return our models' matrices and, where asked for, the paper's of the same classes."""
    tables = [model.table for model in comparison.models]
    if choices.show_paper:
        tables += load_paper().select_tables(comparison.scored_labels)
    return tables


def find_starred(tables: Sequence[ConfusionTable]) -> dict[str, set[tuple[str, str]]]:
    """Return by title the cells (truth, predicted) that are misprinted in the paper."""
    paper = load_paper()
    return {
        table.title: {(c.labelled, c.predicted) for c in paper.find_corrected(table.title)}
        for table in tables
    }


def paper_note(choices: Choices) -> None:
    """Say under a chart what the paper's part of it is worth."""
    if choices.show_paper:
        st.caption(
            "**The paper's figures are not like with like**: they cover its whole data set, "
            "training images included; “Paper” says what can be compared. * "
            + describe_correction(load_paper().corrected)
        )
