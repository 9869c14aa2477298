"""Beginning with a finished network's weights; behaviour under another program; speed."""

import os
import subprocess
import sys
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from facecore.errors import ConfigError, ModelNotFoundError
from tests.training.bundles import write_bundle
from tests.training.test_config import VALUES
from training import speed as speed_script
from training.config import build_config
from training.network import build_network
from training.speed import measure_speed
from training.start import read_start, take_weights
from training.texts import describe_licence, describe_protocol

CONFIG = build_config(VALUES | {"name": "start", "base_width": 8, "num_stages": 2})
TEMPERATURE = 1.7


@pytest.fixture(scope="module")
def logits(tmp_path_factory):
    """Logits of a saved network whose weights are random, before the temperature."""
    folder = tmp_path_factory.mktemp("start")
    network = build_network(CONFIG, for_training=False)
    rng = np.random.default_rng(0)
    network.set_weights([rng.normal(0.5, 0.1, np.shape(w)) for w in network.get_weights()])
    answers = network(images()).numpy()
    trained_with = {"config": {"base_width": 8, "num_stages": 2}}
    write_bundle(folder, CONFIG, network, TEMPERATURE, training=trained_with)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACECORE_MODELS_DIR", str(folder))
        yield answers


def images():
    return np.random.default_rng(1).integers(0, 256, (4, 16, 16, 1)).astype(np.float32)


def build(**changes):
    values = {k: v for k, v in VALUES.items() if k not in ("architecture", "height", "width")}
    return build_config(values | {"start_from": "start", "name": "next"} | changes)


def test_architecture_and_input_are_the_bundles(logits):
    config = build()
    assert (config.architecture, config.base_width, config.height) == ("small_resnet", 8, 16)
    assert "Theirs." in describe_licence(config)
    with pytest.raises(ModelNotFoundError):
        build(start_from="nothing")


@pytest.mark.parametrize("for_training", [False, True])
def test_same_classes_take_everything_and_undo_the_temperature(logits, for_training):
    model = build_network(build(), for_training=for_training)
    take_weights(model, build())
    tolerance = 0.1 if for_training else 1e-3  # bfloat16 keeps three digits
    np.testing.assert_allclose(model(images()).numpy(), logits, rtol=tolerance, atol=tolerance)


def test_known_labels_keep_their_part_of_the_last_layer_and_new_ones_begin_anew(logits):
    config = build(labels=["happy", "tired", "angry"])
    model = build_network(config, for_training=False)
    random_head = [w.copy() for w in model.get_layer("logits").get_weights()]
    take_weights(model, config)
    answers = model(images()).numpy()
    for column, label in ((0, "happy"), (2, "angry")):
        expected = logits[:, CONFIG.labels.index(label)]
        np.testing.assert_allclose(answers[:, column], expected, rtol=1e-3, atol=1e-3)
    for before, after in zip(random_head, model.get_layer("logits").get_weights(), strict=True):
        np.testing.assert_array_equal(before[..., 1], after[..., 1])


def test_other_layers_are_refused(logits):
    config = build(base_width=16)
    with pytest.raises(ConfigError, match="other layers"):
        take_weights(build_network(config, for_training=False), config)


@pytest.mark.parametrize(
    "changes", [{}, {"start_from": "start", "start_share": 0.5, "average_decay": 0.9}]
)
def test_speed_is_measured(changes):
    speed = measure_speed(build_config({**VALUES, "base_width": 8, "batch_size": 4} | changes))
    assert min(speed.to_dict().values()) > 0


def test_unlabelled_pictures_beside_the_labelled_ones_take_their_time(monkeypatch):
    """On a clock that ticks once per look, every measurement takes equally long."""
    lessons = {"teachers": ["nobody"], "teachers_share": 0.5, "lessons": 2, "jpeg": 1.0}
    changed, seen = speed_script.TrainingBatches, []

    def note(config, data):
        seen.append(config.jpeg)
        return changed(config, data)

    def measure(changes):
        monkeypatch.setattr(speed_script, "time", SimpleNamespace(monotonic=count().__next__))
        values = {**VALUES, "base_width": 8, "batch_size": 4}
        return measure_speed(build_config(values | changes)).images_per_s

    monkeypatch.setattr(speed_script, "TrainingBatches", note)
    alone, beside = measure(lessons), measure(lessons | {"unlabelled": "fairface"})
    assert alone == 2 * beside
    assert measure({"jpeg": 1.0}) == alone
    assert seen == [0.0, 0.0, 1.0], "lessons are made with all their changes before"


def test_process_ends_with_its_standard_input():
    code = (
        "from training.supervision import *; import time, os; end_with_stdin(); "
        "lower_priority(3); print(os.nice(0), flush=True); time.sleep(120)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert int(process.stdout.readline()) == min(19, os.nice(0) + 3)
    process.stdin.close()
    assert process.wait(60) == 143
    process.stdout.close()


def test_start_is_read_for_its_share_in_the_result(logits):
    config = build(start_share=0.5, average_decay=0.9)
    model = build_network(config, for_training=False)
    start = read_start(model, config)
    np.testing.assert_allclose(model(images()).numpy(), logits, rtol=1e-3, atol=1e-3)
    for variable, value in zip(model.trainable_variables, start, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    assert "50% are that network's" in describe_protocol(config)
    assert "votes" not in describe_protocol(config)


def test_the_crowds_votes_are_told_of(logits):
    assert "10% of the truth were the votes of ten people" in describe_protocol(
        build(votes_share=0.1)
    )


def test_start_that_lacks_a_label_cannot_share_in_the_result(logits):
    config = build(start_share=0.5, average_decay=0.9, labels=["happy", "tired", "angry"])
    with pytest.raises(ConfigError, match="'start' does not know tired"):
        read_start(build_network(config, for_training=False), config)
