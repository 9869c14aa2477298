"""What the comparison page reads, each file once per server while it stays as it is."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from facecore.comparison import (
    Comparison,
    EvaluationKey,
    View,
    list_evaluations,
    load_comparison,
)
from facecore.comparison_bootstrap import compute_draws
from facecore.comparison_overview import ModelRow, compute_overview
from facecore.comparison_tests import Agreement, PairTest, compare_pairs, compute_agreement
from facecore.datasets import FaceDataset, data_dir, load_dataset
from facecore.datasets_ferplus import VOTES_FILE, load_votes
from facecore.evaluation_report import PREDICTIONS_FILE, REPORT_FILE, evaluation_dir
from facecore.registry import CARD_FILE, HISTORY_FILE, ModelCard, find_bundle
from pages._cache import stamp
from pages._sidebar import expression_cards
from pages._ui import show_error


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A usable expression model and what it was evaluated on."""

    card: ModelCard
    keys: tuple[EvaluationKey, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """What the tests say of a comparison."""

    rows: tuple[ModelRow, ...]
    pairs: tuple[PairTest, ...]
    agreement: Agreement


def list_evaluated() -> list[Evaluated]:
    """Return all usable expression models, those for pictures first; tell of unusable ones."""
    cards, problems = expression_cards()
    cards.sort(key=lambda card: card.role != "general")
    for problem in problems:
        show_error(problem)
    return [Evaluated(card, list_evaluations(find_bundle(card.name))) for card in cards]


def open_comparison(names: Sequence[str], key: EvaluationKey, view: View) -> Comparison:
    """Return the comparison of these models; read again only when a file has changed.

    Raises:
        EvaluationError: as ``load_comparison``.
    """
    bundles = tuple(map(find_bundle, names))
    files = []
    for bundle in bundles:
        folder = evaluation_dir(bundle, key.dataset, key.split)
        files += [bundle / CARD_FILE, bundle / HISTORY_FILE]
        files += [folder / REPORT_FILE, folder / PREDICTIONS_FILE]
    return _load_comparison(bundles, key, view, tuple(map(stamp, files)))


@st.cache_resource(show_spinner=False, max_entries=24)
def _load_comparison(
    bundles: tuple[Path, ...], key: EvaluationKey, view: View, stamps: tuple[object, ...]
) -> Comparison:
    return load_comparison(bundles, key.dataset, key.split, view)


def fingerprint(comparison: Comparison) -> str:
    """Return a digest of everything that figures of a comparison depend on."""
    digest = hashlib.sha256(repr((comparison.dataset, comparison.split, comparison.view)).encode())
    digest.update(comparison.sample_ids.tobytes() + comparison.y_true.tobytes())
    for model in comparison.models:
        digest.update(f"{model.name} {model.card.sha256} {model.title}".encode())
        digest.update(model.probs.tobytes())
    return digest.hexdigest()


BY_CONTENT = {Comparison: fingerprint}
"""For ``hash_funcs`` of cached functions that take a comparison."""


@st.cache_resource(show_spinner="Testing the differences …", hash_funcs=BY_CONTENT, max_entries=24)
def compute_statistics(comparison: Comparison) -> Statistics:
    """Return table, paired tests and agreement; the resampling takes a second."""
    draws = compute_draws(comparison)
    return Statistics(
        rows=compute_overview(comparison, draws),
        pairs=tuple(compare_pairs(comparison, draws)),
        agreement=compute_agreement(comparison),
    )


def open_dataset(dataset: str, split: str) -> FaceDataset:
    """Return the pictures of a split; reading FER-2013 takes some seconds, once per server.

    Raises:
        DatasetError: if its files are missing or damaged.
    """
    folder = data_dir()
    return _load_dataset(dataset, split, folder, stamp(folder))


@st.cache_resource(show_spinner="Opening the pictures, some seconds once …", max_entries=3)
def _load_dataset(dataset: str, split: str, folder: Path, stamp: object) -> FaceDataset:
    return load_dataset(dataset, split, folder)


def open_votes(comparison: Comparison) -> pd.DataFrame:
    """Return the FER+ votes of the comparison's images.

    Raises:
        DatasetError: if the votes are missing or damaged.
    """
    folder = data_dir()
    return _load_votes(comparison, folder, stamp(folder / VOTES_FILE))


@st.cache_resource(show_spinner=False, hash_funcs=BY_CONTENT, max_entries=12)
def _load_votes(comparison: Comparison, folder: Path, stamp: object) -> pd.DataFrame:
    return load_votes(comparison.sample_ids.tolist(), folder)
