"""The 2019 paper's own figures (sections 5.2-5.7, Appendix I and II), as package data.

``paper_tables.json`` keeps the paper's orientation, rows = predicted class; loading turns every
matrix to rows = truth and every class to its canonical name. Its counts are rebuilt: each is the
only whole number that rounds to the printed percentage of its column.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from facecore.comparison import ConfusionTable
from facecore.comparison_totals import TotalPercentages, sum_differences
from facecore.labels import EXPRESSIONS

_FILE = Path(__file__).with_name("paper_tables.json")
_ADJECTIVES = {"disgusted": "disgust", "fearful": "fear", "surprised": "surprise"}


@dataclass(frozen=True, slots=True)
class CorrectedCell:
    """A cell that the paper misprints: its column as printed adds to 113 %, not to 100 %.

    Args:
        model: 1, 2 or 3.
        labelled: canonical name of the labelled class.
        predicted: canonical name of the predicted class.
        printed_percent: as printed, of the labelled class.
        percent: what it must have been, the middle of the range.
        count: the same as a number of images.
        count_range: the lowest and highest number of images that fit the paper's totals.
    """

    model: int
    labelled: str
    predicted: str
    printed_percent: float
    percent: float
    count: int
    count_range: tuple[int, int]


@dataclass(frozen=True, slots=True)
class SolvayFace:
    """What one of the paper's models said of one numbered face (Appendix I); fractions 0-1."""

    person: int
    expression: str
    expression_confidence: float
    gender: str
    gender_confidence: float


@dataclass(frozen=True, slots=True)
class PaperModel:
    """One of the paper's three expression models.

    Args:
        number: 1, 2 or 3.
        table: counts on the whole data set, training images included; rows = truth.
        classwise_percent: labelled class -> percent of it that goes to each class, in the order of
            ``EXPRESSIONS``, as printed save for the corrected cells (Appendix II).
        total_percent: percent of all images given to each class, as printed (Figure 5.7.1).
        total_difference: the printed sum of differences from the actual percentages.
        validation_accuracy: fraction 0-1 that the paper reports.
        best_epoch: the kept epoch of 100.
        eye_test: expected expression -> what the model said (Figure 5.6.2).
        solvay: its answers for the 28 faces found in the group photo (Appendix I).
    """

    number: int
    table: ConfusionTable
    classwise_percent: Mapping[str, tuple[float, ...]]
    total_percent: tuple[float, ...]
    total_difference: float
    validation_accuracy: float
    best_epoch: int
    eye_test: Mapping[str, str]
    solvay: tuple[SolvayFace, ...]

    @property
    def title(self) -> str:
        """As charts and tables name it."""
        return self.table.title


@dataclass(frozen=True, slots=True)
class Paper:
    """Everything that the comparison page shows of the paper.

    Args:
        models: its three expression models.
        actual_percent: the labels' percentages as printed, in the order of ``EXPRESSIONS``.
        stated_images: the number of images that the paper states and divides by.
        corrected: the misprinted cells.
        split: parts used to train and to validate, in percent.
        epochs: how many epochs each model was trained.
        gender_accuracy: fraction 0-1 of the gender network on IMDB's validation part.
    """

    models: tuple[PaperModel, ...]
    actual_percent: tuple[float, ...]
    stated_images: int
    corrected: tuple[CorrectedCell, ...]
    split: str
    epochs: int
    gender_accuracy: float

    @property
    def tables(self) -> tuple[ConfusionTable, ...]:
        """The matrices of the three models on all images."""
        return tuple(model.table for model in self.models)

    def select_tables(self, labels: Collection[str]) -> tuple[ConfusionTable, ...]:
        """Return the matrices of the images that have one of these labels.

        Answers of other classes to them stay: without the images labelled Disgust, Model 1 still
        calls 49 images Disgust.
        """
        left_out = set(EXPRESSIONS) - set(labels)
        return tuple(table.without_images_of(left_out) for table in self.tables)

    def find_corrected(self, table_title: str) -> tuple[CorrectedCell, ...]:
        """Return the corrected cells of the table with this title; none for other tables."""
        numbers = {model.title: model.number for model in self.models}
        return tuple(c for c in self.corrected if c.model == numbers.get(table_title))

    def printed_totals(self) -> tuple[TotalPercentages, ...]:
        """Return Figure 5.7.1 as printed, its summed differences computed from the percentages."""
        actual = dict(zip(EXPRESSIONS, self.actual_percent, strict=True))
        totals = []
        for model in self.models:
            predicted = dict(zip(EXPRESSIONS, model.total_percent, strict=True))
            summed = sum_differences(predicted, actual)
            totals.append(TotalPercentages(model.title, actual, predicted, summed))
        return tuple(totals)


@cache
def load_paper() -> Paper:
    """Return the paper's figures; read once per process."""
    data = json.loads(_FILE.read_text(encoding="utf-8"))
    order = [_canonical(name) for name in data["class_order"]]
    totals, headline = data["figure_5_7_1_total_percent"], data["headline_accuracies"]
    return Paper(
        models=tuple(_to_model(data, order, number) for number in (1, 2, 3)),
        actual_percent=_sort_by_class(totals["actual"], order),
        stated_images=data["dataset_counts"]["paper_stated_total"],
        corrected=tuple(_to_corrected(cell) for cell in data["corrected_cells"]),
        split=headline["split"],
        epochs=headline["expression_epochs"],
        gender_accuracy=headline["gender_imdb_validation"] / 100,
    )


def _to_model(data: Mapping[str, Any], order: Sequence[str], number: int) -> PaperModel:
    key = f"model{number}"
    totals, headline = data["figure_5_7_1_total_percent"], data["headline_accuracies"]
    counts = data["confusion_counts_reconstructed"][key]
    columns = {label: [row[i] for row in counts] for i, label in enumerate(order)}
    classwise = data["appendix_ii_classwise_percent"]
    return PaperModel(
        number=number,
        table=ConfusionTable(
            title=f"Paper: Model {number}",
            labels=EXPRESSIONS,
            counts=tuple(_sort_by_class(columns[label], order) for label in EXPRESSIONS),
        ),
        classwise_percent={
            _canonical(name): _sort_by_class(part["percent"][key], order)
            for name, part in classwise.items()
        },
        total_percent=_sort_by_class(totals[key], order),
        total_difference=totals["total_difference"][key],
        validation_accuracy=headline[f"{key}_validation"] / 100,
        best_epoch=headline[f"{key}_best_epoch"],
        eye_test={
            _canonical(row[0]): _canonical(row[number])
            for row in data["figure_5_6_2_eye_test"]["rows"]
        },
        solvay=tuple(
            SolvayFace(
                person=face["person"],
                expression=_canonical(face["expression"]),
                expression_confidence=face["expression_confidence"],
                gender=_canonical(face["gender"]),
                gender_confidence=face["gender_confidence"],
            )
            for face in data["appendix_i_solvay"][key]["persons"]
        ),
    )


def _to_corrected(cell: Mapping[str, Any]) -> CorrectedCell:
    low, high = cell["count_range"]
    return CorrectedCell(
        model=cell["model"],
        labelled=_canonical(cell["labelled"]),
        predicted=_canonical(cell["predicted"]),
        printed_percent=cell["printed"],
        percent=cell["reconstructed_percent"],
        count=cell["reconstructed_count"],
        count_range=(low, high),
    )


def _sort_by_class(values: Sequence[Any], order: Sequence[str]) -> tuple[Any, ...]:
    """Return values given in the paper's alphabetical order in the order of ``EXPRESSIONS``."""
    return tuple(values[order.index(label)] for label in EXPRESSIONS)


def _canonical(name: str) -> str:
    """Return ``"angry"`` for ``"Angry"`` and ``"fear"`` for ``"Fearful"``."""
    return _ADJECTIVES.get(name.lower(), name.lower())
