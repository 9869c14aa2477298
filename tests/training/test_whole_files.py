"""A full disk is one sentence, what was saved stays, and no part of a file keeps its room."""

import os
from pathlib import Path

import keras
import numpy as np
import pytest

from facecore.errors import StorageError
from tests.stubs import build_card
from tests.training.test_config import VALUES
from training.bundle import save_bundle
from training.config import build_config
from training.data import TrainingData
from training.lessons import LESSONS_DIR, LessonBatches
from training.network import build_network, compile_network
from training.run_state import STATE_FILE, RunState, save_state
from training.whole_files import writing

FULL = Path("/dev/full")
SIZES = {"base_width": 8, "num_stages": 1, "batch_size": 4}
CONFIG = build_config(VALUES | SIZES)

pytestmark = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


def save_a_state(folder):
    model = build_network(CONFIG, for_training=True)
    compile_network(model, CONFIG, num_train=8)
    save_state(folder, CONFIG, model, RunState())


def keep_a_lesson(folder):
    class Teachers:
        checksums = ()

        def __init__(self, config):
            pass

        def answer(self, pictures, mirror):
            return np.full((len(pictures), 2), 0.5, np.float32)

    config = build_config(VALUES | SIZES | {"teachers": ["t"], "teachers_share": 0.5, "lessons": 1})
    y = (np.arange(8) % 2).astype(np.int16)
    images = np.zeros((8, 16, 16, 1), np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.lessons.Teachers", Teachers)
        LessonBatches(config, TrainingData(images, y, images, y), folder).iter_epoch(0)


def save_a_bundle(folder):
    network = keras.Sequential([keras.Input((64,)), keras.layers.Dense(64)])
    save_bundle(folder, network, build_card(), [{"epoch": 1}])


WRITERS = [
    (save_a_state, f"{STATE_FILE}.part", STATE_FILE),
    (keep_a_lesson, f"{LESSONS_DIR}/0.part", f"{LESSONS_DIR}/0.npz"),
    (save_a_bundle, "part.model.keras", "model.keras"),
]


@pytest.mark.parametrize(("write", "part", "whole"), WRITERS, ids=["state", "lesson", "bundle"])
def test_full_disk(write, part, whole, tmp_path):
    (tmp_path / part).parent.mkdir(exist_ok=True)
    (tmp_path / part).symlink_to(FULL)
    with (tmp_path / whole).open("wb") as file:
        np.savez(file, key=np.array("of before"))
    before = (tmp_path / whole).read_bytes()
    with pytest.raises(StorageError, match=r"\(No space left on device\); make room.*saved\.$"):
        write(tmp_path)
    assert not os.path.lexists(tmp_path / part)
    assert (tmp_path / whole).read_bytes() == before
    write(tmp_path)
    assert (tmp_path / whole).read_bytes() != before


def test_other_errors_stay_what_they_are(tmp_path):
    part = tmp_path / "new" / "x.part"
    with pytest.raises(KeyboardInterrupt), writing(part):
        part.touch()
        raise KeyboardInterrupt
    assert not part.exists()


def test_folder_that_cannot_be_made_is_a_sentence_too(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be written"), writing(tmp_path / "file" / "x"):
        pass
