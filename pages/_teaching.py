"""The pages on which visitors teach networks; one setting takes them away on a public server."""

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from facecore.user_files import is_teaching_on
from pages._ui import error_box


def teaching_pages() -> list[StreamlitPage]:
    """Return them for the navigation, or none."""
    with error_box():
        if is_teaching_on():
            return [st.Page("pages/train.py", title="Train", icon=":material/school:")]
    return []
