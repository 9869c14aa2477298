"""Folders that may not be written, settings that name none, two servers on one folder."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from facecore import training_runs
from facecore.datasets_common import data_dir
from facecore.errors import ConfigError, StorageError, TrainingRunError
from facecore.jobs_queue import read_limit
from facecore.own_data_store import delete_own_data, list_own_data, load_own_data
from facecore.own_models import delete_model, list_own_models, pack_model, rename_model
from facecore.registry import list_cards, load_card, models_dir, save_card
from facecore.relabel_decisions import add_decision, decide
from facecore.training_runs import create_run, delete_run, list_runs, queue_run, stop_run
from facecore.user_files import user_dir, user_models_dir, user_runs_dir

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534


@pytest.fixture(autouse=True)
def folder(monkeypatch, make_card):
    """A users' folder with a model, a run and a data set, where everybody may look."""
    root = Path(tempfile.mkdtemp(prefix="test-user-folders-"))
    root.chmod(0o755)
    monkeypatch.setenv("FACECORE_USER_DIR", str(root / "user"))
    monkeypatch.setenv("FACECORE_MODELS_DIR", str(root / "models"))
    monkeypatch.setattr(training_runs, "ensure_worker", lambda: None)
    monkeypatch.setattr(training_runs, "TRAINER", Path("/"))
    monkeypatch.setattr(training_runs, "is_trainer_there", lambda: True)
    save_card(root / "models" / "shipped", make_card(name="shipped"))
    save_card(user_models_dir() / "smile", make_card(name="smile"))
    create_run({"title": "Other", "epochs": 3})
    stop_run("other")
    about = {"name": "own_a", "title": "A", "task": "expression", "labels": ["happy", "sad"]}
    about |= {"counts": {}, "made_s": 1.0, "mapping": {}, "split_method": "share"}
    about |= {"framing": None, "left_out": {}, "schema_version": 1}
    data = root / "user" / "data" / "own_a"
    data.mkdir(parents=True)
    (data / "data.json").write_text(json.dumps(about))
    yield root
    change_rights(root, 0o755, 0o644)
    shutil.rmtree(root)


def change_rights(root, of_folders, of_files):
    root.chmod(0o755)
    for path in sorted(root.rglob("*")):
        path.chmod(of_folders if path.is_dir() else of_files)


@contextmanager
def read_only(root):
    """Nothing below may be written; the superuser, who may always, is nobody meanwhile."""
    change_rights(root, 0o555, 0o444)
    root.chmod(0o555)
    is_root = os.geteuid() == 0
    try:
        if is_root:
            os.seteuid(NOBODY)
        yield
    finally:
        if is_root:
            os.seteuid(0)


def make_decision():
    add_decision("own_a", "train", decide("1", "happy", "sad", "Ann"))


CHANGES = {
    "train": lambda: create_run({"title": "New", "epochs": 3}),
    "resume": lambda: queue_run("other"),
    "delete a run": lambda: delete_run("other"),
    "rename a model": lambda: rename_model("smile", "Grin"),
    "delete a model": lambda: delete_model("smile"),
    "delete data": lambda: delete_own_data("own_a"),
    "decide": make_decision,
    "write a card": lambda: save_card(
        models_dir() / "shipped", load_card(models_dir() / "shipped")
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_read_only_folder_is_one_sentence_and_nothing_is_lost(folder, what):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with read_only(folder):
        with pytest.raises(StorageError, match=r"\(Permission denied\);.*\.$"):
            CHANGES[what]()
        # Everything can still be looked at and used.
        assert [card.name for card in list_cards()] == ["shipped", "smile"]
        assert [run.state for run in list_runs()] == ["stopped"]
        assert [data.name for data in list_own_data()] == ["own_a"]
        assert pack_model("smile") and load_own_data("own_a")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("variable", ["MODELS", "DATA", "USER"])
@pytest.mark.parametrize(
    "value", ["/dev/null", "x" * 5000, "~nobody-of-that-name/x", "\x1b[31m" * 900]
)
def test_setting_that_names_no_folder_is_one_sentence(variable, value, monkeypatch):
    monkeypatch.setenv(f"FACECORE_{variable}_DIR", value)
    with pytest.raises(ConfigError, match="cannot be used") as error:
        {"MODELS": models_dir, "DATA": data_dir, "USER": user_dir}[variable]()
    text = str(error.value)
    assert text.startswith(f"FACECORE_{variable}_DIR is ") and text.isprintable()
    assert len(text) < 400


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "two", "9" * 5000, "१", "1e9"])
def test_limit_that_is_no_number_is_one_sentence(value, monkeypatch):
    monkeypatch.setenv("FACECORE_MAX_VIDEOS", value)
    with pytest.raises(ConfigError, match="whole number from 1 on") as error:
        read_limit("FACECORE_MAX_VIDEOS", 2)
    assert len(str(error.value)) < 200


def test_home_and_new_folders_are_fine(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for value, path in (("~/mine", tmp_path / "mine"), (" ", tmp_path / ".facecore")):
        monkeypatch.setenv("FACECORE_USER_DIR", value)
        assert user_dir() == path
        assert list_own_models() == [] and list_runs() == []


SERVER = """
import sys
from pathlib import Path
from facecore import training_runs, training_worker
for module in (training_runs, training_worker):
    module.TRAINER = Path(sys.argv[1])
training_runs.ensure_worker = training_worker.work
training_runs.create_run({"title": "Shared name", "epochs": 1}) if sys.argv[2] == "create" else None
training_worker.work()
"""
TRAINER = """
import os, sys, time
from pathlib import Path
root = Path(os.environ["FACECORE_USER_DIR"])
running = root / "in-training"
running.touch(exist_ok=False)  # fails where another training is on
time.sleep(0.3)
with (root / "trained").open("a") as file:
    file.write(Path(sys.argv[4]).name + "\\n")
running.unlink()
"""


def test_two_servers_share_one_queue_without_training_anything_twice(folder):
    trainer = folder / "trainer.py"
    trainer.write_text(TRAINER.replace("\\\\n", "\\n"))
    names = [create_run({"title": f"Run {number}", "epochs": 1}) for number in range(4)]
    command = [sys.executable, "-c", SERVER, str(trainer)]
    servers = [subprocess.Popen([*command, mode], cwd=ROOT) for mode in ("work", "create")]
    assert [server.wait(120) for server in servers] == [0, 0]
    trained = (user_dir() / "trained").read_text().split()
    assert sorted(trained) == sorted([*names, "shared_name"])
    assert not list(user_runs_dir().glob("*/queued"))
    assert not list(user_runs_dir().glob("*/running"))


def test_name_that_another_server_takes_meanwhile_is_one_sentence(folder, monkeypatch):
    monkeypatch.setattr(training_runs, "choose_run_name", lambda title: "other")
    with pytest.raises(TrainingRunError, match="already; take another name"):
        create_run({"title": "Other", "epochs": 3})
