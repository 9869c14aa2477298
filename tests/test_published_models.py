"""Every bundle under models/: whole, untouched, described, and still giving the same answers."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from skimage import data as pictures

from facecore.detection import HaarDetector
from facecore.evaluation import compute_report, load_predictions, load_report
from facecore.evaluation_threshold import choose_threshold
from facecore.inference import load_classifier
from facecore.preprocessing import crop_faces, to_batch
from facecore.registry import (
    EVALUATIONS_DIR,
    HISTORY_FILE,
    list_bundles,
    list_cards,
    load_card,
    verify_checksum,
)

BUNDLES = list_bundles()
EVALUATIONS = [folder for b in BUNDLES for folder in sorted((b / EVALUATIONS_DIR).glob("*"))]
MAX_BUNDLE_BYTES = 12_000_000

# Answers for the astronaut's face, found and cropped as in the dashboard. A newly trained network
# needs new ones: python -m tests.test_published_models prints them.
GOLDEN: dict[str, dict[str, float]] = {
    "baseline_mini_xception": {
        "angry": 0.001,
        "disgust": 0.004,
        "fear": 0.002,
        "happy": 0.948,
        "sad": 0.001,
        "surprise": 0.025,
        "neutral": 0.019,
    },
    "corrections_before": {
        "angry": 0.002,
        "disgust": 0.004,
        "fear": 0.002,
        "happy": 0.961,
        "sad": 0.002,
        "surprise": 0.006,
        "neutral": 0.023,
    },
    "corrections_after": {
        "angry": 0.007,
        "disgust": 0.01,
        "fear": 0.013,
        "happy": 0.941,
        "sad": 0.006,
        "surprise": 0.015,
        "neutral": 0.008,
    },
    "expression_model1": {
        "angry": 0.008,
        "disgust": 0.01,
        "fear": 0.01,
        "happy": 0.915,
        "sad": 0.01,
        "surprise": 0.021,
        "neutral": 0.026,
    },
    "expression_model2": {
        "angry": 0.009,
        "fear": 0.009,
        "happy": 0.939,
        "sad": 0.008,
        "surprise": 0.015,
        "neutral": 0.02,
    },
    "expression_model3": {
        "angry": 0.008,
        "fear": 0.008,
        "happy": 0.92,
        "sad": 0.007,
        "surprise": 0.019,
        "neutral": 0.039,
    },
    "gender": {"man": 0.023, "woman": 0.977},
}

LEAST_ACCURACY = {"expression": ("fer2013_validation", 0.6), "gender": ("fairface_holdout", 0.91)}


def classify_astronaut(bundle) -> dict[str, float]:
    frame_bgr = np.ascontiguousarray(pictures.astronaut()[:, :, ::-1])
    (face,) = HaarDetector().detect(frame_bgr)
    classifier = load_classifier(bundle)
    spec = classifier.card.input
    (probs,) = classifier.predict_proba(to_batch(crop_faces(frame_bgr, [face.xyxy], spec), spec))
    return dict(zip(classifier.card.labels, probs.tolist(), strict=True))


def test_the_four_networks_are_there():
    assert {card.name: card.title for card in list_cards(role="general")} == {
        "expression_model1": "Model 1: all seven expressions",
        "expression_model2": "Model 2: without Disgust",
        "expression_model3": "Model 3: no Disgust, 4,000 each",
        "gender": "Gender",
    }


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda b: b.name)
def test_bundle_is_whole_and_small(bundle):
    verify_checksum(bundle, load_card(bundle))
    files = [path for path in bundle.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MAX_BUNDLE_BYTES
    assert not [
        path.name
        for path in files
        if path.suffix in (".part", ".jpg", ".png", ".csv") and path.name != HISTORY_FILE
    ]


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda b: b.name)
def test_card_tells_everything(bundle):
    card = load_card(bundle)
    assert card.intended_use
    assert card.excluded_uses
    assert card.limitations
    assert card.licence
    assert 0.2 <= card.temperature <= 5
    assert card.framing["method"]
    assert card.framing["num_with_one_face"] > 500
    assert card.input.margin == card.framing["margin"]
    assert card.input.shift_y == card.framing["shift_y"]
    for source in card.training["datasets"]:
        assert source["licence"]
        assert 0 < source["num_distinct_images"] <= source["num_images"]
        assert source["split"] != "test"
    assert {"python", "tensorflow", "keras", "numpy"} <= set(card.training["versions"])
    assert card.training["duration_s"] > 0
    history = pd.read_csv(bundle / HISTORY_FILE)
    assert len(history) == card.training["epochs"]
    best = history["epoch"][history["validation_loss"].idxmin()]
    assert best == card.training["best_epoch"]


def test_model3_draws_4000_per_class():
    card = next(c for c in list_cards() if c.name == "expression_model3")
    fitted = card.training["datasets"][0]
    assert set(fitted["num_per_class"].values()) == {4000}
    assert fitted["num_distinct_images"] < fitted["num_images"] == 24_000


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda b: b.name)
def test_network_is_good_enough_on_the_pictures_it_was_chosen_on(bundle):
    card = load_card(bundle)
    evaluation, least = LEAST_ACCURACY[card.task]
    assert card.metrics[evaluation]["accuracy"] >= least
    assert (bundle / EVALUATIONS_DIR / evaluation).is_dir()


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda b: b.name)
def test_threshold_follows_from_the_pictures_it_was_chosen_on(bundle):
    """So that those answers which are not "undecided" are right as often as wanted."""
    card = load_card(bundle)
    told = card.threshold_choice
    assert told["wanted_accuracy"] == {"expression": 0.8, "gender": 0.95}[card.task]
    assert told["split"] != "test"
    predictions = load_predictions(bundle / EVALUATIONS_DIR / f"{told['dataset']}_{told['split']}")
    probs = predictions.aligned_probs()
    is_correct = probs.argmax(axis=1) == predictions.y_true
    choice = choose_threshold(probs.max(axis=1), is_correct, told["wanted_accuracy"])
    assert choice.reached
    assert card.threshold == choice.threshold
    assert told["coverage"] == pytest.approx(choice.coverage, abs=1e-4)
    assert told["accuracy"] == pytest.approx(choice.accuracy, abs=1e-4)


@pytest.mark.parametrize("folder", EVALUATIONS, ids=lambda f: f"{f.parents[1].name}-{f.name}")
def test_report_follows_from_its_predictions(folder):
    card = load_card(folder.parents[1])
    report, predictions = load_report(folder), load_predictions(folder)
    assert report.model_sha256 == card.sha256
    assert f"{report.dataset}_{report.split}" == folder.name
    again = compute_report(
        predictions, card, report.dataset, report.split, report.images_per_s, report.excluded
    )
    assert _rounded(asdict(again)) == _rounded(asdict(report))
    assert card.metrics[folder.name]["accuracy"] == pytest.approx(report.scores.accuracy)
    assert len(np.unique(predictions.sample_ids)) == len(predictions.sample_ids)


def _rounded(value):
    """Round all numbers: sums may differ in the last digit between processors."""
    return json.loads(json.dumps(value), parse_float=lambda text: round(float(text), 9))


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda b: b.name)
def test_golden_probabilities(bundle):
    assert classify_astronaut(bundle) == pytest.approx(GOLDEN[bundle.name], abs=0.02)


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda b: b.name)
def test_plain_keras_gets_the_same_answers(bundle):
    """A layer that takes itself to be in training makes every normalisation believe it too."""
    classifier = load_classifier(bundle)
    spec = classifier.card.input
    shape = (4, spec.height, spec.width, spec.num_channels)
    batch = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    plain = np.asarray(classifier.model(batch.astype(np.float32)))
    assert plain == pytest.approx(classifier.predict_proba(batch), abs=1e-5)


if __name__ == "__main__":
    for path in BUNDLES:
        print(path.name, {k: round(v, 3) for k, v in classify_astronaut(path).items()})
