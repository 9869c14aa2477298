"""A browser that is killed in the middle of things leaves no file, thread or process behind.

A server with a temporary folder of its own, where a lost browser may come back for two seconds.
"""

import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import expect
from test_live_stream import camera, camera_file, wait_for_frames  # noqa: F401

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="only /proc tells what is left"),
]

ROOT = Path(__file__).resolve().parents[2]
WORK_MS = 200_000
GRACE_S = 2
GONE_WITHIN_S = 180.0
"""The grace, half a minute in which WebRTC waits for a sign of life, and a busy machine."""
MAX_IDLE_DECODERS = 2
# Run at the server's start: on this signal it tells what each of its threads is doing. Its decoder
# processes run it too; opened to be written anew, the file would lose what the server has told.
TELL_THREADS = """
import faulthandler, os, signal
faulthandler.register(signal.SIGUSR1, file=open(os.environ["THREAD_DUMP"], "a"), all_threads=True)
"""


class Server:
    """A dashboard process and what it holds."""

    def __init__(self, dashboard, temp):
        self.process, self.url, self.temp = dashboard.process, dashboard.url, temp
        self.dump = temp.with_name("threads.txt")

    def folders(self):
        return sorted(path.name for path in self.temp.glob("facecore-*"))

    def busy_threads(self):
        """Where the threads are that run code of ours, or read or write a WebRTC stream."""
        known = len(self.dump.read_text())
        self.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: len(self.dump.read_text()) > known, lambda: "no thread dump")
        time.sleep(0.3)  # until it is complete
        lines = self.dump.read_text()[known:].splitlines()
        return [line.strip() for line in lines if "/facecore/" in line or "rtcrtp" in line]

    def children(self):
        children = []
        for path in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            with suppress(OSError):  # a thread that has just ended
                children += map(int, path.read_text().split())
        return children


@pytest.fixture
def server(tmp_path, start_dashboard):
    temp = tmp_path / "temp"
    temp.mkdir()
    hook = tmp_path / "start" / "sitecustomize.py"
    hook.parent.mkdir()
    hook.write_text(TELL_THREADS)
    settings = {
        "TMPDIR": str(temp),
        "FACECORE_GRACE_S": str(GRACE_S),
        "PYTHONPATH": str(hook.parent),
        "THREAD_DUMP": str(tmp_path / "threads.txt"),
    }
    # Streamlit itself tells its log that an upload broke off.
    with start_dashboard(tmp_path, "ClientDisconnect", **settings) as dashboard:
        yield Server(dashboard, temp)


@pytest.fixture
def doomed(browser_type, browser_type_launch_args, browser_context_args, camera_file):  # noqa: F811
    """A browser context, and a function that kills its browser like a crash would."""
    mark = f"--facecore-test={uuid.uuid4()}"
    args = [*browser_type_launch_args["args"], mark]
    args.append(f"--use-file-for-fake-video-capture={camera_file}")
    browser = browser_type.launch(**{**browser_type_launch_args, "args": args})

    def kill():
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = entry.read_bytes().decode(errors="replace")
            except OSError:
                continue
            if mark in command:
                os.kill(int(entry.parent.name), signal.SIGKILL)

    yield browser.new_context(**browser_context_args), kill
    kill()


def wait_until(condition, what):
    deadline = time.monotonic() + GONE_WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.5)


def open_page(context, server, path):
    page = context.new_page()
    page.goto(f"{server.url}/{path}")
    expect(page.locator("h1").first).to_be_visible(timeout=WORK_MS)
    app = page.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=WORK_MS)
    return page


def test_killed_browser_leaves_nothing(server, doomed, crossing_clip, write_clip, tmp_path):
    context, kill = doomed
    live = open_page(context, server, "live")  # loads the networks
    video = open_page(context, server, "videos")

    long_clip = write_clip(tmp_path / "long.mp4", crossing_clip.frames * 40, fps=12)
    video.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(long_clip)
    video.get_by_role("button", name="Analyse").click(timeout=WORK_MS)
    expect(video.get_by_test_id("stProgress")).to_contain_text("frames", timeout=WORK_MS)

    camera(live).get_by_role("button", name="Start").click(timeout=WORK_MS)
    wait_for_frames(live, 10)
    live.get_by_role("button", name="Record clip").click(timeout=WORK_MS)
    expect(live.get_by_role("button", name="Stop recording")).to_be_visible()
    wait_until(lambda: len(server.folders()) == 2, server.folders)  # the video's and the clip's
    assert server.children()
    wait_until(server.busy_threads, lambda: "no thread at work")

    # A slow line: the upload of a photo is under way when the browser dies.
    photos = open_page(context, server, "photos")
    line = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 50_000}
    context.new_cdp_session(photos).send("Network.emulateNetworkConditions", line)
    picture = tmp_path / "big.png"
    picture.write_bytes(os.urandom(8_000_000))
    uploader = photos.get_by_test_id("stFileUploaderDropzoneInput")
    uploader.set_input_files(picture, timeout=WORK_MS)
    expect(photos.get_by_text("big.png")).to_be_visible(timeout=WORK_MS)
    time.sleep(2)

    kill()
    wait_until(lambda: not server.folders(), server.folders)
    wait_until(lambda: len(server.children()) <= MAX_IDLE_DECODERS, server.children)
    wait_until(lambda: not server.busy_threads(), server.busy_threads)
    assert not [path.name for path in server.temp.rglob("*") if path.is_file()]


def test_killed_server_leaves_nothing_that_looks_whole(
    server, page, crossing_clip, write_clip, tmp_path
):
    page.goto(f"{server.url}/videos")
    long_clip = write_clip(tmp_path / "long.mp4", crossing_clip.frames * 40, fps=12)
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(long_clip)
    page.get_by_role("button", name="Analyse").click(timeout=WORK_MS)
    expect(page.get_by_test_id("stProgress")).to_contain_text("frames", timeout=WORK_MS)
    children = server.children()
    assert children
    server.process.kill()
    server.process.wait()
    left = [path.name for path in server.temp.rglob("*.mp4*")]
    assert "annotated-0.mp4" not in left
    wait_until(lambda: not any(is_running(pid) for pid in children), lambda: f"{children} live on")
    # The next server's start deletes what is left.
    code = "from facecore.temp_folders import sweep; sweep()"
    environment = os.environ | {"TMPDIR": str(server.temp)}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
    assert not server.folders()


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
