"""What all pages share: safe texts, safe file names, the session's memory and log."""

import re
import shutil
import threading
import tomllib
import types
from pathlib import Path

import numpy as np
import pytest
import streamlit as st

from facecore.errors import ModelError
from facecore.labels import to_rgb
from facecore.media import VideoInfo
from facecore.registry import load_card
from facecore.results import Face, Prediction
from facecore.session import VideoRun
from facecore.stats import SessionSummary
from pages import _session_log as session_log
from pages import _ui, _video_downloads
from pages._cache import is_remembered, remember, stamp
from pages._face_cards import build_face_cards
from pages._look import STYLE, build_tiles
from pages._sidebar import expression_cards
from pages._teaching import link_relabel_page
from pages._ui import error_box, open_meanwhile, plain, safe_file_name


@pytest.fixture
def state(monkeypatch):
    values = {}
    monkeypatch.setattr(st, "session_state", values)
    return values


def test_networks_are_opened_before_somebody_needs_them_and_once(monkeypatch):
    opened, all_opened = [], threading.Event()

    def open_classifier(bundle, sha256):
        opened.append(Path(bundle).name)
        if len(opened) == 2:
            all_opened.set()
            raise ModelError("one that cannot be opened is told where it is needed")

    monkeypatch.setattr(_ui, "_open_classifier", open_classifier)
    _ui._open_meanwhile.clear()
    open_meanwhile({"gender": "a"})
    assert opened == [], "a page without a server needs none"
    monkeypatch.setattr(_ui, "_has_server", lambda: True)
    for _ in range(3):
        open_meanwhile({"gender": "a", "expression_model2": "b"})
    assert all_opened.wait(60)
    assert sorted(opened) == ["expression_model2", "gender"]
    _ui._open_meanwhile.clear()


@pytest.mark.parametrize("page", ["photos", "videos"])
def test_pages_under_test_open_no_network_that_would_outlive_the_test(page, open_page, monkeypatch):
    begun = []
    monkeypatch.setattr(_ui, "_open_meanwhile", lambda name, sha256: begun.append(name))
    open_page(page)
    assert begun == []


def test_downloads_are_called_as_the_command_line_calls_its_files(
    monkeypatch, make_face, make_result
):
    frame, offered = make_result(make_face(1)), []
    monkeypatch.setattr(_video_downloads, "download_buttons", offered.extend)
    run = VideoRun(VideoInfo(320, 240, 4.0, 1, 0.25, False, 0), (frame,), SessionSummary())
    case = types.SimpleNamespace(
        run=run,
        name="IMG_1.MOV",
        current=True,
        job=types.SimpleNamespace(video=Path("a.mp4")),
        download_name=lambda ending: safe_file_name("IMG_1.MOV", ending),
    )
    _video_downloads.show_downloads(case, run.frames, run.summary)
    assert [item.file_name for item in offered] == [
        "IMG_1_annotated.mp4",
        "IMG_1_frames.csv",
        "IMG_1_people.csv",
        "IMG_1.json",
        "IMG_1_people.txt",
    ]


def test_no_link_to_training_pictures_that_are_no_longer_here(monkeypatch):
    links = []
    monkeypatch.setattr(st, "page_link", lambda page, **options: links.append(options))
    link_relabel_page("Look", "own_deleted")
    assert links == []
    link_relabel_page("Look", "ferplus", "sad")
    assert [link["query_params"] for link in links] == [{"dataset": "fer2013", "label": "sad"}]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("photo.jpg", "photo\\.jpg"),
        ("**bold**", "\\*\\*bold\\*\\*"),
        ("<b>", "\\<b\\>"),
        ("[a](http://b)", "\\[a\\]\\(http\\:\u2060\\/\\/b\\)"),
        (":material/x:", "\\:\u2060material\\/x\\:"),
        ("two\nlines", "two lines"),
        ("Ärger 1", "Ärger 1"),
    ],
)
def test_names_are_never_markup(name, shown):
    assert plain(name) == shown


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("party.jpg", "party_faces.csv"),
        ("../../etc/passwd", "passwd_faces.csv"),
        ("C:\\pictures\\me.png", "me_faces.csv"),
        ("?*.jpg", "result_faces.csv"),
        ("", "result_faces.csv"),
        ("x" * 300 + ".jpg", "x" * 80 + "_faces.csv"),
        ("süß (1).jpg", "süß _1_faces.csv"),
    ],
)
def test_download_names_are_plain_files(source, expected):
    assert safe_file_name(source, "_faces.csv") == expected


def test_memory_keeps_the_newest_and_computes_once(state):
    calls = []

    def get(key):
        return remember("things", key, lambda: calls.append(key) or key, limit=2)

    assert [get(1), get(2), get(1), get(3)] == [1, 2, 1, 3]
    assert calls == [1, 2, 3]
    assert is_remembered("things", 1)
    assert not is_remembered("things", 2)


def test_failure_is_not_remembered(state):
    def fail():
        raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError):
            remember("things", 1, fail, limit=2)
    assert not is_remembered("things", 1)


def test_stamp_tells_changes_and_takes_a_file_that_goes_for_none(tmp_path, monkeypatch):
    path = tmp_path / "a"
    assert stamp(path) is None
    path.write_text("1")
    first = stamp(path)
    path.write_text("12")
    assert first is not None and stamp(path) not in (None, first)
    real_stat = Path.stat

    def look_then_delete(asked, **options):
        state = real_stat(asked, **options)
        asked.unlink()
        return state

    monkeypatch.setattr(Path, "stat", look_then_delete)
    assert stamp(path) is not None
    assert stamp(path) is None


def test_model_that_is_deleted_while_the_sidebar_is_drawn_is_not_offered(
    models_folder, monkeypatch
):
    def delete_then_load(bundle):
        if bundle.name == "expression_model2":
            shutil.rmtree(bundle)
        return load_card(bundle)

    monkeypatch.setattr("facecore.registry.load_card", delete_then_load)
    cards, problems = expression_cards()
    assert [card.name for card in cards] == ["expression_model1", "expression_model3"]
    assert problems == []


def test_log_replaces_by_key_and_drops_the_oldest(state, monkeypatch, make_face, make_result):
    monkeypatch.setattr(session_log, "MAX_ENTRIES", 2)
    for number in (1, 2, 2, 3):
        result = make_result(*[make_face()] * number)
        session_log.log_photo("same.jpg", result, b"picture", key=str(number))
    entries = session_log.log_entries()
    assert [entry.key for entry in entries] == ["photo:2", "photo:3"]
    assert [len(entry.summary.people) for entry in entries] == [2, 3]
    session_log.forget("photo", "2")
    session_log.forget("photo", "unknown")
    assert len(session_log.log_entries()) == 1
    session_log.forget_all()
    assert session_log.log_entries() == []


def test_cards_escape_names_and_show_every_probability():
    probs = np.array([0.25, 0.75], dtype=np.float32)
    face = Face((0, 0, 9, 9), predictions={"gender": Prediction(("man", "woman"), probs)})
    html = build_face_cards([face, Face((0, 0, 9, 9))], [b"jpeg", b"jpeg"], name="<b>")
    assert "<b>" not in html
    assert "&lt;b&gt; 1" in html
    assert "Woman" in html
    assert "width:25.0%" in html
    assert "No prediction" in html


def test_tiles_escape_words_and_grey_out_zeros():
    html = build_tiles({"<i>": 0, "Men": 3}, {"Men": "man"})
    assert "<i>" not in html
    assert html.count("fc-tile-none") == 1
    assert "#0072B2" in html


def test_a_long_word_has_the_room_of_two():
    assert build_tiles({"Gender undecided": 0, "Undecided": 3}).count("span 2") == 1
    assert "span 2" not in build_tiles({"Gender undecided": 0}, min_width_rem=8.4)


def test_words_are_readable_in_the_dark():
    theme = tomllib.loads(
        (Path(_ui.__file__).parents[1] / ".streamlit/config.toml").read_text(encoding="utf-8")
    )["theme"]
    dark, surfaces = theme["dark"], (theme["dark"], theme["dark"]["sidebar"])
    main = dark["primaryColor"]
    for surface in surfaces:
        for name in ("backgroundColor", "secondaryBackgroundColor"):
            assert contrast(main, tint(main, surface[name])) >= 4.5
    (ink,) = re.findall(r"light-dark\(#fff,(#\w+)\)", STYLE)
    assert contrast(ink, main) >= 4.5
    assert contrast("#ffffff", theme["light"]["primaryColor"]) >= 4.5


def tint(color, below):
    """A chosen pill's colour: a tenth of the main colour on what lies below."""
    pairs = zip(to_rgb(color), to_rgb(below), strict=True)
    return "#" + "".join(f"{round(0.1 * one + 0.9 * other):02x}" for one, other in pairs)


def contrast(one, other):
    """As WCAG 2 computes it."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(color):
    shares = [value / 255 for value in to_rgb(color)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return sum(w * value for w, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_error_box_lets_defects_through():
    with pytest.raises(ZeroDivisionError), error_box():
        _ = 1 / 0
