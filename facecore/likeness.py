"""What tells blank and similar pictures without any network."""

import cv2
import numpy as np
import numpy.typing as npt

from facecore.preprocessing import UInt8Array

THUMB_LENGTH = 256
_THUMB_SIDE = 16
_BLANK_SPREAD = 4.0  # standard deviation of the grey values; FER-2013's blank images are below 1


def is_blank(image: UInt8Array) -> bool:
    """Tell whether nothing but one colour is seen on an image of shape (H, W) or (H, W, 3)."""
    return float(image.std()) < _BLANK_SPREAD


def make_thumb(image: UInt8Array) -> npt.NDArray[np.float32]:
    """Return numbers that hardly change when a picture is saved anew; products are correlations.

    Args:
        image: uint8 array of shape (H, W), or (H, W, 3) in BGR.

    Returns:
        float32 array of shape (``THUMB_LENGTH``,) with mean 0 and length 1.
    """
    gray = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(gray, (_THUMB_SIDE, _THUMB_SIDE), interpolation=cv2.INTER_AREA)
    values = small.astype(np.float32).ravel()
    values -= values.mean()
    return np.asarray(values / max(float(np.linalg.norm(values)), 1e-6), dtype=np.float32)
