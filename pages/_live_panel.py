"""Beside the running picture: speed, people, expressions over time, photos and clips."""

import streamlit as st

from facecore.charts import build_running_chart
from facecore.errors import StorageError
from facecore.live import MAX_CLIP_S, LiveSnapshot
from facecore.media import encode_image
from pages._live_camera import show_connection_help, show_permission_help
from pages._live_desk import MAX_KEEPSAKES, LiveDesk, LiveStream
from pages._live_log import keep_clip, log_stream, tell_gone
from pages._look import build_tiles
from pages._people_tiles import build_people_tiles
from pages._session_log import forget
from pages._ui import Download, download_buttons, show_error

POLL_S = 1.0


def show_panel(desk: LiveDesk) -> None:
    """Show speed, people and expressions; while a stream connects or plays they follow it."""
    st.fragment(_show_panel, run_every=_poll_s(desk))(desk)


def show_keeping(desk: LiveDesk) -> None:
    """Offer to take photos and record clips, and those taken; before that, help to begin."""
    st.fragment(_show_keeping, run_every=_poll_s(desk))(desk)


def _poll_s(desk: LiveDesk) -> float | None:
    return POLL_S if desk.signalling or desk.playing else None


def _show_panel(desk: LiveDesk) -> None:
    show_connection_help(desk.follow_connection())
    stream = desk.latest()
    if stream is None or stream.session is None:
        st.info(
            "Press **Start** and allow the camera. People, expressions and speed then appear here.",
            icon=":material/videocam:",
        )
        return
    snapshot = stream.session.snapshot()
    for problem in filter(None, (stream.problem, snapshot.last_error)):
        show_error(problem)
    if stream.ended:
        st.caption(f"The stream that began at {stream.began} has ended. What it showed:")
    else:
        _show_speed(snapshot)
    _show_people(snapshot)
    st.button(
        "Reset",
        icon=":material/restart_alt:",
        key="live_reset",
        on_click=_reset,
        args=(stream,),
    )
    log_stream(desk, stream, snapshot)


def _show_speed(snapshot: LiveSnapshot) -> None:
    delay = "–" if snapshot.delay_ms is None else f"{snapshot.delay_ms:.0f} ms"
    speeds = {
        "Analysed": f"{snapshot.analysed_fps:.0f} /s",
        "Displayed": f"{snapshot.displayed_fps:.0f} /s",
        "Delay": delay,
    }
    st.html(build_tiles(speeds, min_width_rem=6))


def _show_people(snapshot: LiveSnapshot) -> None:
    st.html(build_people_tiles(snapshot.summary))
    st.markdown("**Expressions of the last minute**")
    st.plotly_chart(
        build_running_chart(snapshot.times_s, snapshot.shares),
        key="live_running",
        config={"displayModeBar": False},
    )


def _show_keeping(desk: LiveDesk) -> None:
    stream = desk.latest()
    if stream is None or stream.session is None:
        show_permission_help(desk.follow_connection())
        return
    if stream.ended:
        keep_clip(desk, stream)
    snapshot = stream.session.snapshot()
    with st.container(horizontal=True):
        st.button(
            "Take photo",
            icon=":material/photo_camera:",
            key="live_photo",
            disabled=stream.ended,
            on_click=_take_photo,
            args=(desk, stream),
        )
        if snapshot.recording:
            st.button(
                f"Stop recording ({snapshot.recorded_s:.0f} s)",
                icon=":material/stop_circle:",
                key="live_record_stop",
                on_click=keep_clip,
                args=(desk, stream),
            )
        else:
            st.button(
                "Record clip",
                icon=":material/fiber_manual_record:",
                key="live_record",
                disabled=stream.ended,
                on_click=_start_clip,
                args=(desk, stream),
            )
    if desk.problem is not None:
        show_error(desk.problem)
    if snapshot.recording:
        st.caption(f"Without sound, at most {MAX_CLIP_S / 60:.0f} minutes.")
    if desk.keepsakes:
        st.caption(
            f"The newest {MAX_KEEPSAKES} are kept in the server's memory until you close "
            "or reload this page; photos make room before clips do:"
        )
    download_buttons(
        [
            Download(kept.file_name, kept.data, kept.file_name, kept.mime, f"live_{kept.file_name}")
            for kept in reversed(desk.keepsakes)
        ]
    )


def _reset(stream: LiveStream) -> None:
    if stream.session is not None:
        stream.session.reset()
    stream.counted = False  # whoever is seen from now on is new to the statistics
    forget("live", stream.began)


def _take_photo(desk: LiveDesk, stream: LiveStream) -> None:
    photo = stream.session.take_photo() if stream.session is not None else None
    if photo is None:
        st.toast("There is no picture yet.", icon=":material/hourglass_empty:")
        return
    tell_gone(desk.keep(encode_image(photo[0], "jpeg"), ".jpg", "image/jpeg", stream.began))


def _start_clip(desk: LiveDesk, stream: LiveStream) -> None:
    desk.problem = None
    try:
        stream.start_recording()
    except StorageError as error:
        desk.problem = str(error)
