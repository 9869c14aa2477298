"""The section Trainings: the queue, growing curves, stop, resume, delete."""

from collections.abc import Callable

import streamlit as st

from facecore.charts_training import build_training_chart
from facecore.errors import FaceCoreError
from facecore.labels import display_name
from facecore.training_config import to_toml
from facecore.training_queue import ensure_worker
from facecore.training_runs import (
    TrainingRun,
    delete_run,
    list_runs,
    queue_run,
    read_log,
    stop_run,
)
from pages._ui import Download, download_buttons, error_box, plain, show_error
from pages._video_progress import describe_duration

_POLL_S = 2.0
_PROBLEM = "train_runs_problem"
_LOG_LINES = 40
_STATES = {
    "queued": (":material/hourglass: waits", "gray"),
    "running": (":material/model_training: is trained", "blue"),
    "done": (":material/check: finished", "green"),
    "stopped": (":material/pause: stopped", "orange"),
    "failed": (":material/error: failed", "red"),
}


def show_runs() -> None:
    """Show all trainings of this server; they go on when the browser is closed."""
    st.caption(
        "One network is trained at a time on this server; others wait in a queue. Training goes on "
        "when you close the browser or the dashboard is restarted."
    )
    _watch()


@st.fragment(run_every=_POLL_S)
def _watch() -> None:
    with error_box():
        ensure_worker()  # where it was killed, the queue goes on
    with error_box():
        if problem := st.session_state.pop(_PROBLEM, None):
            show_error(problem)
        _show_all(list_runs())


def _show_all(runs: list[TrainingRun]) -> None:
    if not runs:
        st.info("Nothing was trained here yet.", icon=":material/info:")
    for run in runs:
        with st.container(border=True, key=f"train_run_{run.name}"), error_box():
            _show_run(run)


def _show_run(run: TrainingRun) -> None:
    words, color = _STATES[run.state]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{plain(run.title)}**")
        st.badge(words, color=color)
    if run.message:
        show_error(run.message)
    if run.state == "queued":
        others = "training" if run.num_ahead == 1 else "trainings"
        st.caption(f"{run.num_ahead} {others} before this one." if run.num_ahead else "Next.")
    elif run.state != "done":
        st.progress(len(run.history) / max(1, run.num_epochs), _describe(run))
    if run.history:
        _show_curves(run)
    _show_buttons(run)


def _describe(run: TrainingRun) -> str:
    text = f"{len(run.history)} of {run.num_epochs} epochs"
    if run.state != "running":
        return text
    if run.seconds_left is None:
        return f"{text}: preparing, then the first epoch …"
    if len(run.history) == run.num_epochs:
        return f"{text}: calibrating and evaluating …"
    return f"{text}, about {describe_duration(run.seconds_left)} left"


def _show_curves(run: TrainingRun) -> None:
    best = run.best
    st.markdown(
        f"Best so far: epoch {best.epoch}, **{best.validation_accuracy:.1%}** of the held-out "
        "pictures right."
    )
    columns = st.columns(2)
    for column, quantity in zip(columns, ("accuracy", "loss"), strict=True):
        column.plotly_chart(
            build_training_chart(run.title, run.history, best.epoch, quantity),
            key=f"train_{quantity}_{run.name}",
            config={"displayModeBar": False},
        )


def _show_buttons(run: TrainingRun) -> None:
    with st.container(horizontal=True, gap="small"):
        if run.is_active:
            label = "Stop" if run.state == "running" else "Take out of the queue"
            _button(label, ":material/stop:", stop_run, run)
        elif run.state != "done":
            _button("Resume", ":material/play_arrow:", queue_run, run, is_primary=True)
            _button("Delete", ":material/delete:", delete_run, run)
        download_buttons(
            [
                Download(
                    "Config file",
                    to_toml(run.values).encode(),
                    f"{run.name}.toml",
                    "application/toml",
                    f"train_run_config_{run.name}",
                )
            ]
        )
    labels = ", ".join(display_name(label) for label in run.values["labels"])
    with st.expander("Details and log"):
        st.caption(f"{plain(labels)} · data set {plain(str(run.values['dataset']))}")
        st.code("\n".join(read_log(run.name).splitlines()[-_LOG_LINES:]), language=None)


def _button(
    label: str,
    icon: str,
    action: Callable[[str], None],
    run: TrainingRun,
    is_primary: bool = False,
) -> None:
    def act() -> None:
        try:
            action(run.name)
        except FaceCoreError as error:  # somebody else was faster
            st.session_state[_PROBLEM] = str(error)

    kind = "primary" if is_primary else "secondary"
    st.button(label, icon=icon, type=kind, on_click=act, key=f"train_{action.__name__}_{run.name}")
