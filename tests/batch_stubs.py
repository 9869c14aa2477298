"""Networks for the worker processes of a batch: importable there by name, without TensorFlow."""

import os
import signal
import time
from pathlib import Path

import numpy as np

from facecore import batch_worker
from facecore.labels import LABELS
from facecore.media import decode_picture
from facecore.registry import InputSpec, ModelCard

SLEEP = "FACECORE_TEST_SLEEP_S"  # how long a slow photo takes; 0.3 where nothing says
MARK = "FACECORE_TEST_MARK"  # names a file that remembers a process that was killed, or began


class StubNetwork:
    """Sees a happy woman in every face."""

    def __init__(self, name: str) -> None:
        task = "gender" if name == "gender" else "expression"
        labels = LABELS[task]
        self.card = ModelCard(name, name, task, labels, InputSpec(8, 8), "stub", 0, "0" * 64)
        self._column = labels.index("woman" if task == "gender" else "happy")

    def predict_proba(self, batch):
        """float32 array of shape (n, num_classes)."""
        probs = np.full((len(batch), len(self.card.labels)), 0.01, np.float32)
        probs[:, self._column] = 1 - 0.01 * (len(self.card.labels) - 1)
        return probs


def load_stub(bundle: Path) -> StubNetwork:
    return StubNetwork(bundle.name)


def load_slow_stub(bundle: Path) -> StubNetwork:
    """Makes every photo take a while."""

    def decode_slowly(data, name):
        if MARK in os.environ:
            Path(os.environ[MARK]).touch()
        time.sleep(float(os.environ.get(SLEEP, "0.3")))
        return decode_picture(data, name)

    batch_worker.decode_picture = decode_slowly
    return StubNetwork(bundle.name)


def load_trapped_stub(bundle: Path) -> StubNetwork:
    """Some names end the process that opens the photo, or make it fail."""

    def decode_trapped(data, name):
        if name.startswith("fatal"):
            os.kill(os.getpid(), signal.SIGKILL)
        if name.startswith("unlucky") and not Path(os.environ[MARK]).exists():
            Path(os.environ[MARK]).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if name.startswith("defect"):
            raise ZeroDivisionError(name)
        return decode_picture(data, name)

    batch_worker.decode_picture = decode_trapped
    return StubNetwork(bundle.name)


def load_at_second_try(bundle: Path) -> StubNetwork:
    """Ends the first process that opens it."""
    if not Path(os.environ[MARK]).exists():
        Path(os.environ[MARK]).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return StubNetwork(bundle.name)


def load_nothing(bundle: Path) -> StubNetwork:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("not reached")
