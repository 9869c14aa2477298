"""IMDB-crop of IMDB-WIKI: 460,723 faces of 20,284 actors (Rothe, Timofte and Van Gool, 2018).

https://data.vision.ee.ethz.ch/cvl/rrothe/imdb-wiki/
"""

import zlib
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from facecore.datasets_common import FaceDataset, data_dir, find_first, tell_data_dirs, to_age_range
from facecore.datasets_files import assign_split, describe_assigned_splits, read_image_file
from facecore.datasets_info import DatasetInfo, check_split
from facecore.errors import DatasetNotFoundError, InvalidDatasetError
from facecore.labels import GENDERS
from facecore.preprocessing import UInt8Array

NAME = "imdb_crop"
TITLE = "IMDB-crop"
LICENCE = "Academic research only; the pictures belong to their owners"
SPLITS = describe_assigned_splits(TITLE, "all pictures of a person")

# 0 is female here, while UTKFace's 0 is male; nan is unknown.
MAT_CODES = {0.0: GENDERS.index("woman"), 1.0: GENDERS.index("man")}
MIN_FACE_SCORE = 1.0
"""The detector's score below which a crop is often no face or a wrong one."""

UNKNOWN_AGE = "unknown"
_OLDEST = 100
_FILES = ("imdb_crop/imdb.mat", "imdb.mat")
_FIELDS = (
    "dob",
    "photo_taken",
    "full_path",
    "gender",
    "face_score",
    "second_face_score",
    "celeb_id",
)
_EPOCH = 719_529  # MATLAB's number of 1 January 1970
_DAYS_PER_YEAR = 365.2425


def load_imdb_crop(
    split: str, root: Path | None = None, min_face_score: float = MIN_FACE_SCORE
) -> FaceDataset:
    """Read one split, labelled man or woman; attribute "age" (FairFace's ranges, or "unknown").

    All pictures of a person stand in one split, eight to one to one by people. ``excluded`` counts
    the pictures without a gender, without a face that is sure enough, with a second face (whose
    may be the label), and those whose file is missing.

    Args:
        split: "train", "validation" or "test".
        root: data folder; default: ``data_dir()``.
        min_face_score: least score of the data set's own detector.

    Raises:
        DatasetNotFoundError: if imdb.mat is in none of the known places.
        InvalidDatasetError: if it does not have the published layout, or no picture is left.
        DatasetError: if there is no such split.
    """
    check_split(NAME, split, SPLITS)
    root = root or data_dir()
    path = find_first([root / name for name in _FILES])
    if path is None:
        raise DatasetNotFoundError(
            f"IMDB-crop is not in {root}{tell_data_dirs(root)}: "
            "download imdb_crop.tar (faces only, 7 GB) from "
            "data.vision.ee.ethz.ch/cvl/rrothe/imdb-wiki and unpack it there, so that "
            f"{_FILES[0]} and the folders 00 to 99 stand in it."
        )
    table = _read_mat(path, path.stat().st_mtime_ns)
    table = table[table["split"] == split]
    reasons = np.select(
        [
            ~table["gender"].isin(list(MAT_CODES)),
            ~(table["face_score"] >= min_face_score) | np.isinf(table["face_score"]),
            table["second_face_score"].notna(),
            ~np.array([(path.parent / name).is_file() for name in table["full_path"]], dtype=bool),
        ],
        ["gender unknown", "no sure face", "second face", "file missing"],
        "",
    )
    kept = table[reasons == ""]
    if kept.empty:
        raise InvalidDatasetError(
            f"None of the {len(table):,} {split} pictures that {path} names can be used; expected "
            f"them in folders beside it, such as {path.parent / '00'}: unpack imdb_crop.tar again."
        )
    names = kept["full_path"].tolist()

    def image(i: int) -> UInt8Array:
        return read_image_file(path.parent / names[i])

    return FaceDataset(
        name=NAME,
        split=split,
        task="gender",
        labels=GENDERS,
        sample_ids=np.array(names, dtype=np.str_),
        y_true=kept["gender"].map(MAT_CODES).to_numpy(dtype=np.int16),
        image=image,
        attributes={"age": kept["age"].to_numpy(dtype=np.str_)},
        excluded=dict(Counter(reason for reason in reasons.tolist() if reason)),
    )


# Half a million rows take long to read, and one run needs several splits.
@lru_cache(maxsize=1)
def _read_mat(path: Path, mtime_ns: int) -> pd.DataFrame:
    """Return one row per picture: the columns ``_FIELDS``, "age" and "split"."""
    del mtime_ns
    try:
        content: Any = loadmat(path, simplify_cells=True, variable_names=["imdb"])["imdb"]
        table = pd.DataFrame({name: np.atleast_1d(content[name]) for name in _FIELDS})
        numbers = [name for name in _FIELDS if name != "full_path"]
        table[numbers] = table[numbers].astype(np.float64)
        if not table["full_path"].map(lambda name: isinstance(name, str)).all():
            raise ValueError("a full_path that is no text")
    except (
        MatReadError,
        NotImplementedError,
        ValueError,
        KeyError,
        TypeError,
        IndexError,
        OSError,
        zlib.error,
    ) as error:
        raise InvalidDatasetError(
            f"{path} is not the metadata of IMDB-crop as published ({error}): expected a struct "
            f"'imdb' with the fields {', '.join(_FIELDS)}; unpack imdb_crop.tar again."
        ) from error
    table["age"] = _compute_ages(table["dob"].to_numpy(), table["photo_taken"].to_numpy())
    people = table["celeb_id"].astype(np.int64)
    table["split"] = people.map({person: assign_split(f"{person}") for person in people.unique()})
    return table


def _compute_ages(
    born: npt.NDArray[np.float64], year_taken: npt.NDArray[np.float64]
) -> npt.NDArray[np.str_]:
    """Return age ranges; a photo counts as taken on 1 July, as the data set's authors have it."""
    year_index = np.nan_to_num(year_taken).astype(np.int64) - 1970
    taken = year_index.astype("datetime64[Y]").astype("datetime64[M]") + np.timedelta64(6, "M")
    days = taken.astype("datetime64[D]").astype(np.int64) - (np.nan_to_num(born) - _EPOCH)
    years = np.floor(days / _DAYS_PER_YEAR).astype(np.int64)
    return np.array([to_age_range(y) if 0 <= y <= _OLDEST else UNKNOWN_AGE for y in years])


INFO = DatasetInfo(NAME, TITLE, "gender", SPLITS, LICENCE, load_imdb_crop)
