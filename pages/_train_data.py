"""The section Pictures: bring them, see what is kept, delete it."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from facecore.labels import TASKS, Task, display_name
from facecore.limits import path_to_text
from facecore.own_data import bring_path, bring_upload
from facecore.own_data_sources import list_server_sources, resolve_server_source
from facecore.own_data_store import OwnData, list_own_data
from facecore.training_data import delete_unneeded_data
from pages._teaching import link_relabel_page
from pages._train_desk import DraftCase, current_case, drop_case, open_case
from pages._train_report import show_report
from pages._ui import error_box, plain, show_error

_POLL_S = 0.7
_SOURCES = ("Upload", "Folder on the server")


def show_data() -> None:
    """Show this session's new pictures, or the way to bring some; then what is kept."""
    case = current_case()
    if case is not None and case.problem is not None:
        show_error(case.problem)
        drop_case()
        case = None
    if case is None:
        _show_intake()
    elif case.reading.active:
        _show_reading(case)
    elif case.reading.result is None:
        if case.reading.error:
            show_error(case.reading.error)
        drop_case()
        _show_intake()
    else:
        show_report(case, case.reading.result)
    if note := st.session_state.pop("train_kept_note", None):
        st.success(f"“{plain(note)}” is kept. “New training” above teaches a network on it.")
    _show_kept(list_own_data())


def _show_intake() -> None:
    st.subheader("Bring pictures")
    task: Task = st.segmented_control(
        "The labels say",
        list(TASKS),
        default="expression",
        required=True,
        format_func=display_name,
        key="train_task",
        persist_state="session",
        help="Labels of your own are possible with both; two genders are not enough for everyone.",
    )
    source = st.segmented_control(
        "The pictures are in",
        _SOURCES,
        default=_SOURCES[0],
        required=True,
        key="train_source",
        persist_state="session",
    )
    crop = st.toggle(
        "Cut out the faces: these are whole photos",
        key="train_crop",
        persist_state="session",
        help="The same detector as on the other pages searches each picture, and the face is cut "
        "out as the shipped networks saw theirs. Pictures with no face or several are listed and "
        "left out. Leave it off for pictures that show one face closely already.",
    )
    if source == _SOURCES[0]:
        _show_upload(task, crop)
    else:
        _show_server_folders(task, crop)


def _show_upload(task: Task, crop: bool) -> None:
    file = st.file_uploader(
        "A ZIP of folders named by label, or a CSV",
        ["zip", "csv"],
        key="train_file",
        help="In the ZIP: happy/1.jpg, sad/2.jpg, …, or with train/ and validation/ above the "
        "labels. A CSV has FER-2013's columns: emotion (or label), pixels, Usage.",
    )
    if st.button(
        "Look at the pictures",
        type="primary",
        icon=":material/search:",
        key="train_look",
        disabled=file is None,
    ):
        open_case(file.name, task, bring_upload(file, file.name), crop)
        st.rerun()


def _show_server_folders(task: Task, crop: bool) -> None:
    names = list_server_sources()
    if not names:
        st.info(
            "The server's data folder holds no folders or CSV files. Whoever runs it can put some "
            "there (FACECORE_DATA_DIR).",
            icon=":material/folder_off:",
        )
        return
    name = st.selectbox(
        "Folder or CSV file", names, format_func=path_to_text, key="train_server_source"
    )
    if st.button(
        "Look at the pictures", type="primary", icon=":material/search:", key="train_look"
    ):
        open_case(path_to_text(name), task, bring_path(resolve_server_source(name)), crop)
        st.rerun()


@st.fragment(run_every=_POLL_S)
def _show_reading(case: DraftCase) -> None:
    if not case.reading.active:
        st.rerun(scope="app")
    progress = case.reading.progress
    words = "unpacking …" if not progress.done else f"{progress.done:,} of {progress.total:,}"
    st.progress(progress.fraction or 0.0, f"Reading and comparing {plain(case.name)}: {words}")
    if st.button("Cancel", icon=":material/close:", key="train_reading_cancel"):
        drop_case()
        st.rerun(scope="app")


def _show_kept(kept: Sequence[OwnData]) -> None:
    st.subheader("Kept on this server")
    if not kept:
        st.caption("Nobody has kept pictures here yet.")
    for data in kept:
        with st.expander(f"{plain(data.title)} · {_count(data):,} pictures"):
            table = pd.DataFrame(data.counts).T.rename(index=display_name)
            st.table(table.rename(columns=display_name), border="horizontal")
            st.caption(
                f"{display_name(data.task)}; divided by {data.split_method}; data set "
                f"`{data.name}` on the command line."
            )
            link_relabel_page("Look through doubtful labels", data.name)
            with st.popover("Delete", icon=":material/delete:", key=f"train_ask_{data.name}"):
                st.write(
                    "The pictures go for good, with what was decided on their labels; models "
                    "trained on them stay."
                )
                if st.button("Delete for everybody", key=f"train_delete_{data.name}"):
                    _delete(data)


def _delete(data: OwnData) -> None:
    with error_box():
        delete_unneeded_data(data.name)
        st.toast(f"“{plain(data.title)}” was deleted.", icon=":material/check:")
        st.rerun()


def _count(data: OwnData) -> int:
    return sum(map(data.num_images, ("train", "validation", "test")))
