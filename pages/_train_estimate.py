"""How long a training will take here: measured once per kind of network, in the background."""

from typing import Any

import streamlit as st

from facecore.jobs import BackgroundTask
from facecore.progress import OnProgress
from facecore.training_speed import estimate_seconds, find_speed, measure_speed
from pages._ui import plain
from pages._video_progress import describe_duration

_STATE = "train_measuring"
_POLL_S = 1.0


def show_estimate(values: dict[str, Any], num_train: int, num_judged: int) -> None:
    """Say how many pictures there are and how long it will take; offer to measure."""
    st.markdown(f"**{num_train:,}** pictures to learn from, **{num_judged:,}** to judge on.")
    task: BackgroundTask[dict[str, float]] | None = st.session_state.get(_STATE)
    # Asked first: where it ends at this moment, what it measured is found afterwards.
    is_measuring = task is not None and task.active
    speed = find_speed(values)
    if speed is not None:
        seconds = estimate_seconds(speed, values["epochs"], num_train, num_judged)
        st.markdown(
            f":material/timer: About **{describe_duration(seconds)}** on this machine, as busy as "
            "it was when that was measured; a training lets other work go first."
        )
    elif is_measuring:
        _show_measuring(task)
    else:
        if task is not None and task.error:
            st.caption(plain(task.error))
        if st.button("How long will it take?", icon=":material/timer:", key="train_measure"):

            def work(_: OnProgress) -> dict[str, float]:
                return measure_speed(values)

            st.session_state[_STATE] = BackgroundTask(work)
            st.rerun()


@st.fragment(run_every=_POLL_S)
def _show_measuring(task: BackgroundTask[dict[str, float]]) -> None:
    if not task.active:
        st.rerun(scope="app")
    st.caption(":material/timer: Measuring this machine's speed, half a minute …")
