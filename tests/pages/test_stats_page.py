"""The statistics page: empty, filled, filtered, downloads."""

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from facecore.registry import load_card, save_card
from facecore.stats import summarise, summarise_photo
from facecore.tracking_labels import decide_again
from pages._lasting_names import name_apart
from pages._session_log import Entry
from pages._stats_downloads import to_json, to_text, to_zip
from pages._stats_people import (
    count_people,
    list_people,
    mean_confidence,
    to_people_csv,
    to_people_table,
    to_source_table,
)


@pytest.fixture
def entry(make_face, make_result):
    def make(source="a.jpg", kind="photo", faces=None, media=None):
        result = make_result(
            *(faces or [make_face(expression="happy"), make_face(expression="sad", gender="man")])
        )
        return Entry(
            f"{kind}:{source}",
            source,
            kind,
            summarise_photo(result),
            {1: b"jpeg"},
            media or {},
            result if kind == "photo" else None,
        )

    return make


def test_empty_page_leads_to_the_others(open_page):
    app = open_page("stats")
    assert "Nothing was analysed yet" in app.info[0].value
    assert len(app.get("page_link")) == 3


def test_photos_are_counted_and_can_be_filtered(open_page, pair_png, portrait_png):
    app = open_page("photos")
    files = [("pair.png", pair_png, "image/png"), ("one.png", portrait_png, "image/png")]
    app.file_uploader(key="photo_upload").set_value(files).run()
    app.switch_page("pages/stats.py").run()
    assert not app.exception
    sources, people = app.dataframe[0].value, app.dataframe[1].value
    assert list(sources["Source"]) == ["pair.png", "one.png"]
    assert list(sources["Women"]) == [2, 1]
    assert list(people["Expression"]) == ["Happy"] * 3
    app.multiselect(key="stats_sources").set_value(
        [next(iter(app.session_state["session_log"]))]
    ).run()
    assert len(app.dataframe[1].value) == 2
    app.button(key="stats_forget").click().run()
    assert "Nothing was analysed yet" in app.info[0].value


def test_sources_of_one_name_are_told_apart(open_page, pair_png, portrait_png, wall_png):
    app = open_page("photos")
    files = [("a.png", data, "image/png") for data in (portrait_png, pair_png, wall_png)]
    app.file_uploader(key="photo_upload").set_value(files).run()
    app.switch_page("pages/stats.py").run()
    assert list(app.dataframe[0].value["Source"]) == ["a.png", "a.png (2)", "a.png (3)"]
    sources = app.multiselect(key="stats_sources")
    assert sources.options == ["Photo: a.png", "Photo: a.png (2)", "Photo: a.png (3)"]
    keys = list(app.session_state["session_log"])
    sources.set_value(keys[1:2]).run()
    assert list(app.dataframe[1].value["Source"]) == ["a.png (2)"] * 2
    del app.session_state["session_log"][keys[0]]
    app.run()
    assert list(app.dataframe[1].value["Source"]) == ["a.png (2)"] * 2, "still chosen"
    assert app.multiselect(key="stats_sources").options[0] == "Photo: a.png (2)"


def test_names_are_given_once_and_kept():
    names = name_apart({"1": "a", "2": "a", "3": "a (2)", "4": "A"}, {})
    assert names == {"1": "a", "2": "a (2)", "3": "a (2) (2)", "4": "A"}
    assert name_apart({"2": "a", "5": "a"}, names) == {"2": "a (2)", "5": "a"}


def test_sources_without_faces_name_the_labels_of_the_network_that_was_asked(
    open_page, models_folder, wall_png
):
    bundle = models_folder / "expression_model1"
    save_card(bundle, replace(load_card(bundle), labels=("happy", "tired")))
    app = open_page("photos")
    app.file_uploader(key="photo_upload").set_value(("wall.png", wall_png, "image/png")).run()
    app.switch_page("pages/stats.py").run()
    assert not app.exception
    columns = list(app.dataframe[0].value)
    assert columns[6:9] == ["Happy", "Tired", "Undecided"]


def test_without_people_the_csv_has_heads_and_the_page_says_so(entry, open_page, wall_png):
    assert to_people_csv([]) == b"source,kind,person,first_s,last_s\n"
    app = open_page("photos")
    app.file_uploader(key="photo_upload").set_value(("wall.png", wall_png, "image/png")).run()
    app.switch_page("pages/stats.py").run()
    assert len(app.dataframe) == 1, "no empty table of people"
    assert "No face was found in these sources." in [caption.value for caption in app.caption]


def test_downloads_name_the_labels_that_were_asked(make_result):
    result = make_result()
    wall = Entry("photo:wall", "wall.jpg", "photo", summarise_photo(result), result=result)
    asked = {"photo:wall": {"expression": ("tired", "happy"), "gender": ("man", "woman")}}
    text = to_text([wall], 0, asked)
    assert "People: 0\nHappy: 0, Tired: 0, Undecided: 0\nMan: 0" in text
    assert "Happy: 0\nTired: 0\nUndecided: 0\n" in text and "Angry" not in text
    totals = json.loads(to_json([wall], 0, asked))["totals"]
    assert totals["expression"] == {"happy": 0, "tired": 0, "undecided": 0}
    with zipfile.ZipFile(io.BytesIO(to_zip([wall], 0, asked))) as archive:
        assert archive.read("facecore_session.txt").decode() == text


def test_what_made_room_is_told(open_page, pair_png, portrait_png, wall_png, monkeypatch):
    monkeypatch.setattr("pages._session_log.MAX_ENTRIES", 2)
    app = open_page("photos")
    pictures = {"one": portrait_png, "pair": pair_png, "wall": wall_png, "two": portrait_png}
    files = [(f"{name}.png", data, "image/png") for name, data in pictures.items()]
    upload = app.file_uploader(key="photo_upload").set_value(files[:2]).run()
    upload.switch_page("pages/stats.py").run()
    assert "made room" not in " ".join(element.value for element in app.info)
    app.switch_page("pages/photos.py").run()
    app.file_uploader(key="photo_upload").set_value(files).run()
    app.run()  # the page logs all of them again
    app.switch_page("pages/stats.py").run()
    assert not app.exception
    assert list(app.dataframe[0].value["Source"]) == ["wall.png", "two.png"]
    assert app.info[0].value.startswith("The 2 oldest sources made room and are not counted.")
    app.button(key="stats_forget").click().run()
    assert not app.session_state["session_log_dropped"]


def test_downloads_tell_what_made_room(entry):
    text = to_text([entry()], 1)
    assert "Sources: 1\nThe oldest source made room and is not counted.\nPeople: 2" in text
    assert json.loads(to_json([entry()], 10))["totals"]["sources_not_counted"] == 10
    with zipfile.ZipFile(io.BytesIO(to_zip([entry()], 1000))) as archive:
        assert b"1,000 oldest sources made room" in archive.read("facecore_session.txt")
        assert b'"sources_not_counted": 1000' in archive.read("facecore_session.json")
    assert "made room" not in to_text([entry()])
    assert "sources_not_counted" not in json.loads(to_json([entry()]))["totals"]


def test_totals_are_over_all_sources(entry):
    people = list_people([entry(), entry("b.mp4", "video")])
    assert len(people) == 4
    assert count_people(people, "gender") == {"man": 2, "woman": 2, "undecided": 0}
    assert count_people(people, "expression")["sad"] == 2
    assert mean_confidence(people, "expression") == pytest.approx(0.9, abs=1e-5)
    assert mean_confidence([], "gender") is None


def test_undecided_people_are_counted_on_their_own(make_face, make_result):
    (photo,) = decide_again([make_result(make_face(None, "sad", "woman", 0.6))], {"gender": 0.7})
    entries = [Entry("photo:a", "a.jpg", "photo", summarise_photo(photo), result=photo)]
    people = list_people(entries)
    assert count_people(people, "gender") == {"man": 0, "woman": 0, "undecided": 1}
    assert mean_confidence(people, "gender") == pytest.approx(0.6)
    row = to_source_table(entries).iloc[0]
    assert (row["Sad"], row["Undecided"], row["Gender undecided"]) == (1, 0, 1)
    assert to_people_table(people).iloc[0]["Gender"] == "Undecided"
    assert ",undecided,0.6" in to_people_csv(people).decode()


def test_text_and_csv_and_json_hold_every_person(entry):
    entries = [entry(), entry("b.mp4", "video")]
    text = to_text(entries)
    assert "People: 4" in text
    assert "a.jpg" in text
    assert "b.mp4" in text
    table = to_people_csv(list_people([*entries, entry("=cmd.jpg")])).decode()
    assert len(table.splitlines()) == 7
    assert "'=cmd.jpg," in table
    data = json.loads(to_json(entries))
    assert data["totals"]["people"] == 4
    assert data["totals"]["gender"] == {"man": 2, "woman": 2, "undecided": 0}
    assert [result["source"] for result in data["results"]] == ["a.jpg", "b.mp4"]


def test_zip_holds_media_and_tables_under_unique_names(entry, tmp_path):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"video")
    entries = [
        entry(media={"a.jpg": lambda: b"one"}),
        entry("A.jpg", media={"A.jpg": b"two"}),
        entry("c.mp4", "video", media={"clip.mp4": clip, "gone.mp4": tmp_path / "gone.mp4"}),
    ]
    with zipfile.ZipFile(io.BytesIO(to_zip(entries))) as archive:
        assert sorted(archive.namelist()) == [
            "facecore_session.csv",
            "facecore_session.json",
            "facecore_session.txt",
            "media/A_2.jpg",
            "media/a.jpg",
            "media/clip.mp4",
        ]
        assert archive.read("media/A_2.jpg") == b"two"


def test_people_without_predictions_are_listed(entry, make_face):
    people = list_people([entry(faces=[make_face(expression=None, gender=None)])])
    assert people[0].labels == {}
    assert count_people(people, "expression")["happy"] == 0
    assert np.all(np.array(list(count_people(people, "gender").values())) == 0)


def test_confidence_is_that_of_the_label_shown_for_longest(make_face, make_result):
    # Happy in two frames of three, but the one sad frame is far surer.
    frames = [
        make_result(make_face(1, "happy", confidence=0.4), index=i, time_s=i / 10) for i in (0, 1)
    ]
    frames.append(make_result(make_face(1, "sad", confidence=0.99), index=2, time_s=0.2))
    (person,) = list_people([Entry("video:a", "a.mp4", "video", summarise(frames))])
    assert person.labels["expression"] == "happy"
    assert person.confidence("expression") == pytest.approx((0.4 + 0.4 + 0.01 / 6) / 3, abs=1e-3)


def test_long_names_keep_beginning_and_ending(entry):
    table = to_source_table([entry("holiday_in_the_mountains_1927.jpg"), entry("short.jpg")])
    assert list(table["Source"]) == ["holiday_i…1927.jpg", "short.jpg"]
