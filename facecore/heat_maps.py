"""Drawing a heat map over a face."""

import cv2
import numpy as np
import numpy.typing as npt

from facecore.labels import to_rgb
from facecore.preprocessing import UInt8Array

FOR_COLOR = "#E69F00"
AGAINST_COLOR = "#0072B2"
"""Orange and blue of the Okabe-Ito set, which colour-blind readers can tell apart."""

_SIDE_PX = 320
_STRONGEST = 0.75  # the face still shows under the strongest field


def draw_heat_map(
    crop: UInt8Array, heat: npt.NDArray[np.float32], side_px: int = _SIDE_PX
) -> UInt8Array:
    """Lay a heat map over the grey face: orange where it is positive, blue where it is negative.

    Args:
        crop: what the network saw, uint8 array of shape (h, w, 3) BGR or (h, w); is not changed.
        heat: float32 array of shape (rows, columns) over the whole crop, -1 to 1.
        side_px: length of the result's longer side.

    Returns:
        uint8 array of shape (H, W, 3), BGR.
    """
    scale = side_px / max(crop.shape[:2])
    size_wh = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
    gray = crop if crop.ndim == 2 else cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    face = cv2.resize(gray, size_wh, interpolation=cv2.INTER_CUBIC).astype(np.float32)[..., None]
    smooth = np.clip(cv2.resize(heat, size_wh, interpolation=cv2.INTER_CUBIC), -1, 1)[..., None]
    towards, away = (np.array(to_rgb(c)[::-1], np.float32) for c in (FOR_COLOR, AGAINST_COLOR))
    share = np.abs(smooth) * _STRONGEST
    drawn = face * (1 - share) + np.where(smooth > 0, towards, away) * share
    return np.asarray(np.rint(drawn), dtype=np.uint8)
