"""A finished run becomes a bundle without training; test splits open once per network."""

import json
from dataclasses import replace

import numpy as np
import pytest
from stubs import StubClassifier, build_card

from facecore.datasets import FaceDataset
from facecore.errors import ConfigError, EvaluationError
from facecore.evaluation import evaluate_model
from facecore.evaluation_threshold import write_threshold
from facecore.registry import load_card, save_card
from training.config import load_config
from training.open_test import TEST_SPLITS, find_unopened, open_test
from training.publish import CONFIGS_DIR, check_finished
from training.run_state import STATE_FILE

CONFIG = load_config(CONFIGS_DIR / "gender.toml")


def make_split(name: str, split: str) -> FaceDataset:
    """Six grey pictures of two labels; nobody's real ones."""
    return FaceDataset(
        name,
        split,
        "expression",
        ("happy", "sad"),
        np.array([str(i) for i in range(6)]),
        np.array([0, 0, 0, 0, 1, 1], dtype=np.int16),
        lambda i: np.full((8, 8), i, dtype=np.uint8),
    )


@pytest.fixture
def published(tmp_path):
    """A bundle with a threshold and its report, as after publishing."""
    bundle = tmp_path / "smile"
    card = build_card(labels=("happy", "sad"), name="smile")
    save_card(bundle, card)
    evaluate_model(StubClassifier(card), make_split("fer2013", "validation"), bundle)
    write_threshold(bundle, "fer2013", "validation", 0.5)
    return bundle


def open_with_stub(bundle):
    asked = []

    def load(name, split):
        asked.append((name, split))
        return make_split(name, split)

    open_test(bundle, lambda b: StubClassifier(load_card(b)), load)
    return asked


def test_test_splits_open_once(published, capsys):
    assert open_with_stub(published) == list(TEST_SPLITS["expression"])
    assert "fer2013 test: accuracy 66.7%" in capsys.readouterr().out
    assert set(load_card(published).metrics) == {
        *("fer2013_validation", "fer2013_test", "fer2013_all", "ferplus_test"),
    }
    before = {path: path.read_bytes() for path in published.rglob("*") if path.is_file()}
    with pytest.raises(EvaluationError, match="already opened"):
        open_with_stub(published)
    assert before == {path: path.read_bytes() for path in before}


def test_what_was_interrupted_goes_on_with_the_rest(published):
    evaluate_model(StubClassifier(load_card(published)), make_split("fer2013", "test"), published)
    assert open_with_stub(published) == [("fer2013", "all"), ("ferplus", "test")]


def test_another_network_may_be_tested(published):
    open_with_stub(published)
    card = replace(load_card(published), sha256="1" * 64)
    save_card(published, card)
    with pytest.raises(EvaluationError, match="publish it first"):
        find_unopened(published, card)
    evaluate_model(StubClassifier(card), make_split("fer2013", "validation"), published)
    assert find_unopened(published, card) == list(TEST_SPLITS["expression"])


def test_nothing_is_opened_before_the_choices_are_made(tmp_path):
    save_card(tmp_path / "smile", build_card(labels=("happy", "sad"), name="smile"))
    with pytest.raises(EvaluationError, match="publish it first"):
        open_with_stub(tmp_path / "smile")


def test_unfinished_runs_are_not_published(tmp_path):
    with pytest.raises(ConfigError, match="holds no run"):
        check_finished(CONFIG, tmp_path)
    history = [{"epoch": i + 1} for i in range(CONFIG.epochs)]
    for num_epochs in (CONFIG.epochs, CONFIG.epochs - 1):
        progress = np.array(json.dumps({"history": history[:num_epochs]}))
        np.savez(tmp_path / STATE_FILE, progress=progress)
        if num_epochs == CONFIG.epochs:
            check_finished(CONFIG, tmp_path)
    with pytest.raises(ConfigError, match=f"{CONFIG.epochs - 1} of {CONFIG.epochs} epochs"):
        check_finished(CONFIG, tmp_path)
