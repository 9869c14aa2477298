"""The faces behind a number: the images of one cell of a matrix, and likely label errors."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from facecore.comparison import ComparedModel, Comparison
from facecore.datasets import FaceDataset
from facecore.datasets_ferplus import TIE, VOTE_COLUMNS
from facecore.errors import InvalidDatasetError
from facecore.images import encode_image
from facecore.preprocessing import UInt8Array

DATASETS_WITH_VOTES = ("fer2013", "ferplus")
"""Data sets whose sample ids are rows of FER+'s votes."""


def select_cell(
    comparison: Comparison, model: str, truth: str | None = None, predicted: str | None = None
) -> npt.NDArray[np.int64]:
    """Return the images of one cell of a network's matrix, the most confident answer first.

    Args:
        comparison: of which the network is one.
        model: the network's bundle name.
        truth: canonical name of the labelled class; None for every class.
        predicted: canonical name of the network's answer; None for every answer.

    Returns:
        int64 array of rows of the comparison.
    """
    answers = comparison.model(model)
    kept = np.ones(len(comparison.y_true), dtype=np.bool_)
    if truth is not None:
        kept &= comparison.y_true == comparison.labels.index(truth)
    if predicted is not None:
        kept &= answers.predicted == comparison.labels.index(predicted)
    rows = np.flatnonzero(kept).astype(np.int64)
    confidence = answers.probs[rows].max(axis=1)
    return np.asarray(rows[np.argsort(-confidence, kind="stable")], dtype=np.int64)


def find_worst_cell(model: ComparedModel) -> tuple[str, str]:
    """Return the most frequent mistake: (labelled, predicted), canonical names."""
    counts = model.table.to_array()
    np.fill_diagonal(counts, -1)
    truth, predicted = np.unravel_index(counts.argmax(), counts.shape)
    return model.labels[int(truth)], model.labels[int(predicted)]


def encode_samples(
    dataset: FaceDataset, sample_ids: Sequence[str], labels: Sequence[str]
) -> list[bytes]:
    """Return pictures of a data set as PNG files, in the order of the ids.

    Args:
        dataset: the split that was evaluated.
        sample_ids: which pictures.
        labels: what the evaluation says that each is labelled; a check that the data set at hand
            is the evaluated one, and not another version of it.

    Raises:
        InvalidDatasetError: if the data set lacks a picture or labels it otherwise.
    """
    return [encode_image(image, "png") for image in load_samples(dataset, sample_ids, labels)]


def load_samples(
    dataset: FaceDataset, sample_ids: Sequence[str], labels: Sequence[str]
) -> list[UInt8Array]:
    """Return pictures as ``encode_samples`` does, as uint8 arrays (h, w) or (h, w, 3) BGR.

    Raises:
        InvalidDatasetError: if the data set lacks a picture or labels it otherwise.
    """
    positions = {sample_id: i for i, sample_id in enumerate(dataset.sample_ids.tolist())}
    images = []
    for sample_id, label in zip(sample_ids, labels, strict=True):
        i = positions.get(sample_id)
        if i is None or dataset.labels[dataset.y_true[i]] != label:
            raise InvalidDatasetError(
                f"Picture '{sample_id}' of {dataset.name} {dataset.split} is not the one that was "
                f"evaluated (labelled {label}), so the files at hand are another version; put the "
                "original ones into the data folder, or evaluate the models again."
            )
        images.append(dataset.image(i))
    return images


def find_label_errors(comparison: Comparison, votes: pd.DataFrame) -> pd.DataFrame:
    """Return images that every network and the FER+ crowd read otherwise than their label.

    A tie of the crowd is no objection to the label; votes for "unknown" or "not a face" are.

    Args:
        comparison: on FER-2013 or a part of it.
        votes: from ``load_votes(comparison.sample_ids)``.

    Returns:
        One row per image: "row" (of the comparison), "sample_id", "label", "crowd" (its majority),
        "crowd_votes", "label_votes" (of ten each), "models_with_crowd" (how many networks answer
        what the crowd saw), then per network "<name>" (its answer) and "<name>_confidence" (0-1),
        and the votes of all ten choices. Where most networks are with most of the crowd stands
        first.
    """
    names = np.array(comparison.labels)
    label = names[comparison.y_true]
    crowd = votes["majority"].to_numpy(dtype=str)
    wrong = (crowd != label) & (crowd != TIE)
    for model in comparison.models:
        wrong &= ~model.correct
    rows = np.flatnonzero(wrong)
    counts = votes[list(VOTE_COLUMNS)].to_numpy()[rows]
    columns = {name: i for i, name in enumerate(VOTE_COLUMNS)}
    each = np.arange(len(rows))
    answers = {model.name: names[model.predicted[rows]] for model in comparison.models}
    table = pd.DataFrame(
        {
            "row": rows,
            "sample_id": comparison.sample_ids[rows],
            "label": label[rows],
            "crowd": crowd[rows],
            "crowd_votes": counts[each, [columns[name] for name in crowd[rows]]],
            "label_votes": counts[each, [columns[name] for name in label[rows]]],
            "models_with_crowd": sum(
                (answer == crowd[rows] for answer in answers.values()), np.zeros(len(rows), int)
            ),
        }
    )
    for model in comparison.models:
        table[model.name] = answers[model.name]
        table[f"{model.name}_confidence"] = model.probs[rows].max(axis=1)
    table[[f"votes_{name}" for name in VOTE_COLUMNS]] = counts
    order = ["models_with_crowd", "crowd_votes", "label_votes"]
    table = table.sort_values(order, ascending=[False, False, True], kind="stable")
    return table.reset_index(drop=True)


def count_reclassified(comparison: Comparison, label: str) -> pd.DataFrame:
    """Return how networks without a class read the images that another recognises as it.

    The paper's Figure 5.6.3 shows this for three images of Disgust.

    Args:
        comparison: of networks of which some have the class and some lack it.
        label: canonical name of the class.

    Returns:
        Index: canonical class names; one column of counts per network that lacks the class, named
        by its title. No columns where there is nothing to tell.
    """
    models = comparison.models
    is_labelled = comparison.y_true == comparison.labels.index(label)
    knowing = [model for model in models if label in model.card.labels]
    rows = is_labelled & np.any([model.correct for model in knowing], axis=0)
    table = pd.DataFrame(index=pd.Index(comparison.labels))
    for model in models:
        if knowing and label not in model.card.labels:
            table[model.title] = np.bincount(
                model.predicted[rows], minlength=len(comparison.labels)
            )
    return table
