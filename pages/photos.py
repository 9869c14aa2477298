"""Photos: upload several, take one, or use the example; every face with its predictions."""

import streamlit as st

from pages._photo_analysis import analyse_photos
from pages._photo_inputs import choose_photos
from pages._photo_log import follow_sidebar
from pages._photo_results import choose_shown, show_comparison, show_counts, show_photo
from pages._sidebar import device_line, expression_cards, sidebar
from pages._ui import error_box, open_meanwhile, wording_note
from pages._visits import require_router

require_router()

settings = sidebar("photo")
st.title("Photos")
follow_sidebar(settings)
inputs = choose_photos()

if not inputs:
    st.info(
        "Add pictures above: every face gets a number, an expression and a gender. "
        "Or choose “Example” to see a result at once.",
        icon=":material/photo_camera:",
    )
else:
    compare = st.toggle(
        "Compare all expression models",
        key="compare_models",
        persist_state="session",
        help="Shows the picture once per model and one table with all their predictions.",
    )
    cards = {card.name: card for card in expression_cards("general")[0]}
    photos = analyse_photos(
        inputs, settings, list(cards) if compare else [settings.expression_model]
    )
    with error_box():
        if len(photos) > 1:
            st.subheader(f"All {len(photos)} pictures")
            show_counts(photos)
        if photos:
            shown = choose_shown(photos)
            if compare and cards:
                show_comparison(shown, cards)
            show_photo(shown)

wording_note()
device_line()
open_meanwhile(settings.used_checksums)
