"""Relabel: doubtful labels of a data set, one picture after another, and people's decisions merged.

The logic is in ``facecore``; the networks' doubts come from ``training/cross_validate.py``.
"""

import streamlit as st

from facecore.errors import DatasetNotFoundError
from facecore.user_files import is_teaching_on
from pages._relabel_choices import choose_dataset, choose_queue, take_link
from pages._relabel_data import Material, describe_doubt, describe_judging, open_material
from pages._relabel_desk import show_desk
from pages._relabel_together import show_together
from pages._ui import error_box, plain, show_error, wording_note
from pages._visits import require_router

require_router()

SECTIONS = ("Decide", "Together")


def show_section(material: Material) -> None:
    """Show the chosen section."""
    st.session_state.setdefault("relabel_section", SECTIONS[0])  # links set it, too
    section = st.segmented_control(
        "Section",
        SECTIONS,
        required=True,
        key="relabel_section",
        label_visibility="collapsed",
        persist_state="session",
    )
    dataset = material.dataset
    if section == "Together":
        show_together(dataset.name, dataset.split)
        return
    if not material.is_judged and material.queue.empty:
        st.info(
            "No network has looked at these labels yet, so nothing is known about them. "
            + describe_judging(dataset.name),
            icon=":material/model_training:",
        )
        return
    if material.predictions is None:
        st.caption(
            ":material/model_training: No network has looked at these labels yet. "
            + describe_judging(dataset.name)
        )
    who, ids = choose_queue(material)
    if not who:
        st.info("Enter your name to begin; it is written beside your decisions.")
    elif not ids:
        icon = ":material/check:" if material.is_judged else ":material/filter_alt:"
        st.info("No picture is doubtful in this way.", icon=icon)
    else:
        show_desk(material, who, ids)


def find_material(name: str) -> Material | None:
    """Return the data set's pictures and say what is doubtful; None where they are not here."""
    try:
        material = open_material(name)
    except DatasetNotFoundError as error:
        st.info(plain(str(error)), icon=":material/info:")
        return None
    for problem in material.problems:
        show_error(problem)
    st.caption(
        f"{describe_doubt(material)} "
        "Only training pictures are shown: what networks are judged on keeps its labels."
    )
    return material


st.title("Relabel doubtful pictures")
with error_box():
    if not is_teaching_on():
        st.info("Relabelling is switched off on this server.", icon=":material/lock:")
        st.stop()
    st.markdown(
        "Labels are people's words on a look, and some are mistaken. Say of each picture what its "
        "expression or gender **looks like to you**; nothing is changed in the data set, your "
        "decisions are a small table that a training can take."
    )
    st.warning(
        "**Visible to everybody here.** Your name and decisions are kept on this server, where "
        "every user can see, use and delete them.",
        icon=":material/group:",
    )
    take_link()
    material = find_material(choose_dataset())
    if material is not None:
        show_section(material)

wording_note()
