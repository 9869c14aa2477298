"""Pictures stay while a training that needs them waits or runs."""

import fcntl
from contextlib import contextmanager

import pytest
from own_pictures import write_folders

from facecore import training_runs
from facecore.__main__ import main
from facecore.errors import DatasetNotFoundError, TrainingRunError
from facecore.own_data_store import list_own_data
from facecore.training_data import delete_unneeded_data
from facecore.training_queue import LOCK_FILE, QUEUED_FILE, RUNNING_FILE
from facecore.training_runs import create_run, stop_run
from facecore.user_files import user_runs_dir


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    """A data set of a user; nothing is trained."""
    monkeypatch.setenv("FACECORE_USER_DIR", str(tmp_path / "user"))
    monkeypatch.setattr(training_runs, "ensure_worker", lambda: None)
    write_folders(tmp_path / "faces", {"happy": 20, "sad": 20})
    assert main(["data", "add", str(tmp_path / "faces"), "--title", "Team"]) == 0


def make_run(title, **values):
    return create_run({"title": title, "dataset": "own_team", "epochs": 3, **values})


@contextmanager
def being_trained(name):
    folder = user_runs_dir() / name
    (folder / QUEUED_FILE).unlink()
    (folder / RUNNING_FILE).touch()
    with (user_runs_dir() / LOCK_FILE).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def names():
    return [data.name for data in list_own_data()]


def test_waiting_training_keeps_its_pictures():
    name = make_run("Smile")
    with pytest.raises(TrainingRunError, match=r"needed until the training of “Smile” .* then\.$"):
        delete_unneeded_data("own_team")
    assert names() == ["own_team"]
    stop_run(name)
    delete_unneeded_data("own_team")
    assert names() == []


def test_running_training_keeps_its_pictures_until_it_ends():
    make_run("Second")
    with being_trained(make_run("First")):
        match = "the training of “First” and “Second” has ended"
        with pytest.raises(TrainingRunError, match=match):
            delete_unneeded_data("own_team")
        stop_run("second")
        with pytest.raises(TrainingRunError, match="the training of “First” has"):
            delete_unneeded_data("own_team")
    delete_unneeded_data("own_team")  # its process was killed: nobody trains it any more


def test_pictures_that_are_shown_without_labels_are_needed_too():
    make_run("Smile", dataset="fer2013", unlabelled="own_team")
    with pytest.raises(TrainingRunError, match="the training of “Smile” has"):
        delete_unneeded_data("own_team")


def test_trainings_on_other_pictures_do_not_matter():
    make_run("Smile", dataset="own_others")
    delete_unneeded_data("own_team")
    with pytest.raises(DatasetNotFoundError, match="own_team"):
        delete_unneeded_data("own_team")


def test_command_line_tells_it_in_a_sentence(capsys):
    name = make_run("Smile")
    assert main(["data", "delete", "own_team"]) == 1
    assert "needed until the training of “Smile” has ended" in capsys.readouterr().err
    assert names() == ["own_team"]
    stop_run(name)
    assert main(["data", "delete", "own_team"]) == 0
    assert names() == []
