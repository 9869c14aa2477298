"""Live: the webcam with boxes and words drawn on it, numbers beside it, photos and clips."""

import streamlit as st

from pages._ice import rtc_configuration
from pages._live_camera import show_camera, show_insecure_page
from pages._live_connection import is_secure
from pages._live_desk import Recipe, live_desk
from pages._live_panel import show_keeping, show_panel
from pages._sidebar import device_line, sidebar
from pages._ui import error_box, load_classifiers, wording_note
from pages._visits import require_router

require_router()

st.title("Live")
settings = sidebar("live")
st.info(
    "Your camera's picture goes to the machine that runs this dashboard and comes back with faces, "
    "expressions and gender drawn on it. It goes nowhere else. The numbers and one small picture "
    "of each person stay in the server's memory for Stats until you close or reload this page or "
    "forget them (“Reset” below the numbers, “Forget everything” on Stats); nothing else is stored "
    "unless you take a photo or record a clip. **Everybody in the picture needs to agree.**",
    icon=":material/shield_person:",
)

with error_box():
    if is_secure(st.context.url):
        configuration = rtc_configuration()
        classifiers = load_classifiers(*settings.models)
        desk = live_desk()
        camera, numbers = st.columns([3, 2], gap="medium")
        with camera:
            mirror = st.toggle("Mirror view", True, key="live_mirror", persist_state="session")
            stream = desk.prepare(Recipe(classifiers, settings, mirror))
            show_camera(desk, stream, configuration)
            show_keeping(desk)
        with numbers:
            show_panel(desk)
    else:
        show_insecure_page()

wording_note()
device_line()
