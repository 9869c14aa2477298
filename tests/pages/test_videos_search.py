"""The choice of how often a video's faces are searched: told with its loss, and followed."""

import pytest

from facecore.pipeline import FacePipeline
from facecore.pipeline_every import describe_search

WAIT_S = 120


@pytest.fixture
def options_used(monkeypatch):
    """The options of every pipeline that an analysis makes."""
    used = []

    def make(classifiers, options):
        used.append(options)
        return FacePipeline(classifiers, options)

    monkeypatch.setattr("facecore.jobs_video.FacePipeline", make)
    return used


def test_choice_tells_its_loss_and_is_used(
    open_page, crossing_clip, write_clip, tmp_path, options_used
):
    clip = write_clip(tmp_path / "clip.mp4", crossing_clip.frames[:6], fps=12)
    app = open_page("videos")
    assert not [control for control in app.pills if control.key == "video_detect_every"]
    app.file_uploader[0].set_value([("clip.mp4", clip.read_bytes(), "video/mp4")])
    app.run()
    assert describe_search(2) in [caption.value for caption in app.caption]
    app.pills(key="video_detect_every").set_value(3).run()
    assert describe_search(3) in [caption.value for caption in app.caption]
    app.button(key="video_start").click().run()
    (case,) = app.session_state["video_cases"].values()
    assert case.job.analysis.wait(WAIT_S)
    assert not app.exception
    assert [options.detect_every for options in options_used] == [3]
