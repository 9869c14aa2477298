"""File names and titles from outside are shown as they are: never as markup, never in a log."""

import json
import logging
import re
import time
from dataclasses import replace

import pytest
from relabel_files import write_faces

from facecore.registry import save_card
from facecore.relabel_decisions import add_decision, clean_name, decide, to_decisions_csv
from facecore.training_config import to_toml
from facecore.user_files import user_data_dir, user_models_dir, user_runs_dir

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


def test_train_page(open_page, tmp_path, monkeypatch, make_card, caplog):
    name = NAMES["Markdown"]
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("FACECORE_USER_DIR", str(tmp_path / "user"))
    for place in ("facecore.training_runs", "pages._startup", "pages._train_runs"):
        monkeypatch.setattr(f"{place}.ensure_worker", lambda: None)
    title = " ".join(f"{HTML} **bold** {name}".split())
    about = {"name": "own_a", "title": title, "task": "expression", "labels": ["happy", "sad"]}
    about |= {"counts": {label: {"train": 9, "validation": 2} for label in about["labels"]}}
    about |= {"made_s": 1.0, "mapping": {}, "split_method": "share", "framing": None}
    data = user_data_dir() / "own_a"
    data.mkdir(parents=True)
    (data / "data.json").write_text(json.dumps({**about, "left_out": {}, "schema_version": 1}))
    save_card(user_models_dir() / "mine", replace(make_card(name="mine"), title=title))
    run = user_runs_dir() / "a"
    run.mkdir(parents=True)
    values = {"name": "a", "title": title, "labels": about["labels"], "dataset": title, "epochs": 3}
    (run / "config.toml").write_text(to_toml(values))
    (run / "ended.json").write_text(json.dumps({"state": "failed", "message": f"{HTML} {name}"}))
    app = open_page("train")
    assert_no_markup(app)
    for section in ("New training", "Trainings", "Models"):
        app.segmented_control(key="train_section").set_value(section).run()
        assert_no_markup(app)
    app.segmented_control(key="train_section").set_value("Pictures").run()
    app.file_uploader(key="train_file").set_value((f"{name}.csv", b"a,<b>x</b>\n1,2", "text/csv"))
    app.run().button(key="train_look").click().run()
    end = time.monotonic() + 120
    while not app.error and time.monotonic() < end:
        time.sleep(0.2)
        app.run()
    assert app.error
    assert_no_markup(app)
    assert "onerror" not in caplog.text


def test_decisions_from_elsewhere(tmp_path, open_page, monkeypatch, caplog):
    name = NAMES["control characters"]
    caplog.set_level(logging.INFO)
    faces = tmp_path / "faces"
    faces.mkdir()
    write_faces(faces)
    monkeypatch.setenv("FACECORE_DATA_DIR", str(faces))
    monkeypatch.setenv("FACECORE_USER_DIR", str(tmp_path / "user"))
    who = clean_name(f"{HTML} {name}")
    add_decision("fer2013", "train", decide("fer2013_1", "happy", "sad", who))
    app = open_page("relabel")
    app.text_input(key="relabel_who").set_value(f"{HTML} **bold**")
    app.button(key="relabel_who_ok").click().run()
    assert_no_markup(app)
    app.segmented_control(key="relabel_section").set_value("Together").run()
    hostile = [decide(f"{HTML}{n}", HTML, "**bold**", f"{HTML} {who} {n}") for n in range(2)]
    app.file_uploader(key="relabel_uploads").set_value(
        [
            (f"{name}.csv", to_decisions_csv(hostile), "text/csv"),
            (f"bad {name}.csv", b"a,b\n1,2", "text/csv"),
        ]
    )
    app.run()
    assert app.error
    assert_no_markup(app)
    assert "onerror" not in caplog.text
