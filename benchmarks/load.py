"""Twenty browser sessions upload photos at once while one streams: no work is lost or mixed.

    python benchmarks/load.py [--sessions 20] [--rounds 3]

Starts a dashboard, one Chromium with a tab per session (to the dashboard each is a session of its
own) and one live user (benchmarks/live_client.py) who streams all the time; all stays on this
machine. In every round each session opens the page anew, uploads a picture with its own number of
faces and leaves. Checked: no error; each session's result and statistics count its own faces only;
who waits sees a place in the queue; the stream never stands for long; the server's memory, some
seconds after everybody has left, is at most 5 % larger after the last round than after the first.
A round before these, number 0, is not compared: in it the server takes what it then keeps, such as
the networks' working memory for so many faces.
The pages' own work would be done by twenty other machines: here it yields to the dashboard. A
session that is gone is forgotten after two seconds here instead of two minutes, else all of them
would still be there. Exits with 1 where one of these fails.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dashboard import PATIENCE_MS, find_chromium, read_memory_mb, read_tile, run_server
from live import CLIENT, draw_people, write_cameras
from playwright.sync_api import BrowserContext, Page, Route, sync_playwright

from facecore.images import example_image

MAX_GROWTH = 0.05
MAX_PAUSE_S = 5.0
FORGET_S = 2
SETTLE_S = 5.0
_PREPARE = """
new MutationObserver(() => {
  const bar = document.querySelector("[data-testid=stProgress]");
  if (bar && bar.textContent.includes("before this one")) window.sawQueue = true;
}).observe(document, {subtree: true, childList: true, characterData: true});
document.addEventListener("DOMContentLoaded", () => {
  const style = document.createElement("style");  // drawing costs more than all that is measured
  style.textContent = "* {animation: none !important; transition: none !important}";
  document.head.append(style);
});
"""


def make_picture(num_faces: int, shade: int) -> bytes:
    """Return a PNG file with so many faces; the shade makes every picture another file."""
    portrait = cv2.resize(example_image(), (256, 300))
    row = np.hstack([portrait] * num_faces)
    picture = cv2.copyMakeBorder(row, 20, 20, 20, 20, cv2.BORDER_CONSTANT, value=[shade] * 3)
    return cv2.imencode(".png", picture)[1].tobytes()


@contextmanager
def stream(url: str, folder: Path, problems: list[str]) -> Iterator[None]:
    """Let a live user stream meanwhile, and say how it was for them."""
    camera, _ = write_cameras(draw_people(), folder)
    command = [sys.executable, str(CLIENT), url, str(camera), "0"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as client:
        if client.stdout.readline() != "watching\n":
            raise SystemExit("the live user could not connect")
        yield
        output, _ = client.communicate(timeout=60)
    if client.returncode:
        problems.append("the stream has ended")
        return
    user = json.loads(output)
    print(
        f"the stream showed {user['displayed_fps']:.1f} pictures a second, on their way for "
        f"{user['way_ms']:.0f} ms; its longest pause was {user['longest_pause_s']:.1f} s"
    )
    if user["longest_pause_s"] > MAX_PAUSE_S:
        problems.append("the stream stood")


def write_polite_browser(folder: Path, browser: str) -> Path:
    """Write a program that starts a browser with the lowest priority; return its path."""
    program = folder / "polite-browser"
    program.write_text(f'#!/bin/sh\nexec nice -n 19 {shlex.quote(browser)} "$@"\n')
    program.chmod(0o755)
    return program


def open_page(context: BrowserContext, url: str) -> Page:
    """Open a page in a session of its own; does not wait until it is drawn."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(url, wait_until="commit")
    return page


def count_faces(session: int, number: int) -> int:
    """Return how many faces a session's picture of this round has."""
    return 1 + (session + number) % 3


class Gate:
    """Holds the uploads of all sessions back until every one of them stands ready."""

    def __init__(self, context: BrowserContext) -> None:
        self._held: list[Route] = []
        context.route("**/_stcore/upload_file/**", self._hold)

    def _hold(self, route: Route) -> None:
        if route.request.method == "PUT":
            self._held.append(route)
        else:
            route.continue_()

    def open(self, pages: list[Page]) -> float:
        """Wait for one upload per page, let all of them go, and return when that was."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while len(self._held) < len(pages) and time.monotonic() < deadline:
            pages[0].wait_for_timeout(50)
        begun = time.monotonic()
        for route in self._held:
            route.continue_()
        self._held.clear()
        return begun


def upload(pages: list[Page], number: int, gate: Gate) -> float:
    """Upload one picture per session, all at the same moment; return that moment."""
    for i, page in enumerate(pages):
        data = make_picture(count_faces(i, number), 40 + (7 * i + number) % 200)
        name = f"round{number}-session{i}.png"
        page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(
            [{"name": name, "mimeType": "image/png", "buffer": data}]
        )
    return gate.open(pages)


def wait_for_results(pages: list[Page], number: int) -> set[int]:
    """Wait until every session shows its faces; return those that do not."""
    waiting = set(range(len(pages)))
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while waiting and time.monotonic() < deadline:
        for i in list(waiting):
            state = pages[i].get_by_test_id("stApp").get_attribute("data-test-script-state")
            if state == "notRunning" and read_tile(pages[i], "Faces") == count_faces(i, number):
                waiting.discard(i)
        time.sleep(0.1)
    return waiting


def check_statistics(pages: list[Page], number: int, problems: list[str]) -> None:
    """Compare every session's statistics with what it uploaded."""
    for page in pages:
        page.get_by_test_id("stSidebarNav").get_by_role("link", name="Stats").click()
    for i, page in enumerate(pages):
        page.get_by_role("heading", name="Statistics").first.wait_for()
        page.locator(".fc-tile").first.wait_for()
        text = page.get_by_test_id("stMain").inner_text()
        strangers = {j for j in range(len(pages)) if j != i and f"session{j}.png" in text}
        if strangers:
            problems.append(f"round {number}: session {i} sees pictures of {sorted(strangers)}")
        wanted = (1, count_faces(i, number))
        if (found := (read_tile(page, "Sources"), read_tile(page, "People"))) != wanted:
            problems.append(f"round {number}: session {i} has {found} pictures, people: {wanted}")


def run_round(
    context: BrowserContext,
    gate: Gate,
    num_sessions: int,
    url: str,
    number: int,
    problems: list[str],
) -> int:
    """Let every session come, upload a picture and leave; return how many saw the queue."""
    pages = [open_page(context, f"{url}/photos") for _ in range(num_sessions)]
    for page in pages:
        page.get_by_test_id("stFileUploaderDropzoneInput").wait_for(state="attached")
    begun = upload(pages, number, gate)
    for i in wait_for_results(pages, number):
        found = read_tile(pages[i], "Faces")
        problems.append(
            f"round {number}: session {i} has {found} faces, not {count_faces(i, number)}"
        )
    seconds = time.monotonic() - begun
    num_queued = sum(bool(page.evaluate("window.sawQueue")) for page in pages)
    for i, page in enumerate(pages):
        if page.get_by_test_id("stAlertContentError").count():
            problems.append(f"round {number}: session {i} shows an error")
    check_statistics(pages, number, problems)
    for page in pages:
        page.close()
    print(
        f"round {number}: {len(pages)} sessions served in {seconds:.1f} s, {num_queued} saw their "
        "place in the queue",
        flush=True,
    )
    return num_queued


def let_forget(context: BrowserContext, url: str) -> None:
    """Wait until the server has forgotten who has left.

    Streamlit lets go of them when the next visitor leaves.
    """
    time.sleep(FORGET_S + 1)
    page = open_page(context, url)
    page.get_by_test_id("stMain").wait_for()
    page.close()
    time.sleep(SETTLE_S)


def run_rounds(
    context: BrowserContext, num_sessions: int, num_rounds: int, url: str, pid: int
) -> list[str]:
    """Run all rounds; return what went wrong."""
    problems: list[str] = []
    gate, memory, num_queued = Gate(context), [], 0
    for number in range(num_rounds + 1):
        num_queued += run_round(context, gate, num_sessions, url, number, problems)
        let_forget(context, url)
        memory.append(read_memory_mb(pid))
        print(f"  afterwards the server holds {memory[-1]:.0f} MB", flush=True)
    if memory[-1] > memory[1] * (1 + MAX_GROWTH):
        problems.append(f"memory grew from {memory[1]:.0f} to {memory[-1]:.0f} MB")
    if not num_queued and num_sessions > (os.cpu_count() or 1):
        problems.append("nobody saw a place in the queue")
    return problems


def main() -> int:
    """Run the rounds and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    forget = ("--server.disconnectedSessionTTL", str(FORGET_S))
    problems: list[str] = []
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        with run_server(folder, *forget, FACECORE_GRACE_S=str(FORGET_S)) as (pid, url, log):
            program = find_chromium() or playwright.chromium.executable_path
            browser = playwright.chromium.launch(
                executable_path=write_polite_browser(folder, program), args=["--no-sandbox"]
            )
            # Small, as drawing costs most; below 768 pixels the menu would be folded away.
            context = browser.new_context(viewport={"width": 800, "height": 600})
            context.add_init_script(_PREPARE)
            with stream(url, folder, problems):
                problems += run_rounds(context, args.sessions, args.rounds, url, pid)
            browser.close()
        text = log.read_text()
        if "Traceback" in text:
            problems.append("the server's log has a traceback")
        if ".png" in text:
            problems.append("the server's log names an upload")
    print("\n".join(problems) or "no problem")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
