"""Pages run in AppTest with small bundles whose networks are stubs: no test loads TensorFlow.

Fixtures:
    models_folder: a models folder with three expression bundles and a gender bundle.
    publish_again: puts another network in the place of one of them.
    hasty_presses_count: for every test.
    events_of_turns: what bars say, and when turns begin and end.
    open_page: ``open_page("photos") -> AppTest``, after its first run.
    words_last: select boxes go by the words that were chosen, as in a browser.
"""

import sys
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest
import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import InitialValue, Selectbox, WidgetState

from facecore.images import example_image
from facecore.jobs_queue import TurnQueue
from facecore.labels import EXPRESSIONS, GENDERS
from facecore.registry import (
    MODEL_FILE,
    InputSpec,
    ModelCard,
    compute_sha256,
    load_card,
    save_card,
    verify_checksum,
)

APP = Path(__file__).resolve().parents[2] / "app.py"
WITHOUT_DISGUST = tuple(label for label in EXPRESSIONS if label != "disgust")
BUNDLES = {
    "expression_model1": ("Model 1: all seven expressions", "expression", EXPRESSIONS, "happy"),
    "expression_model2": ("Model 2: without Disgust", "expression", WITHOUT_DISGUST, "sad"),
    "expression_model3": ("Model 3: balanced", "expression", WITHOUT_DISGUST, "sad"),
    "gender": ("Gender", "gender", GENDERS, "woman"),
}
ANOTHER_NETWORK = b"another"


class StubNetwork:
    """Always answers its bundle's label, or one so many further, with 80 %."""

    def __init__(self, card: ModelCard, shift: int = 0) -> None:
        self.card = self.model = card
        label = BUNDLES[card.name][3]
        self._probs = np.full(len(card.labels), 0.2 / (len(card.labels) - 1), dtype=np.float32)
        self._probs[(card.labels.index(label) + shift) % len(card.labels)] = 0.8

    def predict_proba(self, batch):
        return np.tile(self._probs, (len(batch), 1))


def load_stub(bundle):
    card = load_card(bundle)
    path = verify_checksum(bundle, card)
    return StubNetwork(card, shift=int(path.read_bytes() == ANOTHER_NETWORK))


def explain_stub(network, labels, image, label, against=None):
    """The top left speaks for the label, the bottom right for the other; nothing for fear."""
    assert label in labels and image.shape == (8, 8, 1)
    heat = np.zeros((4, 4), np.float32)
    if label != "fear":
        heat[0, 0], heat[3, 3] = 1, 0 if against is None else -1
    return heat


@pytest.fixture(autouse=True)
def hasty_presses_count(monkeypatch):
    """AppTest presses sooner than anybody could have looked."""
    monkeypatch.setattr("pages._relabel_steps.HASTE_S", 0.0)


@pytest.fixture(autouse=True)
def same_main_module():
    """A page that ran stays behind as ``__main__``, and a process started later would run it."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture
def models_folder(tmp_path, monkeypatch) -> Path:
    """A models folder; the networks in it are opened by a stub, their checksums verified."""
    folder = tmp_path / "models"
    for name, (title, task, labels, _) in BUNDLES.items():
        bundle = folder / name
        bundle.mkdir(parents=True)
        (bundle / MODEL_FILE).write_bytes(name.encode())
        save_card(
            bundle,
            ModelCard(
                threshold={"expression_model1": 0.5}.get(name, 0.0),
                name=name,
                title=title,
                task=task,
                labels=labels,
                input=InputSpec(8, 8),
                architecture="stub",
                num_parameters=1,
                sha256=compute_sha256(bundle / MODEL_FILE),
            ),
        )
    inference = ModuleType("facecore.inference")
    inference.load_classifier = load_stub
    inference.configure_device = lambda: SimpleNamespace(text="Networks run on a stub (CPU).")
    monkeypatch.setitem(sys.modules, "facecore.inference", inference)
    explain = ModuleType("facecore.explain")
    explain.compute_heat_map = explain_stub
    monkeypatch.setitem(sys.modules, "facecore.explain", explain)
    keras = ModuleType("keras")  # the real inference module would have brought it
    keras.backend = SimpleNamespace(clear_session=lambda: None)
    monkeypatch.setitem(sys.modules, "keras", keras)
    monkeypatch.setenv("FACECORE_MODELS_DIR", str(folder))
    st.cache_resource.clear()
    yield folder
    st.cache_resource.clear()


@pytest.fixture
def publish_again(models_folder) -> Callable[..., None]:
    """``publish_again("gender", threshold=0.9)`` puts another network in a bundle's place.

    It has the same name and answers the label after the usual one.
    """

    def publish(name: str, **changes) -> None:
        bundle = models_folder / name
        (bundle / MODEL_FILE).write_bytes(ANOTHER_NETWORK)
        sha256 = compute_sha256(bundle / MODEL_FILE)
        save_card(bundle, replace(load_card(bundle), sha256=sha256, **changes))

    return publish


@pytest.fixture
def events_of_turns(monkeypatch) -> list[str]:
    """What progress bars say, and when a turn begins and ends; two others always come before."""
    events: list[str] = []
    turn, progress = TurnQueue.turn, DeltaGenerator.progress

    @contextmanager
    def take(self, owner=None, on_wait=None):
        on_wait(2)
        with turn(self, owner, on_wait):
            events.append("turn")
            yield
        events.append("end")

    def tell(self, value, text=None, **options):
        events.append(text)
        return progress(self, value, text, **options)

    monkeypatch.setattr(TurnQueue, "turn", take)
    monkeypatch.setattr(DeltaGenerator, "progress", tell)
    return events


@pytest.fixture
def open_page(models_folder) -> Callable[[str], AppTest]:
    """``open_page("photos")`` runs the app and goes to a page."""

    def open_(name: str) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=180).run()
        app.switch_page(f"pages/{name}.py").run()
        assert not app.exception
        return app

    return open_


@pytest.fixture
def words_last(monkeypatch) -> None:
    """Let select boxes answer as a browser does: with the words that were read when chosen.

    AppTest asks the script of the last run how it would word the choice now.
    """
    known: dict[str, str] = {}

    def answer(box: Selectbox) -> WidgetState:
        if not isinstance(box._value, InitialValue):
            known[box.id] = box.options[box.index]
        elif box.proto.set_value:
            known[box.id] = box.proto.raw_value
        elif box.id not in known and box.proto.HasField("default"):
            known[box.id] = box.options[box.proto.default]
        return WidgetState(id=box.id, string_value=known.get(box.id))

    monkeypatch.setattr(Selectbox, "_widget_state", property(answer))


@pytest.fixture(scope="session")
def portrait_png() -> bytes:
    """One face."""
    return cv2.imencode(".png", example_image())[1].tobytes()


@pytest.fixture(scope="session")
def pair_png() -> bytes:
    """Two faces."""
    portrait = example_image()
    return cv2.imencode(".png", np.hstack([portrait, portrait[:, ::-1]]))[1].tobytes()


@pytest.fixture(scope="session")
def wall_png() -> bytes:
    """No face."""
    return cv2.imencode(".png", np.full((240, 320, 3), 180, np.uint8))[1].tobytes()
