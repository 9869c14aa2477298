"""A video at work: how far it is, how fast, how long yet, and a way to stop it."""

import streamlit as st

from facecore.jobs import BackgroundTask, JobProgress
from pages._video_desk import VideoCase, remove_case
from pages._waiting import describe_waiting

POLL_S = 0.7


@st.fragment(run_every=POLL_S)
def show_analysis_progress(case: VideoCase) -> None:
    """Show a running analysis until it ends; then the whole page runs again."""
    task = case.job.analysis
    if task is None or not task.active:
        st.rerun(scope="app")
    # Where somebody's gender was settled only at the end, the pictures before have to follow.
    _show_task(task, "Drawing the video again" if task.progress.num_restarts else "Analysing")
    if st.button("Cancel", icon=":material/close:", key=f"video_cancel_{case.key}"):
        remove_case(case.key)
        st.toast("Cancelled. Nothing was kept.", icon=":material/check:")
        st.rerun(scope="app")


@st.fragment(run_every=POLL_S)
def show_rendering_progress(case: VideoCase) -> None:
    """Show a running drawing until it ends; then the whole page runs again."""
    task = case.job.rendering
    if task is None or not task.active:
        st.rerun(scope="app")
    _show_task(task, "Drawing the video again")
    if st.button("Cancel drawing", icon=":material/close:", key=f"video_stop_{case.key}"):
        case.job.cancel()
        st.rerun(scope="app")


def _show_task(task: BackgroundTask, verb: str) -> None:
    if task.state == "waiting":
        st.progress(0.0, describe_waiting(task.num_ahead, "video"))
        return
    progress = task.progress
    st.progress(progress.fraction or 0.0, f"{verb}: {describe_progress(progress)}")


def describe_progress(progress: JobProgress) -> str:
    """Return frames done, speed and time left as one line."""
    if progress.done == 0:
        return "starting …"
    frames = f"{progress.done:,} frames"
    if progress.total:
        frames = f"{progress.done:,} of {progress.total:,} frames"
    parts = [frames, f"{progress.frames_per_s:.0f} frames per second"]
    if progress.seconds_left is not None:
        parts.append(f"about {describe_duration(progress.seconds_left)} left")
    return " · ".join(parts)


def describe_duration(seconds: float) -> str:
    """Return a rough duration in words."""
    if seconds < 90:
        return f"{max(2, round(seconds))} seconds"
    if seconds < 5400:
        return f"{round(seconds / 60)} minutes"
    return f"{seconds / 3600:.1f} hours"
