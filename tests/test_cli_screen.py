"""The command line with odd names, a screen of few characters, and a reader that goes away."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from skimage import data

from facecore.registry import save_card

pytestmark = pytest.mark.timeout(600)  # each process imports for seconds on a busy machine

ROOT = Path(__file__).resolve().parent.parent
NO_UTF8 = os.fsdecode(b"caf\xe9")


@pytest.fixture(scope="module")
def portrait(tmp_path_factory):
    path = tmp_path_factory.mktemp("photos") / "portrait.png"
    picture = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(path), cv2.resize(picture, (256, 256)))
    return path


@pytest.fixture
def start_command(tmp_path, make_card):
    """``start_command(*arguments, **environment)`` starts it in a process with stub networks."""
    for name in ("expression_model1", "gender"):
        task = "gender" if name == "gender" else "expression"
        save_card(tmp_path / "models" / name, make_card(task, name=name))
    code = (
        "import sys, types, batch_stubs\n"
        "inference = types.ModuleType('facecore.inference')\n"
        "inference.configure_device = lambda: None\n"
        "inference.load_classifier = batch_stubs.load_stub\n"
        "sys.modules['facecore.inference'] = inference\n"
        "from facecore.__main__ import main\n"
        "sys.exit(main())\n"
    )
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    fixed = {"PYTHONPATH": paths, "FACECORE_MODELS_DIR": str(tmp_path / "models")}
    started = []

    def start(*arguments, **environment):
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            env=os.environ | fixed | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_names_that_are_no_text_cost_nothing(
    start_command, portrait, tmp_path, crossing_clip, write_clip
):
    odd, clip = tmp_path / f"{NO_UTF8}.png", tmp_path / f"{NO_UTF8}.mp4"
    shutil.copy(portrait, odd)
    write_clip(tmp_path / "clip.mp4", crossing_clip.frames[:3], crossing_clip.fps).rename(clip)
    missing = tmp_path / f"gone-{NO_UTF8}.png"
    out, document = tmp_path / "out", tmp_path / "faces.json"
    photos = start_command("photo", odd, missing, portrait, "--out", out, "--json", document)
    said, told = photos.communicate()
    assert photos.returncode == 1, told
    assert len(told.strip().splitlines()) == 1
    assert b"gone-caf\\xe9.png cannot be read" in told
    assert said.startswith(b"caf\\xe9.png")
    loaded = json.loads(document.read_text("utf-8"))
    readable = str(tmp_path / "caf\\xe9.png")
    assert [r["source"] for r in loaded["results"]] == [readable, str(portrait)]
    (error,) = loaded["errors"]
    assert error["source"] == str(tmp_path / "gone-caf\\xe9.png")
    (text,) = out.glob(f"{NO_UTF8}*.txt")
    assert text.read_text("utf-8").startswith("caf\\xe9.png\n")
    (table,) = out.glob(f"{NO_UTF8}*.csv")
    (row,) = csv.DictReader(io.StringIO(table.read_text("utf-8")))
    assert row["source"] == "caf\\xe9.png"
    videos = start_command("video", clip, "--out", out, "--json", document)
    _, told = videos.communicate()
    assert videos.returncode == 0, told
    (result,) = json.loads(document.read_text("utf-8"))["results"]
    assert result["source"] == str(tmp_path / "caf\\xe9.mp4")
    assert (out / f"{NO_UTF8}_annotated.mp4").is_file()


def test_message_about_a_name_that_is_no_text_stands_in_the_json(
    start_command, tmp_path, crossing_clip, write_clip
):
    clip = tmp_path / f"{NO_UTF8}.mp4"
    write_clip(tmp_path / "clip.mp4", crossing_clip.frames[:3], crossing_clip.fps).rename(clip)
    out, document = tmp_path / "out", tmp_path / "faces.json"
    (out / f"{NO_UTF8}_annotated.mp4").mkdir(parents=True)  # the video has no place
    videos = start_command("video", clip, "--out", out, "--json", document)
    _, told = videos.communicate()
    assert videos.returncode == 1, told
    (error,) = json.loads(document.read_text("utf-8"))["errors"]
    assert error["message"].startswith("caf\\xe9_annotated.mp4 could not be written")
    assert error["message"].encode() in told


def test_screen_may_lack_the_characters_of_a_name(start_command, portrait, tmp_path):
    name = "日本 \N{GRINNING FACE} é.png"
    shutil.copy(portrait, tmp_path / name)
    document = tmp_path / "faces.json"
    for encoding in ("latin-1", "ascii"):
        command = ("photo", tmp_path / name, portrait, "--json")
        process = start_command(*command, document, PYTHONIOENCODING=encoding)
        said, told = process.communicate()
        assert process.returncode == 0, told
        assert said.startswith(rb"\u65e5\u672c \U0001f600")
        process = start_command(*command, "-", PYTHONIOENCODING=encoding)
        said, told = process.communicate()
        assert process.returncode == 0, told
        assert json.loads(said.decode("utf-8")) == json.loads(document.read_text("utf-8"))
    first, _ = json.loads(document.read_text("utf-8"))["results"]
    assert first["source"] == str(tmp_path / name)


def test_files_are_written_although_nobody_reads_the_screen(start_command, portrait, tmp_path):
    paths = [tmp_path / name for name in ("a.png", "b.png", "c.png")]
    for path in paths:
        shutil.copy(portrait, path)
    document = tmp_path / "all.json"
    process = start_command("photo", *paths, "--json", document)
    process.stdout.close()
    told = process.stderr.read()
    assert process.wait() == 141
    assert told == b""
    results = json.loads(document.read_text("utf-8"))["results"]
    assert [r["source"] for r in results] == [str(path) for path in paths]


def test_work_ends_where_nobody_would_ever_see_it(start_command, portrait, tmp_path):
    process = start_command("photo", portrait, tmp_path / "never looked at.png")
    process.stdout.close()
    told = process.stderr.read()
    assert process.wait() == 141
    assert told == b""


def test_messages_may_find_no_reader(start_command, portrait, tmp_path, crossing_clip, write_clip):
    clip = write_clip(tmp_path / "clip.mp4", crossing_clip.frames[:3], crossing_clip.fps)
    document = tmp_path / "people.json"
    process = start_command("video", tmp_path / "gone.mp4", clip, "--json", document)
    process.stderr.close()
    said = process.stdout.read()
    assert process.wait() == 1
    assert said.startswith(b"clip.mp4")
    loaded = json.loads(document.read_text("utf-8"))
    assert (len(loaded["results"]), len(loaded["errors"])) == (1, 1)


@pytest.mark.parametrize("command", [["photo", "--json", "-"], ["models"]])
def test_whatever_is_printed_may_find_no_reader(start_command, portrait, command):
    process = start_command(*command, *([portrait] if command[0] == "photo" else []))
    process.stdout.close()
    told = process.stderr.read()
    assert process.wait() == 141
    assert told == b""
