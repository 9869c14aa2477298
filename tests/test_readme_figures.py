"""The figures that the READMEs tell of the published networks are those of their cards."""

import re
from pathlib import Path

import pytest

from facecore.registry import find_bundle, load_card

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
TRAINING = (ROOT / "training" / "README.md").read_text(encoding="utf-8")
SHIPPED = ("expression_model1", "expression_model2", "expression_model3", "gender")


def find_rows(name):
    """Return README's table rows about a bundle, each as its cells."""
    rows = re.findall(rf"^\| `{name}`.*\|$", README, flags=re.MULTILINE)
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


@pytest.mark.parametrize("name", SHIPPED)
def test_threshold_and_what_it_costs(name):
    card = load_card(find_bundle(name))
    told = card.threshold_choice
    (row,) = [cells for cells in find_rows(name) if len(cells) == 4]
    assert row[1] == f"{card.threshold:.0%}".replace("%", " %")
    assert row[2].split(" of ")[0] == f"{100 * told['coverage']:.1f} %"
    assert row[3] == f"{100 * told['accuracy']:.1f} %"


def find_row(start):
    """Return README's only table row that begins so."""
    (row,) = [line for line in README.splitlines() if line.startswith(start)]
    return row


def tell(accuracy, interval):
    low, high = (100 * value for value in interval)
    return f"{100 * accuracy:.1f} % ({low:.1f}-{high:.1f})"


@pytest.mark.parametrize(("start", "name", "kind"), [
    ("| `expression_model1` | all", "expression_model1", ""),
    ("| `expression_model2` | without", "expression_model2", "known_"),
    ("| `expression_model3` | without", "expression_model3", "known_"),
    ("| `gender`, all ages", "gender", ""),
])  # fmt: skip
def test_accuracy_and_its_interval(start, name, kind):
    metrics = load_card(find_bundle(name)).metrics
    split = "fairface_test" if name == "gender" else "fer2013_test"
    row, test = find_row(start), metrics[split]
    assert tell(test[f"{kind}accuracy"], test[f"{kind}accuracy_interval"]) in row
    assert f"{100 * test['ece']:.1f} % |" in row
    chosen = metrics["fairface_holdout" if name == "gender" else "fer2013_validation"]
    assert f"| {100 * chosen[f'{kind}accuracy']:.1f} %" in row


def test_accuracy_for_adults_and_the_worst_group():
    adults = load_card(find_bundle("gender")).metrics["fairface_test"]["groups"]["adults"]
    worst = adults["by"]["group"]["worst_first"][0]
    row = find_row("| `gender`, 20 and older")
    assert tell(adults["accuracy"], adults["accuracy_interval"]) in row
    assert tell(worst["accuracy"], worst["accuracy_interval"]) in row


def test_mirror_images_of_the_training_notes():
    rows = re.findall(r"^\| (\w+) \| (fer2013|fairface) (\w+) \|(.*)\|$", TRAINING, re.MULTILINE)
    assert {row[0] for row in rows} == set(SHIPPED)
    for name, dataset, split, cells in rows:
        told = load_card(find_bundle(name)).metrics[f"{dataset}_{split}"]
        single, averaged, gain, calibration = (cell.strip() for cell in cells.split("|"))
        assert single == f"{100 * told['accuracy']:.1f} %"
        assert averaged == f"{100 * told['flip_accuracy']:.1f} %"
        difference = 100 * (told["flip_accuracy"] - told["accuracy"])
        assert float(gain) == pytest.approx(difference, abs=0.051)
        assert calibration == f"{100 * told['ece']:.1f} % -> {100 * told['flip_ece']:.1f} %"
