"""The page Train: bringing, report, keeping, form, queue, models; nothing is trained here."""

import json
import os
import shutil
import threading
import time
from pathlib import Path

import pytest
from own_pictures import make_zip, write_folders
from streamlit.testing.v1 import AppTest

from facecore.datasets import load_dataset
from facecore.errors import StorageError, TrainingRunError
from facecore.own_data import bring_path
from facecore.own_data_labels import guess_mapping
from facecore.own_data_plan import make_plan
from facecore.own_data_split import SplitChoice
from facecore.own_data_store import delete_own_data, keep_data, list_own_data, load_own_data
from facecore.registry import load_card, save_card
from facecore.relabel_decisions import (
    NOT_A_FACE,
    add_decision,
    decide,
    find_corrections,
    load_decisions,
    load_everyone,
)
from facecore.training_config import load_values
from facecore.training_runs import CONFIG_FILE, list_runs, load_run, stop_run
from facecore.user_files import user_models_dir, user_runs_dir

APP = Path(__file__).resolve().parents[2] / "app.py"


@pytest.fixture(autouse=True)
def user_dir(tmp_path, monkeypatch):
    monkeypatch.setenv("FACECORE_USER_DIR", str(tmp_path / "user"))
    for place in ("facecore.training_runs", "pages._startup", "pages._train_runs"):
        monkeypatch.setattr(f"{place}.ensure_worker", lambda: None)  # nothing is trained here
    return tmp_path / "user"


def keep(tmp_path, **numbers):
    write_folders(tmp_path / "faces", numbers)
    draft = bring_path(tmp_path / "faces")(tmp_path / "draft", None, None)
    mapping = guess_mapping(numbers, "expression")
    return keep_data(draft, make_plan(draft, "expression", mapping, SplitChoice()), "Faces")


def wait_for_report(app: AppTest) -> AppTest:
    end = time.monotonic() + 120
    while not any("Report on" in s.value for s in app.subheader):
        assert time.monotonic() < end, "no report"
        time.sleep(0.3)
        app.run()
    assert not app.exception
    return app


def upload(app: AppTest, numbers, name="faces.zip") -> AppTest:
    app.file_uploader(key="train_file").set_value((name, make_zip(numbers).getvalue(), "x")).run()
    app.button(key="train_look").click().run()
    return wait_for_report(app)


def go(app: AppTest, section: str) -> AppTest:
    app.segmented_control(key="train_section").set_value(section).run()
    assert not app.exception
    return app


def texts(app: AppTest) -> str:
    parts = (*app.markdown, *app.error, *app.info, *app.success, *app.caption, *app.warning)
    return " ".join(element.value for element in parts).replace("\\", "")


def button(app: AppTest, label: str):
    return next(b for b in app.button if b.label == label)


def test_upload_is_reported_kept_and_deleted(open_page):
    app = upload(open_page("train"), {"happy": 30, "Tired": 30})
    assert "Visible to everybody" in texts(app)
    assert "Labels of your own: Tired." in texts(app)
    assert list_own_data() == []
    app.text_input[0].set_value("Our *faces*")
    button(app, "Keep for everybody here").click().run()
    assert "is kept" in texts(app)
    data = load_own_data("own_our_faces")
    assert data.labels == ("happy", "tired")
    button(app, "Delete for everybody").click().run()
    assert list_own_data() == []


def test_too_few_cannot_be_kept(open_page):
    app = upload(open_page("train"), {"happy": 30, "sad": 4})
    assert "Sad has 4 pictures; at least 20 are needed. Add 16 more" in texts(app)
    assert not any("Keep" in b.label for b in app.button)
    button(app, "Discard these pictures").click().run()
    assert any("Bring pictures" in s.value for s in app.subheader)


def test_what_is_no_archive_is_one_sentence(open_page):
    app = open_page("train")
    app.file_uploader(key="train_file").set_value(("x.zip", b"nothing", "x")).run()
    app.button(key="train_look").click().run()
    end = time.monotonic() + 60
    while not app.error and time.monotonic() < end:
        time.sleep(0.2)
        app.run()
    assert "no ZIP archive" in texts(app)


def test_folder_on_the_server(open_page, tmp_path, monkeypatch):
    write_folders(tmp_path / "data" / "mine", {"happy": 22, "sad": 22})
    monkeypatch.setenv("FACECORE_DATA_DIR", str(tmp_path / "data"))
    app = open_page("train")
    app.segmented_control(key="train_source").set_value("Folder on the server").run()
    assert "mine" in app.selectbox(key="train_server_source").options
    app.button(key="train_look").click().run()
    wait_for_report(app)


def test_folder_on_the_server_whose_name_is_no_utf8(open_page, tmp_path, monkeypatch):
    folder = tmp_path / "server" / "cafe"
    write_folders(folder, {"happy": 30, "degout": 30})
    (folder / "degout").rename(folder / os.fsdecode(b"d\xe9go\xfbt"))
    folder.rename(folder.with_name(os.fsdecode(b"caf\xe9")))
    monkeypatch.setenv("FACECORE_DATA_DIR", str(tmp_path / "server"))
    app = open_page("train")
    app.segmented_control(key="train_source").set_value("Folder on the server").run()
    assert not app.exception
    offered = app.selectbox(key="train_server_source").options
    assert offered == [r"caf\xe9", r"caf\xe9/d\xe9go\xfbt", r"caf\xe9/happy"]
    app.selectbox(key="train_server_source").select(offered[0]).run()
    app.button(key="train_look").click().run()
    app = wait_for_report(app)
    assert any(r"Report on caf\\xe9" in s.value for s in app.subheader)
    assert list(app.dataframe[0].value["Name as brought"]) == [r"d\xe9go\xfbt", "happy"]


def test_drafts_are_one_sessions_own(open_page):
    upload(open_page("train"), {"happy": 30, "sad": 30})
    other = open_page("train")
    assert not any("Report on" in s.value for s in other.subheader)
    assert "Nobody has kept pictures" in texts(other)


@pytest.mark.parametrize("when", ["after the reading", "while reading", "by the system"])
def test_draft_that_was_deleted_while_the_browser_was_away_says_so(open_page, when, monkeypatch):
    def read_on(*args):
        while True:
            args[-1](1, 60)
            time.sleep(0.01)

    app = open_page("train")
    if when == "while reading":
        archive = make_zip({"happy": 30, "sad": 30}).getvalue()
        with monkeypatch.context() as patched:
            patched.setattr("facecore.own_data.prepare_pictures", read_on)
            app.file_uploader(key="train_file").set_value(("faces.zip", archive, "x")).run()
            app.button(key="train_look").click().run()
            while not app.session_state["train_draft"].reading.progress.done:
                time.sleep(0.01)
    else:
        upload(app, {"happy": 30, "sad": 30})
    case = app.session_state["train_draft"]
    if when == "by the system":
        shutil.rmtree(case.reading.result.folder.parent)
    else:
        case.close()
    app.run()
    assert not app.exception
    assert [error.value.replace("\\", "") for error in app.error] == [
        "The pictures of faces.zip were deleted because the browser was away; bring them again."
    ]
    assert case.reading.wait(60)
    app.run()
    assert not app.error
    upload(app, {"happy": 30, "sad": 30})
    app.text_input[0].set_value("Faces")
    button(app, "Keep for everybody here").click().run()
    assert "is kept" in texts(app)


def test_form_writes_the_config_and_queues(open_page, tmp_path):
    keep(tmp_path, happy=30, sad=30, tired=30)
    app = go(open_page("train"), "New training")
    assert app.selectbox(key="train_start_expression").options == ["A new network"]  # stubs
    app.button_group(key="train_labels_own_faces").set_value(["happy", "tired"]).run()
    app.segmented_control(key="train_balance_own_faces").set_value("equal numbers").run()
    app.number_input(key="train_number_own_faces").set_value(40).run()
    app.text_input(key="train_title_own_faces").set_value("Smile: 1").run()
    assert "80 pictures to learn from" in texts(app).replace("*", "")
    app.button(key="train_begin").click().run()
    assert app.segmented_control(key="train_section").value == "Trainings"
    values = load_values(user_runs_dir() / "smile_1" / CONFIG_FILE)
    assert values["labels"] == ["happy", "tired"]
    assert (values["dataset"], values["images_per_class"]) == ("own_faces", 40)
    assert load_run("smile_1").state == "queued"
    button(app, "Take out of the queue").click().run()
    assert load_run("smile_1").state == "stopped"
    button(app, "Resume").click().run()
    assert load_run("smile_1").state == "queued"


def test_form_offers_at_most_as_many_of_each_label_as_it_takes(open_page, tmp_path, user_dir):
    keep(tmp_path, happy=30, sad=30)
    path = user_dir / "data" / "own_faces" / "data.json"
    info = json.loads(path.read_text())
    info["counts"] = {label: {"train": 60_000, "validation": 6} for label in ("happy", "sad")}
    path.write_text(json.dumps(info))
    app = go(open_page("train"), "New training")
    app.segmented_control(key="train_balance_own_faces").set_value("equal numbers").run()
    assert not app.exception
    assert app.number_input(key="train_number_own_faces").value == 50_000


def corrections(app):
    """Whose decisions a training takes."""
    return next(box for box in app.selectbox if box.key.startswith("train_corrections_own_faces"))


def test_form_goes_on_with_whose_decisions_were_chosen_while_there_are_more(
    open_page, words_last, tmp_path
):
    data = keep(tmp_path, happy=30, sad=30)
    first, second = (str(name) for name in load_dataset(data.name, "train").sample_ids[:2])
    add_decision(data.name, "train", decide(first, "happy", "sad", "Ann"))
    app = go(open_page("train"), "New training")
    corrections(app).set_value("Ann").run()
    add_decision(data.name, "train", decide(second, "happy", "sad", "Ann"))
    for _ in range(2):
        app.run()
        assert corrections(app).value == "Ann"
        assert "2 other labels" in texts(app)


def test_form_counts_what_the_decisions_leave(open_page, tmp_path):
    data = keep(tmp_path, happy=30, sad=30)
    pictures = load_dataset(data.name, "train")
    image, old = str(pictures.sample_ids[0]), pictures.labels[pictures.y_true[0]]
    add_decision(data.name, "train", decide(image, old, NOT_A_FACE, "Ann"))
    app = go(open_page("train"), "New training")
    assert f"**{len(pictures)}** pictures to learn from" in texts(app)
    corrections(app).set_value("Ann").run()
    assert f"**{len(pictures) - 1}** pictures to learn from" in texts(app)


def test_form_takes_what_was_decided(open_page, tmp_path):
    data = keep(tmp_path, happy=30, sad=30)
    app = go(open_page("train"), "New training")
    assert corrections(app).disabled
    pictures = load_dataset(data.name, "train")
    image, old = str(pictures.sample_ids[0]), pictures.labels[pictures.y_true[0]]
    for who in ("Ann", "*Bob*"):
        add_decision(data.name, "train", decide(image, old, "sad", who))
    app = go(open_page("train"), "New training")
    app.text_input(key="train_title_own_faces").set_value("Mended").run()
    corrections(app).set_value("*Bob*").run()
    assert "1 other label (happy to sad 1)" in texts(app)
    app.button(key="train_begin").click().run()
    assert not app.exception and not app.error
    values = load_values(user_runs_dir() / "mended" / CONFIG_FILE)
    found = load_decisions(find_corrections(values["corrections"], data.name, "train"))
    assert [(row.image, row.new, row.who) for row in found] == [(image, "sad", "*Bob*")]
    delete_own_data(data.name)
    assert load_everyone(data.name, "train") == {}


def test_trainings_are_listed_where_none_can_begin(open_page, tmp_path, monkeypatch):
    def fail():
        raise StorageError("There is no room.")

    keep(tmp_path, happy=30, sad=30)
    app = go(open_page("train"), "New training")
    app.button(key="train_begin").click().run()
    monkeypatch.setattr("pages._train_runs.ensure_worker", fail)
    app = go(open_page("train"), "Trainings")
    assert len(app.error) == 1 and "There is no room" in app.error[0].value
    assert "**Faces model**" in texts(app)


def test_pictures_that_a_training_needs_are_not_deleted(open_page, tmp_path):
    data = keep(tmp_path, happy=30, sad=30)
    app = go(open_page("train"), "New training")
    app.text_input(key="train_title_own_faces").set_value("*Smile*").run()
    app.button(key="train_begin").click().run()
    app = go(open_page("train"), "Pictures")
    app.button(key="train_delete_own_faces").click().run()
    assert not app.exception
    (told,) = app.error
    assert "needed until the training of “*Smile*” has ended" in told.value.replace("\\", "")
    assert list_own_data() == [data]
    stop_run("smile")
    app.button(key="train_delete_own_faces").click().run()
    assert not app.exception and not app.error
    assert list_own_data() == []


def test_second_session_queues_behind_the_first_and_names_are_unique(open_page, tmp_path):
    keep(tmp_path, happy=30, sad=30)
    for title, problem in (("One", ""), ("Two", ""), ("One", "There is a model called “One”")):
        app = go(open_page("train"), "New training")
        app.text_input(key="train_title_own_faces").set_value(title).run()
        app.button(key="train_begin").click().run()
        assert not app.exception
        assert problem in texts(app)
    assert [(run.name, run.num_ahead) for run in list_runs()] == [("one", 0), ("two", 1)]


def test_estimate_needs_a_measurement(open_page, tmp_path, monkeypatch):
    keep(tmp_path, happy=30, sad=30)
    speed = {"images_per_s": 4.0, "judged_per_s": 40.0, "start_s": 60.0}
    monkeypatch.setattr("pages._train_estimate.find_speed", lambda _: speed)
    app = go(open_page("train"), "New training")
    # 30 epochs of 48 pictures at 4 per second, and 12 judged each time.
    assert "About **7 minutes** on this machine" in texts(app)


def test_measurement_that_ends_while_the_page_is_drawn_is_shown(open_page, tmp_path, monkeypatch):
    keep(tmp_path, happy=30, sad=30)
    gate, known = threading.Event(), []

    def measure(_):
        gate.wait(60)
        known.append({"images_per_s": 4.0, "judged_per_s": 40.0, "start_s": 60.0})

    def look_then_end(_):
        found = known[0] if known else None
        if "train_measuring" in app.session_state:
            gate.set()
            app.session_state["train_measuring"].wait(60)
        return found

    monkeypatch.setattr("pages._train_estimate.measure_speed", measure)
    app = go(open_page("train"), "New training")
    app.button(key="train_measure").click().run()
    monkeypatch.setattr("pages._train_estimate.find_speed", look_then_end)
    app.run()
    assert not app.exception
    assert "on this machine" in texts(app)


def test_damaged_measurement_is_a_sentence(open_page, tmp_path, monkeypatch):
    keep(tmp_path, happy=30, sad=30)

    def fail(_):
        raise TrainingRunError("This machine's speed could not be measured.")

    monkeypatch.setattr("pages._train_estimate.measure_speed", fail)
    app = go(open_page("train"), "New training")
    app.button(key="train_measure").click().run()
    end = time.monotonic() + 60
    while "could not be measured" not in texts(app):
        assert time.monotonic() < end, "not told"
        time.sleep(0.1)
        app.run()


def test_models_are_renamed_and_deleted_and_stand_in_the_pickers(open_page, make_card):
    card = make_card(name="smile", labels=("happy", "tired"), metrics={})
    save_card(user_models_dir() / "smile", card)
    gender = make_card("gender", name="more", labels=("man", "nonbinary", "woman"))
    save_card(user_models_dir() / "more", gender)
    app = go(open_page("train"), "Models")
    app.text_input(key="train_new_name_smile").set_value("Team smile").run()
    app.button(key="train_rename_smile").click().run()
    assert load_card(user_models_dir() / "smile").title == "Team smile"
    photos = open_page("photos")
    assert "Team smile" in photos.selectbox(key="expression_model").options
    assert photos.selectbox(key="sidebar_gender_model").options == ["Gender", "More"]
    app.button(key="train_remove_smile").click().run()
    assert not (user_models_dir() / "smile").exists()


@pytest.mark.parametrize("setting", ["off", "maybe"])
def test_teaching_can_be_switched_off(models_folder, monkeypatch, setting):
    monkeypatch.setenv("FACECORE_TEACHING", setting)
    app = AppTest.from_file(str(APP), default_timeout=180).run()
    if setting == "maybe":
        assert "set it to on or off" in texts(app)
    else:
        assert not app.error
        with pytest.raises(ValueError, match="Could not find a navigation page"):
            app.switch_page("pages/train.py")
