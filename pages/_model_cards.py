"""What a network's card states, folded up: what it is for, how good it is, where it fails."""

from collections.abc import Iterable

import streamlit as st

from facecore.card_text import describe_card
from facecore.registry import ModelCard
from pages._ui import error_box, plain


def show_cards(cards: Iterable[ModelCard]) -> None:
    """Draw one folded card per network."""
    for card in cards:
        with (
            st.expander(f"About {plain(card.title)}", icon=":material/description:"),
            error_box(),
        ):
            for section in describe_card(card):
                st.markdown(f"**{section.title}**")
                st.markdown("\n".join(f"- {plain(line)}" for line in section.lines))
