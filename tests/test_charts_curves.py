"""Curve and training figures: one line per model, axes from 0 to 100 %, the kept epoch marked."""

import numpy as np
import pytest

from facecore.charts_curves import (
    build_coverage_chart,
    build_precision_recall_chart,
    build_reliability_chart,
    build_roc_chart,
)
from facecore.charts_training import build_training_chart
from facecore.comparison import TrainingEpoch
from facecore.comparison_curves import CoverageCurve, Curve, Reliability
from facecore.evaluation_metrics import ReliabilityBin

CURVE = Curve(np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.75, 1.0]), 0.625, 0.25)
HISTORY = [
    TrainingEpoch(1, 1.8, 0.30, 1.7, 0.35, 10.0),
    TrainingEpoch(2, 1.5, 0.45, 1.4, 0.50, 10.0),
    TrainingEpoch(3, 1.2, 0.60, 1.6, 0.48, 10.0),
]


def test_roc_has_a_line_per_model_that_knows_the_class():
    figure = build_roc_chart({"Model 1": CURVE, "Model 2": None, "Model <3>": CURVE})
    assert [trace.name for trace in figure.data] == [
        "Model 1 (0.625)",
        "Model &lt;3> (0.625)",
        "Guessing",
    ]
    assert figure.data[0].line.dash != figure.data[1].line.dash
    assert list(figure.data[-1].y) == [0, 1]


def test_precision_recall_guesses_at_the_share_of_the_class():
    figure = build_precision_recall_chart({"Model 1": CURVE})
    assert list(figure.data[-1].y) == [0.25, 0.25]


def test_class_that_nobody_knows_is_an_empty_chart():
    assert len(build_precision_recall_chart({"Model 2": None}).data) == 0


def test_coverage_axis_begins_below_the_least_accuracy():
    curve = CoverageCurve(np.array([0.1, 1.0]), np.array([0.9, 0.6]), np.array([0.8, 0.2]))
    figure = build_coverage_chart({"Model 1": curve})
    assert list(figure.data[0].customdata) == [0.8, 0.2]
    assert figure.layout.yaxis.range[0] == pytest.approx(0.55)


def test_reliability_leaves_out_empty_bins_and_sizes_the_others():
    bins = (
        ReliabilityBin(0.0, 0.5, 0, 0.0, 0.0),
        ReliabilityBin(0.5, 0.75, 25, 0.6, 0.5),
        ReliabilityBin(0.75, 1.0, 100, 0.9, 0.8),
    )
    reliability = Reliability(
        temperature=1.5,
        bins_before=bins,
        bins_after=bins,
        ece_before=0.1,
        ece_after=0.1,
        log_loss_before=1.0,
        log_loss_after=1.0,
    )
    figure = build_reliability_chart("Model 2", reliability)
    before, after, diagonal = figure.data
    assert list(before.x) == list(after.x) == [0.6, 0.9]
    assert list(after.marker.size) == [9, 18]
    assert (before.name, after.name) == ("Before temperature", "As answered")
    assert before.marker.symbol == f"{after.marker.symbol}-open"
    assert list(diagonal.x) == list(diagonal.y) == [0, 1]


@pytest.mark.parametrize(("quantity", "kept"), [("loss", 1.4), ("accuracy", 0.50)])
def test_kept_epoch_is_marked_on_the_validation_line(quantity, kept):
    figure = build_training_chart("Model 1", HISTORY, 2, quantity)
    training, validation, mark = figure.data
    assert list(training.x) == list(validation.x) == [1, 2, 3]
    assert (mark.name, list(mark.x), list(mark.y)) == ("Kept: epoch 2", [2], [kept])


@pytest.mark.parametrize("kept", [None, 9])
def test_unknown_kept_epoch_has_no_mark(kept):
    assert len(build_training_chart("Model 1", HISTORY, kept, "loss").data) == 2
