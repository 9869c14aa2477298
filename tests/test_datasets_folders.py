"""Pictures sorted into folders: names, copies, and folders that are no label."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from facecore.datasets import load_dataset
from facecore.datasets_common import AGE_RANGES, to_age_range
from facecore.errors import DatasetNotFoundError, InvalidDatasetError


def write(root: Path, name: str, shade: int) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    ending = path.suffix.lower()
    path.write_bytes(cv2.imencode(ending, np.full((9, 7, 3), shade, np.uint8))[1].tobytes())


@pytest.fixture
def root(tmp_path):
    for name, shade in {
        "train/Happiness/b.PNG": 10,
        "train/Happiness/a.png": 20,
        "train/sad/deeper/c.png": 30,
        "train/sad/copy.png": 50,  # stands in test too
        "train/sad/two.png": 60,
        "train/happy/two.png": 60,
        "train/.cache/d.png": 70,
        "val/neutral/e.bmp": 40,
        "test/surprise/f.png": 50,
    }.items():
        write(tmp_path / "expression_folders", name, shade)
    (tmp_path / "expression_folders/train/sad/notes.txt").write_text("no picture")
    (tmp_path / "expression_folders/train/sad/._two.png").write_bytes(b"macOS's notes")
    return tmp_path


def test_labels_ids_and_what_is_left_out(root):
    dataset = load_dataset("expression_folders", "train", root)
    ids = ["train/Happiness/a.png", "train/Happiness/b.PNG", "train/sad/deeper/c.png"]
    assert dataset.sample_ids.tolist() == ids
    assert [dataset.labels[code] for code in dataset.y_true] == ["happy", "happy", "sad"]
    assert dataset.excluded == {"in a later split too": 1, "two labels": 2}
    assert [int(dataset.image(i)[0, 0, 0]) for i in range(3)] == [20, 10, 30]
    assert dataset.image(0).shape == (9, 7, 3)
    assert len(dataset.labels) == 7


def test_other_splits_and_tasks(root):
    validation = load_dataset("expression_folders", "validation", root)
    assert validation.sample_ids.tolist() == ["val/neutral/e.bmp"]
    assert load_dataset("expression_folders", "test", root).excluded == {}
    write(root / "gender_folders", "train/Female/a.jpg", 10)
    genders = load_dataset("gender_folders", "train", root)
    assert [genders.labels[code] for code in genders.y_true] == ["woman"]
    with pytest.raises(DatasetNotFoundError, match="one folder per label: man, woman"):
        load_dataset("gender_folders", "test", root)


def test_folder_that_is_no_label(root):
    write(root / "expression_folders", "train/contempt/a.png", 1)
    with pytest.raises(InvalidDatasetError, match="contempt is named after no expression"):
        load_dataset("expression_folders", "train", root)


def test_empty_folder(root):
    (root / "gender_folders/train/man").mkdir(parents=True)
    with pytest.raises(InvalidDatasetError, match="no pictures to use"):
        load_dataset("gender_folders", "train", root)


@pytest.mark.parametrize(
    ("years", "name"),
    [
        (0, "0-2"),
        (2, "0-2"),
        (3, "3-9"),
        (19, "10-19"),
        (20, "20-29"),
        (69, "60-69"),
        (70, "more than 70"),
        (101, "more than 70"),
    ],
)
def test_age_ranges(years, name):
    assert to_age_range(years) == name
    assert name in AGE_RANGES
