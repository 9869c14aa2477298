"""How the browser tests use widgets that need more than a click."""

from playwright.sync_api import expect

_OPENING_MS = 10_000
_TRIES = 6


def choose(page, key, words):
    """Choose an option of a select box by the words it begins with.

    Args:
        page: of the browser.
        key: the widget's, or how it begins.
        words: to type.
    """
    box = page.locator(f"[class*='st-key-{key}']").get_by_role("combobox")
    option = page.get_by_role("option", name=words).first
    for left in reversed(range(_TRIES)):
        box.focus()  # no click: scrolling to it would close the list again
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.type(words)
        try:
            expect(option).to_be_visible(timeout=_OPENING_MS)
            break
        except AssertionError:  # the page was just being drawn, and that closed the list
            if not left:
                raise
            page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page.get_by_role("option")).to_have_count(0)
