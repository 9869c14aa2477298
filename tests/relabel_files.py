"""A small FER-2013 with one picture of every doubtful kind, for the tests of relabelling.

Training has ten pictures per expression, in the order of the labels. The first happy one is a copy
of the first angry one, the last neutral one is blank, and the crowd sees the second and third sad
ones as neutral (eight of ten), the fourth as no face (nine of ten).
"""

from pathlib import Path

import numpy as np
import pandas as pd

from facecore.datasets_ferplus import CSV_COLUMNS
from facecore.labels import EXPRESSIONS

PER_CLASS = 10
COPIED, COPY = "0", str(EXPRESSIONS.index("happy") * PER_CLASS)
SAD = EXPRESSIONS.index("sad") * PER_CLASS
AS_NEUTRAL, NO_FACE = (str(SAD + 1), str(SAD + 2)), str(SAD + 3)
BLANK = str(len(EXPRESSIONS) * PER_CLASS - 1)
DOUBTFUL = {COPIED, COPY, *AS_NEUTRAL, NO_FACE, BLANK}
USAGES = {"Training": PER_CLASS, "PublicTest": 3, "PrivateTest": 1}


def write_faces(folder: Path) -> None:
    """Write fer2013.csv and FER+'s votes into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    rows, votes = [], []
    pictures: dict[str, np.ndarray] = {}
    for usage, num in USAGES.items():
        for code, label in enumerate(EXPRESSIONS):
            for _ in range(num):
                image_id = str(len(rows))
                pixels = rng.integers(0, 60, 48 * 48) + 25 * code
                if image_id == COPY:
                    pixels = pictures[COPIED]
                if image_id == BLANK:
                    pixels = np.full(48 * 48, 255)
                pictures[image_id] = pixels
                seen, num_votes = label, 7
                if image_id in AS_NEUTRAL:
                    seen, num_votes = "neutral", 8
                if image_id == NO_FACE:
                    seen, num_votes = "not_a_face", 9
                counts = {name: num_votes * (ours == seen) for name, ours in CSV_COLUMNS.items()}
                counts["unknown"] += 10 - num_votes
                rows.append({"emotion": code, "pixels": " ".join(map(str, pixels)), "Usage": usage})
                votes.append({"Usage": usage, **counts})
    pd.DataFrame(rows).to_csv(folder / "fer2013.csv", index=False)
    pd.DataFrame(votes).to_csv(folder / "fer2013new.csv", index=False)
