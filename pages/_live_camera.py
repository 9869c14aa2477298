"""The camera: streamlit-webrtc's component, its settings, and help when nothing comes through."""

import functools
from typing import Any

import streamlit as st
from streamlit_webrtc import WebRtcMode, webrtc_streamer
from streamlit_webrtc.relay import get_global_relay

from pages._live_connection import ConnectionState
from pages._live_desk import LiveDesk, LiveStream
from pages._visits import visit_number

KEY = "live_camera"

_CONSTRAINTS = {
    "video": {
        "width": {"ideal": 640},
        "height": {"ideal": 480},
        "frameRate": {"ideal": 30},
        "facingMode": "user",
    },
    "audio": False,
}
_VIDEO = {
    "autoPlay": True,
    "playsInline": True,
    "muted": True,
    "controls": False,
    "style": {"width": "100%", "borderRadius": "0.6rem", "background": "#10171d"},
}
_WORDS = {
    "start": "Start",
    "stop": "Stop",
    "select_device": "Choose camera",
    "select_camera": "Camera",
    "media_api_not_available": "This browser gives pages no access to a camera.",
    "device_ask_permission": "Please allow the use of the camera.",
    "device_not_available": "The camera cannot be used: is it plugged in, or in use elsewhere?",
    "device_access_denied": "The browser denies access to the camera. Allow it in the address bar.",
}


def show_camera(desk: LiveDesk, stream: LiveStream, configuration: dict[str, Any]) -> None:
    """Show the camera with Start, Stop and the choice of cameras.

    Args:
        desk: remembers which visit of the page the component belongs to.
        stream: takes the pictures.
        configuration: for browser and server; ``iceServers`` must be set.
    """
    _renew_context(desk)
    _drop_rather_than_queue()
    context = webrtc_streamer(
        KEY,
        mode=WebRtcMode.SENDRECV,
        rtc_configuration=configuration,
        media_stream_constraints=_CONSTRAINTS,
        video_frame_callback=stream.on_frame,
        on_video_ended=stream.close,
        sendback_audio=False,
        media_toggle_controls=False,
        video_html_attrs=_VIDEO,
        translations=_WORDS,
    )
    desk.signalling, desk.playing = context.state.signalling, context.state.playing


@st.cache_resource(show_spinner=False)
def _drop_rather_than_queue() -> None:
    """Let streams lose pictures where the server cannot keep up.

    streamlit-webrtc queues them without end instead: after one moment of load a stream would stay
    seconds behind, and on a machine that is too slow it would fall back further and further.
    """
    relay = get_global_relay()
    relay.subscribe = functools.partial(relay.subscribe, buffered=False)


def _renew_context(desk: LiveDesk) -> None:
    """Tell a visit after an absence, where the old stream is stale, from a mere rerun.

    streamlit-webrtc tells them apart by counting finished runs, which are counted late: runs in
    quick succession, as while connecting, look like an absence to it and end the stream.
    """
    if desk.visit != visit_number():
        desk.visit = visit_number()
        st.session_state.pop(KEY, None)
        if desk.stream is not None:
            desk.stream.close()
    elif KEY in st.session_state:
        st.session_state[KEY]._last_rendered_run_count = None


def show_connection_help(state: ConnectionState) -> None:
    """Say why no picture comes, and what can be done instead."""
    if state not in ("slow", "failed"):
        return
    st.warning(
        "**The camera's picture does not come through.** Usual reasons: the browser still waits "
        "for permission to use the camera, another program holds the camera, or the network "
        "between this browser and the server lets no video through (a firewall, a VPN, different "
        "networks). In the last case whoever runs the server can name a STUN or TURN server in "
        "`FACECORE_ICE_SERVERS`.",
        icon=":material/videocam_off:",
    )
    _offer_snapshot("live_snapshot")


def show_permission_help(state: ConnectionState) -> None:
    """Say what to do where the browser blocks the camera, until a picture came.

    It stands there from the start: the component keeps the browser's refusal to itself.
    """
    st.caption(
        "“Permission denied”? Allow the camera in the browser's address bar and press **Start** "
        "again. Uploaded photos need no camera."
    )
    if state not in ("slow", "failed"):  # else the help beside it offers the same
        _offer_snapshot("live_snapshot_early")


def show_insecure_page() -> None:
    """Say why a page without HTTPS cannot use the camera, and what can be done instead."""
    st.warning(
        "**Browsers allow cameras on secure pages only.** This page was opened over plain HTTP "
        "from another machine. Open it as *localhost* on the machine that runs it, or through "
        "HTTPS. Uploaded photos and videos work here as well.",
        icon=":material/lock_open:",
    )
    if st.button("Upload photos instead", icon=":material/upload:", key="live_upload"):
        _go_to_photos("upload")


def _offer_snapshot(key: str) -> None:
    if st.button("Take a snapshot instead", icon=":material/photo_camera:", key=key):
        _go_to_photos("camera")


def _go_to_photos(source: str) -> None:
    st.session_state["photo_source"] = source
    st.switch_page("pages/photos.py")
