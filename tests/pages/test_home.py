"""The home page explains itself and leads to a first example."""

import streamlit as st


def test_home_says_what_predictions_are_not(open_page):
    app = open_page("home")
    text = " ".join(m.value for m in app.markdown)
    assert "not what a person feels" in text
    assert "guess from two labels" in text


def test_every_page_is_linked(open_page):
    links = {link.proto.label for link in open_page("home").get("page_link")}
    assert links == {"**Photos**", "**Videos**", "**Live**", "**Stats**"}


def test_example_is_one_click_away(open_page, monkeypatch):
    # AppTest does not follow st.switch_page; the browser test does.
    targets = []
    monkeypatch.setattr(st, "switch_page", targets.append)
    app = open_page("home")
    app.button(key="home_example").click().run()
    assert targets == ["pages/photos.py"]
    app.switch_page("pages/photos.py").run()
    assert not app.exception
    assert "".join(element.value for element in app.html).count('class="fc-face"') == 1
