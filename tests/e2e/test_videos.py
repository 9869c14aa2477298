"""A video in the browser: upload, progress, playing result, moments, cancel, another page."""

import json
import tempfile
import time
from pathlib import Path

import cv2
import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

WORK_MS = 120_000


def temp_folders():
    return set(Path(tempfile.gettempdir()).glob("facecore-video-*"))


@pytest.fixture(scope="module")
def clip(crossing_clip, write_clip, tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "crossing.mp4"
    return write_clip(path, crossing_clip.frames[:30], fps=12, sound=True)


@pytest.fixture(scope="module")
def long_clip(crossing_clip, write_clip, tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "long.mp4"
    return write_clip(path, crossing_clip.frames * 20, fps=12)


def start(page, path):
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(path)
    page.get_by_role("button", name="Analyse").click()


def download(page, key):
    with page.expect_download() as waiting:
        page.locator(f"[class*='st-key-{key}'] button").click()
    return waiting.value


def play_until(page, num_frames):
    video = page.locator("video")
    video.evaluate("video => { video.muted = true; return video.play() }")
    page.wait_for_function(
        "n => document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames >= n",
        arg=num_frames,
    )


def click_mark(page, mark):
    """Click a mark of a chart; Plotly must have seen the mouse over it before."""
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    expect(page.locator(".hoverlayer .hovertext").first).to_be_visible()
    page.mouse.down()
    page.mouse.up()


def test_result_plays_follows_moments_and_survives_other_pages(
    open_page, page, clip, wait_for_run, tmp_path
):
    open_page("videos")
    start(page, clip)
    # The short clip may be done before the browser is looked at.
    begun = page.get_by_test_id("stProgress").or_(page.locator("video"))
    expect(begun.first).to_be_visible(timeout=WORK_MS)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Stats").click()
    expect(page.locator("h1").first).to_contain_text("Statistics")
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Videos").click()
    expect(page.locator("video")).to_be_visible(timeout=WORK_MS)
    wait_for_run(page)
    play_until(page, 10)

    data = json.loads(download(page, "video_download_JSON").path().read_text())
    (result,) = data["results"]
    assert result["source"] == "crossing.mp4"
    assert len(result["people"]) == 2
    saved = tmp_path / "annotated.mp4"
    download(page, "video_download_Video").save_as(saved)
    reader = cv2.VideoCapture(str(saved))
    assert reader.get(cv2.CAP_PROP_FRAME_COUNT) == 30
    reader.release()

    # The last stretch of the timeline begins well after the start: the player goes there.
    page.locator("video").evaluate("video => { video.pause(); video.currentTime = 2.4 }")
    click_mark(page, page.locator("[class*='st-key-video_timeline'] .bars .point path").first)
    page.wait_for_function("() => document.querySelector('video').currentTime < 1.5")


def test_cancelling_leaves_nothing_behind(open_page, page, long_clip, wait_for_run):
    before = temp_folders()
    open_page("videos")
    start(page, long_clip)
    page.get_by_role("button", name="Cancel").click(timeout=WORK_MS)
    expect(page.get_by_test_id("stFileUploaderDropzoneInput")).to_be_attached()
    expect(page.get_by_test_id("stProgress")).to_have_count(0)
    wait_for_run(page)
    end = time.monotonic() + WORK_MS / 1000
    while not temp_folders() <= before:  # the thread lets go at its next frame
        assert time.monotonic() < end, "the video's folder stays"
        page.wait_for_timeout(200)


def test_file_that_is_no_video_is_one_sentence(open_page, page):
    open_page("videos")
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(
        {"name": "<i>no</i>.mp4", "mimeType": "video/mp4", "buffer": b"no video at all" * 50}
    )
    error = page.get_by_test_id("stAlertContentError")
    expect(error).to_have_count(1)
    expect(error).to_contain_text(".mp4")
    expect(page.get_by_role("button", name="Analyse")).to_have_count(0)
