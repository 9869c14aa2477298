"""Programs that end in the middle of an analysis."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from facecore import program_end
from facecore.program_end import awaited, start_thread

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = """
import sys, time, types
import numpy as np
from facecore.images import example_image
from stubs import StubClassifier, build_card

class SlowToGo:
    def __del__(self, clock=time.perf_counter):
        end = clock() + 0.5
        while clock() < end:
            pass

classifiers = [StubClassifier(build_card("expression"), "happy", 0.9)]
{work}
# Much is loaded where the interpreter goes slowly: whoever comes back meanwhile is lost.
sys.modules["last"] = types.ModuleType("last")
sys.modules["last"].slow = SlowToGo()
print("at work")
"""
LIVE = """
from facecore.live import LiveSession
from facecore.pipeline import VIDEO_PIPELINE

live = LiveSession(classifiers, VIDEO_PIPELINE)
live.start_recording()
picture = np.ascontiguousarray(np.tile(example_image(), (3, 4, 1)))
for i in range(40):
    live.submit(picture, i / 10)
    live.render(picture[:200, :300])
    time.sleep(0.01)
"""
VIDEO = """
from facecore.annotation import AnnotationOptions
from facecore.jobs_video import VideoJob
from facecore.pipeline import VIDEO_PIPELINE

with open(sys.argv[1], "rb") as file:
    job = VideoJob("clip.mp4", file)
job.start(classifiers, VIDEO_PIPELINE, AnnotationOptions())
while not job.analysis.progress.done:
    time.sleep(0.005)
"""


NETWORK = """
import threading
import h5py
from facecore.program_end import awaited

opening = threading.Event()

def open_network():
    with awaited(), h5py._objects.phil:
        opening.set()
        time.sleep(1)

threading.Thread(target=open_network, daemon=True).start()
opening.wait()
"""
DEAF = """
import threading
from facecore import program_end
from facecore.temp_folders import TempFolder

program_end._PATIENCE_S = 0.1
folder = TempFolder("deaf")
program_end.start_thread(threading.Event().wait, lambda: None, "deaf")
"""


@pytest.mark.parametrize("work", [LIVE, VIDEO, NETWORK], ids=["live", "video", "network"])
def test_a_program_ends_cleanly_in_the_middle_of_the_work(
    work, crossing_clip, write_clip, tmp_path
):
    clip = write_clip(tmp_path / "clip.mp4", crossing_clip.frames * 4)
    ended = run_program(work, tmp_path, clip)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "at work\n", "")
    assert not list((tmp_path / "temp").iterdir())


def test_a_program_ends_although_a_thread_goes_on(tmp_path):
    ended = run_program(DEAF, tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "at work\n")
    assert "still at work" in ended.stderr
    assert not list((tmp_path / "temp").iterdir())


def run_program(work, tmp_path, *arguments):
    temp = tmp_path / "temp"
    temp.mkdir()
    return subprocess.run(
        [sys.executable, "-u", "-c", PROGRAM.format(work=work), *arguments],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(temp), "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(autouse=True)
def not_ending():
    """The end of these tests is not the end of all."""
    yield
    program_end._ending.clear()


def test_the_end_asks_all_work_and_waits_for_it():
    asked = [threading.Event() for _ in range(3)]
    ended = []

    def work(number):
        assert asked[number].wait(60)
        ended.append(number)

    for number in range(3):
        start_thread(lambda number=number: work(number), asked[number].set, f"work-{number}")
    program_end._end_all()
    assert sorted(ended) == [0, 1, 2]
    assert not program_end._asks


def test_work_that_begins_at_the_end_is_asked_at_once():
    program_end._end_all()
    asked = threading.Event()
    with awaited(asked.set):
        assert asked.is_set()


def test_the_end_does_not_wait_for_ever(monkeypatch):
    left = []
    monkeypatch.setattr(program_end, "_PATIENCE_S", 0.1)
    monkeypatch.setattr(program_end, "_leave", lambda: left.append(True))
    with awaited():
        program_end._end_all()
    assert left == [True]


def test_work_that_fails_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda args: None)
    start_thread(lambda: 1 / 0, lambda: None, "failing").join(60)
    assert not program_end._asks
