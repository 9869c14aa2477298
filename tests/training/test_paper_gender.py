"""The paper's protocol for gender needs IMDB-crop; here its config runs on a few made pictures."""

from pathlib import Path

import numpy as np

from facecore.datasets import FaceDataset
from facecore.labels import GENDERS
from facecore.registry import load_card
from training import data as training_data
from training import train as script
from training.config import load_config
from training.publish import CONFIGS_DIR


def make_people(name: str, split: str) -> FaceDataset:
    """16 noisy pictures, as many of each label."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (16, 128, 128), dtype=np.uint8)
    y_true = np.arange(16, dtype=np.int16) % 2
    ids = np.array([f"{split}{i}" for i in range(16)])
    return FaceDataset(name, split, "gender", GENDERS, ids, y_true, images.__getitem__)


def test_the_papers_gender_network_is_trained_and_judged_on_a_quarter(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(training_data, "load_dataset", make_people)
    changes = {"epochs": 1, "batch_size": 6, "base_width": 16}
    config = load_config(CONFIGS_DIR / "paper_gender.toml", changes)
    bundle = tmp_path / config.name
    script.train(config, training_data.load_training_data(config), tmp_path / "run", bundle)
    report = script.evaluate_bundle(config, bundle)
    card = load_card(bundle)
    fitted, chosen = card.training["datasets"]
    assert (fitted["num_images"], chosen["num_images"]) == (12, 4)
    assert (report.split, report.scores.num_images) == ("held_out", 4)
    assert "25% of each class of the train split, drawn with seed 4" in card.training["protocol"]
    assert card.role == "comparison"
