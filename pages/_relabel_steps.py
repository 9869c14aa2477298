"""What is done at the Relabel desk: deciding, skipping, taking back, step by step."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import streamlit as st

from facecore.errors import FaceCoreError
from facecore.relabel_decisions import (
    Decision,
    add_decision,
    decide,
    load_person,
    remove_decision,
)
from pages._relabel_data import Material

HASTE_S = 0.15
"""Nobody judges a picture sooner after it was drawn: such a press, by a key that is held down or
hit twice, was meant for the one before."""

_ERROR = "relabel_error"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done.

    Args:
        image: the picture.
        made: the decision on it; None where it was put off.
        before: the earlier decision, if there was one.
    """

    image: str
    made: Decision | None = None
    before: Decision | None = None


@dataclass(slots=True)
class DeskState:
    """What this session did at a person's desk.

    Args:
        skipped: pictures that were put off.
        history: what was done, the last at the end.
        focus: the picture to show next, after an undo.
        shown: the picture that the desk shows.
        drawn_s: since when, by a clock that only runs forward; infinite from a press until the desk
            is drawn after it.
    """

    skipped: list[str] = field(default_factory=list)
    history: list[Step] = field(default_factory=list)
    focus: str | None = None
    shown: str | None = None
    drawn_s: float = 0.0

    def note_drawn(self, image: str | None) -> None:
        """Note that the desk was drawn just now; the same picture once more is nothing new."""
        if image != self.shown or math.isinf(self.drawn_s):
            self.shown, self.drawn_s = image, time.monotonic()

    def is_hasty(self) -> bool:
        """Tell whether a press that comes now cannot be about the picture that was drawn last."""
        hasty = time.monotonic() - self.drawn_s < HASTE_S
        # The press lets the desk be drawn again, which the next one may interrupt.
        self.drawn_s = math.inf
        return hasty


def get_state(material: Material, who: str) -> DeskState:
    """Return what this session did at a person's desk."""
    key = f"relabel_desk_{material.dataset.name}_{material.dataset.split}_{who}"
    state: DeskState = st.session_state.setdefault(key, DeskState())
    return state


def take_error() -> str | None:
    """Return what went wrong with the last press, once."""
    error: str | None = st.session_state.pop(_ERROR, None)
    return error


def take(material: Material, who: str, image: str, new: str) -> None:
    """Write a decision; the error, if any, is shown by the run that follows."""
    dataset, state = material.dataset, get_state(material, who)
    if state.is_hasty():
        return
    try:
        before = _find(load_person(dataset.name, dataset.split, who), image)
        label = material.label_of(material.row_of(image))
        made = decide(image, label, new, who)
        add_decision(dataset.name, dataset.split, made)
    except FaceCoreError as error:
        st.session_state[_ERROR] = str(error)
        return
    state.history.append(Step(image, made, before))
    state.focus = None


def skip(material: Material, who: str, image: str) -> None:
    """Put a picture off."""
    state = get_state(material, who)
    if state.is_hasty():
        return
    state.skipped.append(image)
    state.history.append(Step(image))
    state.focus = None


def undo(material: Material, who: str) -> None:
    """Take back what was done last; with nothing done in this session, the last decision."""
    state = get_state(material, who)
    if state.is_hasty():
        return
    try:
        state.focus = _take_back(material, who, state)
    except FaceCoreError as error:
        st.session_state[_ERROR] = str(error)


def _take_back(material: Material, who: str, state: DeskState) -> str | None:
    """Take one step back and return its picture; None where there is nothing to take back.

    What is no longer so is passed over: a decision that was deleted, or made anew in another
    browser, and a skipped picture that is shown again.

    Raises:
        FaceCoreError: if the decisions cannot be read or written.
    """
    name, split = material.dataset.name, material.dataset.split
    mine = load_person(name, split, who)
    while state.history:
        step = state.history[-1]
        if step.made is None and step.image in state.skipped:
            state.skipped.remove(step.image)
        elif step.made is None or step.made != _find(mine, step.image):
            del state.history[-1]
            continue
        elif step.before is not None:
            add_decision(name, split, step.before)
        else:
            remove_decision(name, split, who, step.image)
        del state.history[-1]
        return step.image
    if not mine:
        return None
    remove_decision(name, split, who, mine[-1].image)
    return mine[-1].image


def _find(decisions: Sequence[Decision], image: str) -> Decision | None:
    return next((decision for decision in decisions if decision.image == image), None)
