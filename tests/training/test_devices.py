"""Number formats and several devices, as far as a processor can stand in for GPUs."""

import subprocess
import sys
from pathlib import Path

import keras
import pytest
import tensorflow as tf

from tests.training.test_config import VALUES
from training import network
from training.config import build_config
from training.network import build_network, choose_precision, choose_strategy, compile_network

ROOT = Path(__file__).resolve().parents[2]

# Two logical devices have to be made before TensorFlow starts: a process of its own.
TWO_DEVICES = """
import sys
from pathlib import Path
import numpy as np
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from tests.training.test_config import VALUES
from training.config import build_config
from training.data import TrainingData
from training.network import choose_strategy
from training.train import train
rng = np.random.default_rng(0)
y = np.arange(24, dtype=np.int16) % 2
images = (rng.integers(0, 100, (24, 16, 16, 1)) + 120 * y[:, None, None, None]).astype(np.uint8)
config = build_config(
    VALUES | {"base_width": 8, "num_stages": 1, "batch_size": 8, "average_decay": 0.9}
)
strategy = choose_strategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
folder = Path(sys.argv[1])
card = train(config, TrainingData(images, y, images, y), folder / "run", folder / "tiny", strategy)
print("epochs", card.training["epochs"])
"""


def test_two_devices_train_together(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "epochs 2" in done.stdout
    assert (tmp_path / "tiny" / "card.json").is_file()


def test_one_device_needs_no_sharing():
    assert choose_strategy(["GPU:0"]) is tf.distribute.get_strategy()
    assert choose_strategy() is tf.distribute.get_strategy()


@pytest.mark.parametrize(
    ("gpus", "bfloat16", "expected"),
    [
        (["a GPU"], True, "mixed_float16"),
        ([], True, "mixed_bfloat16"),
        ([], False, "float32"),
    ],
)
def test_number_format(monkeypatch, gpus, bfloat16, expected):
    monkeypatch.setattr(network, "has_fast_bfloat16", lambda: bfloat16)
    assert choose_precision(gpus) == expected


def test_half_precision_scales_the_loss_and_keeps_logits_in_float32(monkeypatch):
    monkeypatch.setattr(network, "choose_precision", lambda gpus: "mixed_float16")
    config = build_config(VALUES | {"base_width": 8, "num_stages": 1})
    model = build_network(config, for_training=True)
    compile_network(model, config, num_train=8)
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert model.get_layer("logits").compute_dtype == "float32"
    assert model.layers[2].compute_dtype == "float16"
    assert keras.mixed_precision.global_policy().name == "float32"
