"""Several networks' answers on the same images, brought into one order.

Everything is worked out anew from ``predictions.npz``; of ``report.json`` only the checksum, the
names, the measured speed and what the data set left out are read. Neither networks nor pictures
are opened.
"""

import csv
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from facecore.comparison_types import (
    ComparedModel,
    Comparison,
    ConfusionTable,
    EvaluationKey,
    IntArray,
    TrainingEpoch,
    View,
)
from facecore.errors import EvaluationError, IncomparableReportsError, InvalidReportError
from facecore.evaluation_hint import describe_making
from facecore.evaluation_metrics import compute_scores
from facecore.evaluation_report import (
    PREDICTIONS_FILE,
    REPORT_FILE,
    EvaluationReport,
    Predictions,
    evaluation_dir,
    load_predictions,
    load_report,
)
from facecore.label_sets import order_labels
from facecore.registry import EVALUATIONS_DIR, HISTORY_FILE, ModelCard, load_card

__all__ = [
    "ComparedModel",
    "Comparison",
    "ConfusionTable",
    "EvaluationKey",
    "TrainingEpoch",
    "View",
    "describe_missing",
    "list_evaluations",
    "load_comparison",
    "load_history",
]


def list_evaluations(bundle: Path) -> tuple[EvaluationKey, ...]:
    """Return what a network was evaluated on, by name; damaged evaluations are listed too."""
    folders = {
        path.parent.name
        for file in (REPORT_FILE, PREDICTIONS_FILE)
        for path in (bundle / EVALUATIONS_DIR).glob(f"*_*/{file}")
    }
    return tuple(sorted(map(EvaluationKey.from_folder, folders)))


def describe_missing(name: str, key: EvaluationKey) -> str:
    """Say that a network was not evaluated on a split, and what does it."""
    return (
        f"Model '{name}' has not been evaluated on {key.dataset} {key.split}; "
        f"{describe_making(name, key.dataset, key.split)}"
    )


def load_comparison(
    bundles: Sequence[Path], dataset: str, split: str, view: View = "all"
) -> Comparison:
    """Read what several networks answered on a split.

    Args:
        bundles: folders of the networks, at least one, of different names.
        dataset: name of the data set.
        split: of the data set.
        view: "all" images, or those whose class every network has ("known").

    Raises:
        EvaluationError: if a network was not evaluated on that split.
        InvalidReportError: if a file is damaged; the message names it.
        IncomparableReportsError: if the evaluations are of other images or labels, or of another
            network than the card describes, or the networks have no class in common.
        ModelError: if a card cannot be used.
    """
    if not bundles or len({bundle.name for bundle in bundles}) < len(bundles):
        raise ValueError("name at least one bundle, and each only once")
    cards = [load_card(bundle) for bundle in bundles]
    folders = [evaluation_dir(bundle, dataset, split) for bundle in bundles]
    reports = [_check_report(f, c, dataset, split) for f, c in zip(folders, cards, strict=True)]
    stored = [_load_in_order(folder, card) for folder, card in zip(folders, cards, strict=True)]
    for card, predictions in zip(cards[1:], stored[1:], strict=True):
        _check_same_images(cards[0].name, stored[0], card.name, predictions)

    first = stored[0]
    every = set.intersection(*(set(p.columns) for p in stored))
    canonical = order_labels(first.labels)
    if view == "known":
        some = set.union(*(set(p.columns) for p in stored))
        labels = tuple(name for name in canonical if name in some)
        scored = tuple(name for name in canonical if name in every)
    else:
        labels = scored = canonical
    rows = np.flatnonzero(np.isin(np.array(first.labels)[first.y_true], scored))
    if not len(rows):
        raise IncomparableReportsError(
            f"No image of {dataset} {split} shows a class that "
            f"{' and '.join(card.name for card in cards)} all have; compare other models."
        )
    codes = np.array([labels.index(n) if n in labels else -1 for n in first.labels])
    y_true = codes[first.y_true[rows]].astype(np.int64)
    titles = _make_titles(cards)
    return Comparison(
        dataset=dataset,
        split=split,
        view=view,
        labels=labels,
        scored_labels=scored,
        sample_ids=first.sample_ids[rows],
        y_true=y_true,
        num_left_out=len(first.y_true) - len(rows),
        excluded=reports[0].excluded,
        models=tuple(
            _build_model(
                card, title, labels, y_true, p.select(rows), report.images_per_s, load_history(path)
            )
            for card, title, p, report, path in zip(
                cards, titles, stored, reports, bundles, strict=True
            )
        ),
    )


def _build_model(
    card: ModelCard,
    title: str,
    labels: tuple[str, ...],
    y_true: IntArray,
    predictions: Predictions,
    images_per_s: float | None,
    history: tuple[TrainingEpoch, ...],
) -> ComparedModel:
    probs = np.zeros((len(y_true), len(labels)))
    probs[:, [labels.index(name) for name in predictions.columns]] = predictions.probs
    shown = {labels[code] for code in np.unique(y_true)}
    scores = compute_scores(labels, y_true, probs, shown <= set(predictions.columns))
    # A class without images would count for those only that may answer it: average over the same
    # classes for every network.
    f1 = float(np.mean([m.f1 for m in scores.per_class.values() if m.support]))
    scores = replace(scores, macro_f1=f1)
    return ComparedModel(
        card, title, labels, y_true, probs, predictions, scores, images_per_s, history
    )


def _check_report(folder: Path, card: ModelCard, dataset: str, split: str) -> EvaluationReport:
    """Return the report once it is known to be this network's on this split."""
    if not folder.is_dir():
        raise EvaluationError(describe_missing(card.name, EvaluationKey(dataset, split)))
    report = load_report(folder)
    if report.model_sha256 != card.sha256:
        raise IncomparableReportsError(
            f"{folder / REPORT_FILE} is about another network than the one that is now in "
            f"'{card.name}'; {describe_making(card.name, dataset, split)}"
        )
    if (report.dataset, report.split) != (dataset, split):
        raise IncomparableReportsError(
            f"{folder / REPORT_FILE} is about {report.dataset} {report.split}, but its folder "
            f"says {dataset} {split}; restore the folder or evaluate again."
        )
    return report


def _load_in_order(folder: Path, card: ModelCard) -> Predictions:
    """Return the predictions in the order of their ids, so that networks can be laid side by side.

    That they fit together in themselves is checked on loading; here, that they fit the card.
    """
    path = folder / PREDICTIONS_FILE
    predictions = load_predictions(folder)
    strange = set(predictions.columns) ^ set(card.labels)
    if strange:
        raise InvalidReportError(
            f"The evaluation file {path} does not have the classes of '{card.name}' "
            f"({', '.join(sorted(strange))}); make it again with python -m facecore evaluate."
        )
    order = np.argsort(predictions.sample_ids, kind="stable")
    ids = predictions.sample_ids[order]
    if (ids[1:] == ids[:-1]).any():
        raise InvalidReportError(
            f"The evaluation file {path} names an image twice; make it again with "
            "python -m facecore evaluate."
        )
    return predictions.select(order)


def _check_same_images(name_a: str, a: Predictions, name_b: str, b: Predictions) -> None:
    if set(a.labels) != set(b.labels):
        what = f"with other labels ({', '.join(a.labels)}; {', '.join(b.labels)})"
    elif not np.array_equal(a.sample_ids, b.sample_ids):
        num_shared = len(np.intersect1d(a.sample_ids, b.sample_ids))
        what = f"on other images ({num_shared:,} of {len(a.y_true):,} and {len(b.y_true):,} shared)"
    elif not np.array_equal(np.array(a.labels)[a.y_true], np.array(b.labels)[b.y_true]):
        what = "on the same images under other labels"
    else:
        return
    raise IncomparableReportsError(
        f"'{name_a}' and '{name_b}' were evaluated {what}, so that their numbers cannot be "
        "compared; evaluate both again on the same data."
    )


def _make_titles(cards: Sequence[ModelCard]) -> list[str]:
    """Return the words before the colon ("Model 1: all ..."), or the names where those repeat."""
    short = [card.title.split(":")[0].strip() for card in cards]
    return short if len(set(short)) == len(short) else [card.name for card in cards]


def load_history(bundle: Path) -> tuple[TrainingEpoch, ...]:
    """Read ``<bundle>/history.csv``; empty where there is none.

    Raises:
        InvalidReportError: if it is damaged; the message names it.
    """
    path = bundle / HISTORY_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        raise InvalidReportError(_describe_history(path, error)) from error
    names = [field.name for field in fields(TrainingEpoch)][1:]
    try:
        return tuple(
            TrainingEpoch(int(row["epoch"]), *(float(row[name]) for name in names))
            for row in csv.DictReader(text.splitlines())
        )
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidReportError(_describe_history(path, error)) from error


def _describe_history(path: Path, error: Exception) -> str:
    return (
        f"The training history {path} is damaged ({error}); restore it, or remove it to compare "
        "without training curves."
    )
