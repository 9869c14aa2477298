"""The dashboard's entry point: page settings, navigation, and nothing else."""

import streamlit as st

from facecore.program_end import awaited
from pages._look import ICON_SVG, LOGO_SVG, STYLE
from pages._startup import start_server
from pages._teaching import teaching_pages
from pages._visits import note_visit

st.set_page_config(page_title="Facecore", page_icon=ICON_SVG, layout="wide")
st.logo(LOGO_SVG, size="large")
st.html(STYLE)
start_server()

PAGES = [
    st.Page("pages/home.py", title="Home", icon=":material/home:", default=True),
    st.Page("pages/photos.py", title="Photos", icon=":material/photo_camera:"),
    st.Page("pages/videos.py", title="Videos", icon=":material/movie:"),
    st.Page("pages/live.py", title="Live", icon=":material/videocam:"),
    st.Page("pages/compare.py", title="Compare", icon=":material/compare:"),
    st.Page("pages/stats.py", title="Stats", icon=":material/bar_chart:"),
    *teaching_pages(),
]

page = st.navigation(PAGES)
note_visit(page.url_path)
with awaited():  # a server that stops
    page.run()
