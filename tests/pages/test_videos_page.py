"""The Videos page without a browser: empty, analysed, changed, wrong files, nobody there."""

import json
import threading
import time

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from facecore import jobs_video
from facecore.errors import MediaError, VideoWriteError
from facecore.jobs import JobProgress
from facecore.jobs_video import VideoJob
from facecore.media import VideoWriter
from facecore.registry import save_card
from facecore.stats import PeopleEdits
from facecore.user_files import USER_DIR_VARIABLE, user_models_dir
from pages._video_desk import VideoCase
from pages._video_progress import describe_duration, describe_progress
from pages._video_upload import clock

WAIT_S = 120
START = "video_start"


@pytest.fixture
def app(monkeypatch, make_stub_classifier):
    """The page inside the dashboard, with stub networks."""
    stubs = {
        "expression_model1": make_stub_classifier("expression", "happy"),
        "gender": make_stub_classifier("gender", "woman"),
    }
    monkeypatch.setattr("pages._video_desk.load_classifiers", lambda *names: list(stubs.values()))
    monkeypatch.setattr("pages._sidebar._choose_expression_model", lambda: "expression_model1")
    monkeypatch.setattr("pages._sidebar.device_text", lambda: "Stub networks.")
    app = AppTest.from_file("../../app.py", default_timeout=180).run()
    return app.switch_page("pages/videos.py").run()


@pytest.fixture(scope="module")
def clip(crossing_clip, write_clip, tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "crossing.mp4"
    return write_clip(path, crossing_clip.frames[:18], fps=12).read_bytes()


@pytest.fixture
def gate(monkeypatch):
    """Opens the way to videos that are to be drawn again."""
    gate, draw = threading.Event(), jobs_video.draw_results

    def wait_then_draw(*args):
        gate.wait(WAIT_S)
        draw(*args)

    monkeypatch.setattr(jobs_video, "draw_results", wait_then_draw)
    return gate


def upload(app, *files):
    app.file_uploader[0].set_value([(name, data, "video/mp4") for name, data in files])
    return app.run()


def analyse(app, *files):
    upload(app, *files)
    app.button(key=START).click().run()
    for case in app.session_state["video_cases"].values():
        assert case.job.analysis.wait(WAIT_S)
    return app.run()


def case_of(app):
    (case,) = app.session_state["video_cases"].values()
    return case


def wait_for_drawing(app):
    assert case_of(app).job.rendering.wait(WAIT_S)
    return app.run()


def threshold(app, model):
    """The slider of a model in use."""
    return next(s for s in app.sidebar.slider if s.key.startswith(f"threshold_{model}_"))


def texts(elements):
    return " ".join(str(element.value) for element in elements)


def test_empty_page_explains_itself(app):
    assert not app.exception
    assert "Choose one or more videos" in texts(app.info)
    assert not [button for button in app.button if button.key == START]


def test_upload_shows_the_file_and_a_range(app, clip):
    upload(app, ("a*b_c.mp4", clip))
    assert not app.exception
    assert r"a\*b\_c\.mp4" in texts(app.markdown)
    assert "480 × 270 pixels" in texts(app.caption)
    (part,) = (slider for slider in app.slider if slider.key.startswith("video_range"))
    assert part.value == (0.0, 1.5)


def test_analysis_shows_people_and_downloads(app, clip):
    analyse(app, ("clip.mp4", clip))
    assert not app.exception
    assert [len(person.name) for person in case_of(app).results()[1].people] == [8, 8]
    labels = [button.label for button in app.get("download_button")]
    assert labels == ["Video", "Frames (CSV)", "People (CSV)", "JSON", "Text"]
    assert list(app.session_state["session_log"])


def test_chosen_range_is_analysed(app, clip):
    upload(app, ("clip.mp4", clip))
    next(s for s in app.slider if s.key.startswith("video_range")).set_range(0.5, 1.0)
    app.run()
    app.button(key=START).click().run()
    assert case_of(app).job.analysis.wait(WAIT_S)
    times = [frame.time_s for frame in case_of(app).run.frames]
    assert times[0] == pytest.approx(0.5, abs=0.1)
    assert times[-1] < 1.0
    case_of(app).send_player(0.9)
    assert case_of(app).player_s == pytest.approx(0.4)


def test_running_analysis_survives_a_look_at_another_page(app, clip):
    upload(app, ("clip.mp4", clip))
    app.button(key=START).click().run()
    app.switch_page("pages/stats.py").run()
    assert case_of(app).job.analysis.wait(WAIT_S)
    app.switch_page("pages/videos.py").run()
    assert not app.exception
    assert len(case_of(app).results()[1].people) == 2
    assert [button.label for button in app.get("download_button")]


def test_moved_threshold_decides_the_finished_video_again(app, clip, gate):
    analyse(app, ("clip.mp4", clip))
    case = case_of(app)
    probs = case.run.frames[-1].faces[0].expression.probs
    assert case.results()[1].counts("expression")["happy"] == 2
    assert case.current
    threshold(app, "expression_model1").set_value(95).run()
    assert not app.exception
    assert case.results()[1].counts("expression")["undecided"] == 2
    assert case.results()[1].seconds_by_label("expression")["happy"] == 0
    assert not case.current, "the video is being drawn again"
    gate.set()
    wait_for_drawing(app)
    assert case.current
    threshold(app, "expression_model1").set_value(0).run()
    wait_for_drawing(app)
    assert case.results()[1].counts("expression")["happy"] == 2
    assert (case.run.frames[-1].faces[0].expression.probs == probs).all()


def test_another_gender_model_leaves_the_finished_video_as_it_is(
    app, clip, make_card, tmp_path, monkeypatch
):
    analyse(app, ("clip.mp4", clip))
    case = case_of(app)
    assert case.results()[1].counts("gender")["woman"] == 2
    monkeypatch.setenv(USER_DIR_VARIABLE, str(tmp_path))
    save_card(user_models_dir() / "more", make_card("gender", name="more", threshold=0.95))
    app.run()
    app.sidebar.selectbox(key="sidebar_gender_model").set_value("more").run()
    threshold(app, "more").set_value(99).run()
    assert not app.exception
    assert case.results()[1].counts("gender")["woman"] == 2
    assert case.current, "nothing to draw again"
    app.sidebar.selectbox(key="sidebar_gender_model").set_value("gender").run()
    threshold(app, "gender").set_value(99).run()
    app.sidebar.selectbox(key="sidebar_gender_model").set_value("more").run()
    assert case.results()[1].counts("gender")["undecided"] == 2, "as last set for its own network"


def test_network_published_again_leaves_the_finished_video_as_it_is(
    app, clip, models_folder, publish_again
):
    app.run()
    analyse(app, ("clip.mp4", clip))
    case = case_of(app)
    threshold(app, "gender").set_value(95).run()
    wait_for_drawing(app)
    assert case.results()[1].counts("gender")["undecided"] == 2
    for name in ("expression_model1", "gender"):
        publish_again(name, threshold=0.99 if name == "expression_model1" else 0.2)
    app.run()
    assert not app.exception
    assert threshold(app, "expression_model1").value == 99
    assert threshold(app, "gender").value == 20
    assert case.results()[1].counts("expression")["happy"] == 2
    assert case.results()[1].counts("gender")["undecided"] == 2, "as last set for its own network"
    threshold(app, "gender").set_value(0).run()
    assert case.results()[1].counts("gender")["undecided"] == 2
    assert case.current, "nothing to draw again"


def test_renaming_merging_and_removing_people(app, clip, gate):
    analyse(app, ("clip.mp4", clip))
    case = case_of(app)
    first, second = (person.person_id for person in case.results()[1].people)

    case.history.append(case.edits.rename(first, "Ada"))
    app.run()
    assert case.results()[1].people[0].name == "Ada"
    assert not case.current  # the video is being drawn again
    assert "Video" not in [button.label for button in app.get("download_button")]
    gate.set()
    wait_for_drawing(app)
    assert case.current
    assert case.drawn[0].names == {first: "Ada"}
    assert "Video" in [button.label for button in app.get("download_button")]

    app.button(key="video_remove").click().run()
    assert [person.person_id for person in case.results()[1].people] == [second]
    app.button(key="video_undo").click().run()
    assert len(case.results()[1].people) == 2

    case.history.append(case.edits.merge(second, first))
    app.run()
    assert [person.name for person in case.results()[1].people] == ["Ada"]
    app.button(key="video_undo_all").click().run()
    assert case.edits == PeopleEdits()
    assert not app.exception


def test_of_two_people_of_one_name_the_chosen_one_is_removed(app, clip):
    analyse(app, ("clip.mp4", clip))
    case = case_of(app)
    first, second = (person.person_id for person in case.results()[1].people)
    case.history.append(case.edits.rename(first, "Ann").rename(second, "Ann"))
    app.run()
    (who,) = (box for box in app.selectbox if box.key.startswith("video_who"))
    assert (who.options, who.value) == (["Ann", "Ann (2)"], first)
    app.button(key="video_remove").click().run()
    assert [person.person_id for person in case.results()[1].people] == [second]
    assert [t.value for t in app.text_input if t.key.startswith("video_name")] == ["Ann"]
    wait_for_drawing(app)


def test_drawing_that_ends_while_the_page_is_drawn_is_shown(app, clip, monkeypatch):
    start = VideoJob.start_rendering

    def start_and_end(job, *args):
        start(job, *args)
        assert job.rendering.wait(WAIT_S)

    analyse(app, ("clip.mp4", clip))
    case = case_of(app)
    monkeypatch.setattr(VideoJob, "start_rendering", start_and_end)
    case.history.append(case.edits.rename(1, "Ada"))
    app.run()
    assert not app.exception
    assert case.current
    assert "Video" in [button.label for button in app.get("download_button")]
    assert not [b for b in app.button if b.key.startswith("video_draw")]


def test_rename_by_the_form(app, clip):
    analyse(app, ("clip.mp4", clip))
    next(t for t in app.text_input if t.key.startswith("video_name")).set_value("<b>Eve</b>")
    next(b for b in app.button if b.key.startswith("video_rename_go")).click()
    app.run()
    assert case_of(app).results()[1].people[0].name == "<b>Eve</b>"
    columns = json.loads(app.dataframe[0].proto.columns)
    assert columns["Name"]["width"] >= 7 * len("<b>Eve</b>"), "a cell cuts without a sign"
    wait_for_drawing(app)
    assert not app.exception


def test_hiding_faces_draws_the_video_again(app, clip):
    analyse(app, ("clip.mp4", clip))
    shown = case_of(app).thumbnails()
    app.segmented_control(key="hide_faces_video").set_value("blur").run()
    hidden = case_of(app).thumbnails()
    assert hidden.keys() == shown.keys() != set()
    assert all(np.abs(hidden[i].astype(int) - shown[i]).mean() > 3 for i in shown)
    wait_for_drawing(app)
    assert case_of(app).drawn[0].hide_faces == "blur"
    assert case_of(app).job.video.is_file()


def test_hiding_faces_reaches_the_statistics_without_a_drawing(app, clip, monkeypatch):
    def fail(self, frame_bgr, time_s, duration_s=None):
        raise VideoWriteError("clip.mp4 could not be written (No space left on device).")

    monkeypatch.setattr(VideoWriter, "write", fail)
    analyse(app, ("clip.mp4", clip))
    (shown,) = app.session_state["session_log"].values()
    app.segmented_control(key="hide_faces_video").set_value("blur").run()
    (hidden,) = app.session_state["session_log"].values()
    assert hidden.thumbnails.keys() == shown.thumbnails.keys() != set()
    assert not set(hidden.thumbnails.values()) & set(shown.thumbnails.values())


def show(app, case):
    """Look at a video of the session, or with None at the upload."""
    app.session_state["video_chosen"] = case.key if case else ""
    app.run()


@pytest.mark.parametrize("shown", ["the second", "the upload", "the second, without its files"])
def test_hiding_faces_reaches_the_statistics_of_videos_that_are_not_shown(app, clip, shown):
    analyse(app, ("first.mp4", clip), ("second.mp4", clip))
    for case in app.session_state["video_cases"].values():
        show(app, case)
    if shown == "the upload":
        show(app, None)
    elif shown != "the second":
        case.job.close()
    clear = dict(app.session_state["session_log"])
    assert len(clear) == 2 and all(entry.media for entry in clear.values())

    app.segmented_control(key="hide_faces_video").set_value("blur").run()
    assert not app.exception
    hidden = app.session_state["session_log"]
    assert list(hidden) == list(clear)
    for key, entry in hidden.items():
        assert entry.thumbnails.keys() == clear[key].thumbnails.keys() != set()
        assert not set(entry.thumbnails.values()) & set(clear[key].thumbnails.values())
        assert not entry.media, "its faces are clear"

    app.segmented_control(key="hide_faces_video").set_value("none").run()
    for key, entry in app.session_state["session_log"].items():
        assert entry.thumbnails == clear[key].thumbnails
    first = next(iter(app.session_state["video_cases"]))
    assert app.session_state["session_log"][f"video:{first}"].media == clear[f"video:{first}"].media


def test_hiding_faces_brings_nothing_back_that_the_statistics_forgot(app, clip):
    analyse(app, ("clip.mp4", clip))
    app.session_state["session_log"].clear()
    show(app, None)
    app.segmented_control(key="hide_faces_video").set_value("blur").run()
    assert not app.exception and not app.session_state["session_log"]


def test_full_disk_costs_the_annotated_video_only(app, clip, monkeypatch):
    write = VideoWriter.write

    def fail(self, frame_bgr, time_s, duration_s=None):
        raise VideoWriteError("clip.mp4 could not be written (No space left on device).")

    monkeypatch.setattr(VideoWriter, "write", fail)
    analyse(app, ("clip.mp4", clip))
    assert not app.exception
    assert "No space left on device" in texts(app.error)
    assert "There is no annotated video; the results are whole without it." in texts(app.caption)
    assert len(case_of(app).results()[1].people) == 2
    labels = [button.label for button in app.get("download_button")]
    assert labels == ["Frames (CSV)", "People (CSV)", "JSON", "Text"]
    monkeypatch.setattr(VideoWriter, "write", write)
    next(b for b in app.button if b.key.startswith("video_draw")).click().run()
    wait_for_drawing(app)
    assert not app.error and case_of(app).job.video.is_file()
    assert "Video" in [button.label for button in app.get("download_button")]


def test_analysis_that_fails_while_the_page_is_drawn_is_told(app, clip, monkeypatch):
    gate = threading.Event()

    def fail(*args, **options):
        gate.wait(WAIT_S)
        raise MediaError("clip.mp4 is damaged.")

    def look_then_fail(case):
        found = problem.fget(case)
        gate.set()
        assert case.job.analysis.wait(WAIT_S)
        return found

    problem = VideoCase.problem
    monkeypatch.setattr("facecore.jobs_video.process_video", fail)
    upload(app, ("clip.mp4", clip))
    app.button(key=START).click().run()
    monkeypatch.setattr(VideoCase, "problem", property(look_then_fail))
    app.run()
    assert not app.exception
    assert "is damaged" in texts(app.error)


def test_video_without_faces_says_so(app, write_clip, tmp_path):
    frames = [np.full((120, 160, 3), 90, np.uint8)] * 12
    analyse(app, ("empty_room.mp4", write_clip(tmp_path / "e.mp4", frames).read_bytes()))
    assert "No faces found" in texts(app.info)
    assert "12 frames" in texts(app.caption)
    assert "over time" not in texts(app.markdown)
    assert not app.exception


def leave(app):
    """Stay away until the session's work is stopped and its files are deleted, and come back."""
    case_of(app).job.close()
    app.run()
    assert not app.exception
    assert not app.get("video")
    assert "because the browser was away" in texts(app.error)
    next(b for b in app.button if b.key.startswith("video_again")).click().run()
    assert not app.session_state["video_cases"]
    assert "Choose one or more videos" in texts(app.info)


def test_analysis_that_was_stopped_while_the_browser_was_away_says_so(app, clip, monkeypatch):
    def work_on(*args, on_progress, **options):
        while True:
            on_progress(1, 18)
            time.sleep(0.01)

    monkeypatch.setattr("facecore.jobs_video.process_video", work_on)
    upload(app, ("clip.mp4", clip))
    app.button(key=START).click().run()
    task = case_of(app).job.analysis
    while task.state == "waiting":
        time.sleep(0.01)
    assert task.state == "running"
    leave(app)
    assert task.wait(WAIT_S)


def test_video_that_was_deleted_while_the_browser_was_away_says_so(app, clip):
    analyse(app, ("clip.mp4", clip))
    leave(app)


def test_bad_files_are_one_sentence_each_and_the_good_one_is_done(app, clip):
    analyse(app, ("good.mp4", clip), ("empty.mp4", b""), ("text.mp4", b"hello " * 100))
    assert case_of(app).name == "good.mp4"
    assert not app.exception


def test_bad_file_shows_its_sentence(app, clip):
    upload(app, ("empty.mp4", b""), ("cut.mp4", clip[: len(clip) // 3]))
    assert len(app.error) == 2
    assert r"empty\.mp4" in app.error[0].value
    assert not [button for button in app.button if button.key == START]


def test_deleting_a_video_leaves_nothing(app, clip):
    analyse(app, ("clip.mp4", clip))
    path = case_of(app).job.video
    next(b for b in app.button if b.key.startswith("video_delete")).click()
    app.run()
    assert not path.parent.exists()
    assert not app.session_state["video_cases"]
    assert not app.session_state["session_log"]
    assert "Choose one or more videos" in texts(app.info)


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (JobProgress(), "starting …"),
        (
            JobProgress(1200, 2400, 60.0),
            "1,200 of 2,400 frames · 20 frames per second · about 60 seconds left",
        ),
        (JobProgress(5, None, 1.0), "5 frames · 5 frames per second"),
    ],
)
def test_progress_in_words(progress, words):
    assert describe_progress(progress) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "2 seconds"), (89, "89 seconds"), (600, "10 minutes"), (9000, "2.5 hours")],
)
def test_durations_in_words(seconds, words):
    assert describe_duration(seconds) == words


def test_clock():
    assert [clock(s) for s in (0, 9.96, 61.04, -1)] == ["0:00.0", "0:10.0", "1:01.0", "0:00.0"]
    assert [clock(s) for s in (59.94, 59.96, 3599.99)] == ["0:59.9", "1:00.0", "60:00.0"]
