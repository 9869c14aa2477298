"""Relabelling in the browser: three pictures by key and click, one undone, the file downloaded."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from own_pictures import write_folders
from playwright.sync_api import expect
from relabel_files import AS_NEUTRAL, NO_FACE, write_faces
from widgets import choose

from facecore.datasets import load_dataset
from facecore.own_data import bring_path
from facecore.own_data_labels import guess_mapping
from facecore.own_data_plan import make_plan
from facecore.own_data_split import SplitChoice
from facecore.own_data_store import keep_data
from facecore.registry import find_bundle, load_card
from facecore.relabel_decisions import NOT_A_FACE, load_person, read_decisions, relabel_dir
from facecore.relabel_predictions import OutOfSample, predictions_path, save_predictions

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

FIRST_OPENING_MS = 120_000
TRAINING_MS = 240_000  # starting TensorFlow on a busy machine


@pytest.fixture(scope="module", autouse=True)
def folders(tmp_path_factory):
    """Faces with doubtful labels; the server is started after this, and sees them."""
    folder = tmp_path_factory.mktemp("relabel")
    write_faces(folder / "data")
    before = dict(os.environ)
    os.environ["FACECORE_DATA_DIR"] = str(folder / "data")
    os.environ["FACECORE_USER_DIR"] = str(folder / "user")
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def open_desk(page, dashboard_url, wait_for_run):
    """Opens the page and gives a name."""

    def open_(who, query=""):
        page.goto(f"{dashboard_url}/relabel{query}")
        expect(page.locator("h1").first).to_be_visible(timeout=FIRST_OPENING_MS)
        wait_for_run(page)
        box = page.get_by_label("Your name")
        box.fill(who)
        box.press("Enter")
        expect(page.locator(".fc-card-face")).to_be_visible()
        expect(page.get_by_text(" decided, ")).to_be_visible()
        wait_for_run(page)
        expect(box).not_to_be_focused()
        expect(box).to_have_value(who)

    return open_


def press(page, key, done):
    """Press a key; once more where the page was just being drawn and did not hear it."""
    told = page.get_by_text(f"{done} of 3 decided")
    page.keyboard.press(key)
    try:
        expect(told).to_be_visible(timeout=15_000)
    except AssertionError:
        page.keyboard.press(key)
        expect(told).to_be_visible()


def test_three_pictures_one_undone_and_the_file(open_desk, page, wait_for_run):
    open_desk("Ann", "?dataset=fer2013&label=sad")
    card = page.locator(".fc-card")
    expect(page.get_by_text("0 of 3 decided")).to_be_visible()
    assert page.locator(".fc-card-face").evaluate("e => e.naturalWidth") == 48
    order = []
    for key, done in (("7", 1), ("n", 2)):
        order.append(number_of(card))
        press(page, key, done)
        wait_for_run(page)
    order.append(number_of(card))
    page.locator(".st-key-relabel_to_fear").get_by_role("button").click()
    expect(page.get_by_text("Every picture of this choice is decided")).to_be_visible()
    press(page, "u", 2)
    wait_for_run(page)
    assert number_of(card) == order[2], "the undone one is shown again"
    assert set(order) == {*AS_NEUTRAL, NO_FACE}
    with page.expect_download() as download:
        page.get_by_role("button", name="My decisions as CSV").click()
    rows = read_decisions(Path(download.value.path()).read_bytes(), "mine")
    assert [(row.image, row.old, row.new, row.who) for row in rows] == [
        (order[0], "sad", "neutral", "Ann"),
        (order[1], "sad", NOT_A_FACE, "Ann"),
    ]


def number_of(card):
    return re.search(r"No\. (\d+)", card.inner_text())[1]


@pytest.fixture
def doubtful(tmp_path):
    """A user's pictures, of which networks doubt the first three; returns these three's ids."""
    numbers = {"happy": 24, "sad": 24}
    write_folders(tmp_path / "faces", numbers)
    draft = bring_path(tmp_path / "faces")(tmp_path / "draft", None, None)
    mapping = guess_mapping(numbers, "expression")
    data = keep_data(draft, make_plan(draft, "expression", mapping, SplitChoice()), "Team")
    pictures = load_dataset(data.name, "train")
    probs = np.eye(len(pictures.labels), dtype=np.float32)[pictures.y_true]
    quality = np.linspace(0.0, 1.0, len(pictures), dtype=np.float32)
    save_predictions(
        predictions_path(data.name, "train"),
        OutOfSample(
            pictures.sample_ids,
            pictures.labels,
            pictures.y_true,
            probs,
            quality,
            np.arange(len(pictures)) < 3,
            num_folds=2,
        ),
    )
    return pictures.sample_ids[:3].tolist()


def test_retraining_with_the_corrections(doubtful, open_desk, open_page, page, wait_for_run):
    open_desk("Dee", "?dataset=own_team")
    for number, key in enumerate(("n", "5", "k"), start=1):
        assert number_of(page.locator(".fc-card")) == doubtful[number - 1]
        press(page, key, number)
        wait_for_run(page)
    press(page, "u", 2)
    decided = {row.image: row.new for row in load_person("own_team", "train", "Dee")}
    assert decided == {doubtful[0]: NOT_A_FACE, doubtful[1]: "sad"}

    open_page("train")
    page.locator(".st-key-train_section").get_by_text("New training", exact=True).click()
    wait_for_run(page)
    choose(page, "train_start", "A new network")
    wait_for_run(page)
    page.get_by_text("Advanced settings").click()
    choose(page, "train_width", "tiny")
    wait_for_run(page)
    page.get_by_role("spinbutton", name="Epochs").fill("1")
    page.get_by_role("spinbutton", name="Epochs").press("Enter")
    wait_for_run(page)
    choose(page, "train_corrections", "By Dee")
    expect(page.get_by_text("1 other label (happy to sad 1), 1 not a face")).to_be_visible()
    wait_for_run(page)
    page.get_by_role("button", name="Start training").click()
    run = page.locator(".st-key-train_run_team_model").first
    expect(run).to_contain_text("finished", timeout=TRAINING_MS)
    fitted = load_card(find_bundle("team_model")).training["datasets"][0]
    assert fitted["corrections"]["relabelled"] == {"happy to sad": 1}
    assert fitted["corrections"]["num_left_out"] == 1
    page.locator(".st-key-train_section").get_by_text("Models", exact=True).click()
    expect(page.get_by_text("Trained with corrections: 1 relabelled, 1 left out")).to_be_visible()


def test_keys_do_nothing_while_one_types(open_desk, page, wait_for_run):
    open_desk("Bob")
    box = page.get_by_label("Your name")
    box.focus()
    page.keyboard.type("k7n")
    wait_for_run(page)
    expect(page.get_by_text(re.compile(r"0 of \d+ decided"))).to_be_visible()
    box.blur()
    told = page.get_by_text(re.compile(r"1 of \d+ decided"))
    page.keyboard.press("k")
    expect(told).to_be_visible()
    who = {path.name.split("_")[0] for path in relabel_dir("fer2013", "train").rglob("bob*.csv")}
    assert who == {"bob"}, "what was typed is no name until it is confirmed"


def test_the_cursor_leaves_a_name_that_was_there_already(open_desk, page, wait_for_run):
    open_desk("Eve")
    for _ in range(2):
        box = page.get_by_label("Your name")
        box.focus()
        box.press("Enter")
        wait_for_run(page)
        expect(page.get_by_label("Your name")).not_to_be_focused()
    page.keyboard.press("k")
    expect(page.get_by_text(re.compile(r"1 of \d+ decided"))).to_be_visible()
    expect(page.get_by_label("Your name")).to_have_value("Eve")


@pytest.mark.parametrize("width", [1280, 400])
def test_desk_fits(open_desk, page, width):
    page.set_viewport_size({"width": width, "height": 900})
    open_desk("Cy")
    expect(page.get_by_test_id("stException")).to_have_count(0)
    overflow = page.evaluate(
        "() => { const m = document.querySelector('[data-testid=stMain]');"
        " return m.scrollWidth - m.clientWidth; }"
    )
    assert overflow <= 0, "the page scrolls sideways"
