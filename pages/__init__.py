"""The dashboard's pages, and what they share."""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

# Until st.navigation has been called once, Streamlit takes a folder of this name for pages of its
# own finding. A page opened by its address on a new server would then run without the router.
if PagesManager.uses_pages_directory:
    PagesManager.uses_pages_directory = False
    st.rerun()
