"""UTKFace: 23,708 aligned faces whose file names say age, gender and group.

Zhang, Song and Qi, 2017; https://susanqq.github.io/UTKFace/
"""

import re
from collections import Counter
from pathlib import Path

import numpy as np

from facecore.datasets_common import FaceDataset, data_dir, find_first, tell_data_dirs, to_age_range
from facecore.datasets_files import (
    assign_split,
    describe_assigned_splits,
    hash_files,
    read_image_file,
)
from facecore.datasets_info import DatasetInfo, check_split
from facecore.errors import DatasetNotFoundError, InvalidDatasetError
from facecore.labels import GENDERS
from facecore.preprocessing import UInt8Array

NAME = "utkface"
TITLE = "UTKFace"
LICENCE = "Non-commercial research only; the pictures belong to their owners"
SPLITS = describe_assigned_splits(TITLE, "identical pictures")

# 0 is male here, while IMDB's 0 is female.
FILE_CODES = (GENDERS.index("man"), GENDERS.index("woman"))
GROUPS = ("White", "Black", "Asian", "Indian", "Other")

_FOLDERS = ("UTKFace", "utkface", "utkface_aligned_cropped")
# The pictures "in the wild" lack the second ending: they are no face crops.
_ENDING = ".chip.jpg"
_FILE_NAME = re.compile(r"(\d{1,3})_([01])_([0-4])_\d+\.jpg\.chip\.jpg")


def load_utkface(split: str, root: Path | None = None) -> FaceDataset:
    """Read one split, labelled man or woman; attributes "group" and "age" (in FairFace's ranges).

    UTKFace has no splits and names no people: the aligned and cropped pictures are divided by
    their content, eight to one to one. ``excluded`` counts those with an incomplete file name (the
    published set has a few) and those that stand there under two genders.

    Args:
        split: "train", "validation" or "test".
        root: data folder; default: ``data_dir()``.

    Raises:
        DatasetNotFoundError: if there is no folder of that name.
        InvalidDatasetError: if it holds no pictures as published.
        DatasetError: if there is no such split.
    """
    check_split(NAME, split, SPLITS)
    root = root or data_dir()
    folder = find_first([root / name for name in _FOLDERS])
    if folder is None:
        raise DatasetNotFoundError(
            f"UTKFace is not in {root}{tell_data_dirs(root)}: "
            "download the aligned and cropped faces from "
            f"susanqq.github.io/UTKFace and unpack them as {_FOLDERS[0]}/ there."
        )
    paths = sorted(folder.rglob(f"*{_ENDING}"))
    digests = hash_files(paths)
    own = [(p, d) for p, d in zip(paths, digests, strict=True) if assign_split(d) == split]
    labels = {path: match for path, _ in own if (match := _FILE_NAME.fullmatch(path.name))}
    if not labels:
        raise InvalidDatasetError(
            f"{folder} holds no {split} pictures of UTKFace ({len(paths)} files end in {_ENDING}); "
            "expected names such as 26_1_3_20170104165129.jpg.chip.jpg: get the aligned and "
            "cropped faces."
        )
    genders: dict[str, set[str]] = {}
    for path, digest in own:
        if path in labels:
            genders.setdefault(digest, set()).add(labels[path][2])
    kept = [path for path, digest in own if path in labels and len(genders[digest]) == 1]
    excluded = Counter(
        {"incomplete file name": len(own) - len(labels), "two genders": len(labels) - len(kept)}
    )

    def image(i: int) -> UInt8Array:
        return read_image_file(kept[i])

    return FaceDataset(
        name=NAME,
        split=split,
        task="gender",
        labels=GENDERS,
        sample_ids=np.array([path.relative_to(folder).as_posix() for path in kept]),
        y_true=np.array([FILE_CODES[int(labels[path][2])] for path in kept], dtype=np.int16),
        image=image,
        attributes={
            "group": np.array([GROUPS[int(labels[path][3])] for path in kept]),
            "age": np.array([to_age_range(int(labels[path][1])) for path in kept]),
        },
        excluded=dict(+excluded),
    )


INFO = DatasetInfo(NAME, TITLE, "gender", SPLITS, LICENCE, load_utkface)
