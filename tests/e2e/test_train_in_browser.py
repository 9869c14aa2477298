"""Training in the browser: upload to prediction, a killed trainer, two users at once."""

import os
import signal
import time

import pytest
from own_pictures import make_zip
from playwright.sync_api import expect
from widgets import choose

from facecore.training_queue import is_worker_alive
from facecore.training_runs import list_runs, load_run, stop_run
from facecore.user_files import user_runs_dir

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SLOW_MS = 240_000  # starting TensorFlow on a busy machine, twice
TINY = "tiny"


@pytest.fixture(scope="module", autouse=True)
def user_dir(tmp_path_factory):
    """A user folder of its own; the server is started after this, and uses it."""
    folder = tmp_path_factory.mktemp("train")
    before = os.environ["FACECORE_USER_DIR"]
    os.environ["FACECORE_USER_DIR"] = str(folder)
    yield folder
    for run in list_runs():
        stop_run(run.name)
    end = time.monotonic() + 60
    while is_worker_alive() and time.monotonic() < end:
        time.sleep(0.2)
    os.environ["FACECORE_USER_DIR"] = before


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("zip") / "faces.zip"
    path.write_bytes(make_zip({"happy": 24, "Tired": 24}).getvalue())
    return path


def go(page, wait_for_run, section):
    page.locator(".st-key-train_section").get_by_text(section, exact=True).click()
    wait_for_run(page)


def bring(page, wait_for_run, archive):
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(archive)
    wait_for_run(page)
    page.get_by_role("button", name="Look at the pictures").click()
    expect(page.get_by_text("Report on faces.zip")).to_be_visible(timeout=SLOW_MS)
    wait_for_run(page)


def start(page, wait_for_run, title, epochs):
    """Start a training of a tiny new network."""
    go(page, wait_for_run, "New training")
    choose(page, "train_start", "A new network")
    wait_for_run(page)
    page.get_by_label("Name of the new model").fill(title)
    page.get_by_label("Name of the new model").press("Enter")
    wait_for_run(page)
    page.get_by_text("Advanced settings").click()
    choose(page, "train_width", TINY)
    wait_for_run(page)
    page.get_by_role("spinbutton", name="Epochs").fill(str(epochs))
    page.get_by_role("spinbutton", name="Epochs").press("Enter")
    wait_for_run(page)
    page.get_by_role("button", name="Start training").click()
    badge(page, title, title)


def badge(page, title, words):
    # While runs change places, a frame may stand twice for a moment.
    run = page.locator(f".st-key-train_run_{title}").filter(has_text=words)
    expect(run.first).to_be_visible(timeout=SLOW_MS)


def test_upload_report_training_and_prediction(open_page, page, wait_for_run, archive):
    open_page("train")
    bring(page, wait_for_run, archive)
    expect(page.get_by_text("Labels of your own: Tired.")).to_be_visible()
    page.get_by_label("Call them").fill("Drawn")
    page.get_by_role("button", name="Keep for everybody here").click()
    expect(page.get_by_text("is kept.")).to_be_visible()
    start(page, wait_for_run, "two_epochs", 2)
    badge(page, "two_epochs", "finished")
    assert [row.epoch for row in load_run("two_epochs").history] == [1, 2]
    go(page, wait_for_run, "Models")
    expect(page.locator(".st-key-train_model_two_epochs")).to_contain_text("Drawn, validation")

    open_page("photos")
    choose(page, "expression_model", "two_epochs")
    wait_for_run(page)
    # Undecided below no confidence: a tiny network is sure of nothing.
    page.get_by_text("Example", exact=True).first.click()
    card = page.locator(".fc-face").first
    expect(card).to_be_visible(timeout=SLOW_MS)
    expect(card).to_contain_text("Happy")
    expect(card).to_contain_text("Tired")

    open_page("compare")
    expect(page.locator(".st-key-compare_models_chosen")).to_contain_text("two_epochs")


def test_killed_trainer_resumes_and_others_wait(
    open_page, page, new_context, dashboard_url, wait_for_run, archive
):
    open_page("train")
    start(page, wait_for_run, "long", 200)
    badge(page, "long", "is trained")
    badge(page, "long", "Best so far")
    trainer = int((user_runs_dir() / "long" / "running").read_text())
    os.kill(trainer, signal.SIGSTOP)  # or it may be done before the other user is
    done = len(load_run("long").history)
    other = new_context().new_page()
    other.set_default_timeout(SLOW_MS)
    other.goto(f"{dashboard_url}/train")
    expect(other.locator("h1").first).to_be_visible(timeout=SLOW_MS)
    wait_for_run(other)
    bring(other, wait_for_run, archive)
    # What one brought and has not kept, the other does not see.
    go(page, wait_for_run, "Pictures")
    expect(page.get_by_text("Bring pictures")).to_be_visible()
    expect(page.get_by_text("Report on")).to_have_count(0)
    start(other, wait_for_run, "second", 1)
    badge(other, "second", "1 training before this one.")
    assert [run.state for run in list_runs() if run.is_active] == ["running", "queued"]

    go(page, wait_for_run, "Trainings")
    badge(page, "long", "Best so far")
    os.kill(trainer, signal.SIGKILL)
    badge(page, "long", "The training was ended from outside")
    badge(other, "second", "finished")
    badge(page, "second", "finished")
    wait_for_run(page)
    page.locator(".st-key-train_run_long").get_by_role("button", name="Resume").click()
    badge(page, "long", "is trained")
    end = time.monotonic() + SLOW_MS / 1000
    while len(load_run("long").history) <= done + 1:
        assert time.monotonic() < end, "does not go on"
        time.sleep(0.5)
    log = (user_runs_dir() / "long" / "log.txt").read_text()
    assert "Going on after epoch" in log
    page.locator(".st-key-train_run_long").get_by_role("button", name="Stop").click()
    badge(page, "long", "stopped")


@pytest.mark.parametrize("width", [1280, 400])
def test_every_section_fits(open_page, page, wait_for_run, width):
    page.set_viewport_size({"width": width, "height": 900})
    open_page("train")
    for name in ("Pictures", "New training", "Trainings", "Models"):
        go(page, wait_for_run, name)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        overflow = page.evaluate(
            "() => { const m = document.querySelector('[data-testid=stMain]');"
            " return m.scrollWidth - m.clientWidth; }"
        )
        assert overflow <= 0, f"{name} scrolls sideways"
