"""Temporary folders go with their owner, and what a killed owner left goes at the next start."""

import gc
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from facecore.errors import StorageError
from facecore.temp_folders import TempFolder, sweep

ROOT = Path(__file__).resolve().parents[2]
OWNER = """
import sys, tempfile, time
tempfile.tempdir = sys.argv[1]
from facecore.temp_folders import TempFolder
folder = TempFolder("video", *sys.argv[2:])
(folder.path / "upload.mp4").write_bytes(b"x" * 1000)
print(folder.path, flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def temp(tmp_path, monkeypatch):
    """A temporary folder of its own."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def owner(temp):
    """Another process with a folder; ends with the test."""
    yield from run_owner(temp)


@pytest.fixture
def elsewhere(temp, tmp_path):
    """The same, its folder in another place than the temporary one."""
    (tmp_path / "kept").mkdir()
    yield from run_owner(temp, str(tmp_path / "kept"))


def run_owner(temp, *parents):
    """Start the process, and end it when the test is over."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(temp), *parents],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    process.folder = Path(process.stdout.readline().strip())
    yield process
    process.kill()
    process.wait()


def test_folder_of_a_killed_owner_is_swept_and_nothing_else(owner, temp):
    mine = TempFolder("live")
    foreign = temp / "facecore-not"
    (temp / "other-folder").mkdir()
    foreign.write_text("a file, not a folder")
    assert sweep() == []
    assert (owner.folder / "upload.mp4").is_file()
    owner.kill()
    owner.wait()
    assert sweep() == [owner.folder]
    assert not owner.folder.exists()
    assert mine.path.is_dir() and foreign.is_file() and (temp / "other-folder").is_dir()
    mine.close()


def test_other_places_are_swept_where_they_are_named(elsewhere, tmp_path):
    elsewhere.kill()
    elsewhere.wait()
    assert elsewhere.folder.parent == tmp_path / "kept"
    assert sweep() == []
    assert sweep(tmp_path / "nowhere", tmp_path / "kept") == [elsewhere.folder]


def test_owner_that_ends_normally_leaves_nothing(temp):
    code = OWNER.replace("time.sleep(600)", "")
    subprocess.run([sys.executable, "-c", code, str(temp)], check=True, cwd=ROOT)
    assert not list(temp.iterdir())


def test_folder_goes_when_it_is_closed_or_forgotten(temp):
    folder = TempFolder("video")
    folder.close()
    folder.close()
    assert not list(temp.iterdir())
    TempFolder("video")
    gc.collect()
    assert not list(temp.iterdir())


def test_folder_that_is_just_being_made_is_left_alone(temp):
    young, old = temp / "facecore-video-young", temp / "facecore-video-old"
    young.mkdir()
    old.mkdir()
    hours_ago = time.time() - 7200
    os.utime(old, (hours_ago, hours_ago))
    assert sweep() == [old]
    assert young.is_dir()


def test_link_is_not_followed(temp, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / ".owner").touch()
    (temp / "facecore-video-link").symlink_to(precious)
    assert sweep() == []
    assert precious.is_dir()


def test_missing_temporary_folder_is_one_sentence(temp):
    temp.rmdir()
    with pytest.raises(StorageError, match=r"^The server cannot store files .*No such file.*\.$"):
        TempFolder("video")
    assert sweep() == []
