"""The comparison page in the browser: it opens fast, a click on a cell shows its faces."""

import os
import time
from dataclasses import replace

import pytest
from compare_files import NUM_SAD, write_data, write_evaluation
from playwright.sync_api import expect
from widgets import choose

from facecore.labels import EXPRESSIONS, display_name
from facecore.registry import save_card

pytestmark = pytest.mark.e2e

SEVEN, SIX = EXPRESSIONS, tuple(label for label in EXPRESSIONS if label != "disgust")
NUM_MODELS = 3
FIRST_OPENING_MS = 120_000
SLOWEST_OPENING_S = 10.0  # 3 on a free machine; several servers may share this one
NUM_OPENINGS = 4  # the machine may have been busy with something else during one


@pytest.fixture(scope="module", autouse=True)
def evaluated_models(tmp_path_factory, make_card):
    """Three evaluated models and their data; the server is started after this, and sees them."""
    folder = tmp_path_factory.mktemp("compare")
    write_data(folder / "data")
    for number in range(1, NUM_MODELS + 1):
        name = f"expression_model{number}"
        labels = SEVEN if number == 1 else SIX
        card = replace(make_card(labels=labels, name=name), title=f"Model {number}")
        save_card(folder / "models" / name, card)
        write_evaluation(folder / "models" / name, folder / "data")
    before = dict(os.environ)
    os.environ["FACECORE_MODELS_DIR"] = str(folder / "models")
    os.environ["FACECORE_DATA_DIR"] = str(folder / "data")
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def open_compare(page, dashboard_url, wait_for_run):
    """Opens the page; a new server first imports its libraries, long where the machine is busy."""

    def open_():
        page.goto(f"{dashboard_url}/compare")
        expect(page.locator("h1").first).to_be_visible(timeout=FIRST_OPENING_MS)
        wait_for_run(page)

    return open_


def open_section(page, wait_for_run, name):
    page.locator(".st-key-compare_section").get_by_text(name, exact=True).click()
    wait_for_run(page)


def click_cell(page, truth, predicted):
    """Click the middle of a cell of the matrix, rows = truth, totals in the margins."""
    chart = page.locator("[class*='st-key-drill_matrix'] .js-plotly-plot")
    expect(chart).to_be_visible()
    chart.scroll_into_view_if_needed()
    area = chart.locator(".nsewdrag").first.bounding_box()
    size = len(EXPRESSIONS) + 1
    x = area["x"] + (EXPRESSIONS.index(predicted) + 0.5) * area["width"] / size
    y = area["y"] + (EXPRESSIONS.index(truth) + 0.5) * area["height"] / size
    page.mouse.move(x, y, steps=4)  # Plotly must have seen the mouse over it before
    words = f"Labelled {display_name(truth)}, predicted {display_name(predicted)}"
    expect(chart.locator(".hoverlayer .hovertext").first).to_contain_text(words)
    page.mouse.down()
    page.mouse.up()


def test_click_on_a_cell_shows_its_faces(open_compare, page, wait_for_run):
    open_compare()
    open_section(page, wait_for_run, "Faces")
    cards = page.locator(".fc-picture")
    expect(cards).to_have_count(NUM_SAD)
    click_cell(page, "happy", "happy")
    expect(page.get_by_text("labelled Happy, Model 1 says Happy")).to_be_visible()
    wait_for_run(page)
    expect(cards).to_have_count(10)
    picture = cards.first.locator("img")
    expect(picture).to_be_visible()
    assert picture.evaluate("e => e.naturalWidth") == 48
    expect(cards.first).to_contain_text("Crowd: 7 Happy")
    click_cell(page, "happy", "fear")
    expect(page.get_by_text("No image falls into this cell")).to_be_visible()


def test_cell_is_chosen_by_keyboard_too(open_compare, page, wait_for_run):
    open_compare()
    open_section(page, wait_for_run, "Faces")
    expect(page.locator(".fc-picture")).to_have_count(NUM_SAD)
    choose(page, "drill_truth", "Fear")
    wait_for_run(page)
    expect(page.get_by_text("labelled Fear")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 400])
def test_every_section_fits(open_compare, page, wait_for_run, width):
    page.set_viewport_size({"width": width, "height": 900})
    open_compare()
    for name in ("Matrices", "Classes", "Curves", "Faces", "Paper", "Gender", "Eye test"):
        open_section(page, wait_for_run, name)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        overflow = page.evaluate(
            "() => { const m = document.querySelector('[data-testid=stMain]');"
            " return m.scrollWidth - m.clientWidth; }"
        )
        assert overflow <= 0, f"{name} scrolls sideways"


def test_page_opens_at_once(open_compare, page):
    open_compare()  # the first visit of a new server imports the libraries
    took = []
    while len(took) < NUM_OPENINGS and not any(s < SLOWEST_OPENING_S for s in took):
        start = time.perf_counter()
        open_compare()
        took.append(time.perf_counter() - start)
    assert min(took) < SLOWEST_OPENING_S
