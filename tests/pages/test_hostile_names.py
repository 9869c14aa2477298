"""File names and titles from outside are shown as they are: never as markup, never in a log."""

import logging
import re

import pytest

HTML = '<img src=x onerror="alert(1)"><script>alert(2)</script>'
NAMES = {
    "markup": f"{HTML}.png",
    "Markdown": "**bold** [link](http://x) :material/delete: $x^2$ `code`.png",
    "path": "../../../etc/passwd/\\..\\secret.png",
    "control characters": "ab\x1b[31m\r\n\u202egnp.png",
    "500 letters": "x" * 496 + ".png",
    "only dots": "....png",
}
# Elements whose text Streamlit reads as Markdown or HTML.
MARKUP_ELEMENTS = ("markdown", "caption", "info", "warning", "error", "success", "subheader")


@pytest.fixture(params=list(NAMES.values()), ids=list(NAMES))
def name(request):
    return request.param


def read_markup(app):
    """Every text of the page that could become markup, HTML elements included."""
    texts = [str(e.value) for kind in MARKUP_ELEMENTS for e in app.get(kind)]
    texts += [str(e.proto.body) for e in app.get("html")]
    texts += [e.label for e in (*app.button, *app.selectbox, *app.toggle, *app.get("expander"))]
    return texts


def assert_no_markup(app):
    assert not app.exception
    for text in read_markup(app):
        plain = re.sub(r"\\.", "", text)  # an escaped sign is no markup
        assert "<script" not in plain, text
        assert "onerror=" not in re.sub(r"&[a-z]+;|&#\w+;", "", plain) or "<img src=x" not in plain
        assert "**bold**" not in plain and "[link](" not in plain, text


def upload(app, name, data):
    app.file_uploader(key="photo_upload").set_value([(name, data, "image/png")])
    return app.run()


def test_photo_with_a_hostile_name(open_page, portrait_png, name, caplog):
    caplog.set_level(logging.DEBUG)
    app = upload(open_page("photos"), name, portrait_png)
    assert_no_markup(app)
    downloads = app.get("download_button")
    assert downloads
    app.switch_page("pages/stats.py").run()
    assert_no_markup(app)
    assert name not in caplog.text and "onerror" not in caplog.text


def test_damaged_photo_with_a_hostile_name_is_one_sentence(open_page, name, caplog):
    caplog.set_level(logging.DEBUG)
    app = upload(open_page("photos"), name, b"\x89PNG secret content")
    assert_no_markup(app)
    (error,) = app.error
    assert len(error.value) < 400
    assert "etc" not in error.value or "passwd" not in error.value
    assert "secret content" not in caplog.text and "onerror" not in caplog.text


def test_titles_of_models_from_elsewhere(models_folder, open_page, portrait_png):
    path = models_folder / "expression_model1" / "card.json"
    text = path.read_text().replace("Model 1: all seven", f"{HTML} **bold**".replace('"', '\\"'))
    path.write_text(text)
    app = upload(open_page("photos"), "portrait.png", portrait_png)
    assert app.selectbox(key="expression_model").value == "expression_model1"
    assert_no_markup(app)
    app.toggle(key="compare_models").set_value(True).run()
    assert_no_markup(app)
