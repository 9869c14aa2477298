"""One's own faces, sorted into folders: <task>_folders/<split>/<label>/*.jpg."""

from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np

from facecore.datasets_common import FaceDataset, data_dir, find_first, tell_data_dirs
from facecore.datasets_files import PICTURE_ENDINGS, hash_files, read_image_file
from facecore.datasets_info import DatasetInfo, SplitInfo, check_split
from facecore.errors import DatasetNotFoundError, InvalidDatasetError
from facecore.labels import LABELS, Task
from facecore.preprocessing import UInt8Array

LICENCE = "Your own pictures"
SPLITS = (
    SplitInfo("train", "fit", "Own folders, train", "training images", "The folder train."),
    SplitInfo(
        "validation",
        "choose",
        "Own folders, validation",
        "used for choosing",
        "The folder validation, without pictures that stand in test too.",
    ),
    SplitInfo("test", "report", "Own folders, test", "held-out images", "The folder test."),
)
_SPLIT_FOLDERS = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid"),
    "test": ("test", "testing"),
}

# Folder names in lower case that mean one of our labels, beside the label itself.
ALIASES = {
    "anger": "angry",
    "disgusted": "disgust",
    "fearful": "fear",
    "happiness": "happy",
    "sadness": "sad",
    "surprised": "surprise",
    "male": "man",
    "men": "man",
    "female": "woman",
    "women": "woman",
}


def get_name(task: Task) -> str:
    """Return the data set's name, which is its folder's too: "expression_folders"."""
    return f"{task}_folders"


def load_folders(task: Task, split: str, root: Path | None = None) -> FaceDataset:
    """Read one split of pictures that are sorted by label, each cropped to one face.

    ``excluded`` counts the pictures that also stand in a later split, and those that stand under
    two labels.

    Args:
        task: what the folders' names say.
        split: "train", "validation" or "test".
        root: data folder, in which ``<task>_folders`` lies; default: ``data_dir()``.

    Raises:
        DatasetNotFoundError: if the split's folder is missing.
        InvalidDatasetError: if a folder's name is no label of the task, or there are no pictures.
        DatasetError: if there is no such split.
    """
    check_split(get_name(task), split, SPLITS)
    folder = (root or data_dir()) / get_name(task)
    if _find_split(folder, split) is None:
        raise DatasetNotFoundError(
            f"There is no folder {folder / split}{tell_data_dirs(folder.parent)}: "
            "put pictures of faces there, in one folder per "
            f"label: {', '.join(LABELS[task])}."
        )
    files = _list_pictures(folder, split, task)
    digests = hash_files([path for path, _ in files])
    names = [info.name for info in SPLITS]
    later = {
        digest
        for name in names[names.index(split) + 1 :]
        for digest in hash_files([path for path, _ in _list_pictures(folder, name, task)])
    }
    labels: dict[str, set[str]] = {}
    for (_, label), digest in zip(files, digests, strict=True):
        labels.setdefault(digest, set()).add(label)
    kept: list[tuple[Path, str]] = []
    excluded: Counter[str] = Counter()
    for file, digest in zip(files, digests, strict=True):
        if digest in later:
            excluded["in a later split too"] += 1
        elif len(labels[digest]) > 1:
            excluded["two labels"] += 1
        else:
            kept.append(file)
    if not kept:
        raise InvalidDatasetError(
            f"There are no pictures to use in {folder / split}; expected files ending in "
            f"{', '.join(sorted(PICTURE_ENDINGS))} in one folder per label."
        )

    def image(i: int) -> UInt8Array:
        return read_image_file(kept[i][0])

    return FaceDataset(
        name=get_name(task),
        split=split,
        task=task,
        labels=LABELS[task],
        sample_ids=np.array([path.relative_to(folder).as_posix() for path, _ in kept]),
        y_true=np.array([LABELS[task].index(label) for _, label in kept], dtype=np.int16),
        image=image,
        excluded=dict(excluded),
    )


def _find_split(folder: Path, split: str) -> Path | None:
    return find_first([folder / name for name in _SPLIT_FOLDERS[split]])


def _list_pictures(folder: Path, split: str, task: Task) -> list[tuple[Path, str]]:
    """Return each picture of a split with its label; nothing if the split has no folder."""
    parent = _find_split(folder, split)
    files: list[tuple[Path, str]] = []
    for child in sorted(parent.iterdir() if parent else ()):
        if not child.is_dir() or child.name.startswith("."):
            continue
        name = child.name.lower()
        label = ALIASES.get(name, name)
        if label not in LABELS[task]:
            raise InvalidDatasetError(
                f"The folder {child} is named after no {task}; expected one of "
                f"{', '.join(LABELS[task])}: rename it, or move it away."
            )
        pictures = (
            path
            for path in child.rglob("*")
            # macOS puts "._a.jpg" with notes beside "a.jpg".
            if path.suffix.lower() in PICTURE_ENDINGS and not path.name.startswith(".")
        )
        files.extend((path, label) for path in sorted(pictures))
    return files


EXPRESSION_INFO, GENDER_INFO = (
    DatasetInfo(
        get_name(task), f"Own folders ({task})", task, SPLITS, LICENCE, partial(load_folders, task)
    )
    for task in LABELS
)
