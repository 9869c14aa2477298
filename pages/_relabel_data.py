"""What the Relabel page reads: pictures, their queue, what networks and the crowd say of them."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from facecore.datasets import DATASETS, FaceDataset, data_dir, get_dataset_info, load_dataset
from facecore.datasets_ferplus import VOTE_COLUMNS, VOTES_FILE, load_votes
from facecore.drilldown import DATASETS_WITH_VOTES
from facecore.errors import DatasetError
from facecore.own_data_store import is_own_dataset, list_own_data
from facecore.preprocessing import to_batch
from facecore.registry import list_cards
from facecore.relabel_predictions import OutOfSample, load_predictions_for, predictions_path
from facecore.relabel_queue import build_queue
from facecore.relabel_scan import PictureScan, scan_pictures
from facecore.user_files import user_data_dir
from pages._cache import stamp
from pages._ui import load_classifiers


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """The training pictures of a data set and what makes their labels doubtful.

    Args:
        dataset: the pictures.
        scan: which are equal, blank, alike.
        predictions: out of sample; None where nobody has made them.
        votes: the crowd's; None where it did not vote.
        queue: of ``build_queue``.
        problems: sentences on what could not be read.
    """

    dataset: FaceDataset
    scan: PictureScan
    predictions: OutOfSample | None
    votes: pd.DataFrame | None
    queue: pd.DataFrame
    problems: tuple[str, ...]

    @property
    def is_judged(self) -> bool:
        """Whether networks or the crowd said what they see; copies and blanks are found always."""
        return self.predictions is not None or self.votes is not None

    def row_of(self, image: str) -> int:
        """Return the data set's row of a picture that is in the queue."""
        return int(self.queue.loc[self.queue["sample_id"] == image, "row"].item())

    def label_of(self, row: int) -> str:
        """Return what a picture is labelled."""
        return self.dataset.labels[self.dataset.y_true[row]]

    def probs_of(self, row: int) -> dict[str, float]:
        """Return label -> probability out of sample; empty without predictions."""
        if self.predictions is None:
            return {}
        return dict(zip(self.dataset.labels, self.predictions.probs[row].tolist(), strict=True))

    def votes_of(self, row: int) -> dict[str, int]:
        """Return choice -> votes of the crowd; empty where it did not vote."""
        return {} if self.votes is None else self.votes.iloc[row][list(VOTE_COLUMNS)].to_dict()


def describe_doubt(material: Material) -> str:
    """Return a sentence on how many labels are doubtful, as far as anybody has looked at them."""
    num, total = len(material.queue), f"{len(material.dataset):,} training pictures"
    if material.is_judged:
        return f"{num:,} of {total} are doubtful."
    if num:
        return f"{num:,} of {total} are doubtful for being blank or copies, without a network."
    return f"The labels of {total} have not been looked at by a network."


def describe_judging(name: str) -> str:
    """Return how networks come to say which labels of a data set are doubtful."""
    return (
        "Whoever runs this server can have it done; each picture is then judged by a network that "
        f"had not seen it: `python training/cross_validate.py --dataset {name}`"
    )


def list_titles() -> dict[str, str]:
    """Return the data sets that have training pictures, name -> title, the users' own last."""
    shipped = {
        name: info.title
        for name, info in DATASETS.items()
        if any(split.use == "fit" for split in info.splits)
    }
    return shipped | {data.name: data.title for data in list_own_data()}


def open_material(name: str) -> Material:
    """Return what is known of a data set's training pictures; read again when a file has changed.

    Raises:
        DatasetError: if its files are missing or damaged.
    """
    split = get_dataset_info(name).fit_split
    folder = user_data_dir() / name if is_own_dataset(name) else data_dir()
    files = (folder, folder / VOTES_FILE, predictions_path(name, split))
    return _load_material(name, split, folder, tuple(map(stamp, files)))


@st.cache_resource(show_spinner="Looking at every picture, some seconds once …", max_entries=3)
def _load_material(name: str, split: str, folder: Path, stamps: tuple[object, ...]) -> Material:
    dataset = load_dataset(name, split)
    problems = []
    predictions, votes = None, None
    try:
        predictions = load_predictions_for(dataset)
    except DatasetError as error:
        problems.append(str(error))
    if name in DATASETS_WITH_VOTES:
        try:
            votes = load_votes(dataset.sample_ids.tolist())
        except DatasetError as error:
            problems.append(str(error))
    scan = scan_pictures(dataset)
    queue = build_queue(dataset, scan, predictions, votes)
    return Material(dataset, scan, predictions, votes, queue, tuple(problems))


def ask_models(material: Material, row: int) -> dict[str, dict[str, float]]:
    """Return title -> label -> probability of every model that is offered for pictures.

    Raises:
        ModelError: if a network is damaged.
    """
    cards = list_cards(task=material.dataset.task, role="general")
    answers = {}
    # A network is kept open with the card it had then; its title may have changed since.
    for card, classifier in zip(cards, load_classifiers(*(c.name for c in cards)), strict=True):
        probs = classifier.predict_proba(to_batch([material.dataset.image(row)], card.input))[0]
        answers[card.title] = dict(zip(card.labels, probs.tolist(), strict=True))
    return answers
