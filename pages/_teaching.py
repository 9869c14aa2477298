"""The pages on which visitors teach networks; one setting takes them away on a public server."""

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from facecore.datasets import get_dataset_info
from facecore.datasets_fer2013 import NAME as FER2013
from facecore.drilldown import DATASETS_WITH_VOTES
from facecore.errors import DatasetError
from facecore.user_files import is_teaching_on
from pages._ui import error_box


def teaching_pages() -> list[StreamlitPage]:
    """Return them for the navigation, or none."""
    with error_box():
        if is_teaching_on():
            return [
                st.Page("pages/train.py", title="Train", icon=":material/school:"),
                st.Page("pages/relabel.py", title="Relabel", icon=":material/rule:"),
            ]
    return []


def link_relabel_page(
    words: str, dataset: str, label: str | None = None, seen: str | None = None
) -> None:
    """Lead to the training pictures with that label and doubt, such as those of a matrix's cell.

    Args:
        words: on the link.
        dataset: FER+'s pictures are FER-2013's.
        label: canonical name; None for every label.
        seen: what the pictures may show; None for everything.
    """
    name = FER2013 if dataset in DATASETS_WITH_VOTES else dataset
    if is_teaching_on() and _has_training_pictures(name):
        choices = {"dataset": name, "label": label, "seen": seen}
        st.page_link(
            "pages/relabel.py",
            label=words,
            icon=":material/rule:",
            query_params={key: value for key, value in choices.items() if value is not None},
        )


def _has_training_pictures(dataset: str) -> bool:
    try:
        return any(split.use == "fit" for split in get_dataset_info(dataset).splits)
    except DatasetError:  # a user's pictures that were deleted; what was scored on them stays
        return False
