"""Drawing a fixed number per class."""

import numpy as np
import pytest

from facecore.datasets import FaceDataset
from training.data import draw_per_class, hold_out


@pytest.fixture
def dataset():
    y_true = np.array([0] * 10 + [1] * 3 + [2] * 5, dtype=np.int16)
    return FaceDataset(
        name="made",
        split="train",
        task="expression",
        labels=("angry", "fear", "happy"),
        sample_ids=np.arange(18).astype(np.str_),
        y_true=y_true,
        image=lambda i: np.full((2, 2), i, dtype=np.uint8),
    )


def test_exact_counts_and_few_repeats(dataset):
    drawn = draw_per_class(dataset, 5, seed=7)
    assert np.bincount(drawn.y_true).tolist() == [5, 5, 5]
    assert len(set(drawn.sample_ids[drawn.y_true == 0])) == 5
    repeats = np.unique(drawn.sample_ids[drawn.y_true == 1], return_counts=True)[1]
    assert sorted(repeats.tolist()) == [1, 2, 2]
    assert len(set(drawn.sample_ids[drawn.y_true == 2])) == 5
    assert all(int(drawn.image(i)[0, 0]) == int(drawn.sample_ids[i]) for i in range(15))


def test_seed_decides(dataset):
    first, again, other = (draw_per_class(dataset, 5, seed).sample_ids for seed in (1, 1, 2))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_held_out_share_is_of_each_class(dataset):
    rest, held_out = hold_out(dataset, 0.4, seed=3)
    assert np.bincount(held_out.y_true).tolist() == [4, 1, 2]
    assert held_out.split == "held_out"
    assert set(rest.sample_ids) | set(held_out.sample_ids) == set(dataset.sample_ids)
    assert not set(rest.sample_ids) & set(held_out.sample_ids)
    assert hold_out(dataset, 0.4, seed=3)[1].sample_ids.tolist() == held_out.sample_ids.tolist()
