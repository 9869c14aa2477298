"""The command that brings pictures without the dashboard."""

import os
import tempfile
import time
import unicodedata

import pytest
from own_pictures import make_zip, write_folders

from facecore import cli_data
from facecore.__main__ import main
from facecore.own_data_store import list_own_data, load_own_data
from facecore.temp_folders import sweep


@pytest.fixture(autouse=True)
def user_dir(tmp_path, monkeypatch):
    monkeypatch.setenv("FACECORE_USER_DIR", str(tmp_path / "user"))


def test_report_keep_list_delete(tmp_path, capsys):
    write_folders(tmp_path / "faces", {"Happiness": 30, "tired": 25, "odd": 3})
    assert main(["data", "add", str(tmp_path / "faces")]) == 1
    told = capsys.readouterr()
    assert "Odd has 3 pictures; at least 20 are needed." in told.err
    assert list_own_data() == []
    assert main(["data", "list"]) == 0
    assert "No pictures are kept" in capsys.readouterr().out
    options = ["--label", "odd=", "--label", "tired=sleepy", "--title", "Team", "--share", "0.3"]
    assert main(["data", "add", str(tmp_path / "faces"), *options]) == 0
    assert "own_team; splits: train, validation." in capsys.readouterr().out
    assert load_own_data("own_team").counts["sleepy"] == {"train": 17, "validation": 8}
    assert main(["data", "list"]) == 0
    assert "own_team: Team (expression; happy 30, sleepy 25)" in capsys.readouterr().out
    assert main(["data", "delete", "own_team"]) == 0
    assert main(["data", "delete", "own_team"]) == 1


def test_letters_may_be_composed_in_the_folder_or_the_option_alone(tmp_path, capsys):
    nfc, nfd = (unicodedata.normalize(form, "müde") for form in ("NFC", "NFD"))
    write_folders(tmp_path / "faces", {nfd: 25, "happy": 25})
    for key in (nfc, nfd):
        options = ["--label", f"{key}=fröhlich"]
        assert main(["data", "add", str(tmp_path / "faces"), *options]) == 0
        assert "fröhlich: 20 train, 5 validation" in capsys.readouterr().out


def test_kept_test_pictures_are_told(tmp_path, capsys):
    for seed, split in enumerate(("train", "test")):
        write_folders(tmp_path / "faces" / split, {"happy": 30, "sad": 30}, seed=100 * seed)
    options = ["--split", "given", "--title", "Team"]
    assert main(["data", "add", str(tmp_path / "faces"), *options]) == 0
    assert "own_team; splits: train, validation, test." in capsys.readouterr().out


def test_a_dashboard_that_starts_leaves_pictures_alone_that_are_read_for_hours(
    tmp_path, monkeypatch
):
    write_folders(tmp_path / "faces", {"happy": 20, "sad": 20})
    temp = tmp_path / "temp"
    temp.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temp))
    make_plan = cli_data.make_plan

    def make_plan_hours_later(*args):
        (folder,) = temp.iterdir()
        hours_ago = time.time() - 7200
        os.utime(folder, (hours_ago, hours_ago))
        assert sweep() == []
        return make_plan(*args)

    monkeypatch.setattr(cli_data, "make_plan", make_plan_hours_later)
    assert main(["data", "add", str(tmp_path / "faces"), "--title", "Team"]) == 0
    assert list(temp.iterdir()) == []


def test_wrong_arguments(tmp_path, capsys):
    path = tmp_path / "x.zip"
    path.write_bytes(make_zip({"happy": 20, "sad": 20}).getvalue())
    assert main(["data", "add", str(path), "--label", "glad=happy"]) == 1
    assert "no pictures under glad" in capsys.readouterr().err
    assert main(["data", "add", str(tmp_path / "nothing")]) == 1
    for wrong in (["--share", "0.9"], ["--label", "happy"]):
        with pytest.raises(SystemExit) as error:
            main(["data", "add", str(path), *wrong])
        assert error.value.code == 2
