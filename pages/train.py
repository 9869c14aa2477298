"""Train: bring pictures, look at them, teach a network, use it everywhere.

The logic is in ``facecore``; the training itself is a process of its own.
"""

import streamlit as st

from facecore.user_files import is_teaching_on
from pages._train_data import show_data
from pages._train_form import show_form
from pages._train_models import show_models
from pages._train_runs import show_runs
from pages._ui import error_box, wording_note
from pages._visits import require_router

require_router()

SECTIONS = {
    "Pictures": show_data,
    "New training": show_form,
    "Trainings": show_runs,
    "Models": show_models,
}

st.title("Train on your own data")
with error_box():
    if not is_teaching_on():
        st.info("Training is switched off on this server.", icon=":material/lock:")
        st.stop()
    st.markdown(
        "Bring labelled faces, read what is wrong with them, and teach a network: one of the "
        "shipped ones goes on learning, or a new one begins."
    )
    st.warning(
        "**Visible to everybody here.** Pictures that you keep, trainings and models are shared "
        "with every user of this server, who can use and delete them. Until you press “Keep”, your "
        "pictures are yours alone and go soon after you close or reload this page. Keep only what "
        "the people in them agreed to.",
        icon=":material/group:",
    )
    st.session_state.setdefault("train_section", "Pictures")  # other widgets set it, too
    section = st.segmented_control(
        "Section",
        list(SECTIONS),
        required=True,
        key="train_section",
        label_visibility="collapsed",
        persist_state="session",
    )
    SECTIONS[section]()

wording_note()
