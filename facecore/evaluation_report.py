"""Predictions on a split, the report that follows from them, and both as files."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from facecore.errors import InvalidReportError
from facecore.evaluation_groups import GroupView, compute_group_views, to_group_view
from facecore.evaluation_metrics import ClassMetrics, ReliabilityBin, Scores, compute_scores
from facecore.label_sets import check_words
from facecore.registry import EVALUATIONS_DIR, ModelCard
from facecore.untrusted_files import load_arrays, load_json, shorten
from facecore.user_files import changing

REPORT_FILE = "report.json"
PREDICTIONS_FILE = "predictions.npz"
REPORT_SCHEMA_VERSION = 1
_FLIP = "flip_probs"
_ATTRIBUTE = "attribute_"  # begins the names of the arrays that hold attributes


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """A network's answers on one split.

    Args:
        sample_ids: str array of shape (n,).
        labels: the data set's class names, which ``y_true`` points into.
        y_true: int16 array of shape (n,).
        columns: the network's class names.
        probs: float32 array of shape (n, len(columns)).
        attributes: what else the data set knows of each picture, such as "age" or "group"; str
            arrays of shape (n,).
        flip_probs: like ``probs``, each the mean of a picture and its mirror image; None where
            that was not computed.
    """

    sample_ids: npt.NDArray[np.str_]
    labels: tuple[str, ...]
    y_true: npt.NDArray[np.int16]
    columns: tuple[str, ...]
    probs: npt.NDArray[np.float32]
    attributes: Mapping[str, npt.NDArray[np.str_]] = field(default_factory=dict)
    flip_probs: npt.NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        n = len(self.y_true)
        if n == 0 or self.probs.shape != (n, len(self.columns)) or len(self.sample_ids) != n:
            raise ValueError(
                f"{n} labels, {len(self.sample_ids)} ids and {self.probs.shape} probabilities of "
                f"{len(self.columns)} classes do not fit together"
            )
        if set(self.columns) - set(self.labels):
            raise ValueError(f"columns {self.columns} are not all among {self.labels}")
        if not 0 <= self.y_true.min() <= self.y_true.max() < len(self.labels):
            raise ValueError(f"labels must be 0-{len(self.labels) - 1}")
        if self.flip_probs is not None and self.flip_probs.shape != self.probs.shape:
            raise ValueError(f"{self.flip_probs.shape} do not fit together with {self.probs.shape}")
        if wrong := [name for name, values in self.attributes.items() if len(values) != n]:
            raise ValueError(f"the attributes {wrong} do not fit together with {n} labels")

    @property
    def knows_all(self) -> bool:
        """Whether the network has every class of the data set."""
        return set(self.columns) == set(self.labels)

    def aligned_probs(self) -> npt.NDArray[np.float64]:
        """Return probabilities of shape (n, len(labels)); a class the network lacks has 0."""
        aligned = np.zeros((len(self.y_true), len(self.labels)))
        aligned[:, [self.labels.index(name) for name in self.columns]] = self.probs
        return aligned

    def known_only(self) -> "Predictions":
        """Return the pictures whose class the network has."""
        codes = np.array(
            [self.columns.index(name) if name in self.columns else -1 for name in self.labels]
        )
        y_true = codes[self.y_true].astype(np.int16)
        kept = np.flatnonzero(y_true >= 0)
        return replace(self.select(kept), labels=self.columns, y_true=y_true[kept])

    def select(self, rows: npt.NDArray[np.int64]) -> "Predictions":
        """Return these pictures in this order; at least one."""
        return replace(
            self,
            sample_ids=self.sample_ids[rows],
            y_true=self.y_true[rows],
            probs=self.probs[rows],
            attributes={name: values[rows] for name, values in self.attributes.items()},
            flip_probs=None if self.flip_probs is None else self.flip_probs[rows],
        )

    def flipped(self) -> "Predictions | None":
        """Return the averages of pictures and mirror images as the answers, if there are any."""
        if self.flip_probs is None:
            return None
        return replace(self, probs=self.flip_probs, flip_probs=None)


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """One network on one split.

    Args:
        model: the bundle's name.
        model_title: as shown to people.
        model_sha256: of the network that was evaluated.
        dataset: name of the data set.
        split: of the data set.
        scores: on all classes of the data set; a class the network lacks is always wrong.
        known_scores: on the classes the network knows; None where it knows all.
        images_per_s: speed of the evaluation, loading included; None where it was not measured.
        excluded: reason -> how many pictures of the split could not be scored for it.
        groups: results by group, where the data set knows more than the label.
        flip_scores: like ``scores``, with the answers for pictures and mirror images averaged;
            None where that was not computed. A second figure: the headline is ``scores``.
        known_flip_scores: the same on the classes the network knows.
    """

    model: str
    model_title: str
    model_sha256: str
    dataset: str
    split: str
    scores: Scores
    known_scores: Scores | None = None
    images_per_s: float | None = None
    excluded: Mapping[str, int] = field(default_factory=dict)
    groups: tuple[GroupView, ...] = ()
    flip_scores: Scores | None = None
    known_flip_scores: Scores | None = None
    schema_version: int = REPORT_SCHEMA_VERSION


def compute_report(
    predictions: Predictions,
    card: ModelCard,
    dataset: str,
    split: str,
    images_per_s: float | None = None,
    excluded: Mapping[str, int] | None = None,
) -> EvaluationReport:
    """Compute the report of a network's predictions.

    Args:
        predictions: of the network that the card describes.
        card: gives name and checksum.
        dataset: name of the data set.
        split: of the data set.
        images_per_s: measured speed, if any.
        excluded: reason -> how many pictures of the split the data set left out for it.
    """
    flipped = predictions.flipped()
    return EvaluationReport(
        model=card.name,
        model_title=card.title,
        model_sha256=card.sha256,
        dataset=dataset,
        split=split,
        scores=_compute_scores(predictions),
        known_scores=_compute_known_scores(predictions),
        images_per_s=images_per_s,
        excluded=dict(excluded or {}),
        groups=compute_group_views(
            predictions.labels,
            predictions.y_true.astype(np.int64),
            predictions.aligned_probs().argmax(axis=1),
            predictions.attributes,
        ),
        flip_scores=None if flipped is None else _compute_scores(flipped),
        known_flip_scores=None if flipped is None else _compute_known_scores(flipped),
    )


def _compute_scores(predictions: Predictions) -> Scores:
    return compute_scores(
        predictions.labels,
        predictions.y_true.astype(np.int64),
        predictions.aligned_probs(),
        predictions.knows_all,
    )


def _compute_known_scores(predictions: Predictions) -> Scores | None:
    return None if predictions.knows_all else _compute_scores(predictions.known_only())


def evaluation_dir(bundle: Path, dataset: str, split: str) -> Path:
    """Return the folder of one evaluation."""
    return bundle / EVALUATIONS_DIR / f"{dataset}_{split}"


def save_evaluation(folder: Path, report: EvaluationReport, predictions: Predictions) -> None:
    """Write report.json and predictions.npz; each appears whole or not at all.

    Raises:
        StorageError: if they cannot be written.
    """
    arrays: dict[str, Any] = {
        "sample_ids": predictions.sample_ids,
        "labels": np.array(predictions.labels),
        "y_true": predictions.y_true,
        "columns": np.array(predictions.columns),
        "probs": predictions.probs,
    }
    if predictions.flip_probs is not None:
        arrays[_FLIP] = predictions.flip_probs
    arrays |= {f"{_ATTRIBUTE}{name}": values for name, values in predictions.attributes.items()}
    with changing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{PREDICTIONS_FILE}.part"
        with part.open("wb") as file:
            np.savez_compressed(file, **arrays)
        part.replace(folder / PREDICTIONS_FILE)
        part = folder / f"{REPORT_FILE}.part"
        part.write_text(json.dumps(asdict(report), indent=2) + "\n", encoding="utf-8")
        part.replace(folder / REPORT_FILE)


def load_report(folder: Path) -> EvaluationReport:
    """Read ``<folder>/report.json``.

    Raises:
        InvalidReportError: if it is missing, damaged or of another schema.
    """
    path = folder / REPORT_FILE
    try:
        values = load_json(path)
        if values["schema_version"] != REPORT_SCHEMA_VERSION:
            raise ValueError(f"schema version {values['schema_version']}")
        values["scores"] = _to_scores(values["scores"])
        for name in ("known_scores", "flip_scores", "known_flip_scores"):
            scores = values.get(name)  # reports from before flip averaging have less
            values[name] = None if scores is None else _to_scores(scores)
        values["excluded"] = {k: int(v) for k, v in values.get("excluded", {}).items()}
        values["groups"] = tuple(to_group_view(view) for view in values.get("groups", ()))
        return EvaluationReport(**values)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidReportError(_describe_damage(path, error)) from error


def _to_scores(values: Mapping[str, Any]) -> Scores:
    low, high = values["accuracy_interval"]
    check_words(values["labels"])
    restored = {
        "labels": tuple(values["labels"]),
        "accuracy_interval": (low, high),
        "per_class": {k: ClassMetrics(**v) for k, v in values["per_class"].items()},
        "confusion": tuple(tuple(row) for row in values["confusion"]),
        "bins": tuple(ReliabilityBin(**b) for b in values["bins"]),
    }
    return Scores(**{**values, **restored})


def load_predictions(folder: Path) -> Predictions:
    """Read ``<folder>/predictions.npz``.

    Raises:
        InvalidReportError: if it is missing or damaged.
    """
    path = folder / PREDICTIONS_FILE
    try:
        arrays = load_arrays(path)
        check_words((*arrays["labels"].tolist(), *arrays["columns"].tolist()))
        return Predictions(
            sample_ids=arrays["sample_ids"],
            labels=tuple(arrays["labels"].tolist()),
            y_true=arrays["y_true"],
            columns=tuple(arrays["columns"].tolist()),
            probs=arrays["probs"],
            attributes={
                name.removeprefix(_ATTRIBUTE): array
                for name, array in arrays.items()
                if name.startswith(_ATTRIBUTE)
            },
            flip_probs=arrays.get(_FLIP),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidReportError(_describe_damage(path, error)) from error


def _describe_damage(path: Path, error: Exception) -> str:
    return (
        f"The evaluation file {path} is missing or damaged ({shorten(error)}); make it again with "
        f"python -m facecore evaluate."
    )
