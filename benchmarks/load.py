"""Twenty browser sessions upload photos at once while one streams: no work is lost or mixed.

    python benchmarks/load.py [--sessions 20] [--rounds 3]

Starts a dashboard and one Chromium with a context per session; all stays on this machine. In every
round each session uploads a picture with its own number of faces. Checked: no error; each session's
result and statistics count its own faces only; who waits sees a place in the queue; the stream goes
on; the server's memory is as large after the last round as after the one before, but for 5 %.
Exits with 1 where one of these fails.
"""

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from facecore.images import example_image

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_MS = 600_000
MAX_GROWTH = 0.05
_CAMERA = "[class*='st-key-live_camera'] iframe, iframe[title*='webrtc']"


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


@contextmanager
def run_server(folder: Path) -> Iterator[tuple[int, str, Path]]:
    """Run a dashboard; yield its process id, address and log file."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "server.log"
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    with log.open("w") as output:
        server = subprocess.Popen(
            [*command, "--server.address", "127.0.0.1", "--server.fileWatcherType", "none"],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                    break
            except OSError:
                time.sleep(0.5)
        yield server.pid, url, log
    finally:
        server.terminate()
        server.wait(20)


def open_page(browser: Browser, url: str) -> Page:
    """Open a page in a session of its own; does not wait until it is drawn."""
    page = browser.new_context(permissions=["camera"]).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(url, wait_until="commit")
    return page


def count_faces(session: int, number: int) -> int:
    """Return how many faces a session's picture of this round has."""
    return 1 + (session + number) % 3


def count_so_far(session: int, number: int) -> int:
    """Return how many faces a session has uploaded up to this round."""
    return sum(count_faces(session, before) for before in range(1, number + 1))


def count_tile(page: Page, word: str) -> int | None:
    """Return the number in a tile of the page, None where it is not there (yet)."""
    tiles = page.locator(".fc-tile").filter(has_text=re.compile(rf"^{word}"))
    if not tiles.count():
        return None
    return int(re.sub(r"\D", "", tiles.first.locator(".fc-tile-value").inner_text()) or 0)


def count_frames(page: Page) -> int:
    """Return how many pictures the stream has shown."""
    video = page.frame_locator(_CAMERA).first.locator("video")
    return video.evaluate("video => video.getVideoPlaybackQuality().totalVideoFrames")


def resident_mb(pid: int) -> float:
    """Return a process' resident memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def run_round(pages: list[Page], number: int, problems: list[str]) -> tuple[float, int]:
    """Upload one picture per session at once.

    Returns:
        How long until everybody had their result, and how many saw their place in the queue.
    """
    begun = time.monotonic()
    expected = [count_so_far(i, number) for i in range(len(pages))]
    for i, page in enumerate(pages):
        data = make_picture(count_faces(i, number), 40 + (7 * i + number) % 200)
        name = f"round{number}-session{i}.png"
        page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(
            [{"name": name, "mimeType": "image/png", "buffer": data}]
        )
    waiting = set(range(len(pages)))
    queued = set()
    while waiting and time.monotonic() - begun < PATIENCE_MS / 1000:
        for i in list(waiting):
            page = pages[i]
            progress = page.get_by_test_id("stProgress")
            if progress.count() and "before this one" in progress.first.inner_text():
                queued.add(i)
            idle = page.get_by_test_id("stApp").get_attribute("data-test-script-state")
            if idle == "notRunning" and count_tile(page, "Faces") == expected[i]:
                waiting.discard(i)
        time.sleep(0.1)
    seconds = time.monotonic() - begun
    for i in waiting:
        found = count_tile(pages[i], "Faces")
        problems.append(f"round {number}: session {i} has {found} faces, not {expected[i]}")
    for i, page in enumerate(pages):
        if page.get_by_test_id("stAlertContentError").count():
            problems.append(f"round {number}: session {i} shows an error")
    return seconds, len(queued)


def check_statistics(pages: list[Page], num_rounds: int, problems: list[str]) -> None:
    """Compare every session's statistics with what it uploaded."""
    for i, page in enumerate(pages):
        page.get_by_test_id("stSidebarNav").get_by_role("link", name="Stats").click()
        page.get_by_role("heading", name="Statistics").first.wait_for()
        page.locator(".fc-tile").first.wait_for()
        text = page.get_by_test_id("stMain").inner_text()
        strangers = {j for j in range(len(pages)) if j != i and f"session{j}.png" in text}
        if strangers:
            problems.append(f"session {i} sees pictures of {sorted(strangers)}")
        wanted = (num_rounds, count_so_far(i, num_rounds))
        if (found := (count_tile(page, "Sources"), count_tile(page, "People"))) != wanted:
            problems.append(f"session {i} has pictures, people {found} instead of {wanted}")


def main() -> int:
    """Run the rounds and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    problems: list[str] = []
    chromium = os.environ.get("FACECORE_CHROMIUM") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        camera = write_camera(folder / "camera.mjpeg")
        flags = ["--no-sandbox", "--use-fake-device-for-media-stream"]
        flags += ["--use-fake-ui-for-media-stream", f"--use-file-for-fake-video-capture={camera}"]
        with run_server(folder) as (pid, url, log):
            browser = playwright.chromium.launch(executable_path=chromium, args=flags)
            live = open_page(browser, f"{url}/live")
            live.frame_locator(_CAMERA).first.get_by_role("button", name="Start").click()
            live.frame_locator(_CAMERA).first.locator("video").wait_for()
            pages = [open_page(browser, f"{url}/photos") for _ in range(args.sessions)]
            for page in pages:
                page.get_by_test_id("stFileUploaderDropzoneInput").wait_for(state="attached")
            print(f"{args.sessions} sessions are open", flush=True)
            memory, num_queued = [], 0
            for number in range(1, args.rounds + 1):
                frames = count_frames(live)
                seconds, queued = run_round(pages, number, problems)
                fps = (count_frames(live) - frames) / seconds
                memory.append(resident_mb(pid))
                print(
                    f"round {number}: {args.sessions} sessions served in {seconds:.1f} s, "
                    f"{queued} saw their place in the queue, the stream showed {fps:.1f} pictures "
                    f"a second, the server holds {memory[-1]:.0f} MB",
                    flush=True,
                )
                if fps < 1:
                    problems.append(f"round {number}: the stream stood")
                num_queued += queued
            check_statistics(pages, args.rounds, problems)
            browser.close()
        if len(memory) > 1 and memory[-1] > memory[-2] * (1 + MAX_GROWTH):
            problems.append(f"memory grew from {memory[-2]:.0f} to {memory[-1]:.0f} MB")
        if not num_queued and args.sessions > (os.cpu_count() or 1):
            problems.append("nobody saw a place in the queue")
        text = log.read_text()
        if "Traceback" in text:
            problems.append("the server's log has a traceback")
        if "session" in text:
            problems.append("the server's log names an upload")
    print("\n".join(problems) or "no problem")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
