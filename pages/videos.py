"""Videos: upload, choose a part, analyse in the background, look at people over time."""

import streamlit as st

from pages._lasting_names import number_videos
from pages._sidebar import device_line, sidebar
from pages._ui import error_box, open_meanwhile, plain, wording_note
from pages._video_desk import (
    cases,
    choose_case,
    chosen_case,
    hide_all_faces,
    log_finished,
    remove_case,
)
from pages._video_progress import show_analysis_progress
from pages._video_result import show_result
from pages._video_upload import show_upload
from pages._visits import require_router

require_router()

NEW = "new"

st.title("Videos")
wording_note()
settings = sidebar("video")
hide_all_faces(settings.annotation.hide_faces)

held = cases()
case = chosen_case()
if held:
    # Newest first, so that the one just started stands beside "New video".
    numbers = number_videos()
    words = {NEW: "New video"} | {key: held[key].label + numbers[key] for key in reversed(held)}
    chosen = st.pills(
        "Your videos",
        list(words),
        default=case.key if case else NEW,
        required=True,
        format_func=lambda key: words.get(key, ""),
        key=f"video_choice_{len(held)}_{case.key if case else NEW}",
    )
    if chosen != (case.key if case else NEW):
        choose_case(None if chosen == NEW else chosen)
        st.rerun()

with error_box():
    # Asked first: where it ends at this moment, what it ended with is known afterwards.
    is_at_work = case is not None and case.job.state in ("waiting", "running")
    if case is None:
        show_upload(settings)
    elif case.problem is not None:
        st.error(plain(case.problem), icon=":material/error:")
        if st.button("Choose another video", key=f"video_again_{case.key}"):
            remove_case(case.key)
            st.rerun()
    elif is_at_work:
        st.subheader(plain(case.name))
        show_analysis_progress(case)
        st.caption("You may look at other pages meanwhile; the analysis goes on.")
    else:
        show_result(case, settings)

log_finished()  # after the shown one's changes, so that each is counted once
device_line()
open_meanwhile(settings.used_checksums)
