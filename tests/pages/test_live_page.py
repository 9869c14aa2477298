"""The Live page without a browser, and what runs behind a stream."""

import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from facecore.annotation import AnnotationOptions
from facecore.live import LIVE_PIPELINE, LiveSession
from facecore.live_recorder import ClipRecorder
from facecore.pipeline import VIDEO_PIPELINE
from pages import _ice, _live_camera
from pages._live_desk import MAX_KEEPSAKES, LiveDesk, LiveStream, Recipe
from pages._sidebar import Settings

WAIT_S = 120


@pytest.fixture
def stubs(make_stub_classifier):
    return [make_stub_classifier("expression", "happy"), make_stub_classifier("gender", "woman")]


@pytest.fixture
def recipe(stubs):
    settings = Settings("expression_model1", "gender", LIVE_PIPELINE, AnnotationOptions())
    return Recipe(stubs, settings, mirror=False)


@pytest.fixture
def camera_frame(crossing_clip):
    return av.VideoFrame.from_ndarray(crossing_clip.frames[10], format="bgr24")


@pytest.fixture
def streamer(monkeypatch):
    """What the page gave to streamlit-webrtc, which cannot run here; ``state`` is its answer."""
    seen = SimpleNamespace(calls=[], state=SimpleNamespace(signalling=False, playing=False))
    seen.relay = SimpleNamespace(subscribe=lambda track, buffered=True: (track, buffered))

    def webrtc_streamer(key, **options):
        seen.calls.append(options)
        return SimpleNamespace(state=seen.state)

    monkeypatch.setattr("pages._live_camera.webrtc_streamer", webrtc_streamer)
    monkeypatch.setattr("pages._live_camera.get_global_relay", lambda: seen.relay)
    _live_camera._drop_rather_than_queue.clear()  # done once per server, here once per test
    return seen


@pytest.fixture
def app(monkeypatch, stubs, streamer):
    """The page inside the dashboard, with stub networks and without a camera."""
    # Not load_classifiers: what the pages import for the first time now would keep it for good.
    by_name = {"expression_model1": stubs[0], "gender": stubs[1]}
    monkeypatch.setattr("pages._ui._open_classifier", lambda bundle, _: by_name[Path(bundle).name])
    monkeypatch.setattr("pages._ui.device_text", lambda: "Stub networks.")
    monkeypatch.setattr("pages._sidebar._choose_expression_model", lambda: "expression_model1")
    monkeypatch.setattr("pages._sidebar.device_text", lambda: "Stub networks.")
    monkeypatch.delenv(_ice.VARIABLE, raising=False)
    app = AppTest.from_file("../../app.py", default_timeout=180).run()
    yield app.switch_page("pages/live.py").run()
    if "live_desk" in app.session_state:
        app.session_state["live_desk"].close()


def texts(elements):
    return " ".join(str(element.value) for element in elements)


def wait_until(condition):
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.02)


def analysis_threads():
    return [t for t in threading.enumerate() if t.name in ("live-analysis", "clip-recorder")]


def feed(stream, frame):
    """Hand over pictures until a person is counted."""

    def counted():
        stream.on_frame(frame)
        return bool(stream.session and stream.session.snapshot().summary.people)

    wait_until(counted)


def looks_alike(one, other):
    """Whether pictures are the same but for the colours that a stream keeps at half the size."""
    return np.abs(one.astype(int) - other).mean() < 4


def test_page_before_the_start(app, streamer):
    assert not app.exception
    assert "needs to agree" in texts(app.info)
    assert "one small picture of each person stay in the server's memory" in texts(app.info)
    assert "Press **Start**" in texts(app.info)
    assert streamer.calls[-1]["rtc_configuration"] == {"iceServers": []}
    assert streamer.calls[-1]["media_stream_constraints"]["audio"] is False


def test_numbers_photo_and_clip_of_a_running_stream(app, streamer, camera_frame):
    streamer.state.playing = True
    app.run()
    feed(app.session_state["live_desk"].stream, camera_frame)
    app.run()
    assert not app.exception
    assert ">Happy<" in texts(app.get("html"))
    app.button(key="live_photo").click().run()
    app.button(key="live_record").click().run()
    for _ in range(5):
        streamer.calls[-1]["video_frame_callback"](camera_frame)
        time.sleep(0.05)
    app.button(key="live_record_stop").click().run()
    names = [kept.file_name for kept in app.session_state["live_desk"].keepsakes]
    assert [name.rsplit(".", 1)[1] for name in names] == ["jpg", "mp4"]
    assert list(app.session_state["session_log"])
    app.button(key="live_reset").click().run()
    assert not app.session_state["session_log"]
    assert not app.exception


def test_settings_act_on_the_running_stream(app, streamer, camera_frame):
    streamer.state.playing = True
    app.run()
    stream = app.session_state["live_desk"].stream
    plain = stream.on_frame(camera_frame).to_ndarray(format="bgr24")
    app.toggle(key="live_mirror").set_value(False).run()
    feed(stream, camera_frame)
    assert stream is app.session_state["live_desk"].stream
    assert stream.recipe.mirror is False
    app.segmented_control(key="hide_faces_live").set_value("blur").run()
    assert stream.recipe.settings.annotation.hide_faces == "blur"
    hidden = stream.on_frame(camera_frame).to_ndarray(format="bgr24")
    assert not np.array_equal(plain, hidden)


def test_ended_stream_keeps_its_numbers_and_the_next_is_new(app, streamer, camera_frame):
    streamer.state.playing = True
    app.run()
    desk = app.session_state["live_desk"]
    first = desk.stream
    feed(first, camera_frame)
    streamer.calls[-1]["on_video_ended"]()
    streamer.state.playing = False
    app.run()
    assert "has ended" in texts(app.caption)
    assert app.button(key="live_photo").disabled
    assert desk.stream is not first
    assert not analysis_threads()


def test_photos_belong_to_their_own_stream(app, streamer, camera_frame, monkeypatch):
    desk = app.session_state["live_desk"]
    for began in ("09:00:00", "10:00:00"):
        streamer.state.playing = True
        app.run()
        desk.stream.began = began
        feed(desk.stream, camera_frame)
        app.run()
        app.button(key="live_photo").click().run()
        streamer.calls[-1]["on_video_ended"]()
        streamer.state.playing = False
        app.run()
    names = [[kept.file_name] for kept in desk.keepsakes]
    entries = app.session_state["session_log"].values()
    assert [list(entry.media) for entry in entries] == names
    assert [entry.source for entry in entries] == ["Live, 09:00:00", "Live, 10:00:00"]


def test_hiding_faces_reaches_the_statistics_of_an_ended_stream(app, streamer, camera_frame):
    streamer.state.playing = True
    app.run()
    feed(app.session_state["live_desk"].stream, camera_frame)
    streamer.calls[-1]["on_video_ended"]()
    streamer.state.playing = False
    app.run()
    (shown,) = app.session_state["session_log"].values()
    app.segmented_control(key="hide_faces_live").set_value("blur").run()
    (hidden,) = app.session_state["session_log"].values()
    assert shown.thumbnails
    assert not hidden.thumbnails
    assert hidden.summary.people == shown.summary.people


def test_another_page_ends_the_stream(app, streamer, camera_frame):
    streamer.state.playing = True
    app.run()
    stream = app.session_state["live_desk"].stream
    feed(stream, camera_frame)
    app.session_state["num_page_visits"] = 7  # the router, which AppTest leaves out, counts them
    app.run()
    assert stream.ended
    assert not analysis_threads()


def test_clip_of_a_stream_that_was_left_is_in_the_statistics(app, streamer, camera_frame):
    streamer.state.playing = True
    app.run()
    desk = app.session_state["live_desk"]
    stream = desk.stream
    feed(stream, camera_frame)
    app.run()
    app.button(key="live_record").click().run()
    for _ in range(5):
        stream.on_frame(camera_frame)
        time.sleep(0.05)
    app.switch_page("pages/stats.py").run()  # the browser has not ended the stream yet
    assert not app.exception
    assert stream.ended
    (entry,) = app.session_state["session_log"].values()
    assert list(entry.media) == [kept.file_name for kept in desk.keepsakes]
    (clip,) = entry.media.values()
    assert clip[4:8] == b"ftyp"
    app.button(key="stats_forget").click().run()
    app.run()
    assert not app.session_state["session_log"]
    app.switch_page("pages/live.py").run()
    app.switch_page("pages/stats.py").run()
    assert len(app.session_state["session_log"]) == 1, "it was looked at again"


def test_stream_that_live_did_not_log_yet_is_in_the_statistics(app, streamer, camera_frame):
    streamer.state.playing = True
    app.run()
    feed(app.session_state["live_desk"].stream, camera_frame)
    app.switch_page("pages/stats.py").run()
    assert not app.exception
    assert len(app.dataframe[0].value) == 1
    app.button(key="stats_forget").click().run()
    assert "Nothing was analysed yet" in texts(app.info)


def test_connection_that_does_not_come_up_is_explained(app, streamer, monkeypatch):
    streamer.state.signalling = True
    monkeypatch.setattr("pages._live_connection.PATIENCE_S", 0.0)
    app.run()
    assert "does not come through" in texts(app.warning)
    app.button(key="live_snapshot").click().run()
    assert app.session_state["photo_source"] == "camera"
    assert app.title[0].value == "Photos"


def test_blocked_camera_is_explained_until_a_picture_came(app, streamer, camera_frame):
    assert "Allow the camera in the browser's address bar" in texts(app.caption)
    streamer.state.playing = True
    app.run()
    feed(app.session_state["live_desk"].stream, camera_frame)
    app.run()
    assert not app.exception
    assert "Permission denied" not in texts(app.caption)
    assert "live_snapshot_early" not in [button.key for button in app.button]


def test_blocked_camera_leaves_the_snapshot(app):
    app.button(key="live_snapshot_early").click().run()
    assert app.session_state["photo_source"] == "camera"
    assert app.title[0].value == "Photos"


def test_snapshot_is_offered_once(app, streamer, monkeypatch):
    streamer.state.signalling = True
    monkeypatch.setattr("pages._live_connection.PATIENCE_S", 0.0)
    app.run()
    labels = [button.label for button in app.button]
    assert labels.count("Take a snapshot instead") == 1
    assert "Permission denied" in texts(app.caption)


def test_insecure_page_is_explained(app, streamer, monkeypatch):
    monkeypatch.setattr("pages._live_connection.is_secure", lambda url: False)
    calls = len(streamer.calls)
    app.run()
    assert "secure pages only" in texts(app.warning)
    assert len(streamer.calls) == calls
    app.button(key="live_upload").click().run()
    assert app.session_state["photo_source"] == "upload"


def test_wrong_ice_servers_are_one_sentence(app, monkeypatch):
    monkeypatch.setenv(_ice.VARIABLE, "[1")
    app.run()
    assert len(app.error) == 1
    assert "FACECORE" in app.error[0].value


def test_broken_analysis_shows_and_the_picture_goes_on(app, streamer, camera_frame, stubs):
    def fail(batch):
        raise RuntimeError("the network is gone")

    stubs[0]._answer = fail
    streamer.state.playing = True
    app.run()
    stream = app.session_state["live_desk"].stream
    stream.on_frame(camera_frame)
    wait_until(lambda: stream.on_frame(camera_frame) and stream.session.snapshot().last_error)
    app.run()
    assert "the network is gone" in texts(app.error)
    assert stream.on_frame(camera_frame).width == camera_frame.width


def test_broken_drawing_is_told_and_the_picture_goes_on(recipe, camera_frame, monkeypatch, caplog):
    def fail(session, frame_bgr):
        raise RuntimeError("no pen")

    stream = LiveStream(recipe)
    monkeypatch.setattr(LiveSession, "render", fail)
    for _ in range(3):
        picture = stream.on_frame(camera_frame).to_ndarray(format="bgr24")
    assert looks_alike(picture, camera_frame.to_ndarray(format="bgr24"))
    assert "no pen" in stream.problem
    assert caplog.text.count("could not be drawn") == 1
    stream.discard()


def test_no_face_is_shown_where_faces_are_to_be_hidden_and_nothing_can_be_drawn(
    recipe, camera_frame, monkeypatch
):
    settings = replace(recipe.settings, annotation=AnnotationOptions(hide_faces="pixelate"))
    hiding = Recipe(recipe.classifiers, settings, mirror=False)
    ended = LiveStream(hiding)
    ended.close()
    bare = camera_frame.to_ndarray(format="bgr24")
    assert not looks_alike(shown_by(ended, camera_frame), bare)

    def fail(session, frame_bgr):
        raise RuntimeError("no pen")

    monkeypatch.setattr(LiveSession, "render", fail)
    broken = LiveStream(hiding)
    assert np.array_equal(shown_by(broken, camera_frame), shown_by(ended, camera_frame))
    assert "no pen" in broken.problem
    broken.discard()


def shown_by(stream, camera_frame):
    return stream.on_frame(camera_frame).to_ndarray(format="bgr24")


def test_settings_that_come_while_the_analysis_is_made_are_not_lost(
    recipe, camera_frame, monkeypatch
):
    making, may_go = threading.Event(), threading.Event()

    class SlowToMake(LiveSession):
        def __init__(self, *arguments):
            making.set()
            assert may_go.wait(60)
            super().__init__(*arguments)

    monkeypatch.setattr("pages._live_desk.LiveSession", SlowToMake)
    settings = replace(recipe.settings, annotation=AnnotationOptions(hide_faces="pixelate"))
    hiding = Recipe(recipe.classifiers, settings, mirror=False)
    stream = LiveStream(recipe)
    camera = threading.Thread(target=stream.on_frame, args=(camera_frame,))
    camera.start()
    assert making.wait(60)
    page = threading.Thread(target=stream.update, args=(hiding,))
    page.start()
    page.join(0.2)
    may_go.set()
    camera.join(60)
    page.join(60)
    assert stream.session._annotation.hide_faces == "pixelate"
    stream.discard()


def test_mirror_turns_the_picture(recipe, camera_frame):
    stream = LiveStream(Recipe(recipe.classifiers, recipe.settings, mirror=True))
    stream.close()  # nothing is drawn any more: the bare picture goes through
    shown = stream.on_frame(camera_frame).to_ndarray(format="bgr24")
    assert looks_alike(shown, camera_frame.to_ndarray(format="bgr24")[:, ::-1])
    assert not looks_alike(shown, camera_frame.to_ndarray(format="bgr24"))
    assert stream.session is None
    stream.discard()


def test_turned_picture_is_hidden_until_it_is_analysed(recipe, crossing_clip, monkeypatch):
    bare = crossing_clip.frames[10].copy()
    rng = np.random.default_rng(0)
    for corner in (np.s_[-40:, :40], np.s_[-40:, -40:]):  # hiding changes much there
        bare[corner] = rng.integers(0, 256, (40, 40, 1), dtype=np.uint8)
    frame = av.VideoFrame.from_ndarray(bare, format="bgr24")

    def corner_is_shown(picture):
        shown = stream.on_frame(frame).to_ndarray(format="bgr24")
        return looks_alike(shown[-40:, -40:], picture[-40:, -40:])

    hiding = replace(recipe.settings, annotation=AnnotationOptions(hide_faces="pixelate"))
    recipe = replace(recipe, settings=hiding)
    stream = LiveStream(recipe)
    feed(stream, frame)
    wait_until(lambda: corner_is_shown(bare))
    monkeypatch.setattr(LiveSession, "submit", lambda *picture: None)  # an endless analysis
    stream.update(replace(recipe, mirror=True))
    assert not corner_is_shown(bare[:, ::-1])
    assert not corner_is_shown(bare[:, ::-1])
    monkeypatch.undo()
    wait_until(lambda: corner_is_shown(bare[:, ::-1]))
    assert stream.session.snapshot().summary.num_frames > 1, "the statistics go on"
    stream.discard()


def test_streams_drop_pictures_rather_than_queue_them(app, streamer):
    assert streamer.relay.subscribe("camera") == ("camera", False)


def test_faces_to_be_hidden_are_searched_in_every_picture(recipe, stubs):
    assert recipe.pipeline.rescan_s > 0
    hiding = replace(recipe.settings, annotation=AnnotationOptions(hide_faces="blur"))
    assert Recipe(stubs, hiding, mirror=False).pipeline.rescan_s == 0


def test_live_pictures_are_searched_and_people_remembered_as_live_pictures_need_it(app):
    pipeline = app.session_state["live_desk"].stream.recipe.pipeline
    assert pipeline.tracker == LIVE_PIPELINE.tracker != VIDEO_PIPELINE.tracker
    assert pipeline.haar == LIVE_PIPELINE.haar != VIDEO_PIPELINE.haar


def test_end_finishes_a_clip_and_lets_go_of_everything(recipe, camera_frame):
    stream = LiveStream(recipe)
    feed(stream, camera_frame)
    stream.start_recording()
    for _ in range(4):
        stream.on_frame(camera_frame)
        time.sleep(0.05)
    stream.close()
    assert not analysis_threads()
    assert stream.finish_recording()[4:8] == b"ftyp"
    assert stream.finish_recording() is None
    stream.discard()


def test_close_waits_for_a_clip_that_another_thread_finishes(recipe, camera_frame, monkeypatch):
    stream = LiveStream(recipe)
    feed(stream, camera_frame)
    stream.start_recording()
    for _ in range(4):
        stream.on_frame(camera_frame)
        time.sleep(0.05)
    stop, begun = ClipRecorder.stop, threading.Event()

    def stop_slowly(recorder):
        begun.set()
        time.sleep(0.5)
        return stop(recorder)

    monkeypatch.setattr(ClipRecorder, "stop", stop_slowly)
    other = threading.Thread(target=stream.close)
    other.start()
    assert begun.wait(WAIT_S)
    stream.close()
    assert stream.finish_recording()[4:8] == b"ftyp"
    other.join()
    stream.discard()


def test_keepsakes_make_room():
    desk = LiveDesk()
    gone = [
        desk.keep(bytes([number]), ".jpg", "image/jpeg", "12:00:00")
        for number in range(MAX_KEEPSAKES + 3)
    ]
    assert len(desk.keepsakes) == MAX_KEEPSAKES
    assert len({kept.file_name for kept in desk.keepsakes}) == MAX_KEEPSAKES
    assert desk.keepsakes[-1].data == bytes([MAX_KEEPSAKES + 2])
    assert [kept and kept.data for kept in gone[-4:]] == [None, b"\0", b"\1", b"\2"]


def test_photos_make_room_before_clips():
    desk = LiveDesk()
    desk.keep(b"clip", ".mp4", "video/mp4", "12:00:00")
    desk.keep(b"photo", ".jpg", "image/jpeg", "12:00:00")
    for _ in range(MAX_KEEPSAKES - 2):
        assert desk.keep(b"later clip", ".mp4", "video/mp4", "12:00:00") is None
    assert desk.keep(b"later photo", ".jpg", "image/jpeg", "12:00:00").data == b"photo"
    assert desk.keep(b"last clip", ".mp4", "video/mp4", "12:00:00").data == b"later photo"
    assert desk.keep(b"last photo", ".jpg", "image/jpeg", "12:00:00").data == b"clip"
    assert desk.keepsakes[-1].data == b"last photo"


def test_what_made_room_is_told(app, streamer, camera_frame, monkeypatch):
    monkeypatch.setattr("pages._live_desk.MAX_KEEPSAKES", 1)
    streamer.state.playing = True
    app.run()
    desk = app.session_state["live_desk"]
    feed(desk.stream, camera_frame)
    app.run()
    app.button(key="live_photo").click().run()
    assert not app.toast
    (first,) = desk.keepsakes
    assert "photos make room before clips" in texts(app.caption)
    app.button(key="live_photo").click().run()
    assert f"{first.file_name} made room" in texts(app.toast)
