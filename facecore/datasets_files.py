"""What data sets of single picture files share: reading, recognising copies, dividing."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from facecore.datasets_info import SplitInfo
from facecore.errors import InvalidDatasetError
from facecore.preprocessing import UInt8Array

PICTURE_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
_TENTHS = ("test", "validation")  # the other eight are "train"


def read_image_file(path: Path) -> UInt8Array:
    """Return a picture as uint8 array of shape (H, W, 3), BGR.

    Raises:
        InvalidDatasetError: if the file is missing or no picture.
    """
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise InvalidDatasetError(
            f"The picture {path} cannot be read ({error}); get the data set again."
        ) from error
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if image is None:
        raise InvalidDatasetError(f"{path} is no picture; get the data set again or remove it.")
    return np.asarray(image, dtype=np.uint8)


def hash_files(paths: Sequence[Path]) -> list[str]:
    """Return the SHA-256 of each file, as 64 hexadecimal digits."""
    return [_hash_file(path, path.stat().st_mtime_ns) for path in paths]


# One run needs several splits, and each looks at every file.
@lru_cache(maxsize=200_000)
def _hash_file(path: Path, mtime_ns: int) -> str:
    del mtime_ns
    return hashlib.sha256(path.read_bytes()).hexdigest()


def assign_split(key: str) -> str:
    """Divide at random but for good: 8 of 10 keys are "train", 1 "validation", 1 "test".

    The split hangs on the key alone, so it stays the same when pictures are added or lost.

    Args:
        key: what must not be divided, such as a person or a picture's hash.
    """
    digit = int(hashlib.sha256(key.encode()).hexdigest(), 16) % 10
    return _TENTHS[digit] if digit < len(_TENTHS) else "train"


def describe_assigned_splits(title: str, unit: str) -> tuple[SplitInfo, ...]:
    """Return the splits of a data set that ``assign_split`` divides.

    Args:
        title: of the data set.
        unit: what is never divided, in the plural.
    """
    how = f"by a fixed rule that keeps {unit} on one side"
    return (
        SplitInfo("train", "fit", f"{title} train", "training images", f"Eight tenths, {how}."),
        SplitInfo(
            "validation",
            "choose",
            f"{title} validation",
            "used for choosing",
            f"A tenth, set aside {how}, for choosing epoch and temperature.",
        ),
        SplitInfo(
            "test",
            "report",
            f"{title} test",
            "held-out images",
            f"A tenth, set aside {how}, for the final report.",
        ),
    )
