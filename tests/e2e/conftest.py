"""A dashboard server and a Chromium with a fake camera, for the tests that drive a browser.

Fixtures:
    dashboard_url: address of a server started for this test module.
    open_page: ``open_page("photos") -> Page``, waits until the page's script has run.
    wait_for_run: ``wait_for_run(page)``, waits until the script is idle again.
"""

import os
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 180
# Networks load on first use, on a machine that may be busy.
RUN_TIMEOUT_MS = 120_000

expect.set_options(timeout=60_000)


def find_chromium() -> str | None:
    """Path of a Chromium: FACECORE_CHROMIUM, then the system's."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    return os.environ.get("FACECORE_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def has_own_chromium() -> bool:
    """Whether Playwright's own Chromium is installed."""
    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path).is_file()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """Launch options of pytest-playwright: the system's Chromium, with a fake camera."""
    path = find_chromium()
    if path is None and not has_own_chromium():
        message = "no Chromium: install one, or set FACECORE_CHROMIUM to its path"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    args = [
        "--no-sandbox",
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
    ]
    return {**browser_type_launch_args, "args": args} | ({"executable_path": path} if path else {})


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args):
    """A laptop's window; the test's own camera permission."""
    return {
        **browser_context_args,
        "viewport": {"width": 1280, "height": 900},
        "permissions": ["camera"],
        "accept_downloads": True,
    }


@pytest.fixture
def context(context):
    """A browser context that waits for a server as long as it may take."""
    context.set_default_timeout(RUN_TIMEOUT_MS)
    return context


def free_port() -> int:
    """A port that nothing listens on; below those that a browser's own connections are given."""
    while True:
        port = random.randint(20_000, 30_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_until_healthy(url: str, server: subprocess.Popen, log: Path) -> None:
    """Wait for Streamlit's health answer; fail with the server's log."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the dashboard did not start:\n{log.read_text()[-3000:]}")


@dataclass(frozen=True)
class Dashboard:
    """A running server."""

    process: subprocess.Popen
    url: str
    log: Path


@contextmanager
def run_dashboard(folder: Path, ends_with: str = "", **environment: str) -> Iterator[Dashboard]:
    """Run a dashboard; its output goes to a file in the folder, as a pipe would fill up.

    Args:
        folder: where that file goes.
        ends_with: the exception that may stand in it; others fail the test.
        environment: variables for the server.
    """
    log = folder / "server.log"
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    options = ["--server.address", "127.0.0.1", "--server.fileWatcherType", "none"]
    with log.open("w") as output:
        server = subprocess.Popen(
            [*command, *options],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_healthy(url, server, log)
        yield Dashboard(server, url, log)
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
    text = log.read_text()
    assert "Traceback" not in text or (ends_with and ends_with in text), text[-5000:]


@pytest.fixture(scope="session")
def start_dashboard():
    """``with start_dashboard(folder, NAME="value") as dashboard:`` runs a server of one's own."""
    return run_dashboard


@pytest.fixture(scope="module")
def dashboard_url(tmp_path_factory) -> Iterator[str]:
    """Address of a running dashboard."""
    with run_dashboard(tmp_path_factory.mktemp("server")) as dashboard:
        yield dashboard.url


def _wait_for_run(page: Page) -> None:
    app = page.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-connection-state", "CONNECTED")
    page.wait_for_timeout(200)  # a key or click asks for its run only a moment later
    expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=RUN_TIMEOUT_MS)


@pytest.fixture
def wait_for_run() -> Callable[[Page], None]:
    """``wait_for_run(page)`` waits until the page's script is idle."""
    return _wait_for_run


@pytest.fixture
def open_page(page, dashboard_url) -> Callable[[str], Page]:
    """``open_page("photos")`` opens a page of the dashboard and waits until it is drawn."""

    def open_(path: str = "") -> Page:
        page.goto(f"{dashboard_url}/{path}")
        # A new server first imports its libraries, long where the machine is busy.
        expect(page.locator("h1").first).to_be_visible(timeout=RUN_TIMEOUT_MS)
        _wait_for_run(page)
        return page

    return open_
