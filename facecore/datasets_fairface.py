"""FairFace: faces labelled with gender, age and seven groups (Karkkainen and Joo, 2021)."""

import csv
import hashlib
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from facecore.datasets_common import AGE_RANGES, FaceDataset, data_dir, find_first, tell_data_dirs
from facecore.datasets_info import DatasetInfo, SplitInfo, check_split
from facecore.errors import DatasetNotFoundError, InvalidDatasetError
from facecore.labels import GENDERS
from facecore.preprocessing import UInt8Array

NAME = "fairface"
SPLITS = (
    SplitInfo(
        "train",
        "fit",
        "FairFace train",
        "training images",
        "The faces that the network was fitted on: FairFace's train without the held-out ones.",
    ),
    SplitInfo(
        "holdout",
        "choose",
        "FairFace holdout",
        "used for choosing",
        "4,000 faces of FairFace's train, set aside by a fixed seed. No weights were fitted on "
        "them, but epoch and temperature were chosen on them, so they flatter a little.",
    ),
    SplitInfo(
        "test",
        "report",
        "FairFace val",
        "held-out images",
        "FairFace's published validation faces, as many as the data folder held when they were "
        "evaluated: of a partial copy, those that its label file lists. Nothing was fitted or "
        "chosen on them.",
    ),
)
LICENCE = "CC BY 4.0"
HOLDOUT_IMAGES = 4000
HOLDOUT_SEED = 20130

CSV_CODES = {"Male": GENDERS.index("man"), "Female": GENDERS.index("woman")}
# The folders are FairFace's own; a zip holds the same names ("train/1.jpg").
_SOURCES = ("fairface_128_gray.zip", "fairface-img-margin025-trainval", "fairface", ".")
_FILES = {"train": "fairface_label_train.csv", "val": "fairface_label_val.csv"}

ReadBytes = Callable[[str], bytes]


class Row(NamedTuple):
    """One line of a label file, and the SHA-256 of its picture."""

    name: str
    code: int
    age: str
    group: str
    digest: str


def load_fairface(
    split: str, root: Path | None = None, num_holdout: int = HOLDOUT_IMAGES
) -> FaceDataset:
    """Read one split, labelled man or woman; attributes "group" and "age", as FairFace names them.

    FairFace's val is "test". Its train is divided, by a fixed seed, into "holdout"
    (``num_holdout`` pictures, for choosing) and "train"; pictures that are identical to one of val,
    or to one with the other gender, are left out, and identical ones stand on one side.

    Args:
        split: "train", "holdout" or "test".
        root: data folder; default: ``data_dir()``.
        num_holdout: how many pictures of train are held out.

    Raises:
        DatasetNotFoundError: if files are missing.
        InvalidDatasetError: if they do not have FairFace's layout.
        DatasetError: if there is no such split.
    """
    check_split(NAME, split, SPLITS)
    root = root or data_dir()
    source = _find_source(root)
    stamp = source.stat().st_mtime_ns
    rows = list(_read_rows(root, source, "val", stamp))
    if split != "test":
        held_out, kept = _divide(_read_rows(root, source, "train", stamp), rows, num_holdout)
        rows = held_out if split == "holdout" else kept
    names = [row.name for row in rows]
    read = partial(_read_image, _open_source(source), names)
    return FaceDataset(
        name=NAME,
        split=split,
        task="gender",
        labels=GENDERS,
        sample_ids=np.array(names, dtype=np.str_),
        y_true=np.array([row.code for row in rows], dtype=np.int16),
        image=read,
        attributes={
            "group": np.array([row.group for row in rows], dtype=np.str_),
            "age": np.array([row.age for row in rows], dtype=np.str_),
        },
    )


def _find_source(root: Path) -> Path:
    files = [root / name for name in _FILES.values()]
    folders = [root / name for name in _SOURCES if (root / name / "train").is_dir()]
    source = find_first([path for path in [root / _SOURCES[0], *folders] if path.exists()])
    if source is None or not all(path.is_file() for path in files):
        raise DatasetNotFoundError(
            f"FairFace is not in {root}{tell_data_dirs(root)}: "
            "download the pictures (margin 0.25) and the two label "
            "files from github.com/joojs/fairface and put fairface-img-margin025-trainval/, "
            f"{' and '.join(_FILES.values())} there."
        )
    return source


def _open_source(source: Path) -> ReadBytes:
    if source.is_dir():
        return lambda name: (source / name).read_bytes()
    return zipfile.ZipFile(source).read


def _read_image(read: ReadBytes, names: list[str], i: int) -> UInt8Array:
    image = cv2.imdecode(np.frombuffer(read(names[i]), np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise InvalidDatasetError(f"FairFace's {names[i]} is no picture; get the data set again.")
    return np.asarray(image, dtype=np.uint8)


# Hashing reads every picture, and one run needs several splits.
@lru_cache(maxsize=4)
def _read_rows(root: Path, source: Path, part: str, mtime_ns: int) -> tuple[Row, ...]:
    del mtime_ns
    path = root / _FILES[part]
    rows: list[Row] = []
    try:
        read = _open_source(source)
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                digest = hashlib.sha256(read(row["file"])).hexdigest()
                code, age = CSV_CODES[row["gender"]], row["age"]
                if age not in AGE_RANGES:
                    raise ValueError(f"the age {age!r}")
                rows.append(Row(row["file"], code, age, row["race"], digest))
    except (KeyError, ValueError, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise InvalidDatasetError(
            f"{path} and {source} are not FairFace as published ({error!r}); download them again."
        ) from error
    return tuple(rows)


def _divide(
    train: tuple[Row, ...], test: list[Row], num_holdout: int
) -> tuple[list[Row], list[Row]]:
    """Return (held out, rest) of the train rows, both in the file's order."""
    in_test = {row.digest for row in test}
    genders: dict[str, set[int]] = {}
    for row in train:
        genders.setdefault(row.digest, set()).add(row.code)
    usable = [r for r in train if r.digest not in in_test and len(genders[r.digest]) == 1]
    if num_holdout >= len(usable):
        raise InvalidDatasetError(
            f"FairFace's train holds {len(usable)} usable pictures, too few to hold out "
            f"{num_holdout}; get the whole data set."
        )
    copies = Counter(row.digest for row in usable)
    chosen: set[str] = set()
    room = num_holdout
    for i in np.random.default_rng(HOLDOUT_SEED).permutation(len(usable)):
        digest = usable[i].digest
        if digest not in chosen and copies[digest] <= room:
            chosen.add(digest)
            room -= copies[digest]
        if room == 0:
            break
    held_out = [row for row in usable if row.digest in chosen]
    return held_out, [row for row in usable if row.digest not in chosen]


INFO = DatasetInfo(NAME, "FairFace", "gender", SPLITS, LICENCE, load_fairface)
