"""A photo in the browser: example, upload, words, removal, statistics, downloads."""

import json
import zipfile

import cv2
import numpy as np
import pytest
from playwright.sync_api import expect

from facecore.images import example_image
from facecore.labels import SHOWN_LABELS

pytestmark = pytest.mark.e2e


def png(picture):
    return cv2.imencode(".png", picture)[1].tobytes()


def file(name, data, mime="image/png"):
    return {"name": name, "mimeType": mime, "buffer": data}


def download(page, key):
    with page.expect_download() as waiting:
        page.locator(f"[class*='st-key-{key}'] button").click()
    return waiting.value


def test_example_is_one_click_away_and_has_words(open_page, page, wait_for_run):
    open_page()
    page.get_by_role("button", name="Try it with an example picture").click()
    expect(page.locator(".fc-face")).to_have_count(1, timeout=120_000)
    wait_for_run(page)
    words = page.locator(".fc-face .fc-word").all_inner_texts()
    assert words[0].split()[0].lower() in SHOWN_LABELS["expression"]
    assert words[1].split()[0] in ("Man", "Woman", "Gender")  # undecided
    picture = page.get_by_test_id("stImage").locator("img").first
    assert picture.evaluate("e => e.naturalWidth") == example_image().shape[1]


def test_upload_keeps_good_files_beside_bad_ones(open_page, page, wait_for_run, tmp_path):
    open_page("photos")
    good = example_image()
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(
        [
            file("two_people.png", png(np.hstack([good, good[:, ::-1]]))),
            file("*bad* <b>file.jpg", b"this is no picture", "image/jpeg"),
        ]
    )
    expect(page.locator(".fc-face")).to_have_count(2, timeout=120_000)
    wait_for_run(page)
    error = page.get_by_test_id("stAlertContentError")
    expect(error).to_have_count(1)
    expect(error).to_contain_text("*bad* <b>file.jpg")

    data = json.loads(download(page, "download_JSON").path().read_text())
    assert len(data["results"][0]["faces"]) == 2
    saved = download(page, "download_PNG")
    picture = cv2.imread(str(saved.path()))
    assert picture.shape == (good.shape[0], 2 * good.shape[1], 3)
    assert saved.suggested_filename == "two_people_annotated.png"

    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.locator(".fc-face")).to_have_count(1)
    wait_for_run(page)
    data = json.loads(download(page, "download_JSON").path().read_text())
    assert len(data["results"][0]["faces"]) == 1
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".fc-face")).to_have_count(2)
    wait_for_run(page)

    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Stats").click()
    expect(page.locator("h1").first).to_contain_text("Statistics")
    wait_for_run(page)
    target = tmp_path / "session.zip"
    download(page, "download_session_ZIP").save_as(target)
    with zipfile.ZipFile(target) as archive:
        assert "media/two_people_annotated.jpg" in archive.namelist()
        assert len(archive.read("facecore_session.csv").splitlines()) == 3

    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Photos").click()
    expect(page.locator(".fc-face")).to_have_count(2)


def test_comparison_shows_every_model(open_page, page, wait_for_run):
    open_page("photos")
    page.get_by_text("Example", exact=True).click()
    expect(page.locator(".fc-face")).to_have_count(1, timeout=120_000)
    page.locator("[class*='st-key-compare_models'] label").click()
    expect(page.get_by_test_id("stImage")).to_have_count(4, timeout=120_000)
    wait_for_run(page)
    for number in (1, 2, 3):
        # By its role: the table below has the same words in its hidden cells once it is in view.
        title = (
            page.get_by_test_id("stMain").get_by_role("strong").filter(has_text=f"Model {number}")
        )
        expect(title).to_be_visible()


def test_reload_forgets_what_was_analysed_as_the_pages_say(open_page, page, wait_for_run):
    open_page()
    told = page.get_by_test_id("stMain")
    expect(told).to_contain_text("until you close or reload it")
    expect(told).to_contain_text("until soon after you close or reload this page")
    page.get_by_role("button", name="Try it with an example picture").click()
    expect(page.locator(".fc-face")).to_have_count(1, timeout=120_000)
    wait_for_run(page)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Stats").click()
    expect(page.get_by_text("Every person")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Nothing was analysed yet")).to_be_visible()
