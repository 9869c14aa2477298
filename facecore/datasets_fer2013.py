"""FER-2013: 35,887 grey faces of 48x48 pixels in seven expressions (ICML 2013 challenge)."""

import lzma
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from facecore.datasets_common import FaceDataset, data_dir, find_first, tell_data_dirs
from facecore.datasets_info import DatasetInfo, SplitInfo, check_split
from facecore.errors import DatasetNotFoundError, InvalidDatasetError
from facecore.labels import EXPRESSIONS
from facecore.preprocessing import UInt8Array

NAME = "fer2013"
ALL = "all"
SPLITS = (
    SplitInfo(
        "train",
        "fit",
        "FER-2013 Training",
        "training images",
        "The images that the networks were fitted on, without those that are pixel-identical to "
        "one of PublicTest or PrivateTest.",
    ),
    SplitInfo(
        "validation",
        "choose",
        "FER-2013 PublicTest",
        "used for choosing",
        "PublicTest without the images that stand in PrivateTest too. No weights were fitted on "
        "it, but epoch and temperature were chosen on it, so it flatters a little.",
    ),
    SplitInfo(
        "test",
        "report",
        "FER-2013 PrivateTest",
        "held-out images",
        "The challenge's final test images; nothing was fitted or chosen on them.",
    ),
    SplitInfo(
        ALL,
        "overview",
        "FER-2013, all images",
        "contains training images",
        "Every image of FER-2013, as in the paper's tables. Four of five are images that the "
        "networks were fitted on, so these figures say nothing about new faces.",
    ),
)
LICENCE = "Kaggle 2013 challenge: research use; the pictures belong to their owners"

# Codes of the csv's "emotion" column, which differ from folders in alphabetical order.
CSV_LABELS = EXPRESSIONS
_FILES = ("fer2013.csv", "fer2013.csv.xz", "fer2013/fer2013.csv", "icml_face_data.csv")
USAGES = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}
_SIDE = 48


def load_fer2013(split: str, root: Path | None = None) -> FaceDataset:
    """Read one split; pictures that stand in two splits stay in the later one only.

    "train" is Training without the pictures that are pixel-identical to one of PublicTest or
    PrivateTest; "validation" is PublicTest without those of PrivateTest; "test" is PrivateTest;
    "all" is every row of the csv in its order, training pictures and copies included: what a
    network scores on it says little, and nothing may be chosen on it. There, the attribute "usage"
    is the csv's own split.

    Args:
        split: "train", "validation", "test" or "all".
        root: data folder; default: ``data_dir()``.

    Raises:
        DatasetNotFoundError: if the csv is in none of the known places.
        InvalidDatasetError: if it does not have Kaggle's layout.
        DatasetError: if there is no such split.
    """
    check_split(NAME, split, SPLITS)
    root = root or data_dir()
    path = find_first([root / name for name in _FILES])
    if path is None:
        raise DatasetNotFoundError(
            f"FER-2013 is not in {root}{tell_data_dirs(root)}: "
            "download fer2013.csv from Kaggle's 'Challenges in "
            "Representation Learning: Facial Expression Recognition' and put it there."
        )
    images, codes, splits = _read_csv(path, path.stat().st_mtime_ns)
    rows = _rows_without_copies(images, splits, split)
    kept = images[rows]

    def image(i: int) -> UInt8Array:
        return np.asarray(kept[i])

    return FaceDataset(
        name=NAME,
        split=split,
        task="expression",
        labels=CSV_LABELS,
        sample_ids=rows.astype(np.str_),
        y_true=codes[rows],
        image=image,
        attributes={"usage": splits[rows]} if split == ALL else {},
    )


def _rows_without_copies(
    images: UInt8Array, splits: npt.NDArray[np.str_], split: str
) -> npt.NDArray[np.int64]:
    if split == ALL:
        return np.arange(len(splits))
    rows = np.flatnonzero(splits == split)
    names = [info.name for info in SPLITS]
    later = np.flatnonzero(np.isin(splits, names[names.index(split) + 1 :]))
    seen = {images[row].tobytes() for row in later}
    return np.array([row for row in rows if images[row].tobytes() not in seen], dtype=np.int64)


# Reading takes 8 s, and one run needs several splits. The time stamp notices a new file.
@lru_cache(maxsize=1)
def _read_csv(
    path: Path, mtime_ns: int
) -> tuple[UInt8Array, npt.NDArray[np.int16], npt.NDArray[np.str_]]:
    del mtime_ns
    try:
        table = pd.read_csv(path).rename(columns=str.strip)
        # As they are: made whole numbers, a missing one would be 0, which is a label.
        codes = table["emotion"].to_numpy(dtype=np.float64)
        splits = table["Usage"].map(USAGES)
        if splits.isna().any() or not np.isin(codes, range(len(CSV_LABELS))).all():
            raise ValueError("an unknown emotion or usage")
        images = _parse_pixels([str(text) for text in table["pixels"]])
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        EOFError,
        OSError,
        lzma.LZMAError,
    ) as error:
        raise InvalidDatasetError(
            f"{path} is not FER-2013 as Kaggle publishes it ({error}): expected the columns "
            "emotion (0-6), pixels (2304 numbers) and Usage; download it again."
        ) from error
    return images, codes.astype(np.int16), splits.to_numpy(dtype=np.str_)


def _parse_pixels(texts: list[str]) -> UInt8Array:
    """Return uint8 array of shape (n, 48, 48) from numbers with spaces between them."""
    num = _SIDE * _SIDE
    for row, text in enumerate(texts):
        # Counting spaces is fast; a picture that lacks one would else take the next one's first.
        if text.count(" ") != num - 1 and len(text.split()) != num:
            raise ValueError(f"picture {row} has {len(text.split())} pixels")
    # Wider than they shall be, so that 300 does not become 44.
    pixels = np.fromstring(" ".join(texts), dtype=np.int16, sep=" ")
    if pixels.size and not 0 <= pixels.min() <= pixels.max() <= 255:
        raise ValueError("a pixel below 0 or above 255")
    return pixels.astype(np.uint8).reshape(len(texts), _SIDE, _SIDE)


INFO = DatasetInfo(NAME, "FER-2013", "expression", SPLITS, LICENCE, load_fer2013)
