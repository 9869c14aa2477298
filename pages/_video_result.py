"""A finished video: player, people, timeline, counts, changes, downloads."""

from collections.abc import Sequence

import streamlit as st

from facecore.charts import build_counts_over_time, build_timeline
from facecore.labels import TASKS, Task
from facecore.results import FrameResult
from facecore.stats import SessionSummary
from pages._people_tiles import build_people_tiles
from pages._sidebar import Settings
from pages._ui import plain, show_error
from pages._video_desk import VideoCase, log_case, remove_case
from pages._video_downloads import show_downloads
from pages._video_people import show_people_editor, show_people_table
from pages._video_progress import show_rendering_progress
from pages._video_settings import describe_analysis
from pages._video_upload import clock

_TASK_WORDS: dict[Task, str] = {"expression": "Expressions", "gender": "Gender"}


def show_result(case: VideoCase, settings: Settings) -> None:
    """Show everything about a finished video.

    Args:
        case: the video.
        settings: how the sidebar wants it drawn, and what is undecided.
    """
    case.decide(settings)
    run = case.run
    if run.warning:
        st.warning(plain(run.warning), icon=":material/warning:")
    if run.video_error and case.job.video is None:
        show_error(run.video_error)
    if (problem := case.update_drawing(settings.annotation)) is not None:
        show_error(problem)
    log_case(case)
    st.caption(describe_analysis(case, settings))
    frames, summary = case.results()
    if not summary.people:
        _show_nobody(case)
    _show_player(case, frames, summary)
    if summary.people:
        show_people_editor(case)
    st.subheader("Downloads")
    show_downloads(case, frames, summary)
    with st.container(horizontal=True):
        if st.button("Delete this video", icon=":material/delete:", key=f"video_delete_{case.key}"):
            remove_case(case.key)
            st.rerun()


def _show_nobody(case: VideoCase) -> None:
    if case.run.summary.people:
        st.info("All people of this video were removed; “Undo” below brings them back.")
        show_people_editor(case)
        return
    st.info(
        "**No faces found** in this video. Faces must be turned to the camera and large enough; "
        "under *Detection* in the sidebar a smaller “Smallest face” or fewer “Neighbours” finds "
        "more.",
        icon=":material/person_off:",
    )


@st.fragment
def _show_player(
    case: VideoCase,
    frames: Sequence[FrameResult],
    summary: SessionSummary,
) -> None:
    st.html(build_people_tiles(summary))
    # Where nobody is there is nothing to show beside the player.
    player, beside = st.columns([3, 2], gap="medium") if summary.people else [st.container()] * 2
    with player:
        # A player that stays where it is ignores being sent to the same second again.
        places = st.container(gap=None), st.container(gap=None)
        with places[case.num_moves % 2]:
            if case.job.video is not None:
                st.video(str(case.job.video), start_time=int(case.player_s))
        _show_drawing(case)
    with beside:
        _show_counts(case, frames, summary)
    if not summary.people:
        return
    st.subheader("Who showed what, when")
    st.caption(
        "Click a stretch to move the player there. Drag sideways to zoom in, double-click for all."
    )
    task = _choose_task(case, "timeline")
    chart_key = f"video_timeline_{case.key}_{task}"
    st.plotly_chart(
        build_timeline(frames, _names(summary), task),
        key=chart_key,
        on_select=lambda: _jump_to_point(case, chart_key),
        selection_mode="points",
        config={"displaylogo": False},
    )
    st.subheader("People")
    table_key = f"video_people_{case.key}"
    show_people_table(case, summary, table_key, lambda: _jump_to_row(case, summary, table_key))


def _show_counts(case: VideoCase, frames: Sequence[FrameResult], summary: SessionSummary) -> None:
    length = f"{clock(summary.duration_s)} · {summary.num_frames:,} frames"
    if not summary.people:  # a heading would have nothing under it
        st.caption(length)
        return
    st.markdown(f"**Faces over time** · {length}")
    st.plotly_chart(
        build_counts_over_time(frames, _choose_task(case, "counts")),
        key=f"video_over_time_{case.key}",
        config={"displaylogo": False},
    )


def _jump_to_point(case: VideoCase, key: str) -> None:
    points = st.session_state[key].selection.points
    if points and points[0].get("customdata"):
        case.send_player(float(points[0]["customdata"][0]))


def _jump_to_row(case: VideoCase, summary: SessionSummary, key: str) -> None:
    rows = st.session_state[key].selection.rows
    if rows and rows[0] < len(summary.people):
        case.send_player(summary.people[rows[0]].first_s)


def _show_drawing(case: VideoCase) -> None:
    """Show how far the drawing of the changed video is, or offer it after a cancellation."""
    task = case.job.rendering
    if task is not None and (task.active or (task.state == "done" and not case.current)):
        show_rendering_progress(case)  # one that has ended since lets the page run again
    elif not case.current:
        missing = case.job.video is None
        st.caption(
            "There is no annotated video; the results are whole without it."
            if missing
            else "The video does not show your latest changes."
        )
        if st.button("Draw it again", icon=":material/draw:", key=f"video_draw_{case.key}"):
            case.draw_again()
            st.rerun(scope="app")


def _choose_task(case: VideoCase, place: str) -> Task:
    return st.segmented_control(
        "Show",
        TASKS,
        default=TASKS[0],
        required=True,
        format_func=_TASK_WORDS.__getitem__,
        key=f"video_task_{place}_{case.key}",
        label_visibility="collapsed",
    )


def _names(summary: SessionSummary) -> dict[int, str]:
    return {person.person_id: person.name for person in summary.people}
