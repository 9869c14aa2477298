"""The confusion matrices side by side, and the difference of any two."""

import streamlit as st

from facecore.charts_data import difference_to_table, matrices_to_table
from facecore.charts_matrices import build_difference_matrix, build_matrix, find_top
from facecore.comparison import Comparison
from facecore.comparison_tests import compute_difference_table
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
_MEASURES = {
    "labelled": "% of label",
    "predicted": "% of prediction",
    "counts": "Images",
}
_READ_MEASURE = {
    "labelled": "a cell is the percentage of the images of one label that get this answer, so that "
    "the cells of one label add to 100. This is how the paper counts",
    "predicted": "a cell is the percentage of one answer's images that have this label, so that "
    "the cells of one answer add to 100 (– where a model never gives it)",
    "counts": "a cell is a number of images; its colour goes by the share of all images of the "
    "matrix, so that small and large sets can be compared",
}
_READ_ROWS = {
    "truth": "a row is what the images are labelled, a column what the model says",
    "predicted": "as in the paper, a row is what the model says, a column what the images are "
    "labelled",
}


def show_matrices(comparison: Comparison, choices: Choices) -> None:
    """Show all matrices on one colour scale, then what two of them differ in."""
    with st.container(horizontal=True, gap="medium"):
        measure = st.segmented_control(
            "Cells show",
            list(_MEASURES),
            default="labelled",
            required=True,
            format_func=_MEASURES.get,
            key="compare_measure",
            persist_state="session",
        )
        choose_image_format()
    tables = list_tables(comparison, choices)
    top, starred = find_top(tables, measure), find_starred(tables)
    for start in range(0, len(tables), _PER_ROW):
        row = tables[start : start + _PER_ROW]
        for column, table in zip(st.columns(_PER_ROW), row, strict=False):
            with column:
                st.markdown(f"**{plain(table.title)}**")
                figure = build_matrix(
                    table, measure, choices.orientation, top, starred[table.title]
                )
                show_chart(figure, f"matrix_{table.title}_{measure}")
    st.caption(
        f"How to read it: {_READ_ROWS[choices.orientation]}; {_READ_MEASURE[measure]}. Right "
        "answers lie on the diagonal; a dark cell beside it is a typical mistake. All matrices "
        "share one colour scale. The grey margins count images: compare how often a class is "
        "answered with how often it is labelled to see what a model leans to."
    )
    paper_note(choices)
    csv_button(comparison, "matrices", lambda: matrices_to_table(tables))
    _show_difference(comparison, choices)


def _show_difference(comparison: Comparison, choices: Choices) -> None:
    st.subheader("Where two models differ")
    if len(comparison.models) < 2:
        st.info("Choose at least two models above to see their difference.", icon=":material/info:")
        return
    titles = {model.name: model.title for model in comparison.models}
    with st.container(horizontal=True, gap="medium"):
        first = _pick("First", list(titles), titles, "compare_difference_first")
        others = [name for name in titles if name != first]
        second = _pick("less second", others, titles, "compare_difference_second")
        measure = st.segmented_control(
            "Cells show",
            ["labelled", "counts"],
            default="labelled",
            required=True,
            format_func={"labelled": "Percentage points of the label", "counts": "Images"}.get,
            key="compare_difference_measure",
            persist_state="session",
        )
    difference = compute_difference_table(comparison.model(first), comparison.model(second))
    figure = build_difference_matrix(difference, measure, choices.orientation)
    show_chart(figure, f"difference_{first}_{second}_{measure}")
    num, cells = int(difference.significant.sum()), difference.counts.size
    verb = "has" if num == 1 else "have"
    one, two = plain(titles[first]), plain(titles[second])
    st.caption(
        f"How to read it: a blue cell (+) gets more images from {one}, an orange one (−) more from "
        f"{two}; on the diagonal more is better, elsewhere it is worse. {num} of {cells} cells "
        f"{verb} a frame and bold numbers: there the difference is more than chance. An exact "
        "McNemar test asks for each cell how often only one of the two puts an image there; p "
        "under 0.05 after Holm's correction over all cells counts. Point at a cell to see its p."
    )
    csv_button(comparison, "difference", lambda: difference_to_table(difference))


def _pick(label: str, names: list[str], titles: dict[str, str], key: str) -> str:
    if st.session_state.get(key) not in names:  # at first, or the models have changed
        st.session_state[key] = names[0]
    name: str = st.selectbox(
        label, names, format_func=lambda name: titles[name], key=key, persist_state="session"
    )
    return name
