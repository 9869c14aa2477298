"""The photos page: empty, results, bad files, missing models, removal, comparison, downloads."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import streamlit as st

from facecore.annotation import AnnotationOptions
from facecore.images import example_image
from facecore.pipeline import PHOTO_PIPELINE
from facecore.registry import CARD_FILE, MODEL_FILE, load_card, save_card
from pages._asked_labels import list_labels
from pages._photo_analysis import count_removed, remove_face, undo_removal
from pages._photo_pictures import EXAMPLE_INPUT, Photo
from pages._photo_results import list_downloads
from pages._sidebar import Settings


def html_of(app):
    return "".join(element.value for element in app.html)


def texts(app):
    """All text of a page, Markdown's backslashes left out."""
    elements = [*app.markdown, *app.caption, *app.info]
    return "\n".join(element.value for element in elements).replace("\\", "")


def num_faces(app):
    return html_of(app).count('class="fc-face"')


def tile(app, word):
    """The number below a word."""
    after = html_of(app).split(f'<div class="fc-tile-word">{word}</div>')[1]
    return after.split('value">')[1].split("<")[0]


def find(widgets, start):
    """The first widget whose key starts so."""
    return next(widget for widget in widgets if widget.key.startswith(start))


def log_entry(app):
    """What the statistics know of the only picture."""
    (entry,) = app.session_state["session_log"].values()
    return entry


@pytest.fixture
def photos(open_page):
    return open_page("photos")


def upload(app, *files):
    app.file_uploader(key="photo_upload").set_value(list(files)).run()
    assert not app.exception
    return app


def test_empty_page_says_what_to_do(photos):
    assert "Add pictures" in photos.info[0].value
    assert not photos.error
    assert "run on a stub" in photos.sidebar.caption[-1].value


def test_example_has_one_face_with_all_probabilities(photos):
    photos.segmented_control(key="photo_source").set_value("example").run()
    assert not photos.exception
    html = html_of(photos)
    assert num_faces(photos) == 1
    assert 'Happy <span class="fc-sure">80%' in html
    assert 'Woman <span class="fc-sure">80%' in html
    assert all(word in html for word in ("Angry", "Disgust", "Fear", "Surprise", "Neutral", "Man"))
    assert (tile(photos, "Faces"), tile(photos, "Women"), tile(photos, "Men")) == ("1", "1", "0")


def test_bad_files_are_told_and_the_others_done(photos, pair_png, portrait_png):
    upload(
        photos,
        ("good.png", pair_png, "image/png"),
        ("*no* [picture](x).jpg", b"hello", "image/jpeg"),
        ("empty.png", b"", "image/png"),
        ("cut.png", portrait_png[:2000], "image/png"),
    )
    assert len(photos.error) == 3
    assert "\\*no\\*" in photos.error[0].value
    assert num_faces(photos) == 2


def test_several_photos_are_counted_together_and_shown_one_by_one(photos, pair_png, portrait_png):
    upload(photos, ("pair.png", pair_png, "image/png"), ("one.png", portrait_png, "image/png"))
    assert photos.subheader[0].value == "All 2 pictures"
    assert tile(photos, "Faces") == "3"
    assert num_faces(photos) == 2
    find(photos.selectbox, "photo_shown").select_index(1).run()
    assert num_faces(photos) == 1


class TestShownPicture:
    """Whatever its words say meanwhile, the chosen picture stays the shown one."""

    FIRST, SECOND = "one.png", "pair.png"

    @pytest.fixture
    def second(self, photos, words_last, portrait_png, pair_png):
        files = [(self.FIRST, portrait_png, "image/png"), (self.SECOND, pair_png, "image/png")]
        upload(photos, *files)
        find(photos.selectbox, "photo_shown").select_index(1).run()
        return photos

    def shown(self, app):
        box = find(app.selectbox, "photo_shown")
        return box.options[box.index]

    def test_false_boxes_are_removed_from_it_and_come_back(self, second):
        for number, words in ((1, "1 face"), (2, "0 faces")):
            find(second.button, "remove_face").click().run()
            assert self.shown(second) == f"2 of 2: {self.SECOND} ({words})"
            assert num_faces(second) == 2 - number
        for words in ("1 face", "2 faces"):
            find(second.button, "undo_removal").click().run()
            assert self.shown(second) == f"2 of 2: {self.SECOND} ({words})"
        find(second.selectbox, "photo_shown").select_index(0).run()
        assert self.shown(second) == f"1 of 2: {self.FIRST} (1 face)"
        assert num_faces(second) == 1, "nothing was taken out of the other one"

    def test_another_picture_is_added(self, second, portrait_png, pair_png, wall_png):
        names = (self.FIRST, self.SECOND, "wall.png")
        files = zip(names, (portrait_png, pair_png, wall_png), strict=True)
        upload(second, *((name, data, "image/png") for name, data in files))
        for _ in range(2):
            assert self.shown(second) == f"2 of 3: {self.SECOND} (2 faces)"
            second.run()

    def test_search_finds_other_faces(self, second, monkeypatch, make_face, make_result):
        result = make_result(make_face())
        monkeypatch.setattr("pages._photo_analysis.analyse_photo", lambda *_: result)
        second.sidebar.slider(key="neighbors_photo").set_value(9).run()
        for _ in range(2):
            assert self.shown(second) == f"2 of 2: {self.SECOND} (1 face)"
            second.run()

    def test_user_looks_at_another_page(self, second):
        second.switch_page("pages/stats.py").run()
        second.switch_page("pages/photos.py").run()
        assert self.shown(second) == f"2 of 2: {self.SECOND} (2 faces)"


class TestPicturesFromBefore:
    @pytest.fixture
    def returned(self, photos, portrait_png, pair_png):
        upload(photos, ("1.png", portrait_png, "image/png"), ("2.png", pair_png, "image/png"))
        photos.switch_page("pages/stats.py").run()
        return photos.switch_page("pages/photos.py").run()

    def shown(self, app):
        """Names in the list of pictures; nothing there with fewer than two."""
        boxes = [box for box in app.selectbox if box.key.startswith("photo_shown")]
        return [words.split(": ")[1].split(" (")[0] for box in boxes for words in box.options]

    def test_others_are_added_to_them(self, returned, wall_png, portrait_png):
        assert "2 pictures from before" in texts(returned)
        wall, again = ("3.png", wall_png, "image/png"), ("1.png", portrait_png, "image/png")
        upload(returned, wall)
        assert self.shown(returned) == ["1.png", "2.png", "3.png"]
        assert "2 pictures from before" in texts(returned)
        upload(returned, wall, again)
        assert self.shown(returned) == ["1.png", "2.png", "3.png"], "the same file counts once"
        upload(returned)
        assert self.shown(returned) == ["1.png", "2.png"]
        returned.switch_page("pages/stats.py").run()
        returned.switch_page("pages/photos.py").run()
        assert self.shown(returned) == ["1.png", "2.png"]

    def test_they_are_cleared_and_the_others_stay(self, returned, wall_png):
        upload(returned, ("3.png", wall_png, "image/png"))
        returned.button(key="photo_upload_clear").click().run()
        assert not returned.exception
        assert "from before" not in texts(returned)
        assert "No face was found" in returned.info[0].value, "the added one alone"
        assert not [button for button in returned.button if button.key == "photo_upload_clear"]

    def test_they_are_cleared(self, returned):
        returned.button(key="photo_upload_clear").click().run()
        assert "Add pictures" in returned.info[0].value

    def test_another_source_counts_as_leaving(self, photos, portrait_png, pair_png):
        upload(photos, ("1.png", portrait_png, "image/png"))
        assert "from before" not in texts(photos)
        for source in ("example", "upload"):
            photos.segmented_control(key="photo_source").set_value(source).run()
        assert "1 picture from before" in texts(photos)
        upload(photos, ("2.png", pair_png, "image/png"))
        assert self.shown(photos) == ["1.png", "2.png"]

    def test_what_is_taken_out_again_at_once_is_gone(self, photos, portrait_png, pair_png):
        upload(photos, ("1.png", portrait_png, "image/png"), ("2.png", pair_png, "image/png"))
        upload(photos, ("2.png", pair_png, "image/png"))
        assert "from before" not in texts(photos)
        assert self.shown(photos) == []


def test_no_face_gives_tips(photos, wall_png):
    upload(photos, ("wall.png", wall_png, "image/png"))
    assert "No face was found" in photos.info[0].value
    assert tile(photos, "Faces") == "0"


def test_text_of_a_photo_without_faces_counts_the_labels_of_its_network(
    photos, models_folder, wall_png
):
    bundle = models_folder / "expression_model1"
    own = replace(load_card(bundle), labels=("happy", "tired"))
    save_card(bundle, own)
    upload(photos.run(), ("wall.png", wall_png, "image/png"))
    (photo,) = log_entry(photos).made_from
    text = next(item for item in list_downloads(photo) if item.label == "Text").data().decode()
    assert "Happy: 0\nTired: 0\nUndecided: 0\n" in text and "Angry" not in text
    assert list_labels(photo, [replace(own, sha256="0" * 64)]) == {}, "another one of its name"


def test_removed_face_leaves_numbers_and_comes_back(photos, pair_png):
    upload(photos, ("pair.png", pair_png, "image/png"))
    button = next(b for b in photos.button if b.key.startswith("remove_face"))
    button.click().run()
    assert num_faces(photos) == 1
    assert tile(photos, "Women") == "1"
    photos.switch_page("pages/stats.py").run()
    assert tile(photos, "People") == "1"
    photos.switch_page("pages/photos.py").run()
    assert num_faces(photos) == 1, "the pictures and the edit stay while pages change"
    next(b for b in photos.button if b.key.startswith("undo_removal")).click().run()
    assert num_faces(photos) == 2


def test_last_face_can_be_removed_and_restored(photos, portrait_png):
    upload(photos, ("one.png", portrait_png, "image/png"))
    next(b for b in photos.button if b.key.startswith("remove_face")).click().run()
    assert "No face" in photos.info[0].value
    next(b for b in photos.button if b.key.startswith("undo_removal")).click().run()
    assert num_faces(photos) == 1


def test_late_second_click_meets_no_other_face(photos, pair_png):
    upload(photos, ("pair.png", pair_png, "image/png"))
    button = find(photos.button, "remove_face")
    button.click().run()
    assert num_faces(photos) == 1
    assert find(photos.button, "remove_face").key != button.key


def test_face_is_removed_once_however_often_it_is_asked_for(monkeypatch, make_face, make_result):
    monkeypatch.setattr(st, "session_state", {})
    faces = [make_face(box=(x, 0, x + 40, 40)) for x in (0, 50, 100)]
    settings = Settings(None, "gender", PHOTO_PIPELINE, AnnotationOptions())
    photo = Photo(EXAMPLE_INPUT, {"": make_result(*faces)}, settings, (), (1, 2, 3))
    for _ in range(2):  # callbacks of the same run
        remove_face(photo, 1)
        remove_face(photo, 3)
    assert count_removed(photo) == 2
    for _ in range(3):
        undo_removal(photo)
    assert count_removed(photo) == 0


def test_comparison_has_every_model(photos):
    photos.segmented_control(key="photo_source").set_value("example").run()
    photos.toggle(key="compare_models").set_value(True).run()
    assert not photos.exception
    table = photos.dataframe[0].value
    row = table.iloc[0]
    assert row["Model 1"] == "Happy 80%"
    assert row["Model 2"] == row["Model 3"] == "Sad 80%"
    assert row["Agreement"] == "they differ"


def test_comparison_has_a_column_for_models_of_the_same_first_words(open_page, models_folder):
    for number, end in ((2, "first try"), (3, "second try")):
        bundle = models_folder / f"expression_model{number}"
        save_card(bundle, replace(load_card(bundle), title=f"Smiles: {end}"))
    app = open_page("photos")
    app.segmented_control(key="photo_source").set_value("example").run()
    app.toggle(key="compare_models").set_value(True).run()
    assert not app.exception
    columns = list(app.dataframe[0].value.columns)
    names = [f"expression_model{number}" for number in (1, 2, 3)]
    assert columns == ["Face", "Crop", *names, "Agreement"]


def test_comparison_keeps_its_columns_beside_models_that_are_called_like_them(
    open_page, models_folder
):
    for number, title in enumerate(("Face: mine", "Crop", "Agreement"), start=1):
        bundle = models_folder / f"expression_model{number}"
        save_card(bundle, replace(load_card(bundle), title=title))
    app = open_page("photos")
    app.segmented_control(key="photo_source").set_value("example").run()
    app.toggle(key="compare_models").set_value(True).run()
    assert not app.exception
    row = app.dataframe[0].value.iloc[0]
    assert list(row.index) == [
        "Face",
        "Crop",
        "Face: expression_model1",
        "Crop: expression_model2",
        "Agreement: expression_model3",
        "Agreement",
    ]
    assert (row["Face"], row["Agreement"]) == (1, "they differ")
    assert row["Crop"].startswith("data:image/jpeg")
    assert row["Face: expression_model1"] == "Happy 80%"


def test_choice_of_model_changes_the_words(photos):
    photos.segmented_control(key="photo_source").set_value("example").run()
    photos.sidebar.selectbox(key="expression_model").set_value("expression_model2").run()
    assert 'Sad <span class="fc-sure">80%' in html_of(photos)


def test_mirror_images_are_read_where_asked(photos):
    photos.segmented_control(key="photo_source").set_value("example").run()
    before = len(photos.session_state["cache_results"])
    photos.sidebar.toggle(key="flip_photo").set_value(True).run()
    assert not photos.exception
    assert len(photos.session_state["cache_results"]) == 2 * before, "analysed anew"
    assert 'Happy <span class="fc-sure">80%' in html_of(photos)


def test_answers_below_the_sidebars_threshold_are_undecided(photos, pair_png):
    upload(photos, ("pair.png", pair_png, "image/png"))
    slider = find(photos.sidebar.slider, "threshold_expression_model1")
    assert slider.value == 50, "the card's own"
    slider.set_value(90)
    find(photos.sidebar.slider, "threshold_gender").set_value(95).run()
    assert not photos.exception
    html = html_of(photos)
    assert html.count('Undecided <span class="fc-sure">most likely Happy 80%') == 2
    assert html.count('Gender undecided <span class="fc-sure">most likely Woman 80%') == 2
    assert (tile(photos, "Happy"), tile(photos, "Women")) == ("0", "0")
    assert html.count('<div class="fc-tile-word">Undecided</div>') == 1, "the expression"
    assert tile(photos, "Undecided") == tile(photos, "Gender undecided") == "2"
    photos.switch_page("pages/stats.py").run()
    row = photos.dataframe[0].value.iloc[0]
    assert (row["Undecided"], row["Gender undecided"], row["Happy"]) == (2, 2, 0)
    photos.switch_page("pages/photos.py").run()
    assert find(photos.sidebar.slider, "threshold_gender").value == 95
    find(photos.sidebar.slider, "threshold_expression_model1").set_value(0).run()
    assert html_of(photos).count('Happy <span class="fc-sure">80%') == 2


def test_each_model_has_a_threshold_of_its_own(photos):
    photos.segmented_control(key="photo_source").set_value("example").run()
    find(photos.sidebar.slider, "threshold_expression_model1").set_value(90).run()
    photos.toggle(key="compare_models").set_value(True).run()
    row = photos.dataframe[0].value.iloc[0]
    assert (row["Model 1"], row["Model 2"]) == ("Undecided (Happy 80%)", "Sad 80%")
    assert row["Agreement"] == "they differ"
    for name in ("expression_model2", "expression_model3"):
        photos.sidebar.selectbox(key="expression_model").set_value(name).run()
        find(photos.sidebar.slider, f"threshold_{name}").set_value(99).run()
    row = photos.dataframe[0].value.iloc[0]
    assert (row["Model 1"], row["Agreement"]) == ("Undecided (Happy 80%)", "all undecided")


@pytest.mark.parametrize(("name", "label"), [("expression_model1", "happy"), ("gender", "woman")])
def test_network_published_again_answers_for_itself(photos, publish_again, name, label):
    def drawn():
        return photos.image[0].proto.imgs[0].url

    photos.segmented_control(key="photo_source").set_value("example").run()
    before = drawn()
    publish_again(name, labels=(label, "tired"))
    photos.run()
    assert not photos.exception
    assert 'Tired <span class="fc-sure">80%' in html_of(photos)
    (face,) = log_entry(photos).result.faces
    assert "tired" in [prediction.label for prediction in face.predictions.values()]
    assert drawn() != before


@pytest.mark.parametrize("name", ["expression_model1", "gender"])
def test_network_published_again_has_its_own_threshold(photos, publish_again, name):
    find(photos.sidebar.slider, f"threshold_{name}").set_value(70).run()
    publish_again(name, threshold=0.9)
    photos.segmented_control(key="photo_source").set_value("example").run()
    assert find(photos.sidebar.slider, f"threshold_{name}").value == 90
    (face,) = log_entry(photos).result.faces
    assert [p.label for p in face.predictions.values()].count("undecided") == 1


class TestExplanation:
    @pytest.fixture
    def example(self, photos):
        return photos.segmented_control(key="photo_source").set_value("example").run()

    def choose(self, app, start):
        return next(box for box in app.selectbox if box.key.startswith(start))

    def maps(self, app):
        return app.session_state["cache_heat_maps"]

    def drawn(self, app):
        """Addresses of the shown heat maps; another picture has another one."""
        protos = [proto for image in app.image for proto in image.proto.imgs]
        return [proto.url for proto in protos if "Orange" in proto.alt]

    def test_nothing_is_computed_before_a_face_is_chosen(self, example):
        assert "cache_heat_maps" not in example.session_state
        assert "spoke for" not in texts(example)

    def test_why_this_and_not_that(self, example):
        self.choose(example, "explain_face").set_value(1).run()
        assert not example.exception
        assert "**Orange**: what spoke for Happy." in texts(example)
        assert "does not show what the network made of it" in texts(example)
        (picture,) = self.drawn(example)
        self.choose(example, "why_not").set_value("sad").run()
        assert "for Happy rather than Sad. **Blue**: what spoke for Sad." in texts(example)
        assert self.drawn(example) != [picture]
        assert [key[-2:] for key in self.maps(example)] == [("happy", None), ("happy", "sad")]
        example.run()
        assert len(self.maps(example)) == 2, "kept for the session"

    def test_controls_have_the_whole_width_beside_a_portrait(self, example):
        self.choose(example, "explain_face").set_value(1).run()
        (panel,) = (box for box in example.expander if box.label == "What moved the network?")
        starts = ("explain_face", "explain_task")
        controls = (*panel.selectbox, *panel.segmented_control)
        assert sum(widget.key.startswith(starts) for widget in controls) == 2
        narrow = [w for c in panel.columns for w in (*c.selectbox, *c.segmented_control)]
        assert not [widget.key for widget in narrow if widget.key.startswith(starts)]

    def test_every_answer_can_be_explained(self, example):
        self.choose(example, "explain_face").set_value(1).run()
        self.choose(example, "why_photo").set_value("fear").run()
        assert "No part of this picture spoke for Fear" in texts(example)
        control = next(c for c in example.segmented_control if c.key.startswith("explain_task"))
        control.set_value("gender").run()
        assert "**Orange**: what spoke for Woman." in texts(example)
        assert next(iter(reversed(self.maps(example))))[1] == "gender"

    def test_hidden_faces_stay_hidden(self, example):
        self.choose(example, "explain_face").set_value(1).run()
        (shown,) = self.drawn(example)
        example.sidebar.segmented_control(key="hide_faces_photo").set_value("blur").run()
        assert not example.exception
        (hidden,) = self.drawn(example)
        assert hidden != shown


def test_settings_stay_while_pages_change(photos):
    photos.sidebar.selectbox(key="expression_model").set_value("expression_model2").run()
    photos.sidebar.segmented_control(key="hide_faces_photo").set_value("blur").run()
    photos.switch_page("pages/stats.py").run()
    photos.switch_page("pages/photos.py").run()
    assert photos.sidebar.selectbox(key="expression_model").value == "expression_model2"
    assert photos.sidebar.segmented_control(key="hide_faces_photo").value == "blur"


def test_hidden_faces_keep_their_statistics(photos):
    photos.segmented_control(key="photo_source").set_value("example").run()
    before = html_of(photos)
    photos.sidebar.segmented_control(key="hide_faces_photo").set_value("pixelate").run()
    assert not photos.exception
    assert num_faces(photos) == 1
    assert html_of(photos) != before, "the crop is hidden too"


@pytest.fixture
def close_faces(monkeypatch, make_face, make_result):
    """Every picture has these two faces, each of which reaches into the other's crop."""
    faces = [make_face(box=(x, 100, x + 100, 200)) for x in (100, 190)]
    result = make_result(*faces, size_wh=(512, 600))
    monkeypatch.setattr("pages._photo_analysis.analyse_photo", lambda *_: result)


def test_removed_face_stays_hidden(photos, close_faces, portrait_png):
    def explain():
        find(photos.selectbox, "explain_face").set_value(1).run()
        return [p.url for image in photos.image for p in image.proto.imgs if "Orange" in p.alt]

    photos.sidebar.segmented_control(key="hide_faces_photo").set_value("blur").run()
    upload(photos, ("one.png", portrait_png, "image/png"))
    before, map_before = log_entry(photos), explain()
    find(photos.selectbox, "false_box").set_value(2).run()
    find(photos.button, "remove_face").click().run()
    after = log_entry(photos)
    assert after.thumbnails == {1: before.thumbnails[1]}, "not clear in the neighbour's crop"
    assert explain() == map_before
    assert list(after.media) == ["one_hidden.jpg"]
    drawn = cv2.imdecode(np.frombuffer(after.media["one_hidden.jpg"](), np.uint8), 1)
    removed = np.s_[110:190, 220:280]
    assert np.abs(drawn[removed].astype(int) - example_image()[removed]).mean() > 5


def test_bar_tells_of_the_analysis_once_the_turn_has_come(
    photos, events_of_turns, monkeypatch, pair_png, portrait_png
):
    import pages._photo_analysis as analysis

    original = analysis.analyse_photo

    def analyse(*args):
        events_of_turns.append("analysis")
        return original(*args)

    monkeypatch.setattr(analysis, "analyse_photo", analyse)
    upload(photos, ("a.png", pair_png, "image/png"), ("b.png", portrait_png, "image/png"))
    waiting = "Waiting: 2 pictures come before this one on this server …"
    first, second = (f"Analysing {name} …" for name in ("a\\.png (1 of 2)", "b\\.png (2 of 2)"))
    assert events_of_turns == [
        *(first, waiting, "turn", first, "analysis", "end"),
        *(second, waiting, "turn", second, "analysis", "end"),
    ]


def test_same_photo_is_not_analysed_twice(photos, monkeypatch):
    calls = []
    import pages._photo_analysis as analysis

    original = analysis.analyse_photo
    monkeypatch.setattr(analysis, "analyse_photo", lambda *args: calls.append(1) or original(*args))
    photos.segmented_control(key="photo_source").set_value("example").run()
    photos.sidebar.toggle(key="show_labels_photo").set_value(False).run()
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda b: (b / MODEL_FILE).write_bytes(b"other"), "checksum"),
        (lambda b: (b / MODEL_FILE).unlink(), "restore the folder"),
        (lambda b: (b / CARD_FILE).unlink(), "no model called"),
        (lambda b: (b / CARD_FILE).write_text("{}"), "card of model"),
    ],
    ids=["altered", "network missing", "bundle missing", "card broken"],
)
def test_damaged_gender_model_is_one_sentence(open_page, models_folder, damage, words):
    damage(models_folder / "gender")
    app = open_page("photos")
    app.segmented_control(key="photo_source").set_value("example").run()
    assert not app.exception
    assert any(words in error.value for error in app.error)
    assert len({error.value for error in app.error}) == len(app.error)


def test_comparison_goes_on_without_an_altered_model(open_page, models_folder):
    (models_folder / "expression_model2" / MODEL_FILE).write_bytes(b"other")
    app = open_page("photos")
    app.segmented_control(key="photo_source").set_value("example").run()
    app.toggle(key="compare_models").set_value(True).run()
    assert not app.exception
    assert len(app.error) == 1
    assert list(app.dataframe[0].value.columns) == [
        "Face",
        "Crop",
        "Model 1",
        "Model 3",
        "Agreement",
    ]


def test_without_expression_models_gender_is_still_predicted(open_page, models_folder):
    for number in (1, 2, 3):
        (models_folder / f"expression_model{number}" / CARD_FILE).unlink()
    app = open_page("photos")
    app.segmented_control(key="photo_source").set_value("example").run()
    assert not app.exception
    assert "There is no expression model" in app.sidebar.error[0].value
    assert 'Woman <span class="fc-sure">80%' in html_of(app)


def test_missing_cascade_is_one_sentence(photos, monkeypatch):
    monkeypatch.setitem(__import__("facecore.detection").detection.CASCADES, "alt2", "gone.xml")
    photos.segmented_control(key="photo_source").set_value("example").run()
    assert not photos.exception
    assert "gone" in photos.error[0].value
