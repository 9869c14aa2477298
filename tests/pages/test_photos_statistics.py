"""What the statistics know of photos follows the sidebar, whether a photo is shown or not."""

import io
import zipfile

import cv2
import numpy as np
import pytest

from facecore.images import example_image
from pages._stats_downloads import to_zip

FACE = np.s_[90:160, 200:260]


def find(widgets, start):
    """The first widget whose key starts so."""
    return next(widget for widget in widgets if widget.key.startswith(start))


def entries(app):
    """What the statistics know, by file name."""
    return {entry.source: entry for entry in app.session_state["session_log"].values()}


def upload(app, *files):
    app.file_uploader(key="photo_upload").set_value(list(files)).run()
    assert not app.exception
    return app


def choose_source(app, name):
    app.segmented_control(key="photo_source").set_value(name).run()
    assert not app.exception
    return app


def hide(app, method):
    app.sidebar.segmented_control(key="hide_faces_photo").set_value(method).run()
    assert not app.exception


def labels(entry):
    return {p.label for face in entry.result.faces for p in face.predictions.values()}


@pytest.fixture
def photos(open_page, portrait_png, pair_png):
    """Two uploads in the statistics."""
    files = (("one.png", portrait_png, "image/png"), ("pair.png", pair_png, "image/png"))
    return upload(open_page("photos"), *files)


def leave_for_the_example(app, portrait):
    choose_source(app, "example")


def take_the_second_away(app, portrait):
    upload(app, ("one.png", portrait, "image/png"))


def clear(app, portrait):
    app.switch_page("pages/stats.py").run()
    app.switch_page("pages/photos.py").run()
    find(app.button, "photo_upload_clear").click().run()


@pytest.mark.parametrize("leave", [leave_for_the_example, take_the_second_away, clear])
def test_faces_are_hidden_in_photos_that_are_not_shown(photos, portrait_png, leave):
    leave(photos, portrait_png)
    clear_crops = entries(photos)["pair.png"].thumbnails
    hide(photos, "blur")
    entry = entries(photos)["pair.png"]
    assert len(entry.thumbnails) == 2
    assert not set(entry.thumbnails.values()) & set(clear_crops.values())
    assert list(entry.media) == ["pair_hidden.jpg"]
    with zipfile.ZipFile(io.BytesIO(to_zip([entry]))) as archive:
        data = np.frombuffer(archive.read("media/pair_hidden.jpg"), np.uint8)
    drawn, original = cv2.imdecode(data, 1)[FACE].astype(int), example_image()[FACE]
    assert np.abs(drawn - original).mean() > 5
    assert labels(entry) == {"happy", "woman"}, "the statistics stay as they are"
    hide(photos, "none")
    assert entries(photos)["pair.png"].thumbnails == clear_crops
    assert list(entries(photos)["pair.png"].media) == ["pair_annotated.jpg"]


def test_removed_face_stays_hidden_and_removed_where_it_is_not_shown(photos):
    find(photos.selectbox, "photo_shown").select_index(1).run()
    find(photos.button, "remove_face").click().run()
    choose_source(photos, "example")
    hide(photos, "pixelate")
    entry = entries(photos)["pair.png"]
    assert (len(entry.result.faces), len(entry.result.boxes_to_hide)) == (1, 2)
    assert list(entry.thumbnails) == [1]
    assert list(entry.media) == ["pair_hidden.jpg"]


def test_thresholds_reach_photos_that_are_not_shown(photos):
    choose_source(photos, "example")
    find(photos.sidebar.slider, "threshold_expression_model1").set_value(90).run()
    assert all(labels(entry) == {"undecided", "woman"} for entry in entries(photos).values())
    photos.switch_page("pages/stats.py").run()
    assert list(photos.dataframe[0].value["Undecided"]) == [1, 2, 1]
    photos.switch_page("pages/photos.py").run()
    find(photos.sidebar.slider, "threshold_expression_model1").set_value(0).run()
    assert all(labels(entry) == {"happy", "woman"} for entry in entries(photos).values())


def test_thresholds_moved_on_another_page_reach_the_statistics(photos):
    photos.switch_page("pages/videos.py").run()
    find(photos.sidebar.slider, "threshold_expression_model1").set_value(90).run()
    photos.switch_page("pages/stats.py").run()
    assert all(labels(entry) == {"undecided", "woman"} for entry in entries(photos).values())
    assert list(photos.dataframe[0].value["Undecided"]) == [1, 2]


def test_threshold_is_that_of_the_network_that_answered(photos):
    choose_source(photos, "example")
    photos.sidebar.selectbox(key="expression_model").set_value("expression_model2").run()
    find(photos.sidebar.slider, "threshold_expression_model2").set_value(90).run()
    assert labels(entries(photos)["pair.png"]) == {"happy", "woman"}
    assert labels(entries(photos)["Grace Hopper"]) == {"undecided", "woman"}
    hide(photos, "blur")
    assert labels(entries(photos)["pair.png"]) == {"happy", "woman"}


def test_threshold_of_a_network_published_again_leaves_older_answers(photos, publish_again):
    choose_source(photos, "example")
    publish_again("gender", threshold=0.9)
    photos.run()
    assert labels(entries(photos)["pair.png"]) == {"happy", "woman"}
    assert "undecided" in labels(entries(photos)["Grace Hopper"])


def test_forgotten_photos_stay_forgotten(photos):
    choose_source(photos, "example")
    photos.switch_page("pages/stats.py").run()
    photos.button(key="stats_forget").click().run()
    photos.switch_page("pages/photos.py").run()
    hide(photos, "blur")
    assert list(entries(photos)) == ["Grace Hopper"]


def test_nothing_is_read_again_to_hide_faces_or_to_move_a_threshold(photos, monkeypatch):
    import pages._photo_pictures as pictures

    data = [np.full((240, 320, 3), shade, np.uint8) for shade in range(100, 180, 10)]
    files = [(f"{i}.png", cv2.imencode(".png", p)[1].tobytes()) for i, p in enumerate(data)]
    upload(photos, *((name, content, "image/png") for name, content in files))
    read, original = [], pictures.decode_picture
    monkeypatch.setattr(
        pictures, "decode_picture", lambda data, name: read.append(name) or original(data, name)
    )
    find(photos.sidebar.slider, "threshold_expression_model1").set_value(60).run()
    hide(photos, "blur")
    hide(photos, "pixelate")
    find(photos.sidebar.slider, "threshold_expression_model1").set_value(70).run()
    assert not photos.exception
    assert set(read) <= {"0.png"}, "only the shown one is drawn"
    assert len(read) <= 1


def test_crop_of_a_large_face_is_small(open_page, monkeypatch, make_face, make_result):
    result = make_result(make_face(box=(100, 100, 900, 900)), size_wh=(1000, 1000))
    monkeypatch.setattr("pages._photo_analysis.analyse_photo", lambda *_: result)
    large = cv2.imencode(".png", cv2.resize(example_image(), (1000, 1000)))[1].tobytes()
    app = upload(open_page("photos"), ("large.png", large, "image/png"))
    (crop,) = entries(app)["large.png"].thumbnails.values()
    shown = cv2.imdecode(np.frombuffer(crop, np.uint8), 1)
    assert shown.shape == (256, 256, 3)
    expected = cv2.resize(example_image(), (1000, 1000))[100:900, 100:900].mean(axis=(0, 1))
    assert np.abs(shown[30:226, 30:226].mean(axis=(0, 1)) - expected).max() < 8, "its colours stay"


def words(app):
    """What the page's tiles count, and how often it is there."""
    html = "".join(element.value for element in app.html)
    parts = html.split('class="fc-tile-word">')[1:]
    values = [part.split('value">')[1].split("<")[0] for part in parts]
    return dict(zip([part.split("<")[0] for part in parts], values, strict=True))


def test_tiles_of_a_picture_without_faces_have_the_models_own_labels(
    open_page, publish_again, wall_png, portrait_png
):
    publish_again("expression_model1", labels=("happy", "tired"))
    app = upload(open_page("photos"), ("wall.png", wall_png, "image/png"))
    without = words(app)
    assert "Angry" not in without and set(without.values()) == {"0"}
    app = upload(app, ("one.png", portrait_png, "image/png"))
    with_face = words(app)
    assert list(with_face) == list(without) and with_face["Faces"] == "1"


def test_sources_of_other_labels_or_without_faces_count_zero(
    open_page, publish_again, wall_png, portrait_png
):
    publish_again("expression_model1", labels=("happy", "tired"))
    files = [("wall.png", wall_png, "image/png"), ("one.png", portrait_png, "image/png")]
    app = upload(open_page("photos"), *files)
    app.switch_page("pages/stats.py").run()
    assert not app.exception
    table = app.dataframe[0].value
    assert not table.isna().any(axis=None) and "Angry" not in table
    assert list(table["People"]) == [0, 1]
    assert not table.iloc[0].drop(["Source", "Kind", "Sure"]).any()
