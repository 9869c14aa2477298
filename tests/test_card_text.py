"""The card in words: everything is there, also where a card holds little, and damage is told."""

from dataclasses import replace

import pytest
from test_evaluation import LABELS, make_predictions

from facecore.card_text import card_to_text, describe_card
from facecore.errors import InvalidModelCardError
from facecore.evaluation import compute_report, summarise
from facecore.registry import list_bundles, load_card


def sections(card):
    return {section.title: section.lines for section in describe_card(card)}


@pytest.mark.parametrize("bundle", list_bundles(), ids=lambda b: b.name)
def test_published_cards_tell_everything(bundle):
    card = load_card(bundle)
    told = sections(card)
    has_groups = any("groups" in metrics for metrics in card.metrics.values())
    assert has_groups or card.task != "gender"
    assert list(told) == [
        *("What it is", "Intended use", "Excluded uses", "Known failures", "Results"),
        *(["Results by group"] if has_groups else []),
        *("Undecided", "Data", "Protocol", "Framing", "Licence"),
    ]
    text = card_to_text(card)
    assert f"{card.num_parameters:,} parameters" in text
    assert f"epoch {card.training['best_epoch']} of {card.training['epochs']}" in text
    assert "95% interval" in text
    assert "{" not in text


def test_numbers_of_a_network_without_a_class(make_card):
    card = make_card(labels=("angry", "happy"))
    predictions = make_predictions(
        ("angry", "happy"), probs=[[0.9, 0.1], [0.2, 0.8], [0.1, 0.9]] * 2
    )
    report = compute_report(predictions, card, "made", "test", excluded={"tie": 3})
    card = replace(card, metrics={"made_test": summarise(report)})
    told = sections(card)
    assert told["Results"][0].startswith("made_test: accuracy 50.0% (95% interval")
    assert "on the 5 of the classes it knows 60.0% (95% interval" in told["Results"][0]
    assert "3 images of the split have no usable label (tie 3)" in told["Results"][0]
    failures = " ".join(told["Known failures"])
    assert "Sad taken for Happy (100% of its images)" in failures
    assert "Found least often on made_test: Sad (0%)" in failures
    assert LABELS == ("angry", "happy", "sad")


def test_repeats_are_told(make_card):
    source = {
        "name": "made",
        "split": "train",
        "use": "fitted",
        "num_images": 8000,
        "num_distinct_images": 7500,
        "num_per_class": {"angry": 4000, "happy": 4000},
        "num_distinct_per_class": {"angry": 3500, "happy": 4000},
    }
    (line,) = sections(make_card(training={"datasets": [source]}))["Data"]
    assert "8,000 images, 7,500 of them distinct" in line
    assert "(angry 4,000, 3,500 distinct; happy 4,000)" in line


def test_bare_and_damaged_cards(make_card):
    told = sections(make_card())
    assert "What it is" in told
    assert "Results" not in told
    with pytest.raises(InvalidModelCardError, match="cannot be shown"):
        describe_card(make_card(metrics={"made_test": {"accuracy": "high"}}))
