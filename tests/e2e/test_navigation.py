"""Every page opens, from the menu and by address, wide and narrow, without an error."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

# A page stands first: asked of a fresh server directly, it must come with the menu.
PAGES = {
    "photos": "Photos",
    "": "Facial expression and gender in pictures",
    "videos": "Videos",
    "live": "Live",
    "compare": "Compare the expression models",
    "stats": "Statistics of this session",
    "train": "Train on your own data",
    "relabel": "Relabel doubtful pictures",
}


@pytest.mark.parametrize(("path", "title"), PAGES.items())
@pytest.mark.parametrize("width", [1280, 400])
def test_page_opens_and_fits(open_page, page, path, title, width):
    page.set_viewport_size({"width": width, "height": 900})
    open_page(path)
    expect(page.locator("h1").first).to_contain_text(title)
    if width == 1280:
        expect(page.get_by_test_id("stSidebarNav").get_by_role("link")).to_have_count(len(PAGES))
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)
    overflow = page.evaluate(
        "() => { const m = document.querySelector('[data-testid=stMain]');"
        " return m.scrollWidth - m.clientWidth; }"
    )
    assert overflow <= 0, "the page scrolls sideways"


def test_menu_leads_to_every_page(open_page, page, wait_for_run):
    open_page()
    for path, title in PAGES.items():
        if not path:
            continue
        link = page.get_by_test_id("stSidebarNav").get_by_role("link", name=path.capitalize())
        link.click()
        expect(page).to_have_url(re.compile(f"/{path}$"))
        expect(page.locator("h1").first).to_contain_text(title)
        wait_for_run(page)


def test_no_third_party_is_asked(open_page, page, dashboard_url):
    foreign = []
    page.on(
        "request",
        lambda request: (
            foreign.append(request.url)
            if not request.url.startswith((dashboard_url, "data:", "blob:", "ws://127.0.0.1"))
            else None
        ),
    )
    open_page()
    open_page("stats")
    assert foreign == []
