"""What a comparison consists of: networks, their answers on the same images, their matrices."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from facecore.datasets_info import HELD_OUT
from facecore.evaluation_metrics import Scores
from facecore.evaluation_report import Predictions
from facecore.registry import ModelCard

View = Literal["all", "known"]
"""All images, or (the fair view) only those whose class every compared network has."""

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ConfusionTable:
    """Counts of images by what they are labelled and what they were predicted to be.

    Args:
        title: whose answers: "Model 1", "Paper: Model 1".
        labels: canonical names, canonical order.
        counts: rows are the truth, columns the predictions.
    """

    title: str
    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        size = len(self.labels)
        if len(self.counts) != size or any(len(row) != size for row in self.counts):
            raise ValueError(f"counts must be {size} rows of {size}")

    def to_array(self) -> npt.NDArray[np.int64]:
        """Return the counts as int64 array of shape (num_classes, num_classes)."""
        return np.array(self.counts, dtype=np.int64)

    def fractions(self, of: Literal["labelled", "predicted"]) -> npt.NDArray[np.float64]:
        """Return each count as a share, float64 of the same shape, rows = truth.

        Args:
            of: of the images labelled so (rows sum to 1) or predicted so (columns sum to 1); nan
                where there are none.
        """
        counts = self.to_array().astype(np.float64)
        totals = counts.sum(axis=1 if of == "labelled" else 0, keepdims=True)
        shares = np.full(counts.shape, np.nan)
        np.divide(counts, totals, out=shares, where=totals > 0)
        return shares

    @property
    def labelled_totals(self) -> dict[str, int]:
        """How many images have each label."""
        return dict(zip(self.labels, self.to_array().sum(axis=1).tolist(), strict=True))

    @property
    def predicted_totals(self) -> dict[str, int]:
        """How many images were predicted to be each label."""
        return dict(zip(self.labels, self.to_array().sum(axis=0).tolist(), strict=True))

    @property
    def total(self) -> int:
        """How many images."""
        return sum(map(sum, self.counts))

    def without_images_of(self, labels: Collection[str]) -> "ConfusionTable":
        """Leave out the images of some classes: the fair view of a table.

        Their rows are empty then; answers of these classes to other images stay.
        """
        counts = tuple(
            (0,) * len(row) if label in labels else row
            for label, row in zip(self.labels, self.counts, strict=True)
        )
        return replace(self, counts=counts)


@dataclass(frozen=True, slots=True, order=True)
class EvaluationKey:
    """Which images: a data set and one of its splits."""

    dataset: str
    split: str

    @classmethod
    def from_folder(cls, name: str) -> "EvaluationKey":
        """Take an evaluation's folder name apart, which is a card's name for it too."""
        if name.endswith(f"_{HELD_OUT}"):
            return cls(name.removesuffix(f"_{HELD_OUT}"), HELD_OUT)
        dataset, _, split = name.rpartition("_")
        return cls(dataset, split)


@dataclass(frozen=True, slots=True)
class TrainingEpoch:
    """One row of history.csv: losses, accuracies as fractions, and the time it took."""

    epoch: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    duration_s: float


@dataclass(frozen=True, slots=True, eq=False)
class ComparedModel:
    """One network's answers on the images of a comparison.

    Args:
        card: of the network.
        title: short, for the head of a column; differs between the compared networks.
        labels: the comparison's classes.
        y_true: int64 array of shape (n,) into ``labels``.
        probs: float64 array of shape (n, len(labels)); a class that the network lacks has 0.
        predictions: the same rows as stored, with the data set's own order of classes.
        scores: on these rows.
        images_per_s: speed of the evaluation, loading included; None where it was not measured.
        history: its training, epoch by epoch; empty where it was not recorded.
    """

    card: ModelCard
    title: str
    labels: tuple[str, ...]
    y_true: IntArray
    probs: FloatArray
    predictions: Predictions
    scores: Scores
    images_per_s: float | None
    history: tuple[TrainingEpoch, ...]

    @property
    def name(self) -> str:
        """The bundle's name."""
        return self.card.name

    @property
    def predicted(self) -> IntArray:
        """The likeliest class of each image: int64 array of shape (n,) into ``labels``."""
        answers: IntArray = np.argmax(self.probs, axis=1)
        return answers

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Bool array of shape (n,)."""
        return np.asarray(self.predicted == self.y_true)

    @property
    def table(self) -> ConfusionTable:
        """The confusion matrix."""
        return ConfusionTable(self.title, self.labels, self.scores.confusion)


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Networks on the same images.

    Args:
        dataset: name of the data set.
        split: of the data set.
        view: which of its images.
        labels: the classes that can be the answer, in canonical order. In the fair view one of
            them may have no images: a network can answer "disgust" where no image shows it.
        scored_labels: the classes that images of this view may show.
        sample_ids: str array of shape (n,).
        y_true: int64 array of shape (n,) into ``labels``.
        num_left_out: images of the split that the view leaves out.
        excluded: reason -> images of the split that the data set has no label for, such as ties.
        models: in the order asked for.
    """

    dataset: str
    split: str
    view: View
    labels: tuple[str, ...]
    scored_labels: tuple[str, ...]
    sample_ids: npt.NDArray[np.str_]
    y_true: IntArray
    num_left_out: int
    excluded: Mapping[str, int]
    models: tuple[ComparedModel, ...]

    def model(self, name: str) -> ComparedModel:
        """Return the network of that bundle name; ``ValueError`` if it is not compared."""
        for model in self.models:
            if model.name == name:
                return model
        raise ValueError(f"{name!r} is not among {[m.name for m in self.models]}")
