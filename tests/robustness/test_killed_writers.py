"""A process that is killed while it writes a clip leaves no file that looks whole."""

import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest

from facecore.media import VideoWriter, read_video_info

ROOT = Path(__file__).resolve().parents[2]
START = """
import sys, time
from pathlib import Path
import numpy as np
target = Path(sys.argv[1])
noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
"""
RECORD = """
from facecore.live import LiveSession
live = LiveSession([])
live.start_recording(target)
begun = False
for i in range(10**6):
    live.render(noise)
    live.submit(noise, i / 30)
    time.sleep(0.01)
    if i >= 60 and any(target.parent.glob('clip.mp4.*.part')) and not begun:
        begun = True
        print("begun", flush=True)
"""
ANALYSE = """
from facecore.media import VideoWriter
from facecore.pipeline import FacePipeline
from facecore.session import process_video
source = target.with_name("source.mp4")
with VideoWriter(source, (320, 240)) as writer:
    for i in range(400):
        writer.write(noise, i / 30)
def say(done, total):
    if done == 60:
        print("begun", flush=True)
    if done >= 60:
        time.sleep(0.2)  # it must not end before it is killed
process_video(source, target, FacePipeline([]), on_progress=say)
"""


@pytest.mark.parametrize("work", [RECORD, ANALYSE], ids=["recording", "analysis"])
def test_killed_writer_leaves_nothing_that_looks_whole(work, tmp_path):
    target = tmp_path / "clip.mp4"
    process = subprocess.Popen(
        [sys.executable, "-c", START + work, str(target)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert process.stdout.readline() == "begun\n"
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
    (left,) = {path.name for path in tmp_path.iterdir()} - {"source.mp4"}
    assert fnmatch(left, "clip.mp4.*.part")
    # The next try clears it away, but nothing that another program writes at the same time.
    frame = np.zeros((240, 320, 3), np.uint8)
    with VideoWriter(target, (320, 240)) as other, VideoWriter(target, (320, 240)) as writer:
        assert left not in {path.name for path in tmp_path.iterdir()}
        for i in range(3):
            other.write(frame, i / 30)
        writer.write(frame, 0)
    assert read_video_info(target).num_frames == 3
    assert {path.name for path in tmp_path.iterdir()} - {"source.mp4"} == {"clip.mp4"}
