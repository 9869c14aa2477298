"""What visitors upload never reaches the server's log: no name, no content, no result."""

import cv2
import pytest
from playwright.sync_api import expect

from facecore.images import example_image
from facecore.labels import SHOWN_LABELS

pytestmark = pytest.mark.e2e

SECRET = "Zebulon"
NAME = f'{SECRET} <img src=x onerror="alert(1)"> 50% '
CONTENT = b"Quixotic content"


@pytest.fixture(scope="module")
def dashboard(start_dashboard, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    with start_dashboard(folder, FACECORE_USER_DIR=str(folder / "user")) as running:
        yield running


def upload(page, dashboard, path, *files):
    page.goto(f"{dashboard.url}/{path}")
    inputs = page.get_by_test_id("stFileUploaderDropzoneInput").first
    inputs.set_input_files(
        [{"name": name, "mimeType": mime, "buffer": data} for name, mime, data in files]
    )


def test_uploads_of_every_page_leave_no_trace_in_the_log(dashboard, page, wait_for_run):
    picture = cv2.imencode(".png", example_image())[1].tobytes()
    upload(
        page,
        dashboard,
        "photos",
        (f"{NAME}good.png", "image/png", picture),
        (f"{NAME}bad.png", "image/png", b"\x89PNG" + CONTENT),
    )
    expect(page.locator(".fc-face")).to_have_count(1, timeout=120_000)
    wait_for_run(page)
    expect(page.get_by_test_id("stAlertContentError")).to_contain_text(SECRET)

    upload(page, dashboard, "videos", (f"{NAME}.mp4", "video/mp4", CONTENT * 99))
    expect(page.get_by_test_id("stAlertContentError")).to_contain_text(SECRET)

    upload(page, dashboard, "train", (f"{NAME}.csv", "text/csv", b"a,b\n" + CONTENT))
    page.get_by_role("button", name="Look at the pictures").click()
    expect(page.get_by_test_id("stAlertContentError")).to_contain_text(SECRET)
    wait_for_run(page)

    log = dashboard.log.read_text().lower()
    assert "streamlit" in log  # the log is there
    for word in (SECRET, "Quixotic", "onerror", *SHOWN_LABELS["expression"]):
        assert word.lower() not in log
