"""The videos of one browser session: at work, finished, and what was changed about their people."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO
from uuid import uuid4

import streamlit as st

from facecore.annotation import AnnotationOptions, HideMethod, anonymise
from facecore.jobs_queue import VIDEOS_VARIABLE, TurnQueue, read_limit
from facecore.jobs_video import VideoJob
from facecore.limits import safe_name
from facecore.preprocessing import UInt8Array
from facecore.results import FrameResult
from facecore.session import VideoRun
from facecore.stats import PeopleEdits, SessionSummary
from facecore.stats_clip import settle_clip
from facecore.tracking_labels import Thresholds, decide_again
from pages._session_end import close_with_session, session_id
from pages._session_log import forget, is_logged, log_video
from pages._sidebar import Settings, follow_today
from pages._ui import load_classifiers, plain, safe_file_name

FILE_TYPES = ["mp4", "mov", "avi", "webm", "mkv", "gif", "m4v"]
DEFAULT_AT_ONCE = 2
"""Videos analysed at the same time on this server where ``FACECORE_MAX_VIDEOS`` is not set."""
MAX_KEPT = 6
"""Videos kept per browser session; the oldest finished one makes room."""

_STATE = "video_cases"
_CHOSEN = "video_chosen"


Drawing = tuple[AnnotationOptions, PeopleEdits, Thresholds]
"""What an annotated video shows: how it is drawn, whose changes are in it, what is undecided."""


@dataclass(eq=False)
class VideoCase:
    """One video of this session.

    Args:
        key: identifies it.
        job: its thread, files and results.
        drawn: what its annotated video shows.
        settings: what the sidebar was set to when the analysis began.
        models: titles of the networks that look at it, expression first.
        range_start_s: where the analysed part begins in the upload.
        history: the edits, oldest first; the last one counts.
        player_s: where the player was last sent, in seconds of the annotated video.
        num_moves: how often it was sent somewhere.
        current: whether the annotated video shows the edits and options that count.
        hide_faces: how faces are to be hidden, as of the page's last run.
        counted: whether the statistics were told of it once; what they forgot since stays away.
    """

    key: str
    job: VideoJob
    drawn: Drawing
    settings: Settings
    models: tuple[str, ...] = ()
    range_start_s: float = 0.0
    history: list[PeopleEdits] = field(default_factory=lambda: [PeopleEdits()])
    player_s: float = 0.0
    num_moves: int = 0
    current: bool = True
    hide_faces: HideMethod | None = None
    counted: bool = False
    _ordered: Drawing | None = None
    _asked_again: bool = False
    _view: tuple[PeopleEdits, Sequence[FrameResult], SessionSummary] | None = None
    _decided: tuple[Thresholds, VideoRun] | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        return self.job.name

    @property
    def label(self) -> str:
        """The file's name, short enough for a button, as Markdown."""
        name = safe_name(self.name)
        return plain(name if len(name) <= 30 else f"{name[:18]}…{name[-11:]}")

    @property
    def problem(self) -> str | None:
        """One sentence where there is nothing to show or to wait for, and will not be."""
        if self.job.closed:  # by the session's end, from which the browser came back
            what = "The analysis of {} was stopped" if self.job.run is None else "{} was deleted"
            return f"{what.format(safe_name(self.name))} because the browser was away."
        return self.job.error

    @property
    def edits(self) -> PeopleEdits:
        """The edits that count."""
        return self.history[-1]

    @property
    def run(self) -> VideoRun:
        """The finished analysis, with the thresholds that count."""
        if self.job.run is None:
            raise ValueError("the analysis is not finished")
        return self.job.run if self._decided is None else self._decided[1]

    @property
    def thresholds(self) -> Thresholds:
        """The thresholds that count."""
        return self._decided[0] if self._decided else self.settings.pipeline.thresholds

    def decide(self, settings: Settings) -> None:
        """Let the thresholds count that are set for the networks which looked at the video.

        Where one is gone, or another network has its name now, its last threshold stays. Frames
        and numbers are computed once per change.

        Args:
            settings: what the sidebar is set to now.
        """
        thresholds = {**self.thresholds, **settings.thresholds_since(self.settings)}
        if self.job.run is None or (self._decided and self._decided[0] == thresholds):
            return
        frames, summary = settle_clip(
            decide_again(self.job.run.frames, thresholds), self.job.run.summary.duration_s
        )
        self._decided = thresholds, replace(self.job.run, frames=frames, summary=summary)
        self._view = None

    def results(self) -> tuple[Sequence[FrameResult], SessionSummary]:
        """Return frames and summary with the edits applied; computed once per edit."""
        if self._view is None or self._view[0] is not self.edits:
            view = settle_clip(self.run.frames, self.run.summary.duration_s, self.edits)
            self._view = (self.edits, *view)
        return self._view[1], self._view[2]

    def thumbnails(self) -> dict[int, UInt8Array]:
        """Return person_id -> crop, unrecognisable while faces are to be hidden."""
        crops = self.run.thumbnails
        method = self.hide_faces
        if method is None:
            return crops
        return {
            person: anonymise(crop, [(0, 0, crop.shape[1], crop.shape[0])], method)
            for person, crop in crops.items()
        }

    def send_player(self, time_s: float) -> None:
        """Move the player to a moment of the upload."""
        self.player_s = max(0.0, time_s - self.range_start_s)
        self.num_moves += 1

    def update_drawing(self, annotation: AnnotationOptions) -> str | None:
        """Draw the video again where it no longer shows what it should.

        Args:
            annotation: how the sidebar wants it drawn.

        Returns:
            One sentence if the last drawing failed.
        """
        self.hide_faces = annotation.hide_faces
        names = dict(self.edits.names)
        wanted = (replace(annotation, names=names), self.edits, self.thresholds)
        task, error = self.job.rendering, None
        if task is not None and task.active and self._ordered == wanted:
            return None
        if task is not None and self._ordered is not None and not task.active:
            error = task.error
            if task.state == "done":
                self.drawn = self._ordered
        if self._asked_again or wanted not in (self.drawn, self._ordered):
            self._ordered, self._asked_again = wanted, False
            self.job.start_rendering(self.results()[0], wanted[0])
        self.current = wanted == self.drawn and self.job.video is not None
        return error

    def draw_again(self) -> None:
        """Forget that the drawing was cancelled or failed; the next run starts it anew."""
        self._asked_again = True

    def download_name(self, ending: str) -> str:
        """Return the name of one of its downloads."""
        return safe_file_name(self.name, ending)


@st.cache_resource(show_spinner=False)
def _queue() -> TurnQueue:
    return TurnQueue(read_limit(VIDEOS_VARIABLE, DEFAULT_AT_ONCE))


def cases() -> dict[str, VideoCase]:
    """Return this session's videos, oldest first; watched until the session ends."""
    held: dict[str, VideoCase] = st.session_state.setdefault(_STATE, {})
    for case in held.values():
        close_with_session(case.job)
    return held


def start_case(
    name: str, data: BinaryIO, settings: Settings, range_s: tuple[float, float | None]
) -> None:
    """Start the analysis of one video.

    Raises:
        ModelError: if a network cannot be opened.
        StorageError: if the upload cannot be stored.
        ConfigError: if the limit of videos at once is set to something else than a number.
    """
    classifiers = load_classifiers(*settings.models)
    job = VideoJob(name, data, _queue(), session_id())
    job.start(classifiers, settings.pipeline, settings.annotation, *range_s)
    drawn = (settings.annotation, PeopleEdits(), settings.pipeline.thresholds)
    case = VideoCase(
        uuid4().hex,
        job,
        drawn,
        settings,
        tuple(classifier.card.title for classifier in classifiers),
        range_s[0],
        hide_faces=settings.annotation.hide_faces,
    )
    held = cases()
    held[case.key] = case
    finished = [key for key, old in held.items() if old.job.state not in ("waiting", "running")]
    for key in finished[: max(0, len(held) - MAX_KEPT)]:
        remove_case(key)
    choose_case(case.key)


def chosen_case() -> VideoCase | None:
    """Return the video to show, or None for the upload."""
    return cases().get(st.session_state.get(_CHOSEN, ""))


def choose_case(key: str | None) -> None:
    """Show this video from now on; None: the upload."""
    st.session_state[_CHOSEN] = key or ""


def remove_case(key: str) -> None:
    """Stop a video's work and delete all its files."""
    case = cases().pop(key)
    case.job.close()
    forget("video", key)


def hide_all_faces(method: HideMethod | None) -> None:
    """Let every video know how faces are to be hidden, whichever is shown.

    Args:
        method: as the sidebar has it; None shows the faces.
    """
    for case in cases().values():
        case.hide_faces = method


def log_finished() -> None:
    """Bring all finished videos in the statistics up to date, also those nobody has looked at.

    Hidden faces and moved thresholds reach them; nothing is drawn, as a video is drawn again when
    it is looked at. What the statistics forgot stays away until then, too.
    """
    to_today = follow_today()
    for case in cases().values():
        is_new = not case.counted and case.job.run is not None and case.problem is None
        if is_new or is_logged("video", case.key):
            case.decide(to_today(case.settings))
            log_case(case)


def forget_finished() -> None:
    """Keep the finished videos out of the statistics, also those that ended a moment ago."""
    for case in cases().values():
        if case.job.run is not None:
            case.counted = True
            forget("video", case.key)


def log_case(case: VideoCase) -> None:
    """Tell the session's statistics about a finished video; an outdated drawing is left out."""
    case.counted = True
    annotation, edits, thresholds = case.drawn
    drawn = (annotation.hide_faces, edits, thresholds)
    is_current = case.current and drawn == (case.hide_faces, case.edits, case.thresholds)
    log_video(
        case.name,
        case.run,
        case.edits,
        case.job.video if is_current else None,
        thumbnails=case.thumbnails(),
        hide_faces=case.hide_faces,
        key=case.key,
        file_name=case.download_name("_annotated.mp4"),
    )
