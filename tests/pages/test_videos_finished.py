"""Finished videos: counted in the statistics, looked at or not; what they say of themselves."""

from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from facecore.registry import load_card, save_card

WAIT_S = 120


@pytest.fixture(scope="module")
def clip(crossing_clip, write_clip, tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "crossing.mp4"
    return write_clip(path, crossing_clip.frames[:18], fps=12).read_bytes()


@pytest.fixture
def app(open_page) -> AppTest:
    """The Videos page inside the dashboard, with stub networks."""
    return open_page("videos")


def start(app, *names, clip):
    """Begin to analyse and go elsewhere."""
    app.file_uploader[0].set_value([(name, clip, "video/mp4") for name in names]).run()
    app.button(key="video_start").click().run()
    return go(app, "home")


def go(app, page):
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    return app


def wait(app):
    for case in app.session_state["video_cases"].values():
        assert case.job.analysis.wait(WAIT_S)


def captions(app):
    """All captions, Markdown's backslashes left out."""
    return "\n".join(element.value for element in app.caption).replace("\\", "")


def is_empty(app):
    return "Nothing was analysed yet" in " ".join(element.value for element in app.info)


def test_finished_videos_are_counted_before_anybody_looks_at_them(app, clip):
    app.segmented_control(key="hide_faces_video").set_value("blur").run()
    start(app, "one.mp4", "two.mp4", clip=clip)
    wait(app)
    go(app, "stats")
    assert list(app.dataframe[0].value["Source"]) == ["one.mp4", "two.mp4"]
    assert list(app.dataframe[0].value["Women"]) == [2, 2]
    cases = app.session_state["video_cases"].values()
    entries = app.session_state["session_log"].values()
    for case, entry in zip(cases, entries, strict=True):
        assert list(entry.media.values()) == [case.job.video]
        assert case.hide_faces == "blur" and entry.made_from[-1] == "blur"


def test_videos_of_one_name_can_each_be_opened(app, clip):
    start(app, "clip.mp4", "clip.mp4", "clip (2).mp4", clip=clip)
    wait(app)
    go(app, "videos")
    (choice,) = app.pills
    first, second, _ = app.session_state["video_cases"]
    options = [option.replace("\\", "") for option in choice.options]
    assert options == ["New video", "clip (2).mp4", "clip.mp4 (2)", "clip.mp4"]
    choice.set_value(second).run()
    assert app.session_state["video_chosen"] == second
    app.session_state["session_log"].clear()
    go(app, "home")
    go(app, "videos")  # counts the second before the others
    go(app, "stats")
    assert app.dataframe[0].value["Source"][0] == "clip.mp4 (2)", "as on Videos"
    go(app, "videos")
    app.button(key=f"video_delete_{second}").click().run()
    (choice,) = (pills for pills in app.pills if pills.key.startswith("video_choice"))
    assert choice.options[-1] == options[-1].replace(".", "\\.")
    choice.set_value(first).run()
    assert app.session_state["video_chosen"] == first


def test_forgotten_videos_stay_away_until_they_are_looked_at(app, clip):
    start(app, "one.mp4", "two.mp4", clip=clip)
    wait(app)
    go(app, "stats").button(key="stats_forget").click().run()
    assert is_empty(app)
    assert is_empty(go(go(app, "home"), "stats"))
    go(go(app, "videos"), "stats")
    assert list(app.dataframe[0].value["Source"]) == ["two.mp4"], "the one that was shown"


def test_a_video_that_ends_just_before_everything_is_forgotten_is_forgotten_too(
    app, clip, portrait_png
):
    go(app, "photos")
    app.file_uploader(key="photo_upload").set_value(("a.png", portrait_png, "image/png")).run()
    go(app, "stats")
    start(go(app, "videos"), "one.mp4", clip=clip)
    # The page was drawn before the video was done, and its button is pressed afterwards.
    app.session_state["video_cases"], held = {}, app.session_state["video_cases"]
    go(app, "stats")
    app.session_state["video_cases"] = held
    wait(app)
    app.button(key="stats_forget").click().run()
    assert is_empty(app)


def test_a_video_whose_browser_was_away_is_not_counted(app, clip):
    start(app, "one.mp4", clip=clip)
    wait(app)
    for case in app.session_state["video_cases"].values():
        case.job.close()
    assert is_empty(go(app, "stats"))


def test_a_video_that_the_zip_lacks_is_told_of(app, clip):
    start(app, "*one*.mp4", "two.mp4", clip=clip)
    wait(app)
    go(app, "stats")
    assert "not in the ZIP" not in captions(app)
    go(app, "photos")
    slider = next(s for s in app.slider if s.key.startswith("threshold_expression_model1"))
    slider.set_value(95).run()
    go(app, "stats")
    assert "videos of “*one*.mp4” and “two.mp4” are not in the ZIP" in captions(app)
    go(app, "videos")  # draws the last one again
    (case,) = (c for c in app.session_state["video_cases"].values() if c.name == "two.mp4")
    assert case.job.rendering.wait(WAIT_S)
    go(app, "videos")
    go(app, "stats")
    assert "The annotated video of “*one*.mp4” is not in the ZIP" in captions(app)
    case.job.video.unlink()
    assert "videos of “*one*.mp4” and “two.mp4” are not in the ZIP" in captions(app.run())


def test_a_video_without_people_names_the_labels_of_the_network_that_was_asked(
    app, models_folder, write_clip, tmp_path
):
    bundle = models_folder / "expression_model1"
    save_card(bundle, replace(load_card(bundle), labels=("happy", "tired")))
    wall = np.full((120, 160, 3), 180, np.uint8)
    path = write_clip(tmp_path / "wall.mp4", [wall] * 6, fps=12)
    start(go(app, "videos"), "wall.mp4", clip=path.read_bytes())
    wait(app)
    go(app, "stats")
    assert list(app.dataframe[0].value)[6:9] == ["Happy", "Tired", "Undecided"]


@pytest.mark.parametrize("place", ["videos", "photos"])
def test_a_moved_threshold_reaches_all_finished_videos(app, clip, place):
    start(app, "one.mp4", "two.mp4", clip=clip)
    wait(app)
    go(app, "stats")
    assert list(app.dataframe[0].value["Happy"]) == [2, 2]
    go(app, place)
    slider = next(s for s in app.slider if s.key.startswith("threshold_expression_model1"))
    slider.set_value(95).run()
    go(app, "stats")
    assert list(app.dataframe[0].value["Happy"]) == [0, 0]
    assert list(app.dataframe[0].value["Undecided"]) == [2, 2]
    entries = list(app.session_state["session_log"].values())
    assert place == "videos" or not any(entry.media for entry in entries), "they say happy"
    assert not entries[0].media
    go(app, place)
    slider = next(s for s in app.slider if s.key.startswith("threshold_expression_model1"))
    slider.set_value(50).run()
    go(app, "stats")
    assert list(app.dataframe[0].value["Happy"]) == [2, 2]
    assert next(iter(app.session_state["session_log"].values())).media


def test_a_finished_video_names_its_networks_and_what_comes_too_late(app, clip):
    start(app, "one.mp4", clip=clip)
    wait(app)
    go(app, "videos")
    (told,) = [c.value for c in app.caption if "Analysed with" in c.value]
    assert r"Model 1\: all seven expressions" in told and "differently" not in told
    app.sidebar.selectbox(key="expression_model").set_value("expression_model2").run()
    (told,) = [c.value for c in app.caption if "Analysed with" in c.value]
    assert r"Model 1\: all seven expressions" in told
    assert "the expression model is set differently" in told
