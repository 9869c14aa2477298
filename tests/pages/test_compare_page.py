"""The comparison page: default images, sections, the faces of a cell, the eye test, its errors."""

import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest
import streamlit as st
from compare_files import NUM_SAD, write_data, write_evaluation
from comparison_files import write_bundle

from facecore.evaluation_report import PREDICTIONS_FILE, evaluation_dir
from facecore.registry import EVALUATIONS_DIR, load_card, save_card

NAMES = ("expression_model1", "expression_model2", "expression_model3")


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_data(folder)
    return folder


@pytest.fixture
def evaluated(models_folder, data_folder, monkeypatch):
    """A models folder whose three expression models were evaluated on the validation images."""
    monkeypatch.setenv("FACECORE_DATA_DIR", str(data_folder))
    for name in NAMES:
        write_evaluation(models_folder / name, data_folder)
    return models_folder


def text_of(app):
    parts = [*app.markdown, *app.caption, *app.html, *app.info, *app.warning, *app.error]
    return "\n".join(element.value for element in parts)


def html_of(app):
    return "".join(element.value for element in app.html)


def go(app, section):
    app.segmented_control(key="compare_section").set_value(section).run()
    assert not app.exception, app.exception
    return app


def test_without_evaluations_the_commands_are_told(open_page):
    page = open_page("compare")
    assert "nothing to compare" in page.info[0].value
    code = page.code[0].value
    assert all(f"evaluate --model {name} --dataset fer2013" in code for name in NAMES)
    assert page.segmented_control(key="compare_section").options == ["Gender", "Eye test"]


def test_page_opens_without_tensorflow(evaluated, open_page):
    loaded = "tensorflow" in sys.modules
    page = open_page("compare")
    assert not page.error
    assert ("tensorflow" in sys.modules) == loaded
    assert "used for choosing" in text_of(page)
    assert "None of the chosen models was evaluated on the held-out test images" in text_of(page)
    table = page.table[0].value
    assert list(table.columns) == ["Model 1", "Model 2", "Model 3"]
    assert table.loc["Accuracy ↑", "Model 1"].startswith(f"**{60 / 70:.1%}** ★"), "all but sad"
    assert table.loc["Accuracy ↑", "Model 2"].startswith(f"{50 / 70:.1%}"), "no Disgust either"


def test_test_images_come_first_where_every_model_has_them(evaluated, data_folder, open_page):
    for name in NAMES[:2]:
        write_evaluation(evaluated / name, data_folder, "test")
    assert "PublicTest" in open_page("compare").selectbox(key="compare_split").options[0]
    write_evaluation(evaluated / NAMES[2], data_folder, "test")
    page = open_page("compare")
    assert page.selectbox(key="compare_split").value.split == "test"
    assert "used for choosing" not in text_of(page)


def test_training_images_are_never_shown_without_saying_so(evaluated, data_folder, open_page):
    for name in NAMES:
        write_evaluation(evaluated / name, data_folder, "all")
    page = open_page("compare")
    picker = page.selectbox(key="compare_split")
    assert picker.value.split == "validation"
    whole = next(i for i, words in enumerate(picker.options) if "contains training" in words)
    picker.select_index(whole).run()
    assert not page.exception
    assert ":red-badge[:material/dataset: contains training images]" in text_of(page)


def test_fourth_model_of_the_user_can_be_compared(evaluated, data_folder, open_page):
    card = replace(load_card(evaluated / NAMES[0]), name="mine", title="My *model*: all")
    save_card(evaluated / "mine", card)
    write_evaluation(evaluated / "mine", data_folder)
    page = open_page("compare")
    picker = page.pills(key="compare_models_chosen")
    assert len(picker.value) == 3 and len(picker.options) == 4
    picker.set_value([NAMES[1], "mine"]).run()
    assert not page.exception and not page.error
    assert list(page.table[0].value.columns) == ["Model 2", "My \\*model\\*"]
    picker.set_value([*NAMES, "mine"]).run()
    assert page.table[0].value.shape[1] == 4


def test_model_for_comparing_only_is_offered_for_no_picture(evaluated, data_folder, open_page):
    card = replace(load_card(evaluated / NAMES[0]), name="a_baseline", title="Baseline")
    save_card(evaluated / "a_baseline", replace(card, role="comparison"))
    write_evaluation(evaluated / "a_baseline", data_folder)
    picker = open_page("compare").pills(key="compare_models_chosen")
    assert picker.options[-1] == "Baseline" and "a_baseline" not in picker.value
    for name in ("photos", "videos"):
        options = open_page(name).selectbox(key="expression_model").options
        assert len(options) == 3 and "Baseline" not in options


def test_choices_that_are_gone_give_way(evaluated, data_folder, open_page):
    for name in NAMES[:2]:
        write_evaluation(evaluated / name, data_folder, "test")
    page = open_page("compare")
    page.pills(key="compare_models_chosen").set_value(list(NAMES[:2])).run()
    picker = page.selectbox(key="compare_split")
    picker.select_index(next(i for i, o in enumerate(picker.options) if "PrivateTest" in o)).run()
    assert page.selectbox(key="compare_split").value.split == "test"
    page.segmented_control(key="compare_view").set_value("known").run()
    page.pills(key="compare_models_chosen").set_value(list(NAMES)).run()
    assert not page.exception and not page.error, "model 3 has no test images"
    assert page.selectbox(key="compare_split").value.split == "validation"
    page.pills(key="compare_models_chosen").set_value(list(NAMES[1:])).run()
    assert not page.exception, "these two know the same classes: no fair view"
    shutil.rmtree(evaluated / NAMES[1])
    page.run()
    assert not page.exception and not page.error
    assert list(page.table[0].value.columns) == ["Model 3"]


def test_fair_view_leaves_the_unknown_class_out(evaluated, open_page):
    page = open_page("compare")
    page.segmented_control(key="compare_view").set_value("known").run()
    assert not page.exception
    assert "10 of classes that not all models know left out" in text_of(page)
    table = page.table[0].value
    assert table.loc["Accuracy ↑", "Model 2"].startswith(f"{50 / 60:.1%}")


@pytest.mark.parametrize("section", ["Matrices", "Classes", "Curves", "Paper", "Gender"])
@pytest.mark.parametrize("paper", [False, True])
def test_every_section_is_drawn(evaluated, open_page, section, paper):
    page = open_page("compare")
    if paper:
        page.toggle(key="compare_paper").set_value(True).run()
    go(page, section)
    assert not page.error
    assert "How to read it" in text_of(page) or section == "Gender"


def test_every_models_card_can_be_read(evaluated, open_page):
    page = open_page("compare")
    cards = [e for e in page.expander if e.label.startswith("About ")]
    titles = page.pills(key="compare_models_chosen").value
    assert len(cards) == len(titles) > 1
    told = " ".join(m.value for m in cards[0].markdown)
    assert "**What it is**" in told
    assert "**Undecided**" in told


def test_more_models_are_picked_and_none_is_told(evaluated, open_page):
    page = open_page("compare")
    page.get("button_group")
    picker = page.pills(key="compare_models_chosen")
    picker.set_value([NAMES[0], NAMES[2]]).run()
    assert list(page.table[0].value.columns) == ["Model 1", "Model 3"]
    page.pills(key="compare_models_chosen").set_value([]).run()
    assert not page.exception
    assert "Choose at least one model" in page.info[0].value


def test_models_without_evaluation_are_listed_beside_the_others(evaluated, open_page):
    folder = evaluation_dir(evaluated / NAMES[1], "fer2013", "validation")
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    page = open_page("compare")
    assert list(page.table[0].value.columns) == ["Model 1", "Model 3"]
    assert f"--model {NAMES[1]}" in page.code[0].value


def test_damaged_file_names_itself_and_the_rest_of_the_page_stays(evaluated, open_page):
    path = evaluation_dir(evaluated / NAMES[1], "fer2013", "validation") / PREDICTIONS_FILE
    path.write_bytes(b"nothing")
    page = open_page("compare")
    assert PREDICTIONS_FILE.replace(".", "\\.") in page.error[0].value
    assert page.segmented_control(key="compare_section").value == "Gender"


def test_section_comes_back_when_there_is_something_to_compare_again(evaluated, open_page):
    page = go(open_page("compare"), "Matrices")
    models = page.pills(key="compare_models_chosen")
    models.set_value([]).run()
    assert page.segmented_control(key="compare_section").value == "Gender"
    page.run()
    page.pills(key="compare_models_chosen").set_value([NAMES[1]]).run()
    assert page.segmented_control(key="compare_section").value == "Matrices"
    page.pills(key="compare_models_chosen").set_value([]).run()
    go(page, "Eye test")
    page.pills(key="compare_models_chosen").set_value([NAMES[1]]).run()
    assert page.segmented_control(key="compare_section").value == "Eye test", "chosen meanwhile"


def test_overview_opens_once_a_damaged_file_is_whole_again(evaluated, open_page):
    path = evaluation_dir(evaluated / NAMES[1], "fer2013", "validation") / PREDICTIONS_FILE
    whole = path.read_bytes()
    path.write_bytes(b"nothing")
    page = open_page("compare")
    path.write_bytes(whole)
    assert page.run().segmented_control(key="compare_section").value == "Overview"


class TestLabelsOfOnesOwn:
    """No data set but its own has them, so no command for another one is given."""

    @pytest.fixture
    def ours(self, evaluated):
        probs = np.full((4, 2), (0.9, 0.1), np.float32)
        bundle = write_bundle(
            evaluated, "ours", [0, 0, 1, 1], probs, labels=("happy", "tired"), dataset="own_ours",
            split="validation",
        )  # fmt: skip
        config = {"config": {"dataset": "own_ours", "validation_split": "validation"}}
        save_card(bundle, replace(load_card(bundle), training=config))
        return bundle

    def test_they_are_compared_with_nothing_else(self, ours, open_page):
        page = open_page("compare")
        page.pills(key="compare_models_chosen").set_value([NAMES[0], "ours"]).run()
        assert "Ours has labels of its own" in page.warning[0].value
        refused = [code.value for code in page.code if "--model ours" in code.value]
        assert not refused, "facecore evaluate knows no such picture of fer2013"

    def test_nobody_waits_for_the_common_test_images(self, ours, open_page):
        page = open_page("compare")
        page.pills(key="compare_models_chosen").set_value(["ours"]).run()
        assert not page.error and "On 4 images" in text_of(page)
        assert "held-out test images" not in text_of(page)

    def test_the_command_names_their_own_images(self, ours, open_page):
        shutil.rmtree(ours / EVALUATIONS_DIR)
        page = open_page("compare")
        (command,) = (code.value for code in page.code)
        assert command.endswith("--model ours --dataset own_ours --split validation")
        save_card(ours, replace(load_card(ours), training={}))
        page.run()
        assert not page.code and "Ours has labels of its own" in text_of(page)


def test_models_of_one_title_can_be_told_apart(evaluated, open_page):
    for name in NAMES[1:]:
        save_card(evaluated / name, replace(load_card(evaluated / name), title="Twin: same"))
    models = open_page("compare").pills(key="compare_models_chosen")
    assert len(set(models.options)) == 3
    assert NAMES[2].replace("_", "\\_") in models.options[2]


def test_changed_file_is_read_again(evaluated, open_page):
    page = open_page("compare")
    assert not page.error
    path = evaluation_dir(evaluated / NAMES[0], "fer2013", "validation") / PREDICTIONS_FILE
    path.write_bytes(b"nothing")
    page.run()
    assert page.error


class TestFaces:
    @pytest.fixture
    def faces(self, evaluated, open_page):
        return go(open_page("compare"), "Faces")

    def test_the_most_frequent_mistake_is_shown_first(self, faces):
        assert faces.selectbox(key="drill_truth").value == "sad"
        assert faces.selectbox(key="drill_predicted").value == "neutral"
        html = html_of(faces)
        assert html.count('class="fc-picture"') == NUM_SAD == html.count("data:image/png")
        assert "Crowd: 7 Neutral, 3 Contempt" in html
        assert html.count("Model 3") == NUM_SAD

    def test_a_face_can_be_explained(self, faces):
        assert "cache_heat_maps" not in faces.session_state
        faces.selectbox(key="drill_explain_face").set_value(40).run()
        assert not faces.exception
        assert "what spoke for Neutral rather than Sad" in text_of(faces), "its answer, its label"
        faces.selectbox(key="drill_explain_model").set_value(NAMES[1]).run()
        assert [key[1] for key in faces.session_state["cache_heat_maps"]] == list(NAMES[:2])
        assert "can give another map" in text_of(faces)

    def test_pickers_choose_another_cell(self, faces):
        faces.selectbox(key="drill_truth").set_value("happy")
        faces.selectbox(key="drill_predicted").set_value("any").run()
        assert html_of(faces).count('class="fc-right"') == 3 * NUM_SAD
        faces.selectbox(key="drill_predicted").set_value("fear").run()
        assert "No image falls into this cell" in text_of(faces)

    def test_class_that_is_gone_gives_way(self, evaluated, faces):
        faces.selectbox(key="drill_truth").set_value("disgust").run()
        faces.pills(key="compare_models_chosen").set_value(list(NAMES[1:])).run()
        assert not faces.exception

    def test_many_faces_have_pages(self, faces):
        faces.selectbox(key="drill_truth").set_value("any")
        faces.selectbox(key="drill_predicted").set_value("any").run()
        assert html_of(faces).count('class="fc-picture"') == 24

    def test_without_the_data_set_the_page_says_how_to_get_it(
        self, evaluated, open_page, monkeypatch, tmp_path
    ):
        monkeypatch.setenv("FACECORE_DATA_DIR", str(tmp_path))
        page = go(open_page("compare"), "Faces")
        assert "download fer2013.csv" in text_of(page).replace("\\", "")
        html = html_of(page)
        assert html.count('class="fc-picture"') == NUM_SAD and "data:image" not in html

    def test_likely_label_errors_are_listed_with_a_csv(self, faces):
        faces.segmented_control(key="drill_part").set_value("errors").run()
        assert not faces.exception
        assert f"{NUM_SAD} of 70 images**; on {NUM_SAD} of them every" in text_of(faces)
        assert html_of(faces).count('class="fc-picture"') == NUM_SAD
        labels = [button.proto.label for button in faces.get("download_button")]
        assert "Likely label errors as CSV" in labels


class TestEyeTest:
    @pytest.fixture
    def eyes(self, evaluated, open_page):
        return go(open_page("compare"), "Eye test")

    def test_paper_stands_alone_at_first(self, eyes):
        html = html_of(eyes)
        assert all(f"{n} of 6" in html for n in (3, 5, 4))
        assert "fc-share-card" not in html.replace(".fc-share-card", "")

    def test_disgust_is_followed_into_the_models_that_lack_it(self, eyes):
        assert "What becomes of Disgust" in eyes.expander[0].label
        angry = '<td><span class="">Angry</span></td>' + 2 * '<td><span class="">10</span></td>'
        assert angry in html_of(eyes)

    def test_picture_is_scored_by_every_model(self, eyes, portrait_png):
        eyes.segmented_control(key="eye_expected").set_value("happy").run()
        eyes.file_uploader(key="eye_upload_happy").set_value(("me.png", portrait_png, "image/png"))
        eyes.run()
        assert not eyes.exception and not eyes.error
        html = html_of(eyes)
        assert "1 of 1" in html and html.count("0 of 1") == 2, "the stubs say happy, sad, sad"
        assert "Expected: Happy" in html
        eyes.button(key="eye_forget").click().run()
        assert "1 of 1" not in html_of(eyes)

    def test_network_published_again_reads_the_picture_again(
        self, eyes, portrait_png, publish_again
    ):
        eyes.segmented_control(key="eye_expected").set_value("happy").run()
        eyes.file_uploader(key="eye_upload_happy").set_value(("me.png", portrait_png, "image/png"))
        eyes.run()
        publish_again("expression_model1")
        eyes.run()
        assert not eyes.exception
        assert "1 of 1" not in html_of(eyes) and html_of(eyes).count("0 of 1") == 3

    def test_reading_a_picture_takes_a_turn(self, eyes, wall_png, events_of_turns, monkeypatch):
        import pages._compare_readings as readings

        original = readings.read_faces

        def read(*args):
            events_of_turns.append("reading")
            return original(*args)

        monkeypatch.setattr(readings, "read_faces", read)
        eyes.file_uploader(key="eye_upload_angry").set_value(("wall.png", wall_png, "image/png"))
        eyes.run()
        assert not eyes.exception
        assert events_of_turns == ["turn", "reading", "end"]
        assert not [text for text in eyes.caption if "Waiting" in text.value]

    def test_no_face_and_no_picture_are_told(self, eyes, wall_png):
        eyes.file_uploader(key="eye_upload_angry").set_value(("wall.png", wall_png, "image/png"))
        eyes.run()
        assert "No face was found in “wall\\.png” for Angry" in eyes.warning[0].value
        eyes.segmented_control(key="eye_expected").set_value("sad").run()
        eyes.file_uploader(key="eye_upload_sad").set_value(("x.png", b"no", "image/png")).run()
        assert "not a picture" in eyes.error[0].value

    def test_group_photo_has_every_face(self, eyes, pair_png):
        eyes.segmented_control(key="eye_part").set_value("group").run()
        eyes.file_uploader(key="eye_upload_group").set_value(("two.png", pair_png, "image/png"))
        eyes.run()
        assert not eyes.exception and not eyes.error
        html = html_of(eyes)
        assert "Face 1" in html and "Face 2" in html and "Woman" in html
        assert "Paper: Model 1" not in html, "another photo"

    @pytest.mark.shared
    def test_solvay_photo_stands_beside_the_paper(self, eyes, shared_media):
        data = (shared_media / "solvay_1927.jpg").read_bytes()
        eyes.segmented_control(key="eye_part").set_value("group").run()
        eyes.file_uploader(key="eye_upload_group").set_value(("s.jpg", data, "image/jpeg")).run()
        assert not eyes.exception and not eyes.error
        html = html_of(eyes)
        assert "Marie Curie" in html and "No. 7, 15 or 22" in html and "Paper: Model 1" in html
        assert "not found" in html
        assert len(eyes.dataframe[0].value) == 28


def test_choices_stay_while_pages_change(evaluated, open_page):
    page = go(open_page("compare"), "Faces")
    page.segmented_control(key="compare_orientation").set_value("predicted").run()
    page.switch_page("pages/stats.py").run()
    page.switch_page("pages/compare.py").run()
    assert not page.exception
    assert page.segmented_control(key="compare_section").value == "Faces"
    assert page.segmented_control(key="compare_orientation").value == "predicted"


@pytest.fixture(autouse=True)
def forget_caches():
    """Comparisons of one test's folder must not reach the next."""
    st.cache_resource.clear()
