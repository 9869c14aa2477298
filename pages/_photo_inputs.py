"""Where photos come from: uploads, a camera snapshot, the built-in example.

Each source keeps its pictures while the user looks at other pages.
"""

import streamlit as st

from pages._photo_pictures import EXAMPLE_INPUT, PhotoInput, to_input

PHOTO_TYPES = ["jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "gif", "heic", "heif", "avif"]
_MAX_UPLOAD_MB = 100
_SOURCES = {
    "upload": ":material/upload: Upload",
    "camera": ":material/photo_camera: Camera",
    "example": ":material/portrait: Example",
}


def choose_photos() -> list[PhotoInput]:
    """Draw the inputs and return the chosen source's pictures."""
    st.session_state.setdefault("photo_source", "upload")
    source = st.segmented_control(
        "Where the pictures come from",
        list(_SOURCES),
        required=True,
        format_func=lambda name: _SOURCES[name],
        key="photo_source",
        persist_state="session",
        label_visibility="collapsed",
    )
    if source == "example":
        return [EXAMPLE_INPUT]
    widget = f"photo_{source}"
    if widget not in st.session_state:  # a new one, empty: the user looked at something else
        st.session_state[f"{widget}_before"] = _kept(widget)
    if source == "upload":
        st.file_uploader(
            "Photos, several at once",
            PHOTO_TYPES,
            accept_multiple_files=True,
            key=widget,
            on_change=_keep,
            args=(widget,),
            max_upload_size=_MAX_UPLOAD_MB,
        )
    else:
        st.camera_input(
            "Take a picture",
            key=widget,
            on_change=_keep,
            args=(widget,),
            width=640,
        )
    if num_before := len(st.session_state[f"{widget}_before"]):
        _offer_to_forget(widget, num_before)
    return _kept(widget)


def _kept(widget: str) -> list[PhotoInput]:
    kept: list[PhotoInput] = st.session_state.get(f"{widget}_kept", [])
    return kept


def _keep(widget: str) -> None:
    """Remember what was uploaded: the widget itself forgets it when the page changes.

    What is left from before stays in front of it.
    """
    value = st.session_state[widget]
    files = value if isinstance(value, list) else [value] if value is not None else []
    uploaded = [to_input(file.name, file.getvalue()) for file in files]
    before: list[PhotoInput] = st.session_state[f"{widget}_before"]
    kept = {item.key: item for item in (*before, *uploaded)}
    st.session_state[f"{widget}_kept"] = list(kept.values())


def _forget_before(widget: str) -> None:
    st.session_state[f"{widget}_before"] = []
    _keep(widget)


def _offer_to_forget(widget: str, count: int) -> None:
    word = "picture" if count == 1 else "pictures"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{count} {word} from before", width="content")
        st.button(
            "Clear",
            key=f"{widget}_clear",
            icon=":material/close:",
            type="tertiary",
            on_click=_forget_before,
            args=(widget,),
        )
