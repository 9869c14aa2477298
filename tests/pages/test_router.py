"""A page that Streamlit finds by itself, as on a server where nobody has been, gets the router."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.conftest import APP

PAGES = sorted(path.stem for path in (APP.parent / "pages").glob("[!_]*.py"))


@pytest.mark.parametrize("name", PAGES)
def test_first_visitor_of_a_page_gets_the_router(models_folder, name, monkeypatch):
    if name == "live":  # its camera needs a server
        monkeypatch.setattr("pages._live_camera.show_camera", lambda *_: None)
    app = AppTest.from_file(str(APP), default_timeout=180)
    app.switch_page(f"pages/{name}.py").run()  # before any run of app.py
    assert not app.exception
    assert app.session_state["visited_page"] == ("" if name == "home" else name)
    assert app.session_state["num_page_visits"] == 1
    if name == "live":
        app.session_state["live_desk"].close()


@pytest.mark.parametrize("value", ["121", "soon"])
def test_first_visitor_is_told_of_a_wrong_grace_period(models_folder, value, monkeypatch):
    monkeypatch.setenv("FACECORE_GRACE_S", value)
    app = AppTest.from_file(str(APP), default_timeout=180).run()
    assert not app.exception
    assert "to a whole number from 1 to 120" in " ".join(error.value for error in app.error)
