"""OpenCV's trained cascades, loaded from the package that brings them."""

from pathlib import Path

import cv2

from facecore.detection_options import CASCADES
from facecore.errors import DetectorError


def load_cascade(name: str) -> cv2.CascadeClassifier:
    """Load a cascade by its key in ``CASCADES``; each instance is for one thread only.

    Raises:
        DetectorError: if this OpenCV has no cascades, or the file is missing or unreadable.
    """
    if not hasattr(cv2, "CascadeClassifier"):
        raise DetectorError(
            f"OpenCV {cv2.__version__} has no Haar cascades; install version 4 of it."
        )
    path = Path(cv2.__file__).parent / "data" / CASCADES[name]
    cascade = cv2.CascadeClassifier(str(path)) if path.is_file() else None
    if cascade is None or cascade.empty():
        raise DetectorError(
            f"The face cascade {path.name} is missing from OpenCV {cv2.__version__} or unreadable; "
            "reinstall opencv-python-headless (4.14 or newer, below 5)."
        )
    return cascade
