"""What of a live stream goes into the session's statistics: its people, photos and clips."""

import streamlit as st

from facecore.errors import VideoWriteError
from facecore.live import LiveSnapshot
from pages._live_desk import Keepsake, LiveDesk, LiveStream, live_desk
from pages._session_log import forget, is_logged, log_live


def keep_clip(desk: LiveDesk, stream: LiveStream) -> None:
    """End the clip and put it beside the stream; also one that the stream's end has finished."""
    try:
        data = stream.finish_recording()
    except VideoWriteError as error:
        desk.problem = str(error)
        return
    desk.problem = None
    if data is not None:
        tell_gone(desk.keep(data, ".mp4", "video/mp4", stream.began))


def tell_gone(gone: Keepsake | None) -> None:
    """Say which photo or clip made room, if one did."""
    if gone is not None:
        st.toast(f"{gone.file_name} made room.", icon=":material/delete:")


def log_stream(desk: LiveDesk, stream: LiveStream, snapshot: LiveSnapshot) -> None:
    """Tell the session's statistics; a stream that has shown nobody yet is none."""
    if snapshot.summary.people:
        stream.counted = True
        own = [keepsake for keepsake in desk.keepsakes if keepsake.began == stream.began]
        media = {keepsake.file_name: keepsake.data for keepsake in own}
        log_live(
            snapshot.summary,
            source=f"Live, {stream.began}",
            key=stream.began,
            thumbnails={} if desk.hides_faces else snapshot.thumbnails,
            media=media,
        )


def log_left() -> None:
    """Bring the last stream up to date in the statistics, with the clip it was recording.

    For another page than Live: whoever is there has left the camera. The browser may take a while
    to end the stream, and Live itself looks for the clip only when it is drawn again. What the
    statistics forgot stays away.
    """
    desk = live_desk()
    if desk.stream is not None:
        desk.stream.close()
    stream = desk.latest()
    if stream is None or stream.session is None:
        return
    keep_clip(desk, stream)
    if not stream.counted or is_logged("live", stream.began):
        log_stream(desk, stream, stream.session.snapshot())


def forget_left() -> None:
    """Keep the last stream out of the statistics, until Live shows it again."""
    stream = live_desk().latest()
    if stream is not None:
        stream.counted = True
        forget("live", stream.began)
