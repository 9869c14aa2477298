"""Every network that can be trained, as it is exported."""

import numpy as np
import pytest

from training.architectures import ARCHITECTURES

SIDES = {"face_resnet_128": 128, "paper_gender_cnn": 128}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_plain_call_is_no_training(name):
    """A layer that takes itself to be in training makes every normalisation believe it too."""
    side = SIDES.get(name, 48)
    model = ARCHITECTURES[name]((side, side, 1), 3)
    picture = np.random.default_rng(2).integers(0, 256, (2, side, side, 1)).astype(np.float32)
    answered = np.asarray(model(picture, training=False))
    assert np.asarray(model(picture)) == pytest.approx(answered, abs=1e-6)
