"""Decisions that clear majorities of the FER+ crowd justify, on training pictures only."""

import numpy as np
import pandas as pd

from facecore.datasets_common import FaceDataset
from facecore.datasets_ferplus import VOTE_COLUMNS
from facecore.errors import CorrectionsError
from facecore.labels import EXPRESSIONS
from facecore.relabel_decisions import NOT_A_FACE, Decision

WHO = "FER+ crowd"
WHEN = "2016"
"""The year of the votes (Barsoum et al., 2016): the same command writes the same bytes."""

CROWD_FILE = "crowd.csv"
"""What the decisions are called where nothing else is said; ``find_corrections`` finds it."""

NUM_VOTERS = 10
MIN_VOTES = 6  # of ten: only more than half is a majority


def decide_by_votes(
    dataset: FaceDataset, votes: pd.DataFrame, least_votes: int = 7
) -> list[Decision]:
    """Return a decision for each picture that enough of the crowd saw otherwise than its label.

    Enough votes for contempt or "unknown" decide nothing: these are no labels here.

    Args:
        dataset: FER-2013's pictures, with FER-2013's labels.
        votes: from ``load_votes(dataset.sample_ids)``.
        least_votes: how many of the ten must agree on one of the seven expressions, or on "not a
            face"; 6 to 10.

    Raises:
        CorrectionsError: for another number of votes.
    """
    if not MIN_VOTES <= least_votes <= NUM_VOTERS:
        raise CorrectionsError(
            f"{least_votes} of {NUM_VOTERS} votes are no clear majority; take {MIN_VOTES} to "
            f"{NUM_VOTERS}."
        )
    counts = votes[list(VOTE_COLUMNS)].to_numpy()
    winners = np.array(VOTE_COLUMNS)[counts.argmax(axis=1)]
    labels = np.array(dataset.labels)[dataset.y_true]
    decides = np.isin(winners, [*EXPRESSIONS, NOT_A_FACE]) & (winners != labels)
    rows = np.flatnonzero(decides & (counts.max(axis=1) >= least_votes))
    return [
        Decision(str(dataset.sample_ids[row]), str(labels[row]), str(winners[row]), WHO, WHEN)
        for row in rows
    ]
