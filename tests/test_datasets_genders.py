"""UTKFace and IMDB-crop in their published layouts, made small: codes, filters, splits, damage."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from facecore.datasets_files import assign_split
from facecore.datasets_imdb import load_imdb_crop
from facecore.datasets_utkface import load_utkface
from facecore.errors import DatasetNotFoundError, InvalidDatasetError

SPLITS = ("train", "validation", "test")


def encode(shade: int, side=24) -> bytes:
    return cv2.imencode(".jpg", np.full((side, side, 3), shade, np.uint8))[1].tobytes()


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def load_all(load, root):
    """Return id -> (label, attributes, split, picture) over all splits, and what was left out."""
    found, excluded = {}, {}
    for split in SPLITS:
        try:
            dataset = load(split, root)
        except InvalidDatasetError:
            continue
        for i, name in enumerate(dataset.sample_ids.tolist()):
            values = {k: str(v[i]) for k, v in dataset.attributes.items()}
            found[name] = (dataset.labels[dataset.y_true[i]], values, split, dataset.image(i))
        for reason, num in dataset.excluded.items():
            excluded[reason] = excluded.get(reason, 0) + num
    return found, excluded


UTKFACE = {
    "26_1_3_20170104165129.jpg.chip.jpg": 10,
    "1_0_0_20161219140623.jpg.chip.jpg": 30,
    "100_0_4_20170112213500.jpg.chip.jpg": 50,
    "45_1_1_20170112213501.jpg.chip.jpg": 70,
    "61_1_20170109142408075.jpg.chip.jpg": 90,  # the group is missing, as in the published set
    "61_3_20170109150557335.jpg.chip.jpg": 110,
    "33_0_2_20170112213502.jpg.chip.jpg": 130,  # the same picture under two genders
    "33_1_2_20170112213503.jpg.chip.jpg": 130,
    "28_0_1_20170112213504.jpg": 150,  # in the wild: no face crop
}


def write_utkface(root: Path) -> None:
    for name, shade in UTKFACE.items():
        write(root / "UTKFace" / name, encode(shade))


def test_utkface_names_codes_and_ranges(tmp_path):
    write_utkface(tmp_path)
    found, excluded = load_all(load_utkface, tmp_path)
    assert {name: (label, values) for name, (label, values, _, _) in found.items()} == {
        "26_1_3_20170104165129.jpg.chip.jpg": ("woman", {"group": "Indian", "age": "20-29"}),
        "1_0_0_20161219140623.jpg.chip.jpg": ("man", {"group": "White", "age": "0-2"}),
        "100_0_4_20170112213500.jpg.chip.jpg": ("man", {"group": "Other", "age": "more than 70"}),
        "45_1_1_20170112213501.jpg.chip.jpg": ("woman", {"group": "Black", "age": "40-49"}),
    }
    image = found["45_1_1_20170112213501.jpg.chip.jpg"][3]
    assert image.shape == (24, 24, 3)
    assert abs(int(image[0, 0, 0]) - 70) < 3
    # A split without a usable picture is refused, with what it left out.
    assert excluded.get("two genders", 2) == 2
    assert excluded.get("incomplete file name", 0) <= 2


def test_utkface_copies_stay_on_one_side_and_splits_do_not_move(tmp_path):
    for i in range(60):
        for copy in range(2):
            name = f"{20 + i}_{i % 2}_0_2017{i:04}{copy}.jpg.chip.jpg"
            write(tmp_path / "UTKFace" / f"part{copy}" / name, encode(i * 4))
    before, _ = load_all(load_utkface, tmp_path)
    assert len(before) == 120
    for i in range(60):
        both = [before[f"part{c}/{20 + i}_{i % 2}_0_2017{i:04}{c}.jpg.chip.jpg"][2] for c in (0, 1)]
        assert both[0] == both[1]
    assert {split for _, _, split, _ in before.values()} == set(SPLITS)
    removed = next(iter(before))
    (tmp_path / "UTKFace" / removed).unlink()
    after, _ = load_all(load_utkface, tmp_path)
    assert all(after[name][2] == before[name][2] for name in after)


def test_utkface_in_the_wild_is_refused(tmp_path):
    write(tmp_path / "UTKFace" / "28_0_1_20170112213504.jpg", encode(150))
    with pytest.raises(InvalidDatasetError, match="aligned and cropped"):
        load_utkface("train", tmp_path)


def test_broken_picture_names_itself(tmp_path):
    write_utkface(tmp_path)
    for name in UTKFACE:
        write(tmp_path / "UTKFace" / name, name.encode())
    dataset = next(d for s in SPLITS if (d := try_load(s, tmp_path)) is not None)
    with pytest.raises(InvalidDatasetError, match=r"chip\.jpg is no picture"):
        dataset.image(0)


def try_load(split, root):
    try:
        return load_utkface(split, root)
    except InvalidDatasetError:
        return None


def to_datenum(date: str) -> float:
    """MATLAB's serial date number, counted from year 0."""
    return float((np.datetime64(date) - np.datetime64("0001-01-01")).astype(int) + 367)


# (file, born, taken, gender, face score, second score, person)
IMDB = [
    ("01/nm1_a_1960-3-1_1990.jpg", "1960-03-01", 1990, 0.0, 3.2, np.nan, 1),
    ("01/nm1_b_1960-3-1_2000.jpg", "1960-03-01", 2000, 0.0, 1.0, np.nan, 1),
    ("01/nm1_c_1960-3-1_2000.jpg", "1960-03-01", 2000, 0.0, 0.9, np.nan, 1),
    ("02/nm2_a_1950-12-1_1960.jpg", "1950-12-01", 1960, 1.0, 4.0, np.nan, 2),
    ("02/nm2_b_1950-12-1_1961.jpg", "1950-12-01", 1961, 1.0, 4.0, 2.5, 2),
    ("02/nm2_c_1950-12-1_1940.jpg", "1950-12-01", 1940, 1.0, 4.0, np.nan, 2),
    ("03/nm3_a_1970-1-1_2000.jpg", "1970-01-01", 2000, np.nan, 4.0, np.nan, 3),
    ("03/nm3_b_1970-1-1_2000.jpg", "1970-01-01", 2000, 1.0, -np.inf, np.nan, 3),
    ("03/nm3_c_1970-1-1_2000.jpg", "1970-01-01", 2000, 1.0, 2.0, np.nan, 3),
]


def write_imdb(root: Path, rows=IMDB, missing=(), **changes) -> Path:
    """Write imdb.mat as published: a struct of 1xN arrays and cells, and the pictures beside it."""
    path = root / "imdb_crop" / "imdb.mat"
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = list(zip(*rows, strict=True))
    cells = np.empty((1, len(rows)), dtype=object)
    names = np.empty((1, len(rows)), dtype=object)
    for i, row in enumerate(rows):
        cells[0, i], names[0, i] = row[0], f"Person {row[6]}"
        if row[0] not in missing:
            write(path.parent / row[0], encode(10 * i % 250))
    struct = {
        "dob": np.array([[to_datenum(date) for date in columns[1]]]),
        "photo_taken": np.array([columns[2]], dtype=np.uint16),
        "full_path": cells,
        "gender": np.array([columns[3]]),
        "name": names,
        "face_location": np.empty((1, 0)),
        "face_score": np.array([columns[4]]),
        "second_face_score": np.array([columns[5]]),
        "celeb_names": names,
        "celeb_id": np.array([columns[6]], dtype=np.uint16),
    }
    savemat(path, {"imdb": {**struct, **changes}})
    return path


def test_imdb_codes_filters_and_ages(tmp_path):
    write_imdb(tmp_path)
    found, _ = load_all(load_imdb_crop, tmp_path)
    assert {name: (label, values["age"]) for name, (label, values, _, _) in found.items()} == {
        "01/nm1_a_1960-3-1_1990.jpg": ("woman", "30-39"),
        "01/nm1_b_1960-3-1_2000.jpg": ("woman", "40-49"),
        "02/nm2_a_1950-12-1_1960.jpg": ("man", "3-9"),
        "02/nm2_c_1950-12-1_1940.jpg": ("man", "unknown"),  # taken before the birth
        "03/nm3_c_1970-1-1_2000.jpg": ("man", "30-39"),
    }
    image = found["02/nm2_a_1950-12-1_1960.jpg"][3]
    assert abs(int(image[0, 0, 0]) - 30) < 3


def test_imdb_counts_what_it_leaves_out(tmp_path):
    write_imdb(tmp_path, missing={"02/nm2_c_1950-12-1_1940.jpg"})
    _, excluded = load_all(load_imdb_crop, tmp_path)
    assert excluded == {
        "no sure face": 2,
        "second face": 1,
        "gender unknown": 1,
        "file missing": 1,
    }


def test_imdb_threshold(tmp_path):
    write_imdb(tmp_path)
    split = assign_split("1")
    assert "01/nm1_b_1960-3-1_2000.jpg" in load_imdb_crop(split, tmp_path).sample_ids
    strict = load_imdb_crop(split, tmp_path, min_face_score=3.0)
    assert "01/nm1_a_1960-3-1_1990.jpg" in strict.sample_ids
    assert "01/nm1_b_1960-3-1_2000.jpg" not in strict.sample_ids


def test_imdb_people_are_never_divided(tmp_path):
    rows = [
        (f"{i % 100:02}/nm{i}_{copy}.jpg", "1960-03-01", 2000, float(i % 2), 3.0, np.nan, i)
        for i in range(1, 61)
        for copy in range(3)
    ]
    write_imdb(tmp_path, rows)
    people = {}
    for split in SPLITS:
        dataset = load_imdb_crop(split, tmp_path)
        people[split] = {name.split("_")[0] for name in dataset.sample_ids.tolist()}
    assert sum(map(len, people.values())) == len(set.union(*people.values())) == 60
    assert len(people["train"]) > len(people["validation"]) > 0


def test_imdb_of_one_row(tmp_path):
    write_imdb(tmp_path, IMDB[:1])
    assert len(load_imdb_crop(assign_split("1"), tmp_path)) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no matlab file" * 40),
        lambda path: path.write_bytes(path.read_bytes()[:300]),
        lambda path: savemat(path, {"wiki": {"dob": np.ones((1, 2))}}),
        lambda path: savemat(path, {"imdb": {"dob": np.ones((1, 2))}}),
        lambda path: savemat(path, {"imdb": 3.0}),
    ],
    ids=["empty", "text", "cut", "wiki", "fields", "number"],
)
def test_damaged_imdb_is_refused(tmp_path, damage):
    damage(write_imdb(tmp_path))
    with pytest.raises(InvalidDatasetError, match="metadata of IMDB-crop as published"):
        load_imdb_crop("train", tmp_path)


def test_imdb_columns_of_different_lengths(tmp_path):
    write_imdb(tmp_path, gender=np.ones((1, 2)))
    with pytest.raises(InvalidDatasetError, match="fields dob"):
        load_imdb_crop("train", tmp_path)


def test_imdb_without_pictures(tmp_path):
    write_imdb(tmp_path, missing={row[0] for row in IMDB})
    with pytest.raises(InvalidDatasetError, match="can be used"):
        load_imdb_crop(assign_split("1"), tmp_path)


@pytest.mark.parametrize("load", [load_utkface, load_imdb_crop])
def test_missing(tmp_path, load):
    with pytest.raises(DatasetNotFoundError, match="download"):
        load("train", tmp_path)
