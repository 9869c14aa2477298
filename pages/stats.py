"""Stats: everything analysed in this browser tab, in total, per source and per person."""

from dataclasses import replace

import streamlit as st

from facecore.registry import list_cards
from pages._asked_labels import join_labels, list_asked
from pages._lasting_names import name_sources
from pages._live_log import forget_left, log_left
from pages._photo_log import follow_thresholds
from pages._session_log import MAX_ENTRIES, count_dropped, forget_all, log_entries
from pages._stats_downloads import describe_left_out, list_session_downloads
from pages._stats_people import describe_dropped
from pages._stats_view import choose_sources, show_people, show_sources, show_totals
from pages._ui import download_buttons, plain, wording_note
from pages._video_desk import forget_finished, log_finished
from pages._visits import require_router

require_router()


def forget_everything() -> None:
    """Empty the statistics, and keep videos that are done and the last stream out of them."""
    forget_finished()
    forget_left()
    forget_all()


st.title("Statistics of this session")
log_finished()
log_left()
follow_thresholds()
names = name_sources(log_entries())
everything = [replace(entry, source=names[entry.key]) for entry in log_entries()]

if not everything:
    st.info(
        "Nothing was analysed yet. Every photo, video and live session that you analyse in this "
        "browser tab is counted here; closing or reloading it forgets it all.",
        icon=":material/bar_chart:",
    )
    with st.container(horizontal=True):
        st.page_link("pages/photos.py", label="Analyse photos", icon=":material/photo_camera:")
        st.page_link("pages/videos.py", label="Analyse a video", icon=":material/movie:")
        st.page_link("pages/live.py", label="Go live", icon=":material/videocam:")
else:
    if num_dropped := count_dropped():
        st.info(
            f"{describe_dropped(num_dropped)} This page holds the latest {MAX_ENTRIES}.",
            icon=":material/info:",
        )
    entries = choose_sources(everything)
    asked = list_asked(entries, list_cards(role="general"))
    labels = join_labels(list(asked.values()))
    show_totals(entries, labels)
    st.subheader("By source")
    show_sources(entries, labels)
    st.subheader("Every person")
    show_people(entries)
    st.subheader("Downloads")
    if left_out := describe_left_out(entries):
        st.caption(f":material/info: {plain(left_out)}")
    download_buttons(list_session_downloads(entries, num_dropped, asked))
    st.button(
        "Forget everything",
        key="stats_forget",
        icon=":material/delete:",
        on_click=forget_everything,
        help="Empties this page. Results that are still open on other pages come back when you "
        "look at them again.",
    )

wording_note()
