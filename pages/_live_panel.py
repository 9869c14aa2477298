"""Beside the running picture: speed, people, expressions over time, photos and clips."""

import streamlit as st

from facecore.charts import build_counts_chart, build_running_chart
from facecore.errors import VideoWriteError
from facecore.live import MAX_CLIP_S, LiveSnapshot
from facecore.media import encode_image
from pages._live_camera import show_connection_help
from pages._live_desk import LiveDesk, LiveStream
from pages._session_log import forget, log_live
from pages._ui import Download, download_buttons, show_error

POLL_S = 1.0
_PLAIN_CHART = {"displayModeBar": False}


def show_panel(desk: LiveDesk) -> None:
    """Show numbers and buttons; while a stream connects or plays they follow it."""
    active = desk.signalling or desk.playing
    st.fragment(_show_panel, run_every=POLL_S if active else None)(desk)


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
        st.caption(f"The stream that began at {stream.began} has ended. Its numbers:")
        _keep_clip(desk, stream)
    _show_speed(snapshot)
    _show_buttons(desk, stream, snapshot)
    _show_people(snapshot)
    _log(desk, stream, snapshot)


def _show_speed(snapshot: LiveSnapshot) -> None:
    with st.container(horizontal=True, key="live_speed"):
        st.metric("Analysed", f"{snapshot.analysed_fps:.0f}/s", width="content")
        st.metric("Displayed", f"{snapshot.displayed_fps:.0f}/s", width="content")
        delay = "–" if snapshot.delay_ms is None else f"{snapshot.delay_ms:.0f} ms"
        st.metric("Delay", delay, width="content")
        st.metric("People", len(snapshot.summary.people), width="content")


def _show_buttons(desk: LiveDesk, stream: LiveStream, snapshot: LiveSnapshot) -> None:
    with st.container(horizontal=True):
        if st.button(
            "Take photo", icon=":material/photo_camera:", key="live_photo", disabled=stream.ended
        ):
            _take_photo(desk, stream)
        if snapshot.recording:
            words = f"Stop recording ({snapshot.recorded_s:.0f} s)"
            if st.button(words, icon=":material/stop_circle:", key="live_record_stop"):
                _keep_clip(desk, stream)
                st.rerun(scope="fragment")
        elif st.button(
            "Record clip",
            icon=":material/fiber_manual_record:",
            key="live_record",
            disabled=stream.ended,
            help=f"At most {MAX_CLIP_S / 60:.0f} minutes, with what is drawn, without sound.",
        ):
            _keep_clip(desk, stream)
            stream.start_recording()
            st.rerun(scope="fragment")
        if st.button("Reset", icon=":material/restart_alt:", key="live_reset"):
            stream.session.reset()
            forget("live", stream.began)
            st.rerun(scope="fragment")
    download_buttons(
        [
            Download(keepsake.file_name, keepsake.data, keepsake.file_name, keepsake.mime, key)
            for keepsake in desk.keepsakes
            for key in [f"live_download_{keepsake.file_name}"]
        ]
    )


def _take_photo(desk: LiveDesk, stream: LiveStream) -> None:
    photo = stream.session.take_photo()
    if photo is None:
        st.toast("There is no picture yet.", icon=":material/hourglass_empty:")
        return
    desk.keep(encode_image(photo[0], "jpeg"), ".jpg", "image/jpeg")


def _keep_clip(desk: LiveDesk, stream: LiveStream) -> None:
    try:
        data = stream.finish_recording()
    except VideoWriteError as error:
        show_error(str(error))
        return
    if data is not None:
        desk.keep(data, ".mp4", "video/mp4")


def _show_people(snapshot: LiveSnapshot) -> None:
    st.markdown("**Expressions of the last minute**")
    st.plotly_chart(
        build_running_chart(snapshot.times_s, snapshot.shares),
        key="live_running",
        config=_PLAIN_CHART,
    )
    st.markdown("**People per expression**, each by what they showed for longest")
    st.plotly_chart(
        build_counts_chart(snapshot.summary.counts("expression")),
        key="live_expressions",
        config=_PLAIN_CHART,
    )
    st.markdown("**Men and women**")
    st.plotly_chart(
        build_counts_chart(snapshot.summary.counts("gender")),
        key="live_genders",
        config=_PLAIN_CHART,
    )


def _log(desk: LiveDesk, stream: LiveStream, snapshot: LiveSnapshot) -> None:
    """Tell the session's statistics; a stream that has shown nobody yet is none."""
    if snapshot.summary.people:
        media = {keepsake.file_name: keepsake.data for keepsake in desk.keepsakes}
        log_live(
            snapshot.summary,
            source=f"Live, {stream.began}",
            key=stream.began,
            thumbnails=snapshot.thumbnails,
            media=media,
        )
