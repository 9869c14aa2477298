"""The home page explains itself and leads to a first example."""


def html_of(app):
    return "".join(element.value for element in app.html)


def test_home_says_what_predictions_are_not(open_page):
    app = open_page("home")
    text = " ".join(m.value for m in app.markdown)
    assert "not what a person feels" in text
    assert "guess from two labels" in text


def test_example_is_one_click_away(open_page):
    app = open_page("home")
    app.button(key="home_example").click().run()
    assert not app.exception
    assert app.title[0].value == "Photos"
    assert html_of(app).count('class="fc-face"') == 1
