"""Twenty browser sessions upload photos at once while one streams: no work is lost or mixed.

    python benchmarks/load.py [--sessions 20] [--rounds 3]

Starts a dashboard and one Chromium with a context per session; all stays on this machine. In every
round each session opens the page anew, uploads a picture with its own number of faces and leaves;
one more session streams its camera all the time. Checked: no error; each session's result and
statistics count its own faces only; who waits sees a place in the queue; the stream goes on; the
server's memory, some seconds after everybody has left, is at most 5 % larger after the last round
than after the first. A session that is gone is forgotten after two seconds here instead of two
minutes, else all of them would still be there. Exits with 1 where one of these fails.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dashboard import (
    PATIENCE_MS,
    chromium_flags,
    count_frames,
    find_camera,
    find_chromium,
    read_memory_mb,
    read_tile,
    run_server,
    start_stream,
)
from playwright.sync_api import BrowserContext, Page, sync_playwright

from facecore.images import example_image

MAX_GROWTH = 0.05
FORGET_S = 2
SETTLE_S = 5.0


def make_picture(num_faces: int, shade: int) -> bytes:
    """Return a PNG file with so many faces; the shade makes every picture another file."""
    portrait = cv2.resize(example_image(), (256, 300))
    row = np.hstack([portrait] * num_faces)
    picture = cv2.copyMakeBorder(row, 20, 20, 20, 20, cv2.BORDER_CONSTANT, value=[shade] * 3)
    return cv2.imencode(".png", picture)[1].tobytes()


def write_camera(path: Path) -> Path:
    """Write a camera's pictures (Motion JPEG) with one face."""
    frame = np.full((480, 640, 3), 120, np.uint8)
    frame[20:470, 120:504] = cv2.resize(example_image(), (384, 450))
    path.write_bytes(cv2.imencode(".jpg", frame)[1].tobytes() * 60)
    return path


def open_page(context: BrowserContext, url: str) -> Page:
    """Open a page in a session of its own; does not wait until it is drawn."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(url, wait_until="commit")
    return page


def count_faces(session: int, number: int) -> int:
    """Return how many faces a session's picture of this round has."""
    return 1 + (session + number) % 3


def upload(pages: list[Page], number: int) -> None:
    """Upload one picture per session."""
    for i, page in enumerate(pages):
        data = make_picture(count_faces(i, number), 40 + (7 * i + number) % 200)
        name = f"round{number}-session{i}.png"
        page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(
            [{"name": name, "mimeType": "image/png", "buffer": data}]
        )


def wait_for_results(pages: list[Page], number: int) -> tuple[set[int], set[int]]:
    """Wait until every session shows its faces; return who does not, and who saw the queue."""
    waiting, queued = set(range(len(pages))), set()
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while waiting and time.monotonic() < deadline:
        for i in list(waiting):
            page = pages[i]
            progress = page.get_by_test_id("stProgress")
            if progress.count() and "before this one" in progress.first.inner_text():
                queued.add(i)
            state = page.get_by_test_id("stApp").get_attribute("data-test-script-state")
            if state == "notRunning" and read_tile(page, "Faces") == count_faces(i, number):
                waiting.discard(i)
        time.sleep(0.1)
    return waiting, queued


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
    contexts: list[BrowserContext], url: str, live: Page, number: int, problems: list[str]
) -> int:
    """Let every session come, upload a picture and leave; return how many saw the queue."""
    pages = [open_page(context, f"{url}/photos") for context in contexts]
    for page in pages:
        page.get_by_test_id("stFileUploaderDropzoneInput").wait_for(state="attached")
    frames, begun = count_frames(live), time.monotonic()
    upload(pages, number)
    waiting, queued = wait_for_results(pages, number)
    seconds = time.monotonic() - begun
    shown_fps = (count_frames(live) - frames) / seconds
    for i in waiting:
        found = read_tile(pages[i], "Faces")
        problems.append(
            f"round {number}: session {i} has {found} faces, not {count_faces(i, number)}"
        )
    for i, page in enumerate(pages):
        if page.get_by_test_id("stAlertContentError").count():
            problems.append(f"round {number}: session {i} shows an error")
    check_statistics(pages, number, problems)
    for page in pages:
        page.close()
    print(
        f"round {number}: {len(pages)} sessions served in {seconds:.1f} s, {len(queued)} saw their "
        f"place in the queue, the stream showed {shown_fps:.1f} pictures a second",
        flush=True,
    )
    if shown_fps < 1:
        problems.append(f"round {number}: the stream stood")
    return len(queued)


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
    contexts: list[BrowserContext], url: str, live: Page, pid: int, num_rounds: int
) -> list[str]:
    """Run all rounds; return what went wrong."""
    problems: list[str] = []
    memory, num_queued = [], 0
    for number in range(1, num_rounds + 1):
        num_queued += run_round(contexts, url, live, number, problems)
        let_forget(contexts[0], url)
        memory.append(read_memory_mb(pid))
        print(f"  afterwards the server holds {memory[-1]:.0f} MB", flush=True)
    if memory[-1] > memory[0] * (1 + MAX_GROWTH):
        problems.append(f"memory grew from {memory[0]:.0f} to {memory[-1]:.0f} MB")
    if not num_queued and len(contexts) > (os.cpu_count() or 1):
        problems.append("nobody saw a place in the queue")
    return problems


def main() -> int:
    """Run the rounds and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    forget = ("--server.disconnectedSessionTTL", str(FORGET_S))
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        flags = chromium_flags(write_camera(folder / "camera.mjpeg"))
        with run_server(folder, *forget, FACECORE_GRACE_S=str(FORGET_S)) as (pid, url, log):
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=flags)
            live = open_page(browser.new_context(permissions=["camera"]), f"{url}/live")
            start_stream(live)
            contexts = [browser.new_context() for _ in range(args.sessions)]
            problems = run_rounds(contexts, url, live, pid, args.rounds)
            if not find_camera(live).locator("video").count():
                problems.append("the stream has ended")
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
