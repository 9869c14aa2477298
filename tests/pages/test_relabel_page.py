"""The Relabel page: the queue, deciding, undoing, filters, links from a cell, several people."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import streamlit as st
from compare_files import write_data, write_evaluation
from relabel_files import AS_NEUTRAL, BLANK, DOUBTFUL, NO_FACE, write_faces
from streamlit.testing.v1 import AppTest

from facecore.errors import StorageError
from facecore.relabel_choice import delete_person
from facecore.relabel_decisions import (
    NOT_A_FACE,
    Decision,
    add_decision,
    load_person,
    relabel_dir,
    to_decisions_csv,
)
from facecore.relabel_predictions import predictions_path
from pages._relabel_steps import DeskState

APP = Path(__file__).resolve().parents[2] / "app.py"


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faces")
    write_faces(folder)
    return folder


@pytest.fixture(autouse=True)
def folders(data_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("FACECORE_DATA_DIR", str(data_folder))
    monkeypatch.setenv("FACECORE_USER_DIR", str(tmp_path / "user"))


@pytest.fixture
def desk(open_page):
    """The page after a name was given."""
    page = open_page("relabel")
    page.text_input(key="relabel_who").set_value("Ann")
    page.button(key="relabel_who_ok").click().run()
    assert not page.exception and not page.error
    return page


def text_of(page):
    boxes = [*page.info, *page.success, *page.warning, *page.error]
    parts = [*page.markdown, *page.caption, *page.html, *boxes]
    return "\n".join(element.value for element in parts)


def press(page, *keys):
    for key in keys:
        page.button(key=f"relabel_{key}").click().run()
        assert not page.exception and not page.error


def shown(page):
    """The number of the picture at hand; None at the end of the queue."""
    html = next((h.value for h in page.html if "fc-card-face" in h.value), "")
    return html.partition("No. ")[2].partition("<")[0] or None


def made():
    return {d.image: (d.old, d.new) for d in load_person("fer2013", "train", "Ann")}


def test_a_name_is_needed(open_page):
    page = open_page("relabel")
    assert "Enter your name" in text_of(page) and shown(page) is None
    assert f"{len(DOUBTFUL)} of 70 training pictures are doubtful" in text_of(page)
    assert "cross_validate.py --dataset fer2013" in text_of(page)
    assert "Visible to everybody" in text_of(page)


def test_a_name_counts_once_it_is_confirmed(desk):
    desk.text_input(key="relabel_who").set_value("Annk").run()
    press(desk, "keep")
    assert len(made()) == 1, "by Ann"
    assert "the keys answer" in text_of(desk)


def test_card_shows_what_is_known(desk):
    html = text_of(desk)
    assert shown(desk) in DOUBTFUL
    assert "Crowd: " in html and "alike" in html and "Labelled Sad" in html


def test_decide_skip_and_undo(desk):
    seen = []
    for key in ("no_face", "to_neutral", "skip", "keep"):
        seen.append(shown(desk))
        press(desk, key)
    assert len(set(seen)) == 4
    assert set(made()) == {seen[0], seen[1], seen[3]}
    assert made()[seen[0]][1] == NOT_A_FACE and made()[seen[1]] == ("sad", "neutral")
    assert made()[seen[3]][0] == made()[seen[3]][1]
    press(desk, "undo")
    assert shown(desk) == seen[3] and seen[3] not in made()
    press(desk, "undo")
    assert shown(desk) == seen[2], "the skipped one comes back"
    press(desk, "undo", "undo")
    assert shown(desk) == seen[0] and made() == {}
    assert desk.button(key="relabel_undo").disabled


def test_end_of_the_queue_and_skipped_ones(desk):
    press(desk, "skip", *["keep"] * 5)
    assert "Only skipped pictures are left" in text_of(desk)
    press(desk, "unskip", "keep")
    assert "Every picture of this choice is decided" in text_of(desk)
    assert set(made()) == DOUBTFUL
    press(desk, "undo")
    assert len(made()) == 5


def test_decisions_outlive_the_session_and_can_be_undone_later(desk, open_page):
    first = shown(desk)
    press(desk, "keep")
    page = open_page("relabel")
    page.text_input(key="relabel_who").set_value("Ann")
    page.button(key="relabel_who_ok").click().run()
    assert shown(page) not in (None, first)
    press(page, "undo")
    assert shown(page) == first and made() == {}


def test_what_was_deleted_does_not_come_back_by_undo(desk):
    press(desk, "keep", "keep")
    delete_person("fer2013", "train", "Ann")
    press(desk, "undo")
    assert made() == {} and not list((relabel_dir("fer2013", "train") / "decisions").iterdir())
    assert desk.button(key="relabel_undo").disabled


def test_undo_passes_over_what_is_no_longer_so(desk):
    first = shown(desk)
    press(desk, "keep")
    second = shown(desk)
    press(desk, "skip", "keep")
    elsewhere = Decision(list(made())[-1], "sad", "fear", "Ann", "2027")
    add_decision("fer2013", "train", elsewhere)
    press(desk, "skip", *["keep"] * 2)
    press(desk, "unskip")
    press(desk, "undo", "undo")
    assert made()[elsewhere.image] == ("sad", "fear"), "decided anew in another browser"
    press(desk, "undo")
    assert shown(desk) == first and set(made()) == {elsewhere.image}
    assert second not in made()


def test_only_a_picture_that_was_just_drawn_is_too_new_to_be_decided(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("pages._relabel_steps.time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr("pages._relabel_steps.HASTE_S", 0.15)
    state = DeskState()
    state.note_drawn("a")
    clock[0] += 10
    state.note_drawn("a")  # as where another part of the page was changed
    assert not state.is_hasty()
    assert state.is_hasty(), "before it is drawn again"
    state.note_drawn("b")
    clock[0] += 0.1
    assert state.is_hasty()
    state.note_drawn("b")
    clock[0] += 0.2
    assert not state.is_hasty()


def test_a_press_before_anybody_could_look_is_not_about_the_new_picture(desk, monkeypatch):
    first = shown(desk)
    press(desk, "keep")
    second = shown(desk)
    monkeypatch.setattr("pages._relabel_steps.HASTE_S", 3600.0)
    press(desk, "keep", "skip", "no_face", "undo")
    assert set(made()) == {first} and shown(desk) == second
    monkeypatch.setattr("pages._relabel_steps.HASTE_S", 0.0)
    press(desk, "keep")
    assert set(made()) == {first, second}


def test_two_people_do_not_see_each_other(desk, open_page):
    first = shown(desk)
    press(desk, "keep")
    page = open_page("relabel")
    page.text_input(key="relabel_who").set_value("Bob")
    page.button(key="relabel_who_ok").click().run()
    assert shown(page) == first


def test_filters(desk):
    desk.selectbox(key="relabel_seen").set_value("neutral").run()
    assert shown(desk) == AS_NEUTRAL[0]
    press(desk, "keep", "keep")
    assert "2 of 2 decided" in desk.get("progress")[0].proto.text
    desk.selectbox(key="relabel_label").set_value("fear").run()
    assert "No picture is doubtful in this way" in text_of(desk)
    desk.selectbox(key="relabel_label").set_value("any")
    desk.selectbox(key="relabel_seen").set_value("any").run()
    reasons = next(p for p in desk.pills if "reasons" in p.key)
    reasons.set_value(["blank"]).run()
    assert shown(desk) == BLANK


def test_link_chooses_the_pair(models_folder):
    app = AppTest.from_file(str(APP), default_timeout=180).run()
    app.query_params.update({"dataset": "fer2013", "label": "sad", "seen": "neutral"})
    app.switch_page("pages/relabel.py").run()
    app.text_input(key="relabel_who").set_value("Ann")
    app.button(key="relabel_who_ok").click().run()
    assert not app.exception
    assert app.selectbox(key="relabel_label").value == "sad"
    assert shown(app) == AS_NEUTRAL[0]
    app.selectbox(key="relabel_label").set_value("any").run()
    assert app.selectbox(key="relabel_label").value == "any", "the link counts once"


def test_nonsense_in_the_address_is_passed_over(models_folder):
    app = AppTest.from_file(str(APP), default_timeout=180).run()
    app.query_params.update({"dataset": "../x", "label": "<b>", "seen": "sad"})
    app.switch_page("pages/relabel.py").run()
    assert not app.exception and not app.error
    assert app.selectbox(key="relabel_dataset").value == "fer2013"


def test_models_are_asked_on_request(desk):
    assert "Model 1: all seven" not in text_of(desk)
    desk.toggle(key="relabel_ask_models").set_value(True).run()
    assert not desk.exception and not desk.error
    assert "Model 1: all seven expressions" in text_of(desk)


def test_damaged_predictions_are_told_and_the_rest_works(open_page):
    path = predictions_path("fer2013", "train")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no")
    page = open_page("relabel")
    assert "is damaged" in page.error[0].value.replace("\\", "")
    assert "Enter your name" in text_of(page)


def test_without_the_pictures_it_is_told(open_page, tmp_path, monkeypatch):
    monkeypatch.setenv("FACECORE_DATA_DIR", str(tmp_path))
    page = open_page("relabel")
    assert "Kaggle" in page.info[0].value and not page.error


def test_full_disk_is_told(desk):
    folder = relabel_dir("fer2013", "train")
    (folder / "decisions").rmdir() if (folder / "decisions").exists() else None
    folder.parent.parent.mkdir(parents=True, exist_ok=True)
    folder.parent.write_text("no folder")
    desk.button(key="relabel_keep").click().run()
    assert not desk.exception
    assert "cannot be written" in desk.error[0].value


def test_off_on_public_servers(open_page, monkeypatch):
    page = open_page("relabel")
    monkeypatch.setenv("FACECORE_TEACHING", "off")
    page.run()
    assert not page.exception and not page.text_input


class TestTogether:
    @pytest.fixture
    def together(self, open_page):
        def open_():
            page = open_page("relabel")
            page.segmented_control(key="relabel_section").set_value("Together").run()
            assert not page.exception
            return page

        return open_

    def test_nobody_yet(self, together):
        assert "Nobody has decided" in text_of(together())

    def test_agreement_of_a_kept_and_a_brought_file(self, together):
        for image, new in ((NO_FACE, NOT_A_FACE), (AS_NEUTRAL[0], "neutral")):
            add_decision("fer2013", "train", Decision(image, "sad", new, "Ann", "2026"))
        rows = [
            Decision(image, "sad", NOT_A_FACE, "*Bob*", "2026")
            for image in (NO_FACE, AS_NEUTRAL[0])
        ]
        page = together()
        page.file_uploader(key="relabel_uploads").set_value(
            ("bob.csv", to_decisions_csv(rows), "text/csv")
        ).run()
        assert not page.exception and not page.error
        table = page.dataframe[0].value
        assert table.loc[0, ["Both decided", "The same"]].tolist() == ["2", "50%"]
        assert "1 disputed" in text_of(page)
        assert load_person("fer2013", "train", "*Bob*") == [], "what is brought is not kept"

    def test_nameless_files_are_two_people_and_a_contradiction_is_told(self, together):
        def brought(who, new):
            return to_decisions_csv([Decision(NO_FACE, "sad", new, who, "2026")])

        add_decision("fer2013", "train", Decision(NO_FACE, "sad", "sad", "Ann", "2026"))
        page = together()
        files = {"x.csv": ("", "fear"), "y.csv": ("", "sad"), "old.csv": ("Ann", "happy")}
        page.file_uploader(key="relabel_uploads").set_value(
            [(name, brought(*said), "text/csv") for name, said in files.items()]
        ).run()
        assert not page.exception and len(page.error) == 1
        assert "leave the older file out" in page.error[0].value
        pairs = page.dataframe[0].value["Two people"].tolist()
        assert pairs == ["Ann and x", "Ann and y", "x and y"]

    def test_other_files_and_data_are_told(self, together):
        add_decision("fer2013", "train", Decision(NO_FACE, "sad", "sad", "Ann", "2026"))
        other = Decision(NO_FACE, "fear", "sad", "Bob", "2026")
        page = together()
        page.file_uploader(key="relabel_uploads").set_value(
            [("x.csv", b"a,b\n1,2\n", "text/csv"), ("b.csv", to_decisions_csv([other]), "text/csv")]
        ).run()
        assert not page.exception
        assert len(page.error) == 2
        assert "different data" in page.error[1].value

    def test_decisions_can_be_deleted(self, together):
        add_decision("fer2013", "train", Decision(NO_FACE, "sad", "sad", "Ann", "2026"))
        page = together()
        page.button(key="relabel_delete").click().run()
        assert not page.exception
        assert made() == {}

    def test_decisions_that_cannot_be_deleted_are_told(self, together, monkeypatch):
        def refuse(dataset, split, who):
            raise StorageError("The folder cannot be changed.")

        monkeypatch.setattr("pages._relabel_together.delete_person", refuse)
        add_decision("fer2013", "train", Decision(NO_FACE, "sad", "sad", "Ann", "2026"))
        page = together()
        page.button(key="relabel_delete").click().run()
        assert not page.exception
        assert [error.value for error in page.error] == [r"The folder cannot be changed\."]
        assert list(made()) == [NO_FACE]


def test_cell_of_the_comparison_links_here(models_folder, open_page, tmp_path, monkeypatch):
    write_data(tmp_path / "data")
    monkeypatch.setenv("FACECORE_DATA_DIR", str(tmp_path / "data"))
    for name in ("expression_model1", "expression_model2"):
        write_evaluation(models_folder / name, tmp_path / "data")
    page = open_page("compare")
    page.segmented_control(key="compare_section").set_value("Faces").run()
    assert not page.exception
    link = page.get("page_link")[0].proto
    assert link.page == "relabel"
    assert "label=sad" in link.query_string and "seen=neutral" in link.query_string


@pytest.fixture(autouse=True)
def forget_caches():
    """Pictures of one test's folder must not reach the next."""
    assert os.environ["FACECORE_USER_DIR"]
    st.cache_resource.clear()
