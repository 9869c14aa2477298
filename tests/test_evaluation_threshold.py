"""Thresholds against answers counted by hand; what stands in the card afterwards."""

import numpy as np
import pytest
from comparison_files import write_bundle

from facecore.__main__ import main
from facecore.cli_threshold import describe_choice
from facecore.datasets_info import HELD_OUT
from facecore.errors import EvaluationError, IncomparableReportsError
from facecore.evaluation_threshold import choose_threshold, write_threshold
from facecore.registry import load_card, save_card

# From 0.90 down: right, right, right, wrong, right, right, wrong, wrong, wrong, right.
CONFIDENCE = np.array([0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5, 0.45])
IS_CORRECT = np.array([1, 1, 1, 0, 1, 1, 0, 0, 0, 1], dtype=bool)


@pytest.mark.parametrize(
    ("wanted", "threshold", "accuracy", "coverage"),
    [
        (0.0, 0.0, 0.6, 1.0),  # always decided
        (0.6, 0.0, 0.6, 1.0),
        (0.8, 0.61, 5 / 6, 0.6),  # above 0.60 five of six are right; with 0.60 five of seven
        (5 / 6, 0.61, 5 / 6, 0.6),
        (0.84, 0.76, 1.0, 0.3),  # the wrong one at 0.75 has to go
        (1.0, 0.76, 1.0, 0.3),
    ],
)
def test_lowest_confidence_that_reaches_the_wanted_accuracy(wanted, threshold, accuracy, coverage):
    order = np.random.default_rng(3).permutation(len(CONFIDENCE))
    choice = choose_threshold(CONFIDENCE[order], IS_CORRECT[order], wanted)
    assert choice.threshold == threshold
    assert choice.accuracy == pytest.approx(accuracy)
    assert choice.coverage == pytest.approx(coverage)
    assert choice.reached
    assert choice.num_images == 10


def test_where_nothing_reaches_it_the_best_is_taken():
    choice = choose_threshold(np.array([0.9, 0.8, 0.7]), np.array([False, True, False]), 0.95)
    assert (choice.threshold, choice.accuracy) == (0.71, 0.5)
    assert not choice.reached
    assert "no threshold reaches the wanted 95.0%" in describe_choice(choice)


@pytest.mark.parametrize(
    ("confidence", "is_correct"), [([], []), ([0.5], [True, False]), ([-0.1], [True])]
)
def test_impossible_answers(confidence, is_correct):
    with pytest.raises(ValueError, match=r"confidences|shapes"):
        choose_threshold(np.array(confidence), np.array(is_correct, dtype=bool), 0.8)


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """A gender bundle with the ten answers above, evaluated where its choices were made."""
    probs = np.stack([CONFIDENCE, 1 - CONFIDENCE], axis=1)
    probs[-1] = [0.55, 0.45]  # no answer of two classes is less than half sure
    monkeypatch.setenv("FACECORE_MODELS_DIR", str(tmp_path))
    return write_bundle(
        tmp_path,
        "gender",
        np.where(IS_CORRECT, 0, 1),
        probs,
        task="gender",
        dataset="fairface",
        split="holdout",
        training={
            "datasets": [
                {"name": "fairface", "split": "train", "use": "fitted"},
                {"name": "fairface", "split": "holdout", "use": "chosen on"},
            ],
            "config": {"wanted_accuracy": 0.8},
        },
    )


def test_the_card_tells_the_threshold_and_how_it_was_chosen(bundle):
    before = load_card(bundle)
    assert before.threshold == 0.0
    write_threshold(bundle, "fairface", "holdout", 0.8)
    card = load_card(bundle)
    assert card.threshold == 0.61
    assert card.threshold_choice == {
        "dataset": "fairface",
        "split": "holdout",
        "wanted_accuracy": 0.8,
        "accuracy": 0.8333,
        "coverage": 0.6,
        "num_images": 10,
    }
    assert (card.sha256, card.training) == (before.sha256, before.training)


def test_a_class_that_the_network_lacks_is_answered_wrongly(tmp_path):
    """Without "fear" the network is wrong on it however sure it is."""
    labels = ("angry", "fear", "happy")
    bundle = write_bundle(
        tmp_path,
        "model2",
        [1, 0, 2, 2],
        [[0.945, 0.055], [0.96, 0.04], [0.02, 0.98], [0.03, 0.97]],
        columns=("angry", "happy"),
        labels=labels,
    )
    choice = write_threshold(bundle, "made", "test", 0.8)
    assert (choice.threshold, choice.accuracy, choice.coverage) == (0.95, 1.0, 0.75)


def test_missing_and_foreign_evaluations_are_refused(bundle):
    with pytest.raises(EvaluationError, match="evaluate --model gender --dataset utkface"):
        write_threshold(bundle, "utkface", "validation", 0.8)
    with pytest.raises(EvaluationError, match="only its own training makes that evaluation"):
        write_threshold(bundle, "fer2013", HELD_OUT, 0.8)
    card = load_card(bundle)
    object.__setattr__(card, "sha256", "1" * 64)
    save_card(bundle, card)
    with pytest.raises(IncomparableReportsError, match="earlier network"):
        write_threshold(bundle, "fairface", "holdout", 0.8)


def test_the_command_takes_the_accuracy_that_the_network_was_trained_for(bundle, capsys):
    assert main(["threshold"]) == 0
    assert load_card(bundle).threshold == 0.61
    assert "gender: undecided below 61%; 60.0% of 10 pictures are decided, 83.3% of these" in (
        capsys.readouterr().out
    )
    assert main(["threshold", "--model", "gender", "--accuracy", "1"]) == 0
    assert load_card(bundle).threshold == 0.76
    assert main(["models"]) == 0
    assert "undecided below 76% confidence" in capsys.readouterr().out


@pytest.mark.parametrize("accuracy", ["95", "-1", "most"])
def test_the_wanted_accuracy_is_a_share(accuracy, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["threshold", "--accuracy", accuracy])
    assert stop.value.code == 2
