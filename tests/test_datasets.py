"""Loaders on small files made here pin codes, splits and copies; the real files' counts follow."""

import csv
import lzma
import re
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from facecore import datasets_common
from facecore.datasets import (
    DATASETS,
    FaceDataset,
    data_dir,
    get_dataset_info,
    get_split_info,
    load_dataset,
)
from facecore.datasets_fairface import load_fairface
from facecore.datasets_fer2013 import load_fer2013
from facecore.errors import DatasetError, DatasetNotFoundError, InvalidDatasetError
from facecore.labels import EXPRESSIONS
from facecore.registry import InputSpec

SHARED_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
needs_shared = pytest.mark.skipif(
    not SHARED_DATA.is_dir(), reason="the shared folder is not beside the project"
)

# (emotion, shade, usage): shade 5 stands in all three splits, shade 6 in the later two.
FER_ROWS = [
    (0, 1, "Training"),
    (1, 2, "Training"),
    (6, 3, "Training"),
    (3, 5, "Training"),
    (4, 6, "PublicTest"),
    (3, 5, "PublicTest"),
    (2, 7, "PublicTest"),
    (5, 6, "PrivateTest"),
    (3, 5, "PrivateTest"),
]


def write_fer2013(root: Path, header: str = "emotion,pixels,Usage", name="fer2013.csv") -> Path:
    columns = [column.strip() for column in header.split(",")]
    lines = [header]
    for emotion, shade, usage in FER_ROWS:
        cells = {"emotion": str(emotion), "pixels": " ".join([str(shade)] * 2304), "Usage": usage}
        lines.append(",".join(cells[column] for column in columns))
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    ("split", "rows", "labels"),
    [
        ("train", ["0", "1", "2"], ["angry", "disgust", "neutral"]),
        ("validation", ["6"], ["fear"]),
        ("test", ["7", "8"], ["surprise", "happy"]),
        (
            "all",
            [str(row) for row in range(9)],
            [EXPRESSIONS[emotion] for emotion, _, _ in FER_ROWS],
        ),
    ],
)
def test_fer2013_codes_and_splits(tmp_path, split, rows, labels):
    write_fer2013(tmp_path)
    dataset = load_fer2013(split, tmp_path)
    assert dataset.sample_ids.tolist() == rows
    assert [dataset.labels[code] for code in dataset.y_true] == labels
    assert dataset.y_true.dtype == np.int16
    assert dataset.image(0).shape == (48, 48)
    assert dataset.image(0).dtype == np.uint8
    assert dataset.image(0)[0, 0] == FER_ROWS[int(rows[0])][1]


def test_fer2013_as_a_whole_keeps_each_row_and_its_split(tmp_path):
    write_fer2013(tmp_path)
    dataset = load_fer2013("all", tmp_path)
    usage = ["train"] * 4 + ["validation"] * 3 + ["test"] * 2
    assert dataset.attributes["usage"].tolist() == usage
    assert [int(dataset.image(i)[0, 0]) for i in range(9)] == [shade for _, shade, _ in FER_ROWS]


def test_fer2013_reads_the_challenge_layout(tmp_path):
    write_fer2013(tmp_path, "emotion, Usage, pixels", "icml_face_data.csv")
    assert len(load_fer2013("train", tmp_path)) == 3


def test_a_new_file_is_read_again(tmp_path):
    path = write_fer2013(tmp_path)
    assert len(load_fer2013("test", tmp_path)) == 2
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    assert len(load_fer2013("test", tmp_path)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a,b\n1,2\n",
        "emotion,pixels,Usage\n0,1 2 3,Training\n",
        f"emotion,pixels,Usage\n7,{' '.join(['1'] * 2304)},Training\n",
        f"emotion,pixels,Usage\n0,{' '.join(['1'] * 2304)},Other\n",
        f"emotion,pixels,Usage\n,{' '.join(['1'] * 2304)},Training\n",
        f"emotion,pixels,Usage\n3.6,{' '.join(['1'] * 2304)},Training\n",
        f"emotion,pixels,Usage\n0,{' '.join(['300'] * 2304)},Training\n",
        f"emotion,pixels,Usage\n0,{' '.join(['-1'] * 2304)},Training\n",
        "emotion,pixels,Usage\n0,,Training\n",
        f"emotion,pixels,Usage\n0,{' '.join(['1'] * 2303)},Training\n"
        f"0,{' '.join(['1'] * 2305)},Training\n",
    ],
    ids=[
        "empty",
        "columns",
        "pixels",
        "emotion",
        "usage",
        "no emotion",
        "half an emotion",
        "bright pixels",
        "negative pixels",
        "no pixels",
        "a pixel in the next row",
    ],
)
def test_damaged_fer2013_is_refused(tmp_path, text):
    (tmp_path / "fer2013.csv").write_text(text)
    with pytest.raises(InvalidDatasetError, match="download it again"):
        load_fer2013("train", tmp_path)


def test_fer2013_with_wider_gaps_between_its_pixels_is_read(tmp_path):
    path = write_fer2013(tmp_path)
    path.write_text(path.read_text().replace("1 1", "1  1"))
    assert load_fer2013("train", tmp_path).image(0).tolist() == [[1] * 48] * 48


FAIRFACE_TRAIN = [
    ("train/1.jpg", 10, "Male"),
    ("train/2.jpg", 20, "Female"),
    ("train/3.jpg", 30, "Male"),  # as in val
    ("train/4.jpg", 40, "Male"),  # the same picture as 5, with the other gender
    ("train/5.jpg", 40, "Female"),
    ("train/6.jpg", 60, "Female"),  # the same picture as 7
    ("train/7.jpg", 60, "Female"),
    ("train/8.jpg", 80, "Male"),
]
FAIRFACE_VAL = [("val/1.jpg", 30, "Male"), ("val/2.jpg", 90, "Female")]


def write_fairface(root: Path, as_zip: bool) -> None:
    pictures = {}
    for part, rows in (("train", FAIRFACE_TRAIN), ("val", FAIRFACE_VAL)):
        with (root / f"fairface_label_{part}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["file", "age", "gender", "race", "service_test"])
            for name, shade, gender in rows:
                age = "3-9" if shade < 40 else "20-29"
                writer.writerow([name, age, gender, "Indian", "True"])
                data = cv2.imencode(".jpg", np.full((16, 16), shade, np.uint8))[1].tobytes()
                pictures[name] = data
    if as_zip:
        with zipfile.ZipFile(root / "fairface_128_gray.zip", "w") as archive:
            for name, data in pictures.items():
                archive.writestr(name, data)
        return
    for name, data in pictures.items():
        path = root / "fairface-img-margin025-trainval" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


@pytest.mark.parametrize("as_zip", [True, False])
def test_fairface_codes_and_splits(tmp_path, as_zip):
    write_fairface(tmp_path, as_zip)
    train, holdout, test = (
        load_fairface(split, tmp_path, num_holdout=2) for split in ("train", "holdout", "test")
    )
    assert test.sample_ids.tolist() == ["val/1.jpg", "val/2.jpg"]
    assert [test.labels[code] for code in test.y_true] == ["man", "woman"]
    assert test.attributes["age"].tolist() == ["3-9", "20-29"]
    assert test.attributes["group"].tolist() == ["Indian", "Indian"]
    assert test.image(0).shape == (16, 16, 3)
    assert abs(int(test.image(1)[0, 0, 0]) - 90) < 3
    assert len(holdout) == 2
    both = {*train.sample_ids.tolist(), *holdout.sample_ids.tolist()}
    assert both == {f"train/{i}.jpg" for i in (1, 2, 6, 7, 8)}
    for side in (train, holdout):
        assert ("train/6.jpg" in side.sample_ids) == ("train/7.jpg" in side.sample_ids)
    again = load_fairface("holdout", tmp_path, num_holdout=2)
    assert again.sample_ids.tolist() == holdout.sample_ids.tolist()


def test_partial_copy_of_fairface_gives_what_it_lists_and_says_so(tmp_path):
    write_fairface(tmp_path, as_zip=False)
    labels = tmp_path / "fairface_label_val.csv"
    labels.write_text("".join(labels.read_text().splitlines(keepends=True)[:2]))
    (tmp_path / "fairface-img-margin025-trainval" / "val" / "2.jpg").unlink()
    assert load_fairface("test", tmp_path).sample_ids.tolist() == ["val/1.jpg"]
    assert "of a partial copy, those that its label file lists" in (
        get_split_info("fairface", "test").note
    )


def test_damaged_fairface_is_refused(tmp_path):
    write_fairface(tmp_path, as_zip=True)
    labels = tmp_path / "fairface_label_train.csv"
    labels.write_text(labels.read_text().replace("Female", "F"))
    with pytest.raises(InvalidDatasetError):
        load_fairface("train", tmp_path, num_holdout=2)


def test_cut_off_fairface_zip_is_refused(tmp_path):
    write_fairface(tmp_path, as_zip=True)
    archive = tmp_path / "fairface_128_gray.zip"
    archive.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(InvalidDatasetError):
        load_fairface("test", tmp_path)


@pytest.mark.parametrize("keep", [0, 40, -20], ids=["empty", "start", "end cut"])
def test_damaged_compressed_fer2013_is_refused(tmp_path, keep):
    packed = lzma.compress(write_fer2013(tmp_path).read_bytes())
    (tmp_path / "fer2013.csv").unlink()
    (tmp_path / "fer2013.csv.xz").write_bytes(packed[:keep])
    with pytest.raises(InvalidDatasetError):
        load_fer2013("train", tmp_path)


def test_compressed_fer2013_is_read(tmp_path):
    packed = lzma.compress(write_fer2013(tmp_path).read_bytes())
    (tmp_path / "fer2013.csv").unlink()
    (tmp_path / "fer2013.csv.xz").write_bytes(packed)
    assert len(load_fer2013("train", tmp_path)) == 3


@pytest.mark.parametrize("name", DATASETS)
def test_missing_data_set_says_how_to_get_it(tmp_path, name):
    info = get_dataset_info(name)
    with pytest.raises(DatasetNotFoundError, match=r"download|put pictures"):
        info.load(info.splits[0].name, tmp_path)
    with pytest.raises(DatasetError, match=f"choose one of {info.splits[0].name}"):
        info.load("everything", tmp_path)


@pytest.mark.parametrize("name", DATASETS)
def test_every_split_is_described(name):
    info = get_dataset_info(name)
    assert info.development_split in [split.name for split in info.splits]
    for split in info.splits:
        assert get_split_info(name, split.name) is split
        assert split.title
        assert split.note.endswith(".")
    with pytest.raises(DatasetError, match="no split 'everything'"):
        get_split_info(name, "everything")


def test_split_with_training_images_says_so():
    assert get_split_info("fer2013", "all").badge == "contains training images"
    assert get_split_info("fer2013", "test").badge == "held-out images"


def test_data_set_without_training_split():
    with pytest.raises(DatasetError, match="no split to fit on"):
        _ = get_dataset_info("ferplus").fit_split


def test_unknown_data_set():
    with pytest.raises(DatasetError, match="fer2013"):
        load_dataset("fer2014", "train")


def make_dataset() -> FaceDataset:
    return FaceDataset(
        name="made",
        split="train",
        task="expression",
        labels=("angry", "disgust", "happy"),
        sample_ids=np.array(["a", "b", "c", "d"]),
        y_true=np.array([0, 1, 2, 0], dtype=np.int16),
        image=lambda i: np.full((6, 6), i * 10, dtype=np.uint8),
        attributes={"age": np.array(["1", "2", "3", "4"])},
    )


def test_batches_are_scaled_and_in_order():
    spec = InputSpec(4, 4, margin=0.5)
    batches = list(make_dataset().batches(spec, 3))
    assert [batch.shape for batch in batches] == [(3, 4, 4, 1), (1, 4, 4, 1)]
    assert np.concatenate(batches)[:, 0, 0, 0].tolist() == [0, 10, 20, 30]


def test_keep_labels_renumbers():
    kept = make_dataset().keep_labels(("happy", "angry"))
    assert kept.y_true.tolist() == [1, 0, 1]
    assert kept.sample_ids.tolist() == ["a", "c", "d"]
    assert kept.attributes["age"].tolist() == ["1", "3", "4"]
    assert [int(kept.image(i)[0, 0]) for i in range(3)] == [0, 20, 30]
    with pytest.raises(ValueError, match="bored"):
        make_dataset().keep_labels(("bored",))


def test_data_dir_order(tmp_path, monkeypatch):
    project = tmp_path / "project"
    monkeypatch.setattr(datasets_common, "_PROJECT_DIR", project)
    monkeypatch.delenv("FACECORE_DATA_DIR", raising=False)
    assert data_dir() == project / "data"
    (tmp_path / "shared" / "data").mkdir(parents=True)
    assert data_dir() == tmp_path / "shared" / "data"
    (project / "data").mkdir(parents=True)
    assert data_dir() == tmp_path / "shared" / "data", "an empty folder says nothing"
    (project / "data" / ".gitkeep").touch()
    assert data_dir() == tmp_path / "shared" / "data"
    (project / "data" / "fer2013.csv").touch()
    assert data_dir() == project / "data"
    monkeypatch.setenv("FACECORE_DATA_DIR", str(tmp_path))
    assert data_dir() == tmp_path


@pytest.mark.parametrize("name", DATASETS)
def test_missing_data_set_names_both_folders(name, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets_common, "_PROJECT_DIR", tmp_path / "project")
    monkeypatch.delenv("FACECORE_DATA_DIR", raising=False)
    shared = tmp_path / "shared" / "data"
    shared.mkdir(parents=True)
    own = tmp_path / "project" / "data"
    both = f"(data sets are read from {own}, or from {shared} while that is empty): "
    with pytest.raises(DatasetNotFoundError, match=re.escape(both)):
        load_dataset(name, "test")
    monkeypatch.setenv("FACECORE_DATA_DIR", str(shared))
    with pytest.raises(DatasetNotFoundError) as told:
        load_dataset(name, "test")
    assert str(shared) in str(told.value) and str(own) not in str(told.value)


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize(("split", "num"), [("train", 35_994), ("holdout", 4_000), ("test", 5_000)])
def test_fairface_counts(split, num):
    assert len(load_fairface(split, SHARED_DATA)) == num


@pytest.mark.shared
@needs_shared
def test_fer2013_counts():
    sizes = {s: len(load_fer2013(s, SHARED_DATA)) for s in ("train", "validation", "test", "all")}
    assert sizes == {"train": 28_006, "validation": 3_543, "test": 3_589, "all": 35_887}
