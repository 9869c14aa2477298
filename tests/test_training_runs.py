"""The queue of trainings, with a quick script in place of the trainer."""

import errno
import fcntl
import io
import json
import math
import os
import shutil
import subprocess
import sys
import textwrap
import threading
import time
import tomllib
import unicodedata
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from facecore import training_queue, training_runs, training_worker
from facecore.comparison import TrainingEpoch
from facecore.errors import ModelNotFoundError, StorageError, TrainingRunError
from facecore.own_data_store import OwnData
from facecore.own_models import delete_model, list_own_models, pack_model, rename_model
from facecore.registry import find_bundle, list_bundles, load_card, save_card
from facecore.relabel_decisions import NOT_A_FACE, decide
from facecore.training_config import TrainingForm, build_values, count_images, to_toml
from facecore.training_queue import LOCK_FILE, PROJECT_DIR, ensure_worker, is_worker_alive
from facecore.training_runs import (
    choose_run_name,
    create_run,
    delete_run,
    describe_interruption,
    list_runs,
    load_run,
    queue_run,
    read_log,
    stop_run,
)
from facecore.training_speed import estimate_seconds
from facecore.user_files import user_models_dir, user_runs_dir
from training.config import build_config

WAIT_S = 240

TRAINER = """
import argparse, json, os, sys, threading, time, tomllib
from pathlib import Path
import numpy as np
parser = argparse.ArgumentParser()
for name in ("--config", "--run-dir", "--models-dir", "--nice"):
    parser.add_argument(name)
parser.add_argument("--end-with-stdin", action="store_true")
args = parser.parse_args()
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(143)), daemon=True).start()
values = tomllib.loads(Path(args.config).read_text())
run = Path(args.run_dir)
if values["title"].startswith("Wrong"):
    print("The config cannot be used.", file=sys.stderr)
    sys.exit(1)
if values["title"].startswith("Again"):
    if not (run / "again").exists():
        (run / "again").touch()
        raise OSError("a crash")
    print("Going on after epoch 2 of 6")
    print("The loss is no number any more.", file=sys.stderr)
    sys.exit(1)
rows = []
if (run / "state.npz").is_file():
    rows = json.loads(str(np.load(run / "state.npz")["progress"]))["history"]
(run / "begun_at").write_text(str(len(rows)))
while len(rows) < values["epochs"]:
    time.sleep(0.2)
    if len(rows) == 1:
        while values["title"].startswith("Held") and not (run / "go").exists():
            time.sleep(0.05)
    rows.append(dict(epoch=len(rows) + 1, loss=1.0, accuracy=0.5, validation_loss=1.0,
                     validation_accuracy=0.5, duration_s=0.2))
    with (run / "state.npz.part").open("wb") as file:
        np.savez(file, progress=np.array(json.dumps({"history": rows})))
    (run / "state.npz.part").replace(run / "state.npz")
    if values["title"].startswith("Killed") and len(rows) == 2 and not (run / "again").exists():
        (run / "again").touch()
        os.kill(os.getpid(), 9)
bundle = Path(args.models_dir) / values["name"]
bundle.mkdir(parents=True)
(bundle / "card.json").write_text(os.environ["TEST_CARD"].replace("NAME", values["name"]))
"""
DATA = OwnData(
    "own_faces",
    "Faces",
    "expression",
    ("happy", "tired"),
    {"happy": {"train": 40, "validation": 10}, "tired": {"train": 20, "validation": 5}},
    0.0,
)


@pytest.fixture(autouse=True)
def setting(tmp_path, monkeypatch, make_card):
    monkeypatch.setenv("FACECORE_USER_DIR", str(tmp_path / "user"))
    monkeypatch.setenv("FACECORE_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("TEST_CARD", json.dumps(make_card(name="NAME").to_dict()))
    script = tmp_path / "trainer.py"
    script.write_text(textwrap.dedent(TRAINER))
    for module in (training_runs, training_worker):
        monkeypatch.setattr(module, "TRAINER", script)
    monkeypatch.setattr(training_runs, "ensure_worker", lambda: None)


def make_run(title="Smile", epochs=3):
    form = TrainingForm(title, ("happy", "tired"), epochs=epochs)
    return create_run(build_values(form, DATA))


def wait_for(condition):
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def start_worker():
    thread = threading.Thread(target=training_worker.work)
    thread.start()
    return thread


def test_runs_come_one_after_another_and_leave_bundles():
    names = [make_run("Held"), make_run("Second")]
    assert [(r.state, r.num_ahead) for r in list_runs()] == [("queued", 0), ("queued", 1)]
    worker = start_worker()
    wait_for(lambda: load_run("held").state == "running" and load_run("held").history)
    assert load_run("second").state == "queued"
    assert load_run("second").num_ahead == 1
    assert is_worker_alive()
    with pytest.raises(TrainingRunError, match="waits or runs"):
        delete_run("held")
    training_worker.work()  # a second worker leaves at once
    assert load_run("second").state == "queued"
    (user_runs_dir() / "held" / "go").touch()
    worker.join(WAIT_S)
    assert [load_run(name).state for name in names] == ["done", "done"]
    assert len(load_run("second").history) == 3
    assert sorted(b.name for b in list_own_models()) == ["held", "second"]
    assert not is_worker_alive()
    with pytest.raises(TrainingRunError, match="finished already"):
        queue_run("held")


def test_stopped_run_goes_on_where_it_was():
    make_run(epochs=400)
    worker = start_worker()
    wait_for(lambda: len(load_run("smile").history) >= 2)
    stop_run("smile")
    worker.join(WAIT_S)
    run = load_run("smile")
    assert (run.state, run.message) == ("stopped", "")
    done = len(run.history)
    assert 2 <= done < 400
    config = user_runs_dir() / "smile" / "config.toml"
    config.write_text(config.read_text().replace("epochs = 400", f"epochs = {done + 1}"))
    queue_run("smile")
    start_worker().join(WAIT_S)
    assert (user_runs_dir() / "smile" / "begun_at").read_text() == str(done)
    assert load_run("smile").state == "done"


def test_killed_trainer_is_told_and_resumes():
    name = make_run("Killed")
    start_worker().join(WAIT_S)
    run = load_run(name)
    assert run.state == "stopped"
    assert "ended from outside" in run.message
    queue_run(name)
    start_worker().join(WAIT_S)
    assert (user_runs_dir() / name / "begun_at").read_text() == "2"
    assert load_run(name).state == "done"


def test_trainer_ends_with_its_worker():
    """Killing the worker ends the trainer; the run is told as interrupted and can go on."""
    make_run(epochs=400)
    code = (
        "import sys; from pathlib import Path; from facecore import training_worker;"
        "training_worker.TRAINER = Path(sys.argv[1]); training_worker.work()"
    )
    command = [sys.executable, "-c", code, str(training_worker.TRAINER)]
    worker = subprocess.Popen(command, cwd=PROJECT_DIR)
    wait_for(lambda: load_run("smile").history)
    worker.kill()
    worker.wait()
    wait_for(lambda: not is_worker_alive())
    run = load_run("smile")
    assert run.state == "stopped"
    assert "Resume" in run.message
    make_run("Other", epochs=1)
    start_worker().join(WAIT_S)
    assert load_run("other").state == "done"
    assert load_run("smile").state == "stopped"


def test_on_a_full_disk_it_is_told_why_a_run_ended(monkeypatch):
    """Nothing new can be written then, so the room for it is kept from the beginning."""
    make_run("Wrong")
    note_end = training_worker._note_end
    real_open = Path.open

    def is_full(path, mode="r", *rest, **options):
        if mode[0] in "wax" or not path.exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real_open(path, mode, *rest, **options)

    def note_on_full_disk(*end):
        with monkeypatch.context() as patch:
            patch.setattr(Path, "open", is_full)
            note_end(*end)

    monkeypatch.setattr(training_worker, "_note_end", note_on_full_disk)
    start_worker().join(WAIT_S)
    run = load_run("wrong")
    assert (run.state, run.message) == ("failed", "The config cannot be used.")


def test_without_room_a_run_waits_and_it_is_told(monkeypatch):
    def has_no_room(folder):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    make_run(epochs=1)
    with monkeypatch.context() as patch:
        patch.setattr(training_worker, "check_room", has_no_room)
        with pytest.raises(StorageError, match="No space left"):
            training_worker.work()
        patch.setattr(training_queue, "check_room", has_no_room)
        with pytest.raises(StorageError, match="No space left"):
            ensure_worker()
    assert load_run("smile").state == "queued" and not is_worker_alive()
    start_worker().join(WAIT_S)
    assert load_run("smile").state == "done"


@pytest.mark.parametrize("num_looks", range(4))
def test_note_that_goes_while_a_run_is_read(monkeypatch, num_looks):
    name = make_run()
    note, looks, real_stat = user_runs_dir() / name / "queued", [], Path.stat

    def stat(path, **options):
        if path == note:
            looks.append(path)
            if len(looks) > num_looks:
                note.unlink(missing_ok=True)
        return real_stat(path, **options)

    monkeypatch.setattr(Path, "stat", stat)
    assert load_run(name).changed_s > 0
    assert looks


def test_run_that_ends_while_it_is_read(monkeypatch):
    """The worker may end a run between any two looks at its folder; nobody is told of a crash."""
    make_run(epochs=400)
    worker = start_worker()
    wait_for(lambda: load_run("smile").history)

    real_read = training_runs._read_ended

    def read_then_end(folder):
        ended = real_read(folder)
        (folder / "stop").touch()
        worker.join(WAIT_S)
        return ended

    with monkeypatch.context() as patch:
        patch.setattr(training_runs, "_read_ended", read_then_end)
        run = load_run("smile")
    assert run.state == "running"
    stop_run("smile")
    worker.join(WAIT_S)
    assert (load_run("smile").state, load_run("smile").message) == ("stopped", "")


def take_as_the_worker_does(name):
    assert training_worker._take_from_queue(user_runs_dir() / name)


def test_stop_reaches_a_run_that_the_worker_takes_at_that_moment(monkeypatch):
    name = make_run()

    def load_then_take(asked):
        run = load_run(asked)
        take_as_the_worker_does(asked)
        return run

    with monkeypatch.context() as patch:
        patch.setattr(training_runs, "load_run", load_then_take)
        stop_run(name)
    assert (user_runs_dir() / name / "stop").exists()


@pytest.mark.parametrize("is_deleted", [False, True])
def test_run_that_leaves_the_queue_before_the_worker_takes_it_is_not_trained(
    monkeypatch, is_deleted
):
    """Nor does it keep the worker from the others."""
    gone, other = make_run("Gone"), make_run("Other", epochs=1)
    real_list = training_worker.list_queue
    looks = []

    def list_then_act():
        queue = real_list()
        looks.append(queue)
        if len(looks) == 2:
            stop_run(gone)
            if is_deleted:
                delete_run(gone)
        return queue

    monkeypatch.setattr(training_worker, "list_queue", list_then_act)
    training_worker.work()
    assert looks[1] == [gone, other]
    assert load_run(other).state == "done"
    assert not (user_runs_dir() / gone / "begun_at").exists()
    left = {run.name: run.state for run in list_runs()}
    assert left == {other: "done"} | ({} if is_deleted else {gone: "stopped"})


def test_abandoned_run_that_is_deleted_meanwhile_does_not_keep_the_worker(monkeypatch):
    gone, other = make_run("Gone"), make_run("Other", epochs=1)
    take_as_the_worker_does(gone)
    real_note = training_worker._note_end

    def delete_then_note(folder, *how):
        if folder.name == gone:
            shutil.rmtree(folder)
        real_note(folder, *how)

    monkeypatch.setattr(training_worker, "_note_end", delete_then_note)
    training_worker.work()
    assert load_run(other).state == "done"


def test_run_that_is_just_being_resumed_is_not_told_as_interrupted(monkeypatch):
    name = make_run("Wrong")
    start_worker().join(WAIT_S)
    real_write, seen = training_runs._write, []

    def look_then_write(path, text):
        run = load_run(name)
        seen.append((run.state, run.message))
        real_write(path, text)

    with monkeypatch.context() as patch:
        patch.setattr(training_runs, "_write", look_then_write)
        queue_run(name)
    assert seen == [("failed", "The config cannot be used.")]
    take_as_the_worker_does(name)
    assert load_run(name).message == describe_interruption(), "what it was before is forgotten"


def test_log_that_goes_while_it_is_read(monkeypatch):
    name = make_run()
    log = user_runs_dir() / name / "log.txt"
    log.write_text("x" * 30_000 + "end")
    assert len(read_log(name)) == 20_000 and read_log(name).endswith("end")
    real_open = Path.open

    def delete_then_open(path, *how, **options):
        path.unlink()
        return real_open(path, *how, **options)

    monkeypatch.setattr(Path, "open", delete_then_open)
    assert read_log(name) == ""


def test_trainers_own_sentence_is_shown():
    name = make_run("Wrong")
    start_worker().join(WAIT_S)
    assert (load_run(name).state, load_run(name).message) == (
        "failed",
        "The config cannot be used.",
    )
    delete_run(name)
    with pytest.raises(TrainingRunError, match="no training called"):
        load_run(name)


def test_sentence_of_a_resumed_run_is_its_own(monkeypatch):
    """Neither a crash of an earlier attempt nor what was printed before it stands in its place."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    name = make_run("Again")
    start_worker().join(WAIT_S)
    assert "met an error in the program" in load_run(name).message
    queue_run(name)
    start_worker().join(WAIT_S)
    assert load_run(name).message == "The loss is no number any more."
    log = read_log(name)
    assert log.index("a crash") < log.index("Going on") < log.index("no number")


def test_waiting_run_leaves_the_queue():
    make_run()
    stop_run("smile")
    assert (load_run("smile").state, load_run("smile").message) == ("stopped", "")
    training_worker.work()
    assert not load_run("smile").history


@pytest.mark.parametrize("title", ["", "!!!", "taken", "Taken!"])
def test_names_are_not_given_twice(title, make_card):
    save_card(user_models_dir() / "taken", make_card(name="taken"))
    with pytest.raises(TrainingRunError, match=r"name|already"):
        make_run(title)


@pytest.mark.parametrize("name", ["../x", "", "..", "nothing"])
def test_names_are_no_paths(name):
    with pytest.raises(TrainingRunError):
        load_run(name)
    with pytest.raises(ModelNotFoundError):
        delete_model(name)


def test_worker_is_started_only_where_something_waits(monkeypatch):
    started = []
    monkeypatch.setattr("subprocess.Popen", lambda command, **_: started.append(command))
    ensure_worker()
    assert not started
    make_run()
    ensure_worker()
    assert started == [[sys.executable, "-m", "facecore.training_worker"]]
    with (user_runs_dir() / LOCK_FILE).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ensure_worker()
    assert len(started) == 1


def test_own_models_are_listed_renamed_packed_and_deleted(tmp_path, make_card):
    save_card(tmp_path / "models" / "shipped", make_card(name="shipped"))
    save_card(user_models_dir() / "shipped", make_card(name="shipped"))  # never in its place
    save_card(user_models_dir() / "mine", make_card(name="mine"))
    assert [b.parent.name for b in list_bundles()] == ["models", "models"]
    assert [b.name for b in list_own_models()] == ["mine"]
    assert find_bundle("shipped") == tmp_path / "models" / "shipped"
    assert find_bundle("mine") == user_models_dir() / "mine"
    assert find_bundle("nothing") == tmp_path / "models" / "nothing"
    rename_model("mine", "  My  model ")
    assert load_card(find_bundle("mine")).title == "My model"
    with pytest.raises(TrainingRunError, match="1 to 60"):
        rename_model("mine", "")
    rename_model("mine", "my MODEL")  # itself may be called so
    save_card(tmp_path / "models" / "second", replace(make_card(name="second"), title="Müde Augen"))
    for taken in ("Müde  augen", unicodedata.normalize("NFD", "Müde Augen")):
        with pytest.raises(TrainingRunError, match="Another model is called"):
            rename_model("mine", taken)
        with pytest.raises(TrainingRunError, match="There is a model called"):
            choose_run_name(taken)
    assert load_card(find_bundle("mine")).title == "my MODEL"
    assert b"mine/card.json" in pack_model("mine")
    delete_model("mine")
    assert list_own_models() == []


def test_model_is_packed_while_its_evaluation_is_being_written(make_card, monkeypatch):
    bundle = user_models_dir() / "mine"
    save_card(bundle, make_card(name="mine"))
    for name in ("history.csv", "report.json", "report.json.part", "part.model.keras"):
        (bundle / name).write_text("x")
    real_write = zipfile.ZipFile.write

    def delete_then_write(archive, path, name):
        if path.name == "history.csv":
            path.unlink()
        real_write(archive, path, name)

    monkeypatch.setattr(zipfile.ZipFile, "write", delete_then_write)
    with zipfile.ZipFile(io.BytesIO(pack_model("mine"))) as archive:
        assert archive.namelist() == ["mine/card.json", "mine/report.json"]


def test_config_is_one_that_the_trainer_takes(make_card):
    start = make_card(
        name="start",
        size=48,
        training={"config": {"base_width": 16, "num_stages": 3, "epochs": 9}},
    )
    form = TrainingForm('A "name" \\ ü', ("happy", "tired"), None, "weights", side=96)
    values = build_values(form, DATA)
    assert tomllib.loads(to_toml(values)) == values
    config = build_config({**values, "name": "x"})
    assert (config.architecture, config.max_class_weight, config.height) == (
        "strided_resnet",
        10,
        96,
    )
    values = build_values(TrainingForm("x", ("happy", "tired"), start, "equal numbers", 30), DATA)
    assert values["start_from"] == "start"
    assert (values["base_width"], values["height"], values["images_per_class"]) == (16, 48, 30)
    assert values["wanted_accuracy"] == 0.8
    by_gender = replace(DATA, task="gender")
    assert build_values(TrainingForm("x", ("man",), None), by_gender)["wanted_accuracy"] == 0.95
    assert count_images(values, DATA) == (60, 15)
    del values["images_per_class"]
    num = count_images(values, DATA)[0]
    words = [("happy", "tired"), ("happy", NOT_A_FACE), ("tired", "sad"), ("tired", "tired")]
    decided = [decide(str(i), old, new, "Ann") for i, (old, new) in enumerate(words)]
    assert count_images(values, DATA, decided)[0] == num - 2, "no face, and a label not learned"
    assert count_images(values, DATA, [decide("9", "odd", "happy", "Ann")])[0] == num + 1
    speed = {"images_per_s": 20.0, "judged_per_s": 60.0, "start_s": 10.0}
    assert estimate_seconds(speed, 4, 60, 15) == pytest.approx(10 + 4 * 3.25 + 0.25)


def test_best_epoch_has_a_loss_that_is_a_number():
    losses = (math.nan, 0.7, 0.5, math.nan)
    history = tuple(TrainingEpoch(i, 1.0, 0.5, loss, 0.5, 1.0) for i, loss in enumerate(losses, 1))
    assert replace(load_run(make_run()), history=history).best.epoch == 3
