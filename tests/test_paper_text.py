"""What is said to be comparable depends on the images; the sentences hold the tables' numbers."""

import pytest

from facecore.comparison_totals import compute_total_percentages
from facecore.labels import EXPRESSIONS
from facecore.paper import load_paper
from facecore.paper_text import (
    CONTRADICTIONS,
    WHY_SUMS_DIFFER,
    describe_correction,
    describe_likeness,
)


def verdicts(dataset, split):
    return {row.topic: row.verdict for row in describe_likeness(dataset, split)}


@pytest.mark.parametrize(
    ("dataset", "split", "images", "labels", "accuracies"),
    [
        ("fer2013", "validation", "not like with like", "partly", "partly"),
        ("fer2013", "test", "not like with like", "partly", "partly"),
        ("fer2013", "all", "partly", "partly", "not like with like"),
        ("ferplus", "test", "not like with like", "not like with like", "not like with like"),
    ],
)
def test_verdicts_by_images(dataset, split, images, labels, accuracies):
    found = verdicts(dataset, split)
    assert found["Images of matrices, classes and totals"] == images
    assert found["Labels"] == labels
    assert found["Validation accuracies"] == accuracies


def test_correction_names_both_cells():
    text = describe_correction(load_paper().corrected)
    assert "Sad (printed 21.87 %, rebuilt 10.57 %, 507 to 509 images)" in text
    assert "Surprise (printed 3.17 %, rebuilt 1.48 %, 70 to 72 images)" in text
    assert "112.99" in text


def test_sums_are_those_of_the_tables():
    paper = load_paper()
    for total in paper.printed_totals():
        assert f"{total.summed_difference:.2f}" in WHY_SUMS_DIFFER
    for table in paper.tables:
        assert f"{compute_total_percentages(table).summed_difference:.2f}" in WHY_SUMS_DIFFER
        assert f"{table.total:,}" in WHY_SUMS_DIFFER


def test_contradictions_hold_the_tables_numbers():
    text = " ".join(CONTRADICTIONS)
    first, second, third = load_paper().models
    for label in ("angry", "sad", "surprise", "fear", "happy", "neutral"):
        i = EXPRESSIONS.index(label)
        change = second.classwise_percent[label][i] - first.classwise_percent[label][i]
        assert f"{label.capitalize()} {change:+.2f}".replace("-", "−") in text
    i = EXPRESSIONS.index("sad")
    actual = load_paper().actual_percent
    assert f"by {third.total_percent[i] - actual[i]:.2f} percentage points" in text
    assert f"by {second.total_percent[i] - actual[i]:.2f}" in text
    assert first.table.predicted_totals["happy"] - 9299 == 315
    assert first.table.predicted_totals["neutral"] - 5915 == 1505
