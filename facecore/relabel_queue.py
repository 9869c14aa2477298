"""The queue of doubtful labels: which pictures, why, and what they may show instead."""

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pandas as pd

from facecore.datasets_common import FaceDataset
from facecore.datasets_ferplus import TIE, VOTE_COLUMNS
from facecore.relabel_decisions import NOT_A_FACE
from facecore.relabel_predictions import OutOfSample
from facecore.relabel_scan import PictureScan

REASONS = {
    "network": "networks that had not seen it doubt the label",
    "crowd": "most of the FER+ crowd saw something else",
    "copies": "the same picture has another label too",
    "blank": "nothing can be seen on it",
}
"""Why a picture is in the queue, in words."""


def build_queue(
    dataset: FaceDataset,
    scan: PictureScan,
    predictions: OutOfSample | None = None,
    votes: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the doubtful pictures of a split, the most doubtful first.

    Args:
        dataset: the split.
        scan: of the same split.
        predictions: out-of-sample, for the same split; None where there are none.
        votes: from ``load_votes(dataset.sample_ids)``; None where there are none.

    Returns:
        One row per picture: "row" (of the data set), "sample_id", "label"; "seen" (what most
        reasons say that it shows; the label itself where they say nothing); bool columns named as
        in ``REASONS``; "num_reasons"; "quality" (0-1, probability of the label out of sample; nan
        without predictions). Pictures with more reasons stand first, then those of less quality.
    """
    names = np.array(dataset.labels, dtype=object)
    label = names[dataset.y_true]
    num = len(dataset)
    table = pd.DataFrame(
        {
            "row": np.arange(num),
            "sample_id": dataset.sample_ids.astype(object),
            "label": label,
            "seen": label,
            "blank": scan.is_blank,
            "copies": False,
            "crowd": False,
            "network": False,
            "quality": np.nan,
        }
    )
    # From the weakest word to the strongest: the later one overwrites what is seen.
    other = _find_other_labels(dataset, scan)
    table["copies"] = other >= 0
    table.loc[other >= 0, "seen"] = names[other[other >= 0]]
    if predictions is not None:
        table["network"], table["quality"] = predictions.is_issue, predictions.quality
        answers = names[predictions.probs.argmax(axis=1)]
        table.loc[predictions.is_issue, "seen"] = answers[predictions.is_issue]
    if votes is not None:
        majority = votes["majority"].to_numpy(dtype=object)
        table["crowd"] = (majority != label) & (majority != TIE)
        # The crowd may have seen contempt or something unknown, which is no label to suggest.
        known = table["crowd"].to_numpy() & np.isin(
            majority.astype(str), [*dataset.labels, NOT_A_FACE]
        )
        table.loc[known, "seen"] = majority[known]
    table.loc[table["blank"], "seen"] = NOT_A_FACE
    table["num_reasons"] = table[list(REASONS)].sum(axis=1)
    table["strength"] = 0 if votes is None else votes[list(VOTE_COLUMNS)].max(axis=1).to_numpy()
    table = table[table["num_reasons"] > 0].sort_values(
        ["num_reasons", "quality", "strength"], ascending=[False, True, False], kind="stable"
    )
    return table.drop(columns="strength").reset_index(drop=True)


def filter_queue(
    queue: pd.DataFrame,
    reasons: Collection[str] = tuple(REASONS),
    label: str | None = None,
    seen: str | None = None,
) -> pd.DataFrame:
    """Return the part of a queue with one of these reasons, and with this label and suggestion.

    Args:
        queue: from ``build_queue``.
        reasons: keys of ``REASONS``.
        label: canonical name; None for every label.
        seen: what the picture may show; None for everything.
    """
    kept = queue[list(reasons)].any(axis=1) if reasons else pd.Series(False, index=queue.index)
    if label is not None:
        kept &= queue["label"] == label
    if seen is not None:
        kept &= queue["seen"] == seen
    return queue[kept]


def _find_other_labels(dataset: FaceDataset, scan: PictureScan) -> npt.NDArray[np.int64]:
    """Return per picture the label that an equal one carries; -1 where none has another."""
    other = np.full(len(dataset), -1, dtype=np.int64)
    table = pd.DataFrame({"copy": scan.copies, "code": dataset.y_true})
    table = table[~scan.is_blank]
    mixed = table.groupby("copy")["code"].transform("nunique") > 1
    for _, group in table[mixed].groupby("copy"):
        counts = group["code"].value_counts(sort=False).sort_index()
        for row, code in group["code"].items():
            other[row] = int(counts.drop(code).idxmax())
    return other
