"""Cards, networks and detectors that answer without files, Keras or searching."""

from collections.abc import Sequence

import numpy as np

from facecore.detection import Detection
from facecore.labels import LABELS
from facecore.registry import InputSpec, ModelCard


def build_card(task="expression", labels=None, name="stub", size=8, **changes) -> ModelCard:
    """A valid card of a network that does not exist."""
    return ModelCard(
        name=name,
        title=name.capitalize(),
        task=task,
        labels=tuple(labels or LABELS[task]),
        input=changes.pop("input", InputSpec(size, size)),
        architecture="stub",
        num_parameters=0,
        sha256="0" * 64,
        **changes,
    )


class StubClassifier:
    """Answers the same label for every face, or what ``answer(batch)`` says.

    ``batches`` holds the shape of every batch asked for.
    """

    def __init__(self, card, label=None, confidence=0.9, answer=None) -> None:
        self.card = card
        self.batches: list[tuple[int, ...]] = []
        self._answer = answer
        rest = (1 - confidence) / (len(card.labels) - 1)
        self._probs = np.full(len(card.labels), rest, dtype=np.float32)
        self._probs[card.labels.index(label or card.labels[0])] = confidence

    def predict_proba(self, batch):
        """float32 array of shape (n, num_classes)."""
        self.batches.append(batch.shape)
        if self._answer is not None:
            return np.asarray(self._answer(batch), dtype=np.float32)
        return np.tile(self._probs, (len(batch), 1))


class StubDetector:
    """Answers the n-th call from the n-th entry of ``script``, then with nothing.

    ``near`` maps a call of ``detect_near`` to its answers; by default known faces stay lost.
    """

    def __init__(self, script: Sequence[Sequence], near=None) -> None:
        self.script = [[_to_detection(item) for item in items] for items in script]
        self.num_calls = 0
        self.near_calls: list[list] = []
        self._near = near

    def detect(self, frame_bgr):
        """The scripted detections of this call."""
        self.num_calls += 1
        return list(self.script[self.num_calls - 1]) if self.num_calls <= len(self.script) else []

    def detect_near(self, frame_bgr, known):
        """The scripted detections near known faces."""
        self.near_calls.append(list(known))
        if self._near is None:
            return [None] * len(known)
        return [self._near(box) for box in known]


def _to_detection(item):
    return item if isinstance(item, Detection) else Detection(tuple(item), 50.0)
