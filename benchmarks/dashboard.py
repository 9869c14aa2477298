"""What the measurements of the running dashboard share: a server, its memory, its tiles."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import FrameLocator, Page

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_MS = 300_000
_START_S = 180.0


@contextmanager
def run_server(folder: Path, *options: str, **environment: str) -> Iterator[tuple[int, str, Path]]:
    """Run a dashboard; yield its process id, address and log file.

    Args:
        folder: where its log goes.
        options: more of Streamlit's options.
        environment: variables for it.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "server.log"
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1", "--server.fileWatcherType", "none", *options]
    with log.open("w") as output:
        server = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {"FACECORE_USER_DIR": str(folder / "user")} | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(f"{url}/_stcore/health", server)
        yield server.pid, url, log
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(20)


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.5)
    raise SystemExit("the dashboard did not start")


def find_chromium() -> str | None:
    """Return the path of the system's Chromium; None: Playwright uses its own."""
    return os.environ.get("FACECORE_CHROMIUM") or shutil.which("chromium")


def chromium_flags(camera: Path) -> list[str]:
    """Return the flags that make a file the camera of a Chromium."""
    return [
        "--no-sandbox",
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={camera}",
    ]


def find_camera(page: Page) -> FrameLocator:
    """Return the live page's streaming component."""
    return page.frame_locator("[class*='st-key-live_camera'] iframe, iframe[title*='webrtc']").first


def start_stream(page: Page) -> None:
    """Press Start and wait until there is a picture."""
    find_camera(page).get_by_role("button", name="Start").click()
    find_camera(page).locator("video").wait_for()


def count_frames(page: Page) -> int:
    """Return how many pictures the stream has shown; 0 where there is none (any more)."""
    video = find_camera(page).locator("video")
    if not video.count():
        return 0
    return video.evaluate("video => video.getVideoPlaybackQuality().totalVideoFrames")


def read_tile(page: Page, word: str) -> int | None:
    """Return the number in a tile of the page, None where it is not there (yet)."""
    tiles = page.locator(".fc-tile").filter(has_text=re.compile(rf"^{word}"))
    if not tiles.count():
        return None
    return int(re.sub(r"\D", "", tiles.first.locator(".fc-tile-value").inner_text()) or 0)


def read_memory_mb(pid: int) -> float:
    """Return a process' resident memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def read_cpu_s(pid: int) -> float:
    """Return how many seconds of processor time a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
