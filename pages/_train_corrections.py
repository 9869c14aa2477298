"""Which people's decisions about labels a training takes; written down when it starts."""

import streamlit as st

from facecore.cli_relabel import describe_decisions
from facecore.own_data_store import OwnData
from facecore.relabel_choice import EVERYBODY, list_choices
from facecore.relabel_decisions import Decision
from pages._lasting_choice import choose_lasting
from pages._ui import error_box, plain

SPLIT = "train"
_NONE = ""


def choose_corrections(data: OwnData) -> tuple[Decision, ...]:
    """Let the user choose whose decisions correct the pictures; empty for nobody's."""
    choices: dict[str, tuple[Decision, ...]] = {}
    with error_box():
        choices = list_choices(data.name, SPLIT)
    who = choose_lasting(
        "Corrections",
        {who: _describe(who, choices) for who in (_NONE, *choices)},
        f"train_corrections_{data.name}",
        disabled=not choices,
        help="What was decided on the page Relabel: pictures to learn from get their new labels, "
        "and those that show no face are left out. Pictures that the network is judged on keep "
        "theirs." + ("" if choices else " Nobody has decided on these pictures yet."),
    )
    chosen = choices.get(who, ())
    if chosen:
        st.caption(plain(f"{describe_decisions(chosen)}."))
    return chosen


def _describe(who: str, choices: dict[str, tuple[Decision, ...]]) -> str:
    if who == _NONE:
        return "None: labels as they are"
    name = who if who == EVERYBODY else f"By {who}"
    return f"{name} ({len(choices.get(who, ())):,})"
