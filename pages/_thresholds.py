"""The sidebar's thresholds: below which confidence each network's answer reads "undecided"."""

from collections.abc import Mapping, Sequence

import streamlit as st

from facecore.labels import Task
from facecore.registry import ModelCard

_MOVED = "thresholds"
_NAMES: dict[Task, str] = {"expression": "Expression", "gender": "Gender"}


def choose_thresholds(cards: Mapping[str, ModelCard], used: Sequence[str]) -> dict[str, float]:
    """Draw one slider per network in use.

    Args:
        cards: of every usable model, by name.
        used: names of those in use; the others keep what was last set for them.

    Returns:
        Bundle name -> threshold 0-1, of every usable model.
    """
    moved = _moved()
    with st.expander("Undecided", icon=":material/question_mark:", key="undecided_section"):
        st.caption(
            "A network that is less sure than this says “undecided” instead of a word. Every "
            "probability stays in the bars and downloads."
        )
        for name in used:
            if name in cards:  # else told where it is loaded
                moved[_key(cards[name])] = _choose_threshold(cards[name])
    return read_thresholds(cards)


def read_thresholds(cards: Mapping[str, ModelCard]) -> dict[str, float]:
    """Return bundle name -> threshold 0-1 of these models, as last set on any page."""
    moved = _moved()
    return {name: moved.get(_key(card), card.threshold) for name, card in cards.items()}


def _moved() -> dict[str, float]:
    moved: dict[str, float] = st.session_state.setdefault(_MOVED, {})
    return moved


def _key(card: ModelCard) -> str:
    """Return what the slider goes by: a network published under an old name starts afresh."""
    return f"threshold_{card.name}_{card.sha256[:8]}"


def _choose_threshold(card: ModelCard) -> float:
    percent: int = st.slider(
        f"{_NAMES[card.task]}: undecided below",
        0,
        99,
        min(99, round(100 * card.threshold)),
        format="%d %%",
        key=_key(card),
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
