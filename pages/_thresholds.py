"""The sidebar's thresholds: below which confidence each network's answer reads "undecided"."""

from contextlib import suppress

import streamlit as st

from facecore.errors import ModelError
from facecore.labels import Task
from facecore.registry import ModelCard, find_bundle, load_card

_MOVED = "thresholds"
_NAMES: dict[Task, str] = {"expression": "Expression", "gender": "Gender"}


def choose_thresholds(
    expressions: list[ModelCard], chosen: str | None, gender: str
) -> dict[str, float]:
    """Draw one slider per task in use.

    Args:
        expressions: the cards of all expression models.
        chosen: name of the one in use; the others keep what was last set for them.
        gender: name of the gender model in use.

    Returns:
        Bundle name -> threshold 0-1, of every usable model.
    """
    cards = list(expressions)
    with suppress(ModelError):  # told where it is loaded
        cards.append(load_card(find_bundle(gender)))
    moved: dict[str, float] = st.session_state.setdefault(_MOVED, {})
    with st.expander("Undecided", icon=":material/question_mark:", key="undecided_section"):
        st.caption(
            "A network that is less sure than this says “undecided” instead of a word. Every "
            "probability stays in the bars and downloads."
        )
        for card in cards:
            if card.name in (chosen, gender):
                moved[card.name] = _choose_threshold(card)
    return {card.name: moved.get(card.name, card.threshold) for card in cards}


def _choose_threshold(card: ModelCard) -> float:
    percent: int = st.slider(
        f"{_NAMES[card.task]}: undecided below",
        0,
        99,
        min(99, round(100 * card.threshold)),
        format="%d %%",
        key=f"threshold_{card.name}",
        persist_state="session",
        help=_explain(card),
    )
    return percent / 100


def _explain(card: ModelCard) -> str:
    text = "Higher: fewer answers, more of them right. 0 always gives an answer."
    told = card.threshold_choice
    if not told:
        return text
    return (
        f"At {card.threshold:.0%}, this network's own value, it answered for "
        f"{told['coverage']:.0%} of {told['num_images']:,} pictures that it was not fitted on "
        f"({told['dataset']} {told['split']}), and {told['accuracy']:.0%} of these answers were "
        f"right. {text}"
    )
