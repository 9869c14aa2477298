"""Relabelling in the browser: three pictures by key and click, one undone, the file downloaded."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect
from relabel_files import AS_NEUTRAL, NO_FACE, write_faces

from facecore.relabel_decisions import NOT_A_FACE, read_decisions

pytestmark = pytest.mark.e2e

FIRST_OPENING_MS = 120_000


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
        wait_for_run(page)
        box.blur()

    return open_


def test_three_pictures_one_undone_and_the_file(open_desk, page, wait_for_run):
    open_desk("Ann", "?dataset=fer2013&label=sad")
    card = page.locator(".fc-card")
    expect(page.get_by_text("0 of 3 decided")).to_be_visible()
    assert page.locator(".fc-card-face").evaluate("e => e.naturalWidth") == 48
    order = []
    for key, done in (("7", 1), ("n", 2)):
        order.append(number_of(card))
        page.keyboard.press(key)
        expect(page.get_by_text(f"{done} of 3 decided")).to_be_visible()
        wait_for_run(page)
    order.append(number_of(card))
    page.locator(".st-key-relabel_to_fear").get_by_role("button").click()
    expect(page.get_by_text("Every picture of this choice is decided")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_text("2 of 3 decided")).to_be_visible()
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


def test_keys_do_nothing_while_one_types(open_desk, page, wait_for_run):
    open_desk("Bob")
    box = page.get_by_label("Your name")
    box.focus()
    page.keyboard.type("k7n")
    wait_for_run(page)
    expect(page.get_by_text(re.compile(r"0 of \d+ decided"))).to_be_visible()


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
