"""A new video: upload, what the file says about itself, the part to analyse, start."""

from dataclasses import dataclass, replace

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from facecore.errors import MediaError
from facecore.jobs_video import probe_video
from facecore.media import VideoInfo
from facecore.pipeline import VIDEO_PIPELINE
from facecore.pipeline_every import DETECT_EVERY, describe_search, name_search
from pages._cache import remember
from pages._sidebar import Settings
from pages._ui import error_box, plain
from pages._video_desk import FILE_TYPES, start_case

_ROUND = "video_upload_round"
_SHORTEST_S = 0.1


@dataclass(frozen=True, slots=True)
class _Choice:
    file: UploadedFile
    range_s: tuple[float, float]


def show_upload(settings: Settings) -> None:
    """Let the user upload videos, choose a part of each, and start."""
    files = st.file_uploader(
        "Videos",
        FILE_TYPES,
        accept_multiple_files=True,
        key=f"video_files_{st.session_state.setdefault(_ROUND, 0)}",
        help="Everything is computed on the machine that runs this dashboard. The file is deleted "
        "with its result or soon after you close or reload this page.",
    )
    if not files:
        st.info(
            "Choose one or more videos. Before the analysis you can pick the part that counts; "
            "afterwards you see every person, when they were there and which expressions they "
            "showed.",
            icon=":material/movie:",
        )
        return
    choices = [choice for file in files if (choice := _show_file(file)) is not None]
    if choices:
        every = _choose_search()
        settings = replace(settings, pipeline=replace(settings.pipeline, detect_every=every))
    label = "Analyse" if len(choices) == 1 else f"Analyse {len(choices)} videos"
    ready = bool(choices) and bool(settings.models)
    if choices and st.button(
        label, type="primary", icon=":material/play_arrow:", key="video_start", disabled=not ready
    ):
        with error_box():
            _start(choices, settings)


def _choose_search() -> int:
    every = st.pills(
        "Search faces in",
        DETECT_EVERY,
        default=VIDEO_PIPELINE.detect_every,
        required=True,
        format_func=name_search,
        key="video_detect_every",
        persist_state="session",
        help="The search takes much of the time of an analysis.",
    )
    st.caption(describe_search(every))
    return every


def _start(choices: list[_Choice], settings: Settings) -> None:
    for choice in choices:
        start_case(choice.file.name, choice.file, settings, choice.range_s)
    st.session_state[_ROUND] += 1  # an empty uploader next time
    st.rerun()


def _show_file(file: UploadedFile) -> _Choice | None:
    with st.container(border=True, key=f"video_file_{file.file_id}"):
        st.markdown(f":material/movie: **{plain(file.name)}**")
        info = _probe(file)
        if isinstance(info, str):
            st.error(plain(info), icon=":material/error:")
            return None
        st.caption(describe(info))
        return _Choice(file, _choose_range(info, file.file_id))


def _probe(file: UploadedFile) -> VideoInfo | str:
    def make() -> VideoInfo | str:
        try:
            return probe_video(file.name, file)
        except MediaError as error:
            return str(error)

    return remember("video_info", file.file_id, make, limit=20)


def _choose_range(info: VideoInfo, file_id: str) -> tuple[float, float | None]:
    if not info.duration_s or info.duration_s < 2 * _SHORTEST_S:
        return 0.0, None
    end_s = round(info.duration_s, 1)
    start_s, stop_s = st.slider(
        "Part to analyse (seconds)",
        0.0,
        end_s,
        (0.0, end_s),
        _SHORTEST_S,
        format="%.1f s",
        key=f"video_range_{file_id}",
    )
    if stop_s - start_s < _SHORTEST_S:
        stop_s = start_s + _SHORTEST_S
    return start_s, None if stop_s >= end_s else stop_s


def describe(info: VideoInfo) -> str:
    """Return size, length and speed of a video in a line."""
    parts = [f"{info.width} × {info.height} pixels", f"{info.fps:.3g} frames per second"]
    if info.duration_s:
        parts.insert(0, clock(info.duration_s))
    parts.append("with sound" if info.has_audio else "no sound")
    return " · ".join(parts)


def clock(seconds: float) -> str:
    """Return a time as ``m:ss.t``."""
    # Rounded first: 59.96 seconds are a minute.
    minutes, tenths = divmod(round(max(0.0, seconds) * 10), 600)
    return f"{minutes}:{tenths / 10:04.1f}"
