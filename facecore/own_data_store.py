"""The data sets that users keep on this server: <user folder>/data/<name>/.

``data.json`` says what it is, ``pictures.csv`` has a row per picture, ``pictures/`` holds them as
PNG files. A data set gets its name when all of it is written.
"""

import csv
import json
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from facecore.datasets_common import FaceDataset
from facecore.datasets_info import DatasetInfo, SplitInfo, Use, check_split
from facecore.errors import DatasetError, DatasetNotFoundError, InvalidDatasetError, StorageError
from facecore.label_sets import check_labels, is_known, order_labels
from facecore.labels import LABELS, TASKS, Task
from facecore.own_data_pictures import Draft
from facecore.own_data_plan import Plan
from facecore.own_data_split import SPLIT_NAMES
from facecore.preprocessing import UInt8Array
from facecore.temp_folders import TempFolder
from facecore.untrusted_files import load_json, shorten
from facecore.user_files import changing, to_name, user_data_dir, user_relabel_dir

PREFIX = "own_"
"""How the names of users' data sets begin, so that they are no shipped one's."""

LICENCE = "Brought by a user of this server"

_INFO_FILE, _TABLE_FILE, _PICTURES_DIR = "data.json", "pictures.csv", "pictures"
_COLUMNS = ("id", "label", "split", "brought_as", "source")
_SCHEMA_VERSION = 1
_SPLITS: dict[str, tuple[Use, str, str]] = {
    "train": ("fit", "training images", "The pictures to learn from."),
    "validation": (
        "choose",
        "used for choosing",
        "Held out of the learning; epoch and temperature are chosen on it, so it flatters a bit.",
    ),
    "test": ("report", "held-out images", "Brought as test pictures; nothing is chosen on them."),
}


@dataclass(frozen=True, slots=True)
class OwnData:
    """What is known of a data set that a user kept.

    Args:
        name: its folder; begins with "own_".
        title: as the user calls it.
        task: what the labels say.
        labels: in order.
        counts: label -> split -> number of pictures.
        made_s: when it was kept, seconds since 1970.
        mapping: names as brought -> labels.
        split_method: "share", "person" or "given".
        framing: margin and shift of crops that were cut here; None where pictures came as crops.
        left_out: reason -> how many pictures.
    """

    name: str
    title: str
    task: Task
    labels: tuple[str, ...]
    counts: Mapping[str, Mapping[str, int]]
    made_s: float
    mapping: Mapping[str, str] = field(default_factory=dict)
    split_method: str = "share"
    framing: tuple[float, float] | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)
    schema_version: int = _SCHEMA_VERSION

    def num_images(self, split: str) -> int:
        """How many pictures a split has."""
        return sum(by_split.get(split, 0) for by_split in self.counts.values())


def is_own_dataset(name: str) -> bool:
    """Tell whether a data set's name is one of the users'."""
    return name.startswith(PREFIX)


def keep_data(draft: Draft, plan: Plan, title: str) -> OwnData:
    """Copy a draft's pictures into the users' data folder, for every user of this server.

    Args:
        draft: the pictures.
        plan: which of them, their labels and splits.
        title: names it.

    Raises:
        InvalidDatasetError: if the plan is not usable, or the title is empty or taken.
        StorageError: if there is no room.
    """
    name = f"{PREFIX}{to_name(title)}"
    folder = user_data_dir() / name
    if not plan.is_usable:
        raise InvalidDatasetError("These pictures cannot be used yet; see what the report says.")
    if name == PREFIX:
        raise InvalidDatasetError("Give the pictures a name with letters a-z or digits.")
    if folder.exists():
        raise _is_taken(title)
    data = OwnData(
        name=name,
        title=" ".join(title.split()),
        task=plan.task,
        labels=plan.labels,
        counts=plan.counts(),
        made_s=round(time.time(), 1),
        mapping=dict(plan.mapping),
        split_method=plan.choice.method,
        framing=draft.framing,
        left_out=dict(plan.left_out),
    )
    # Elsewhere until it is whole: somebody else may keep pictures of this title at the same moment,
    # and a killed server must not leave a half that blocks the title.
    with changing(user_data_dir()):
        user_data_dir().mkdir(parents=True, exist_ok=True)
    work = TempFolder("keeping", user_data_dir())
    try:
        _write(work.path / name, draft, plan, data)
        (work.path / name).rename(folder)
    except OSError as error:
        if folder.exists():
            raise _is_taken(title) from error
        raise StorageError(
            f"The pictures could not be kept ({error.strerror}); whoever runs this server should "
            f"make room in {user_data_dir()}."
        ) from error
    finally:
        work.close()
    return data


def _is_taken(title: str) -> InvalidDatasetError:
    return InvalidDatasetError(
        f"Pictures called “{title}” are kept here already; take another name."
    )


def _write(folder: Path, draft: Draft, plan: Plan, data: OwnData) -> None:
    (folder / _PICTURES_DIR).mkdir(parents=True)
    with (folder / _TABLE_FILE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for planned in plan.pictures:
            picture = draft.pictures[planned.index]
            shutil.copyfile(draft.folder / picture.file, folder / _PICTURES_DIR / picture.file)
            row = (Path(picture.file).stem, planned.label, planned.split)
            writer.writerow([*row, picture.label, picture.source])
    text = json.dumps(asdict(data), indent=2) + "\n"
    (folder / _INFO_FILE).write_text(text, encoding="utf-8")


def list_own_data() -> list[OwnData]:
    """Return what users keep here, by title; damaged ones are left out."""
    found = []
    for path in user_data_dir().glob(f"{PREFIX}*/{_INFO_FILE}"):
        with suppress(DatasetError):  # also of what is deleted this moment
            found.append(load_own_data(path.parent.name))
    return sorted(found, key=lambda data: (data.title.lower(), data.name))


def load_own_data(name: str) -> OwnData:
    """Read what is known of a user's data set.

    Raises:
        DatasetNotFoundError: if there is none of that name.
        InvalidDatasetError: if its data.json is damaged.
    """
    path = user_data_dir() / name / _INFO_FILE
    try:
        if name != f"{PREFIX}{to_name(name.removeprefix(PREFIX))}":  # such as a path
            raise FileNotFoundError(name)
        values: dict[str, Any] = load_json(path)
        if values["schema_version"] != _SCHEMA_VERSION or values["task"] not in TASKS:
            raise ValueError("an unknown schema or task")
        framing = values["framing"]
        values["labels"] = tuple(values["labels"])
        check_labels(values["labels"])
        values["framing"] = None if framing is None else (float(framing[0]), float(framing[1]))
        return OwnData(**values)
    except FileNotFoundError as error:
        raise DatasetNotFoundError(
            f"There is no data set called '{name}' among those that users keep here "
            f"({user_data_dir()}); bring the pictures again on the page Train."
        ) from error
    except (OSError, ValueError, TypeError, KeyError, IndexError) as error:
        raise InvalidDatasetError(
            f"{path} is damaged ({shorten(error)}); delete that folder and bring the pictures "
            "again."
        ) from error


def delete_own_data(name: str) -> None:
    """Delete a user's data set for good, and what was decided on it; its networks stay.

    Raises:
        DatasetNotFoundError: if there is none of that name.
        StorageError: if it cannot be deleted.
    """
    load_own_data(name)
    folder = user_data_dir() / name
    with changing(folder):
        (folder / _INFO_FILE).unlink(missing_ok=True)  # from now on it is not there
    shutil.rmtree(folder, ignore_errors=True)
    for split in SPLIT_NAMES:
        shutil.rmtree(user_relabel_dir() / f"{name}_{split}", ignore_errors=True)


def load_own_dataset(name: str, split: str, root: Path | None = None) -> FaceDataset:
    """Read one split of a user's data set.

    Where all labels are known ones, ``labels`` are all of the task's, so that every network of the
    task can be evaluated on it.

    Args:
        name: of the data set.
        split: one that it has.
        root: does not matter; users' data lie in a folder of their own.

    Raises:
        DatasetError: if it is missing or damaged, or has no such split.
    """
    del root
    data = load_own_data(name)
    check_split(name, split, _list_splits(data))
    folder = user_data_dir() / name
    rows = [row for row in _read_table(folder / _TABLE_FILE) if row["split"] == split]
    labels = LABELS[data.task] if is_known(data.task, data.labels) else order_labels(data.labels)
    ids = [row["id"] for row in rows]

    def image(i: int) -> UInt8Array:
        return _read_picture(folder / _PICTURES_DIR / f"{ids[i]}.png")

    return FaceDataset(
        name=name,
        split=split,
        task=data.task,
        labels=labels,
        sample_ids=np.array(ids),
        y_true=np.array([labels.index(row["label"]) for row in rows], dtype=np.int16),
        image=image,
    )


def _read_table(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        if any(row[column] is None for row in rows for column in _COLUMNS):
            raise KeyError("a row that is cut off")
    except (OSError, KeyError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidDatasetError(
            f"{path} is missing or damaged ({error}); delete its folder and bring the data again."
        ) from error
    return rows


def _read_picture(path: Path) -> UInt8Array:
    # Written by this program alone, so they need no decoder process of their own.
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise InvalidDatasetError(
            f"{path} is missing or damaged; delete that folder and bring the pictures again."
        )
    return np.asarray(image, dtype=np.uint8)


def get_own_info(name: str) -> DatasetInfo:
    """Return title, splits and loader of a user's data set.

    Raises:
        DatasetError: if it is missing or damaged.
    """
    data = load_own_data(name)
    load = partial(load_own_dataset, name)
    return DatasetInfo(name, data.title, data.task, _list_splits(data), LICENCE, load)


def _list_splits(data: OwnData) -> tuple[SplitInfo, ...]:
    splits = []
    for name in SPLIT_NAMES:
        if data.num_images(name):
            use, badge, note = _SPLITS[name]
            splits.append(SplitInfo(name, use, f"{data.title}, {name}", badge, note))
    return tuple(splits)
