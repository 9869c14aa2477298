"""The live page with a fake camera: connects, sees a face, switches models, stops, lets go."""

import io
import re

import av
import cv2
import numpy as np
import pytest
from playwright.sync_api import expect

from facecore.detection import HaarDetector
from facecore.images import decode_image, example_image
from facecore.labels import COLORS, SHOWN_LABELS, to_rgb

pytestmark = pytest.mark.e2e

CONNECT_MS = 60_000
KEY = "live_camera"
MAX_PHOTOS = 8


@pytest.fixture(scope="session")
def camera_file(tmp_path_factory):
    """Grace Hopper, moving slowly to and fro, as a camera's pictures (Motion JPEG)."""
    portrait = cv2.resize(example_image(), (384, 450))
    path = tmp_path_factory.mktemp("camera") / "face.mjpeg"
    with path.open("wb") as file:
        for i in range(120):
            picture = np.full((480, 640, 3), (120, 130, 125), np.uint8)
            left = round(120 + 25 * np.sin(2 * np.pi * i / 120))
            picture[20:470, left : left + 384] = portrait
            file.write(cv2.imencode(".jpg", picture)[1].tobytes())
    return path


@pytest.fixture
def page(browser_type, browser_type_launch_args, browser_context_args, camera_file):
    """A page of a browser whose camera shows that file."""
    args = [*browser_type_launch_args["args"], f"--use-file-for-fake-video-capture={camera_file}"]
    browser = browser_type.launch(**{**browser_type_launch_args, "args": args})
    context = browser.new_context(**browser_context_args)
    context.set_default_timeout(2 * CONNECT_MS)
    yield context.new_page()
    context.close()
    browser.close()


def camera(page):
    return page.frame_locator(f"[class*='st-key-{KEY}'] iframe, iframe[title*='webrtc']").first


def num_frames(page):
    video = camera(page).locator("video")
    return video.evaluate("video => video.getVideoPlaybackQuality().totalVideoFrames")


def wait_for_frames(page, more):
    """Wait until the stream has shown so many frames more; currentTime would run on frozen ones."""
    expect(camera(page).locator("video")).to_be_visible(timeout=CONNECT_MS)
    target = num_frames(page) + more
    for _ in range(CONNECT_MS // 250):
        if num_frames(page) >= target:
            return
        page.wait_for_timeout(250)
    pytest.fail(f"the stream stands at {num_frames(page)} frames, expected {target}")


def tile(page, word):
    return (
        page.locator(".fc-tile").filter(has_text=re.compile(rf"^{word}")).locator(".fc-tile-value")
    )


def download(page, key):
    with page.expect_download() as waiting:
        page.locator(f"[class*='st-key-{key}'] button").first.click()
    return waiting.value.path().read_bytes()


def test_stream_from_start_to_stop(open_page, page):
    open_page("live")
    camera(page).get_by_role("button", name="Start").click(timeout=CONNECT_MS)
    wait_for_frames(page, 10)
    expect(tile(page, "People")).to_have_text("1", timeout=CONNECT_MS)

    # A server so busy that seconds pass between two analyses loses sight of people meanwhile.
    assert any(shows_a_marked_face(take_photo(page)) for _ in range(MAX_PHOTOS))

    page.get_by_role("button", name="Record clip").click()
    expect(
        page.get_by_role("button", name=re.compile(r"Stop recording \(([2-9]|\d\d)"))
    ).to_be_visible()
    page.get_by_role("button", name=re.compile("Stop recording")).click()
    expect(page.get_by_role("button", name=re.compile(r"live_.*\.mp4"))).to_be_visible()
    with av.open(io.BytesIO(download(page, "live_live_"))) as clip:
        assert sum(1 for _ in clip.decode(video=0)) > 5

    # Another model acts on the running stream.
    page.locator("[class*='st-key-expression_model']").get_by_role("combobox").click()
    page.get_by_role("option").nth(1).click()
    wait_for_frames(page, 20)
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)
    expect(tile(page, "People")).to_have_text("1")

    camera(page).get_by_role("button", name="Stop").click()
    expect(camera(page).get_by_role("button", name="Start")).to_be_visible()
    expect(page.get_by_text("has ended")).to_be_visible()
    expect(page.get_by_role("button", name="Take photo")).to_be_disabled()
    expect(tile(page, "People")).to_have_text("1")

    # Leaving the page ends a stream as well; a new one starts afterwards.
    camera(page).get_by_role("button", name="Start").click()
    wait_for_frames(page, 10)
    expect(page.get_by_text("has ended")).to_have_count(0)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Stats").click()
    expect(page.locator("h1").first).to_contain_text("Statistics")
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Live").click()
    expect(page.get_by_text("has ended")).to_be_visible(timeout=CONNECT_MS)
    expect(camera(page).get_by_role("button", name="Start")).to_be_visible()


def take_photo(page):
    kept = page.locator("[class*='st-key-live_live_'] button")
    newest = kept.first.inner_text() if kept.count() else "none"
    page.get_by_role("button", name="Take photo").click()
    expect(kept.first).to_be_visible()
    expect(kept.first).not_to_have_text(newest)  # the newest comes first
    return decode_image(download(page, "live_live_"), "photo.jpg")


def shows_a_marked_face(photo):
    found = HaarDetector().detect(photo)  # the drawn box does not hide the face
    if not found:
        return False
    face = max(found, key=lambda d: d.xyxy[2] - d.xyxy[0])  # compression may look like another
    return is_box_drawn_around(photo, face.xyxy)


def is_box_drawn_around(photo, xyxy):
    """Whether most of a face's outline lies close to pixels of one expression's colour."""
    outline = np.zeros(photo.shape[:2], np.uint8)
    cv2.rectangle(outline, xyxy[:2], xyxy[2:], 255, 1)
    near = np.ones((19, 19), np.uint8)
    shares = []
    for label in SHOWN_LABELS["expression"]:
        color = np.array(to_rgb(COLORS[label])[::-1])
        drawn = (np.abs(photo.astype(int) - color).max(axis=2) < 30).astype(np.uint8)
        shares.append(cv2.dilate(drawn, near)[outline > 0].mean())
    return max(shares) > 0.6
