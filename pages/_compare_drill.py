"""The faces behind the numbers: one cell of a matrix, or the likely label errors."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from facecore.charts_matrices import build_matrix
from facecore.comparison import Comparison
from facecore.datasets_ferplus import VOTE_COLUMNS
from facecore.drilldown import (
    DATASETS_WITH_VOTES,
    encode_samples,
    find_label_errors,
    find_worst_cell,
    select_cell,
)
from facecore.errors import DatasetError, DatasetNotFoundError
from facecore.export_tables import to_csv
from facecore.labels import display_name
from pages._compare_choices import Choices
from pages._compare_data import open_dataset, open_votes
from pages._compare_explanation import show_drill_explanation
from pages._compare_pictures import Picture, build_picture_cards
from pages._teaching import link_relabel_page
from pages._ui import Download, download_buttons, plain, show_error

_PER_PAGE = 24
_ANY = "any"
_PARTS = {"cell": "One cell of a matrix", "errors": "Likely label errors"}


def show_drilldown(comparison: Comparison, choices: Choices) -> None:
    """Show the faces of a chosen cell, or those whose label is likely wrong."""
    votes = _load_votes(comparison)
    part = st.segmented_control(
        "Which faces",
        list(_PARTS),
        default="cell",
        required=True,
        format_func=_PARTS.get,
        key="drill_part",
        label_visibility="collapsed",
        persist_state="session",
    )
    if part == "errors":
        _show_label_errors(comparison, votes)
    else:
        _show_cell(comparison, choices, votes)


def _load_votes(comparison: Comparison) -> pd.DataFrame | None:
    if comparison.dataset not in DATASETS_WITH_VOTES:
        return None
    try:
        return open_votes(comparison)
    except DatasetNotFoundError as error:
        st.info(f"The crowd's votes are missing below. {plain(str(error))}", icon=":material/info:")
    except DatasetError as error:
        show_error(str(error))
    return None


def _show_cell(comparison: Comparison, choices: Choices, votes: pd.DataFrame | None) -> None:
    left, right = st.columns([5, 7], gap="medium")
    with left:
        titles = {model.name: model.title for model in comparison.models}
        model = st.selectbox(
            "Matrix of",
            list(titles),
            format_func=lambda name: titles.get(name, name),
            key="drill_model",
            persist_state="session",
        )
        truth, predicted = _choose_cell(comparison, model)
        _show_matrix(comparison, choices, model, truth, predicted)
    rows = select_cell(comparison, model, _or_none(truth), _or_none(predicted)).tolist()
    with right:
        words = f"labelled {_word(truth)}, {titles[model]} says {_word(predicted)}"
        st.markdown(f"**{len(rows):,} images {plain(words)}**")
        link_relabel_page(
            "Relabel training pictures of this pair",
            comparison.dataset,
            _or_none(truth),
            _or_none(predicted),
        )
        _show_pictures(comparison, rows, votes, f"{model}_{truth}_{predicted}")


def _choose_cell(comparison: Comparison, model: str) -> tuple[str, str]:
    """Draw the two pickers; a click on the matrix sets them too."""
    options = [*comparison.labels, _ANY]
    keys = ("drill_truth", "drill_predicted")
    if any(st.session_state.get(key) not in options for key in keys):
        # At first, or when the classes have changed: the most frequent mistake.
        st.session_state.update(zip(keys, find_worst_cell(comparison.model(model)), strict=True))
    one, two = st.columns(2)
    truth = one.selectbox(
        "Labelled", options, format_func=_word, key="drill_truth", persist_state="session"
    )
    predicted = two.selectbox(
        "Predicted", options, format_func=_word, key="drill_predicted", persist_state="session"
    )
    return truth, predicted


def _show_matrix(
    comparison: Comparison, choices: Choices, model: str, truth: str, predicted: str
) -> None:
    table = comparison.model(model).table
    figure = build_matrix(table, "labelled", choices.orientation)
    labels = list(table.labels)
    along, down = (predicted, truth) if choices.orientation == "truth" else (truth, predicted)
    if _ANY in (along, down):
        x = (-0.5, len(labels) - 0.5) if along == _ANY else _edges(labels, along)
        y = (-0.5, len(labels) - 0.5) if down == _ANY else _edges(labels, down)
    else:
        x, y = _edges(labels, along), _edges(labels, down)
    line = {"color": "#E69F00", "width": 3}
    figure.add_shape(type="rect", x0=x[0], x1=x[1], y0=y[0], y1=y[1], line=line)
    # A new key for every choice: the chart then forgets its own selection, which a picker may
    # have overruled, and the frame alone tells what is chosen.
    key = f"drill_matrix_{model}_{choices.orientation}_{truth}_{predicted}"
    st.plotly_chart(
        figure,
        key=key,
        on_select=lambda: _take_click(key),
        selection_mode="points",
        config={"displayModeBar": False},  # it would cover the words over the columns
    )
    st.caption(
        "How to read it: percent of the images of each label; a click on a cell, or the pickers "
        "above, choose the faces that are shown. The orange frame is the choice."
    )


def _edges(labels: Sequence[str], label: str) -> tuple[float, float]:
    return labels.index(label) - 0.5, labels.index(label) + 0.5


def _take_click(key: str) -> None:
    """Move a click's cell into the pickers."""
    points: list[dict[str, Any]] = st.session_state[key].selection.points
    for point in points:
        if cell := point.get("customdata"):
            st.session_state["drill_truth"], st.session_state["drill_predicted"] = cell[:2]


def _show_pictures(
    comparison: Comparison, rows: Sequence[int], votes: pd.DataFrame | None, state: str
) -> None:
    """Show one page of faces, and what the models and the crowd say of each."""
    if not rows:
        st.info("No image falls into this cell.", icon=":material/check:")
        return
    num_pages = -(-len(rows) // _PER_PAGE)
    page = 1
    if num_pages > 1:
        page = st.pagination(num_pages, key=f"drill_page_{comparison.split}_{state}")
    shown = rows[(page - 1) * _PER_PAGE : page * _PER_PAGE]
    files = _load_files(comparison, shown)
    pictures = [
        Picture(
            sample_id=str(comparison.sample_ids[row]),
            label=comparison.labels[comparison.y_true[row]],
            answers=[
                (m.title, comparison.labels[m.predicted[row]], float(m.probs[row].max()))
                for m in comparison.models
            ],
            votes={} if votes is None else votes.iloc[row][list(VOTE_COLUMNS)].to_dict(),
            png=file,
        )
        for row, file in zip(shown, files, strict=True)
    ]
    st.html(build_picture_cards(pictures, comparison.labels))
    st.caption(
        "How to read it: the surest answers of the chosen matrix stand first. Each line is a "
        "model's answer with its confidence, ✓ where it is the label; “Crowd” are the ten votes "
        "of FER+ for the same picture."
    )
    if any(file is not None for file in files):
        show_drill_explanation(comparison, shown)


def _load_files(comparison: Comparison, rows: Sequence[int]) -> list[bytes | None]:
    """Return the pictures, or nothing but a sentence where the data set is not at hand."""
    ids = [str(comparison.sample_ids[row]) for row in rows]
    labels = [comparison.labels[comparison.y_true[row]] for row in rows]
    try:
        return [*encode_samples(open_dataset(comparison.dataset, comparison.split), ids, labels)]
    except DatasetNotFoundError as error:
        st.info(f"The pictures cannot be shown. {plain(str(error))}", icon=":material/image:")
    except DatasetError as error:
        show_error(str(error))
    return [None] * len(rows)


def _show_label_errors(comparison: Comparison, votes: pd.DataFrame | None) -> None:
    st.markdown(
        "Images that **no** chosen model reads as labelled, and on which most of the ten people "
        "of the FER+ project saw something else as well: their label is likely wrong."
    )
    if votes is None:
        st.info("Without the crowd's votes there is no such list.", icon=":material/info:")
        return
    table = find_label_errors(comparison, votes)
    agreed = int((table["models_with_crowd"] == len(comparison.models)).sum())
    st.markdown(
        f"**{len(table):,} of {len(comparison.y_true):,} images**; on {agreed:,} of them every "
        "model answers what the crowd saw."
    )
    if comparison.dataset == "ferplus":
        st.caption("Here the labels are the crowd's own majority, so the list is empty.")
        return
    download_buttons(
        [
            Download(
                "Likely label errors as CSV",
                lambda: to_csv(table.drop(columns="row")),
                f"label_errors_{comparison.dataset}_{comparison.split}_{comparison.view}.csv",
                "text/csv",
                "drill_errors_csv",
            )
        ]
    )
    if len(table):
        _show_pictures(comparison, table["row"].tolist(), votes, "errors")
        st.caption(
            "Here those stand first on which most models answer what the crowd saw. A model that "
            "lacks a class can never agree with its label, so look twice at images labelled so."
        )


def _word(label: str) -> str:
    return "Any" if label == _ANY else display_name(label)


def _or_none(label: str) -> str | None:
    return None if label == _ANY else label
