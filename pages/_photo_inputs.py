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
    if source == "upload":
        st.file_uploader(
            "Photos, several at once",
            PHOTO_TYPES,
            accept_multiple_files=True,
            key="photo_upload",
            on_change=_keep,
            args=("photo_upload",),
            max_upload_size=_MAX_UPLOAD_MB,
        )
    else:
        st.camera_input(
            "Take a picture",
            key="photo_camera",
            on_change=_keep,
            args=("photo_camera",),
            width=640,
        )
    widget = f"photo_{source}"
    kept: list[PhotoInput] = st.session_state.get(f"{widget}_kept", [])
    if kept and not st.session_state.get(widget):
        _offer_to_forget(widget, len(kept))
    return kept


def _keep(widget: str) -> None:
    """Remember what was uploaded: the widget itself forgets it when the page changes."""
    value = st.session_state[widget]
    files = value if isinstance(value, list) else [value] if value is not None else []
    kept = {item.key: item for item in (to_input(f.name, f.getvalue()) for f in files)}
    st.session_state[f"{widget}_kept"] = list(kept.values())


def _offer_to_forget(widget: str, count: int) -> None:
    word = "picture" if count == 1 else "pictures"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{count} {word} from before", width="content")
        if st.button("Clear", key=f"{widget}_clear", icon=":material/close:", type="tertiary"):
            st.session_state[f"{widget}_kept"] = []
            st.rerun()
