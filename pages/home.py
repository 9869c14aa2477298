"""Home: what each page does, what predictions are and are not, and a first example."""

import streamlit as st

from facecore.user_files import is_teaching_on
from pages._ui import WORDING
from pages._visits import require_router

require_router()

CARDS = (
    (
        "pages/photos.py",
        "Photos",
        ":material/photo_camera:",
        "Upload pictures or take one. Every face gets a number, an expression and a gender, "
        "with all probabilities.",
    ),
    (
        "pages/videos.py",
        "Videos",
        ":material/movie:",
        "Upload a clip. People are followed through it: who showed which expression, when, and "
        "for how long.",
    ),
    (
        "pages/live.py",
        "Live",
        ":material/videocam:",
        "Watch your own webcam with boxes and words drawn on it; take a photo or record a clip.",
    ),
    (
        "pages/compare.py",
        "Compare",
        ":material/compare:",
        "Which expression model is better at what, whether the difference is real, and the faces "
        "behind every number. Test the models with your own face.",
    ),
    (
        "pages/stats.py",
        "Stats",
        ":material/bar_chart:",
        "Everything analysed in this browser tab until you close or reload it: totals, charts, "
        "every face, one download.",
    ),
)

TEACHING = (
    (
        "pages/train.py",
        "Train",
        ":material/school:",
        "Bring your own labelled faces, read what is wrong with them, and teach a network. It "
        "then stands beside the others on every page.",
    ),
    (
        "pages/relabel.py",
        "Relabel",
        ":material/rule:",
        "Go through the training pictures whose labels are doubtful, and say what each one looks "
        "like to you. A training can take what you and others decided.",
    ),
)

st.title("Facial expression and gender in pictures")
st.markdown(
    "Facecore finds faces in photos, videos and a live webcam, and shows how neural networks "
    "read each face: one of seven expressions, and man or woman."
)
if st.button(
    "Try it with an example picture",
    type="primary",
    icon=":material/play_arrow:",
    key="home_example",
):
    st.session_state["photo_source"] = "example"
    st.switch_page("pages/photos.py")

st.subheader("What you can do")
cards = CARDS + TEACHING if is_teaching_on() else CARDS
for start in range(0, len(cards), 2):
    for column, (page, title, icon, text) in zip(
        st.columns(2), cards[start : start + 2], strict=False
    ):
        with column.container(border=True, height="stretch"):
            st.page_link(page, label=f"**{title}**", icon=icon)
            st.markdown(text)

st.subheader("What the predictions are, and what they are not")
st.markdown(
    f"""
- {WORDING}
- The networks are often wrong: on small, dark, turned or covered faces, and more often for some
  groups of people than for others. The percentage is the model's own confidence, not a proof.
- Everything is computed on the machine that runs this dashboard. Pictures and results stay in its
  memory until soon after you close or reload this page, unless you keep them on “Train”, and are
  sent nowhere else. Ask people before you analyse them.
"""
)
