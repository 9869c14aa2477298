"""The live analysis of one browser session: its stream, what it is set to, what was kept of it."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import av
import streamlit as st
from av.video.reformatter import VideoReformatter

from facecore.hiding import search_at_once
from facecore.live import LiveSession
from facecore.live_drawing import draw_live, mirror
from facecore.pipeline import PipelineOptions, SupportsPredict
from facecore.temp_folders import TempFolder
from pages._live_connection import ConnectionState, ConnectionWatch
from pages._session_end import close_with_session
from pages._sidebar import Settings

MAX_KEEPSAKES = 12
"""Photos and clips that stay in the server's memory for one browser session."""

CLIP_NAME = "clip.mp4"

_STATE = "live_desk"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a live session is made of, and what is pushed into a running one.

    Args:
        classifiers: loaded networks, one per task.
        settings: the sidebar's.
        mirror: whether the picture is turned like a mirror.
    """

    classifiers: Sequence[SupportsPredict]
    settings: Settings
    mirror: bool

    @property
    def hides_faces(self) -> bool:
        """Whether faces are to be hidden."""
        return self.settings.annotation.hide_faces is not None

    @property
    def pipeline(self) -> PipelineOptions:
        """The sidebar's options; every whole picture is searched where faces are hidden."""
        chosen = self.settings.pipeline
        return search_at_once(chosen) if self.hides_faces else chosen


@dataclass(frozen=True, slots=True)
class Keepsake:
    """A photo or clip taken from the stream.

    Args:
        file_name: for the download.
        data: the file.
        mime: its media type.
        began: when its stream began, which tells streams apart.
    """

    file_name: str
    data: bytes
    mime: str
    began: str

    @property
    def is_photo(self) -> bool:
        """Whether it is a photo rather than a clip."""
        return self.mime.startswith("image/")


class LiveStream:
    """One stream from START to STOP; frames come on a WebRTC thread.

    The analysis is made at the first frame and closed when the stream ends, for whatever reason:
    STOP, another page, a lost connection, a closed browser.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.began = datetime.now().strftime("%H:%M:%S")
        self.session: LiveSession | None = None
        self.ended = False
        self.counted = False  # told to the statistics once; what they forgot since stays away
        self.problem: str | None = None
        self._mirrored = recipe.mirror  # the latest picture, while the recipe tells of the next
        self._folder: TempFolder | None = None
        self._lock, self._closing = threading.Lock(), threading.Lock()
        # Each holds threads: one per frame, which is the default, would add up to hundreds.
        self._to_bgr, self._to_yuv = VideoReformatter(), VideoReformatter()

    def on_frame(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Take one camera picture and return what the browser shows; never raises.

        Where nothing could be drawn, or the stream has ended, that is the bare picture, or a wholly
        hidden one while faces are to be hidden.
        """
        picture_bgr = self._to_bgr.reformat(frame, format="bgr24").to_ndarray()
        mirrored = self.recipe.mirror
        if mirrored:
            picture_bgr = mirror(picture_bgr)
        shown_bgr = None
        # An exception in here would freeze the picture without a word: it is told on the page.
        try:
            session = self._running_session()
            if session is not None:
                # Here and not in update, so that no picture comes in between the other way round.
                if mirrored != self._mirrored:
                    session.drop_boxes()
                    self._mirrored = mirrored
                session.submit(picture_bgr, time.monotonic())
                shown_bgr = session.render(picture_bgr)
            self.problem = None
        except Exception as error:
            if self.problem is None:
                _log.exception("the live picture could not be drawn")
            self.problem = f"{type(error).__name__}: {error}"
        if shown_bgr is None:
            shown_bgr = draw_live(picture_bgr, None, self.recipe.settings.annotation)
        drawn = av.VideoFrame.from_ndarray(shown_bgr, format="bgr24")
        return self._to_yuv.reformat(drawn, format="yuv420p")  # what the encoder wants

    def update(self, recipe: Recipe) -> None:
        """Apply other models, options or views to the running stream."""
        with self._lock:  # the session is made with this recipe, or is told of it below
            self.recipe = recipe
            session = None if self.ended else self.session
        if session is not None:
            session.set_options(
                classifiers=recipe.classifiers,
                pipeline=recipe.pipeline,
                annotation=recipe.settings.annotation,
            )

    def start_recording(self) -> None:
        """Begin a clip; without a picture yet, or with a clip at work, nothing happens.

        Raises:
            StorageError: if there is no temporary folder for it.
        """
        if self.session is None or self.ended:
            return
        if not self.session.snapshot().recording:
            self._folder = self._folder or TempFolder("live")
            self.session.start_recording(self._folder.path / CLIP_NAME)

    def finish_recording(self) -> bytes | None:
        """End the clip and return its file; also one that the stream's end has finished.

        Raises:
            VideoWriteError: if it could not be written.
        """
        if self.session is not None:
            self.session.stop_recording()
        path = self._folder.path / CLIP_NAME if self._folder is not None else None
        if path is None:
            return None
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        path.unlink(missing_ok=True)
        return data

    def close(self) -> None:
        """Release threads and files; called by the stream's end, too.

        A clip is finished on return, also where another thread was closing already.
        """
        with self._lock:
            self.ended = True
        if self.session is not None:
            with self._closing:
                self.session.close()

    def discard(self) -> None:
        """Close and delete the clip's folder."""
        self.close()
        if self._folder is not None:
            self._folder.close()

    def _running_session(self) -> LiveSession | None:
        with self._lock:
            if self.session is None and not self.ended:
                recipe = self.recipe
                self.session = LiveSession(
                    recipe.classifiers, recipe.pipeline, recipe.settings.annotation
                )
            return None if self.ended else self.session


@dataclass(eq=False)
class LiveDesk:
    """What a browser session holds for its Live page.

    Args:
        stream: the running one, or the one that START will run.
        shown: the one whose numbers are shown: the running one, else the last.
        keepsakes: photos and clips, newest last.
        watch: follows the connection.
        visit: the visit of the page that the streamer on it belongs to.
        signalling: whether the browser is trying to connect.
        playing: whether it is connected.
        problem: why the last clip could not be kept.
        num_kept: photos and clips taken so far.
    """

    stream: LiveStream | None = None
    shown: LiveStream | None = None
    keepsakes: list[Keepsake] = field(default_factory=list)
    watch: ConnectionWatch = field(default_factory=ConnectionWatch)
    visit: int = -1
    signalling: bool = False
    playing: bool = False
    problem: str | None = None
    num_kept: int = 0

    @property
    def hides_faces(self) -> bool:
        """Whether faces are to be hidden now, which an ended stream was not told."""
        return self.stream is not None and self.stream.recipe.hides_faces

    def prepare(self, recipe: Recipe) -> LiveStream:
        """Return the stream for the camera, made anew after the last one has ended."""
        if self.stream is None or self.stream.ended:
            self.latest()  # the old one's numbers stay
            self.stream = LiveStream(recipe)
        else:
            self.stream.update(recipe)
        return self.stream

    def latest(self) -> LiveStream | None:
        """Return the stream whose numbers are to be shown, once there are some."""
        if self.stream is not None and self.stream.session is not None:
            if self.shown is not None and self.shown is not self.stream:
                self.shown.discard()
            self.shown = self.stream
        return self.shown

    def follow_connection(self) -> ConnectionState:
        """Return how the connection is doing, as of the streamer's last signals and now."""
        return self.watch.update(signalling=self.signalling, playing=self.playing)

    def keep(self, data: bytes, ending: str, mime: str, began: str) -> Keepsake | None:
        """Put a photo or clip of the stream that began then beside it.

        Returns:
            What made room for it: the oldest photo, or the oldest clip where there is no photo,
            as a photo is more easily taken again.
        """
        stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
        self.num_kept += 1
        name = f"live_{stamp}_{self.num_kept}{ending}"
        gone = None
        if len(self.keepsakes) >= MAX_KEEPSAKES:
            photos = [kept for kept in self.keepsakes if kept.is_photo]
            gone = (photos or self.keepsakes)[0]
            self.keepsakes.remove(gone)
        self.keepsakes.append(Keepsake(name, data, mime, began))
        return gone

    def close(self) -> None:
        """Stop the stream and delete its files."""
        for stream in (self.stream, self.shown):
            if stream is not None:
                stream.discard()


def live_desk() -> LiveDesk:
    """Return this session's desk, watched until the session ends."""
    desk: LiveDesk = st.session_state.setdefault(_STATE, LiveDesk())
    close_with_session(desk)
    return desk
