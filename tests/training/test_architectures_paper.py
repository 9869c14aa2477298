"""The networks of the paper and its neighbours look where they are said to look."""

import numpy as np
import pytest

from training.architectures_paper import (
    build_dense_sift_cnn,
    build_facial_parts,
    build_mini_xception,
    build_paper_cnn,
    build_paper_gender_cnn,
)

SHAPE = (48, 48, 1)


def test_mini_xception_is_as_small_as_published():
    model = build_mini_xception(SHAPE, 7)
    assert 50_000 < model.count_params() < 65_000
    assert not any(layer.name.startswith("dense") for layer in model.layers)


def test_only_the_expression_network_normalises():
    def kinds(model):
        return {type(layer).__name__ for layer in model.layers}

    wanted = {"Conv2D", "MaxPooling2D", "Dropout", "Flatten", "Dense"}
    assert wanted | {"BatchNormalization"} <= kinds(build_paper_cnn(SHAPE, 7))
    gender = kinds(build_paper_gender_cnn((128, 128, 1), 2, base_width=8))
    assert wanted <= gender
    assert "BatchNormalization" not in gender


@pytest.mark.parametrize(
    ("rows", "columns", "matters"),
    [
        (slice(10, 24), slice(0, 48), True),  # eyes
        (slice(30, 48), slice(12, 36), True),  # mouth
        (slice(0, 5), slice(0, 48), False),  # hair
        (slice(30, 48), slice(0, 6), False),  # beside the mouth
    ],
)
def test_facial_parts_see_eyes_and_mouth_only(rows, columns, matters):
    model = build_facial_parts(SHAPE, 7, base_width=8)
    picture = np.full((1, *SHAPE), 120, np.float32)
    changed = picture.copy()
    changed[:, rows, columns] += np.random.default_rng(0).normal(
        0, 60, changed[:, rows, columns].shape
    )
    differs = not np.allclose(model(picture), model(changed), atol=1e-6)
    assert differs == matters


def test_directions_of_the_gradient():
    model = build_dense_sift_cnn(SHAPE, 7, base_width=8)
    kernels = model.get_layer("directions").get_weights()[0]
    ramp = np.tile(np.arange(3.0), (3, 1))  # brighter to the right
    answers = np.einsum("ij,ijk->k", ramp, kernels[:, :, 0, :])
    assert answers.argmax() == 0
    assert answers.argmin() == 4
    np.testing.assert_allclose(answers[[2, 6]], 0, atol=1e-6)
    assert not model.get_layer("directions").trainable


def test_flattened_networks_need_a_fixed_size():
    with pytest.raises(ValueError, match="small_side"):
        build_facial_parts((None, None, 1), 7)
