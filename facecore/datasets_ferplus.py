"""FER+: ten votes of a crowd for each picture of FER-2013 (Barsoum et al., 2016).

The pictures, their order and so their sample ids are FER-2013's; only the labels are new.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from facecore.datasets_common import FaceDataset, data_dir, tell_data_dirs
from facecore.datasets_fer2013 import USAGES, load_fer2013
from facecore.datasets_info import DatasetInfo, SplitInfo, check_split
from facecore.errors import DatasetNotFoundError, InvalidDatasetError
from facecore.labels import EXPRESSIONS

NAME = "ferplus"
_NOTE = (
    "labelled with what most of ten people saw. Left out are ties and images in which most saw "
    "contempt, something unknown or no face."
)
SPLITS = (
    SplitInfo(
        "validation",
        "choose",
        "FER+ majority, PublicTest",
        "crowd's labels, used for choosing",
        f"FER-2013's PublicTest images without those that stand in PrivateTest too, {_NOTE}",
    ),
    SplitInfo(
        "test",
        "report",
        "FER+ majority, PrivateTest",
        "crowd's labels, held-out images",
        f"FER-2013's PrivateTest images, {_NOTE}",
    ),
)
LICENCE = "Votes: MIT (Microsoft FERPlus); pictures: FER-2013's terms"
VOTES_FILE = "fer2013new.csv"

# The csv's columns by our names; the order of the file differs from FER-2013's codes.
CSV_COLUMNS = {
    "anger": "angry",
    "disgust": "disgust",
    "fear": "fear",
    "happiness": "happy",
    "sadness": "sad",
    "surprise": "surprise",
    "neutral": "neutral",
    "contempt": "contempt",
    "unknown": "unknown",
    "NF": "not_a_face",
}
VOTE_COLUMNS = tuple(CSV_COLUMNS.values())
TIE = "tie"


def load_votes(sample_ids: Sequence[str], root: Path | None = None) -> pd.DataFrame:
    """Return the crowd's votes for pictures of FER-2013.

    Args:
        sample_ids: of the data sets "fer2013" or "ferplus".
        root: data folder; default: ``data_dir()``.

    Returns:
        One row per id, in their order, with the ids as index: the int columns ``VOTE_COLUMNS``
        (``EXPRESSIONS``, then contempt, unknown, not_a_face), and "majority": the choice with the
        most votes, or "tie".

    Raises:
        DatasetNotFoundError: if the votes' csv is missing.
        InvalidDatasetError: if it does not have FER+'s layout, or lacks one of the pictures.
    """
    path = (root or data_dir()) / VOTES_FILE
    if not path.is_file():
        raise DatasetNotFoundError(
            f"FER+ is not in {path.parent}{tell_data_dirs(path.parent)}: "
            f"download {VOTES_FILE} from "
            "github.com/microsoft/FERPlus and put it there, beside fer2013.csv."
        )
    votes, _ = _read_votes(path, path.stat().st_mtime_ns)
    ids = pd.Index([str(sample_id) for sample_id in sample_ids], dtype=object)
    if not ids.isin(votes.index).all():
        missing = ids[~ids.isin(votes.index)][0]
        raise InvalidDatasetError(
            f"{path} has no votes for the picture '{missing}' of FER-2013 (it has {len(votes):,} "
            "rows); expected one row per picture, in the same order: download both again."
        )
    return votes.loc[ids]


@lru_cache(maxsize=1)
def _read_votes(path: Path, mtime_ns: int) -> tuple[pd.DataFrame, npt.NDArray[np.str_]]:
    """Return the votes and FER-2013's name of each row's split."""
    del mtime_ns
    try:
        table = pd.read_csv(path)
        votes = table[list(CSV_COLUMNS)].rename(columns=CSV_COLUMNS).astype(np.int64)
        splits = table["Usage"].map(USAGES)
        if splits.isna().any() or (votes < 0).any(axis=None):
            raise ValueError("an unknown usage or a negative number of votes")
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise InvalidDatasetError(
            f"{path} is not FER+ as Microsoft publishes it ({error}): expected the columns Usage, "
            f"{', '.join(CSV_COLUMNS)}; download it again."
        ) from error
    votes.index = pd.Index([str(row) for row in range(len(votes))], dtype=object)
    counts = votes.to_numpy()
    is_tied = (counts == counts.max(axis=1, keepdims=True)).sum(axis=1) > 1
    winners = np.array(VOTE_COLUMNS, dtype=object)[counts.argmax(axis=1)]
    votes["majority"] = np.where(is_tied, TIE, winners)
    return votes, splits.to_numpy(dtype=np.str_)


def load_ferplus(split: str, root: Path | None = None) -> FaceDataset:
    """Read one split with the crowd's majority as label.

    The pictures are those of FER-2013's split of the same name. Kept are those on which one of its
    seven expressions has more votes than any other choice; ``excluded`` counts the others by what
    the crowd chose: a tie, contempt, unknown or not a face.

    Args:
        split: "validation" or "test".
        root: data folder; default: ``data_dir()``.

    Raises:
        DatasetNotFoundError: if FER-2013 or the votes are missing.
        InvalidDatasetError: if one of them is damaged, or they do not belong together.
        DatasetError: if there is no such split.
    """
    check_split(NAME, split, SPLITS)
    pictures = load_fer2013(split, root)
    table = load_votes(pictures.sample_ids.tolist(), root)
    path = (root or data_dir()) / VOTES_FILE
    _, splits = _read_votes(path, path.stat().st_mtime_ns)
    if (splits[pictures.sample_ids.astype(np.int64)] != split).any():
        raise InvalidDatasetError(
            f"{path} and FER-2013 differ in which rows are {split}, so the votes are not this "
            "file's; expected the same rows in the same order: download both again."
        )
    majority = table["majority"]
    rows = np.flatnonzero(majority.isin(EXPRESSIONS).to_numpy())
    kept = pictures.select(rows)
    others = majority[~majority.isin(EXPRESSIONS)].value_counts()
    codes = [EXPRESSIONS.index(label) for label in majority.iloc[rows]]
    return FaceDataset(
        name=NAME,
        split=split,
        task="expression",
        labels=EXPRESSIONS,
        sample_ids=kept.sample_ids,
        y_true=np.array(codes, dtype=np.int16),
        image=kept.image,
        excluded={str(reason): int(num) for reason, num in others.items()},
    )


INFO = DatasetInfo(NAME, "FER+ majority", "expression", SPLITS, LICENCE, load_ferplus)
