"""Small drawn faces for the tests of bringing pictures and training on them."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

SIDE = 40


def draw_face(kind: int, seed: int) -> np.ndarray:
    """Return a grey picture, uint8 (40, 40): the mouth tells the kind, the rest is random."""
    rng = np.random.default_rng(seed)
    image = np.asarray(rng.integers(60, 200, (5, 5)), dtype=np.uint8)
    image = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    cv2.circle(image, (20, 20), 15, int(rng.integers(150, 250)), -1)
    for x in (14, 26):
        cv2.circle(image, (x, 16), 2, 20, -1)
    ends = {0: (20, 160), 1: (200, 340)}.get(kind % 3)
    centre = (20, 24 if kind % 3 == 0 else 31)
    if ends is None:
        cv2.line(image, (13, 28), (27, 28), 10, 2)
    else:
        cv2.ellipse(image, centre, (8, 5), 0, *ends, 10, 2)
    noise = rng.normal(0, 6, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def write_folders(
    folder: Path, num_per_label: Mapping[str, int], prefix: str = "", seed: int = 0
) -> None:
    """Write ``<folder>/<label>/<prefix><i>.png``."""
    for kind, (label, num) in enumerate(num_per_label.items()):
        (folder / label).mkdir(parents=True, exist_ok=True)
        for i in range(num):
            image = draw_face(kind, 10_000 * kind + seed + i)
            cv2.imwrite(str(folder / label / f"{prefix}{i}.png"), image)


def make_zip(num_per_label: Mapping[str, int]) -> io.BytesIO:
    """Return a ZIP of the same."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for kind, (label, num) in enumerate(num_per_label.items()):
            for i in range(num):
                png = cv2.imencode(".png", draw_face(kind, 10_000 * kind + i))[1]
                archive.writestr(f"{label}/{i}.png", png.tobytes())
    data.seek(0)
    return data
