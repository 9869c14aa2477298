"""Compare: which expression model is better at what, whether it is real, and the faces behind it.

Reads stored evaluations; networks are opened only for the reader's own pictures, and to explain a
face.
"""

import streamlit as st

from pages._compare_classes import show_classes
from pages._compare_curves import show_curves
from pages._compare_drill import show_drilldown
from pages._compare_eyetest import show_eye_test
from pages._compare_gender import show_gender
from pages._compare_head import choose_comparison
from pages._compare_matrices import show_matrices
from pages._compare_overview import show_overview, show_sentence
from pages._compare_paper import show_paper
from pages._compare_sections import choose_section
from pages._ui import error_box, wording_note
from pages._visits import require_router

require_router()

# Only the open section is computed; those of the first group need evaluations.
COMPARED = {
    "Overview": show_overview,
    "Matrices": show_matrices,
    "Classes": show_classes,
    "Curves": show_curves,
    "Faces": show_drilldown,
    "Paper": show_paper,
}
ALWAYS = {
    "Gender": lambda _: show_gender(),
    "Eye test": show_eye_test,
}

st.title("Compare the expression models")
comparison, choices = choose_comparison()
if comparison is not None:
    with error_box():
        show_sentence(comparison)

section = choose_section(list(COMPARED), list(ALWAYS), comparison is not None)
with error_box():
    if section in COMPARED and comparison is not None:
        COMPARED[section](comparison, choices)
    elif section in ALWAYS:
        ALWAYS[section](comparison)

wording_note()
