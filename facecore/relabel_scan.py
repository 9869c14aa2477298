"""One look at every picture of a split: which are equal, blank, or alike."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facecore.datasets_common import FaceDataset
from facecore.likeness import THUMB_LENGTH, is_blank, make_thumb
from facecore.progress import OnProgress


@dataclass(frozen=True, slots=True, eq=False)
class PictureScan:
    """What is known of the pictures of a split without any network.

    Args:
        copies: int64 array of shape (n,): a number per picture, equal for equal pixels.
        is_blank: bool array of shape (n,).
        thumbs: float32 array of shape (n, 256), rows of mean 0 and length 1; 0 where blank.
    """

    copies: npt.NDArray[np.int64]
    is_blank: npt.NDArray[np.bool_]
    thumbs: npt.NDArray[np.float32]

    def find_alike(self, row: int, num: int) -> list[tuple[int, float]]:
        """Return the rows of the most similar pictures with their cosine, best first.

        Args:
            row: the picture.
            num: how many others.
        """
        cosines = self.thumbs @ self.thumbs[row]
        cosines[row] = -np.inf
        best = np.argsort(-cosines, kind="stable")[: min(num, len(cosines) - 1)]
        return [(int(other), float(cosines[other])) for other in best]


def scan_pictures(dataset: FaceDataset, on_progress: OnProgress | None = None) -> PictureScan:
    """Read every picture once.

    Args:
        dataset: the split.
        on_progress: called with pictures done and in all; raising from it ends the work.

    Raises:
        DatasetError: if a picture cannot be read.
    """
    numbers: dict[tuple[tuple[int, ...], bytes], int] = {}
    copies = np.zeros(len(dataset), dtype=np.int64)
    blank = np.zeros(len(dataset), dtype=np.bool_)
    thumbs = np.zeros((len(dataset), THUMB_LENGTH), dtype=np.float32)
    for row in range(len(dataset)):
        image = dataset.image(row)
        copies[row] = numbers.setdefault((image.shape, image.tobytes()), len(numbers))
        blank[row] = is_blank(image)
        if not blank[row]:
            thumbs[row] = make_thumb(image)
        if on_progress is not None:
            on_progress(row + 1, len(dataset))
    return PictureScan(copies, blank, thumbs)
