"""Tiny real networks: opened only when untouched, harmless and as their card says."""

import json
import pickle
import random
import subprocess
import sys
import threading
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.fuzz import mutate
from facecore.errors import (
    ChecksumMismatchError,
    InvalidModelCardError,
    ModelError,
    ModelNotFoundError,
    ModelShapeError,
)
from facecore.inference import DeviceReport, configure_device, load_classifier
from facecore.registry import CARD_FILE, MODEL_FILE, compute_sha256, save_card

keras = pytest.importorskip("keras")

ROOT = Path(__file__).resolve().parent.parent


def build_network(size=8, num_classes=7, body=()):
    inputs = keras.Input((size, size, 1))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    for layer in body:
        x = layer(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax")(x))


@pytest.fixture
def write_bundle(tmp_path, make_card):
    """Writes a network and a card that belongs to it."""

    def write(network):
        bundle = tmp_path / "tiny"
        bundle.mkdir()
        network.save(bundle / MODEL_FILE)
        card = make_card(name="tiny")
        save_card(bundle, replace(card, sha256=compute_sha256(bundle / MODEL_FILE)))
        return bundle

    return write


@pytest.fixture(scope="module")
def shared_bundle(tmp_path_factory, make_card):
    keras.utils.set_random_seed(1)
    bundle = tmp_path_factory.mktemp("models") / "tiny"
    bundle.mkdir()
    build_network().save(bundle / MODEL_FILE)
    card = make_card(name="tiny")
    save_card(bundle, replace(card, sha256=compute_sha256(bundle / MODEL_FILE)))
    return bundle


@pytest.fixture(scope="module")
def classifier(shared_bundle):
    return load_classifier(shared_bundle)


def random_batch(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 8, 8, 1), dtype=np.uint8)


@pytest.mark.parametrize("n", [0, 1, 2, 5, 30])
def test_any_number_of_faces(classifier, n):
    probs = classifier.predict_proba(random_batch(n))
    assert probs.shape == (n, 7)
    assert probs.dtype == np.float32
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)


def test_same_answer_alone_and_together(classifier):
    batch = random_batch(4)
    together = classifier.predict_proba(batch)
    alone = np.concatenate([classifier.predict_proba(batch[i : i + 1]) for i in range(4)])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_answer_is_keras_own(shared_bundle, classifier):
    network = keras.models.load_model(shared_bundle / MODEL_FILE)
    batch = random_batch(3)
    np.testing.assert_allclose(
        classifier.predict_proba(batch), network(batch.astype(np.float32)).numpy(), atol=1e-6
    )


def test_normalisation_and_nested_networks_answer_as_in_keras(write_bundle):
    rng = np.random.default_rng(2)
    inner = keras.Sequential([keras.layers.DepthwiseConv2D(3), keras.layers.BatchNormalization()])
    body = [keras.layers.Conv2D(6, 3), keras.layers.BatchNormalization(), keras.layers.ReLU()]
    body += [keras.layers.Dropout(0.5), inner, keras.layers.ReLU()]
    network = build_network(body=body)
    for variable in network.variables:
        if variable.dtype == "float32":  # as if trained: nothing is 0 or 1
            variable.assign(variable + rng.uniform(0.02, 0.2, variable.shape))
    batch = random_batch(9)
    expected = network(batch.astype(np.float32), training=False).numpy()
    assert np.ptp(expected, axis=0).max() > 1e-3, "answers depend on the pictures"
    answered = load_classifier(write_bundle(network)).predict_proba(batch)
    assert answered == pytest.approx(expected, abs=1e-5)


def test_threads_share_one_classifier(classifier):
    batches = [random_batch(1 + i % 3, seed=i) for i in range(12)]
    expected = [classifier.predict_proba(batch) for batch in batches]
    answers: dict[int, np.ndarray] = {}

    def run(i):
        answers[i] = classifier.predict_proba(batches[i])

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(batches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, probs in enumerate(expected):
        np.testing.assert_allclose(answers[i], probs, atol=1e-6)


@pytest.mark.parametrize(
    "batch",
    [np.zeros((1, 9, 8, 1), np.uint8), np.zeros((1, 8, 8, 1), np.float32)],
    ids=["size", "type"],
)
def test_wrong_batch_is_the_programmers_mistake(classifier, batch):
    with pytest.raises(ValueError, match="expected uint8 images"):
        classifier.predict_proba(batch)


def test_altered_network_is_not_opened(write_bundle, monkeypatch):
    bundle = write_bundle(build_network())
    with (bundle / MODEL_FILE).open("ab") as file:
        file.write(b"x")
    monkeypatch.setattr(keras.models, "load_model", lambda *a, **k: pytest.fail("opened"))
    with pytest.raises(ChecksumMismatchError, match="was not opened"):
        load_classifier(bundle)


@pytest.mark.parametrize(
    ("file", "error"), [(CARD_FILE, ModelNotFoundError), (MODEL_FILE, ModelNotFoundError)]
)
def test_missing_file(write_bundle, file, error):
    bundle = write_bundle(build_network())
    (bundle / file).unlink()
    with pytest.raises(error):
        load_classifier(bundle)


def test_damaged_card(write_bundle):
    bundle = write_bundle(build_network())
    (bundle / CARD_FILE).write_text("{")
    with pytest.raises(InvalidModelCardError):
        load_classifier(bundle)


@pytest.mark.parametrize("changes", [{"size": 9}, {"num_classes": 6}])
def test_network_that_differs_from_its_card(write_bundle, changes):
    with pytest.raises(ModelShapeError, match="its card says"):
        load_classifier(write_bundle(build_network(**changes)))


def test_network_with_code_is_refused_in_plain_words(write_bundle):
    bundle = write_bundle(build_network(body=[keras.layers.Lambda(lambda x: x * 2)]))
    with pytest.raises(ModelError, match="program code of its own"):
        load_classifier(bundle)


class Pickled:
    """What unpickling would call."""

    def __reduce__(self):
        return (open, ("/tmp/facecore-was-here", "w"))


def test_network_with_a_pickle_beside_the_weights_is_refused(write_bundle):
    bundle = write_bundle(build_network())
    with zipfile.ZipFile(bundle / MODEL_FILE, "a") as archive:
        archive.writestr("model.weights.pkl", pickle.dumps(Pickled()))
    renew_checksum(bundle)
    with pytest.raises(ModelError, match=r"holds a file .*model\.weights\.pkl.*not opened"):
        load_classifier(bundle)
    assert not Path("/tmp/facecore-was-here").exists()


@pytest.mark.parametrize(
    "part",
    [
        {"module": "builtins", "class_name": "function", "config": "exec"},
        {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "/tmp/x"}},
        {"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {"module": "x"}},
        {"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": "/x"}},
        {"module": "keras.utils", "class_name": "get_file", "config": {"origin": "http://x"}},
        {"module": "keras.src.config", "class_name": "enable_unsafe_deserialization"},
        {"class_name": "__lambda__", "config": {"code": "x"}},
        {"module": "my_layers", "class_name": "Mine", "registered_name": "mine>Mine"},
        {"module": "os", "class_name": "__keras_tensor__"},
        {"module": ["os"], "class_name": "system"},
        {"module": "keras.layers", "class_name": ["Dense"]},
    ],
    ids=lambda part: str(part["class_name"]),
)
def test_parts_that_act_are_refused(write_bundle, part):
    bundle = write_bundle(build_network())

    def add(text):
        config = json.loads(text)
        config["config"]["layers"][1]["config"]["hidden"] = [part]
        return json.dumps(config)

    rewrite_config(bundle, add)
    with pytest.raises(ModelError, match="program code of its own"):
        load_classifier(bundle)


def renew_checksum(bundle):
    card = json.loads((bundle / CARD_FILE).read_text())
    card["sha256"] = compute_sha256(bundle / MODEL_FILE)
    (bundle / CARD_FILE).write_text(json.dumps(card))


def rewrite_config(bundle, change):
    """Change config.json inside model.keras, and the card's checksum with it."""
    path = bundle / MODEL_FILE
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["config.json"] = change(members["config.json"].decode()).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    renew_checksum(bundle)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace('"keras.layers"', '"os.path"'), "program code of its own"),
        (lambda text: text.replace('"Flatten"', '"Fold"'), "cannot open the network"),
        (lambda text: "no json", "no Keras file"),
    ],
    ids=["foreign module", "unknown layer", "no json"],
)
def test_manipulated_network(write_bundle, change, message):
    bundle = write_bundle(build_network())
    rewrite_config(bundle, change)
    with pytest.raises(ModelError, match=message):
        load_classifier(bundle)


def rewrite_weights(bundle, change):
    """Change model.weights.h5 inside model.keras, and the card's checksum with it."""
    path, weights = bundle / MODEL_FILE, bundle.parent / "weights.h5"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    weights.write_bytes(members["model.weights.h5"])
    change(weights)
    members["model.weights.h5"] = weights.read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    renew_checksum(bundle)


def replace_kernel(weights, make):
    """Put something else in the place of the last layer's weights."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(weights, "a") as file:
        group = file["layers/dense/vars"]
        del group["0"]
        make(h5py, group)


@pytest.mark.parametrize(
    "make",
    [
        lambda h5py, group: group.__setitem__("0", h5py.ExternalLink("/etc/hostname", "/")),
        lambda h5py, group: group.__setitem__("0", h5py.SoftLink("/elsewhere")),
        lambda h5py, group: group.create_dataset(
            "0", (64, 7), "f4", external=[("/etc/passwd", 0, 64 * 7 * 4)]
        ),
        lambda h5py, group: group.create_dataset("0", (10**7, 10**5), "f4", chunks=(64, 64)),
        lambda h5py, group: group.create_dataset("0", data=np.void(pickle.dumps(Pickled()))),
    ],
    ids=["other file", "link", "bytes of another file", "larger than any memory", "pickle"],
)
def test_weights_that_are_no_plain_numbers(write_bundle, make):
    bundle = write_bundle(build_network())
    rewrite_weights(bundle, lambda weights: replace_kernel(weights, make))
    with pytest.raises(ModelError, match="cannot open the network") as error:
        load_classifier(bundle)
    assert str(error.value).isprintable()
    assert not Path("/tmp/facecore-was-here").exists()


def test_attributes_of_the_weights_are_never_unpickled(write_bundle):
    h5py = pytest.importorskip("h5py")

    def add(weights):
        with h5py.File(weights, "a") as file:
            file.attrs["layer_names"] = np.void(pickle.dumps(Pickled()))

    bundle = write_bundle(build_network())
    rewrite_weights(bundle, add)
    load_classifier(bundle)
    assert not Path("/tmp/facecore-was-here").exists()


def test_damaged_weights_and_descriptions_are_one_sentence(write_bundle):
    bundle = write_bundle(build_network())
    whole = (bundle / MODEL_FILE).read_bytes()
    rng = random.Random(3)
    for _ in range(12):
        (bundle / MODEL_FILE).write_bytes(whole)
        rewrite_weights(
            bundle, lambda path: path.write_bytes(mutate(path.read_bytes(), whole, rng))
        )
        try:
            load_classifier(bundle)
        except ModelError as error:
            assert str(error).isprintable() and str(error).endswith(".")


def test_file_that_is_no_network(write_bundle):
    bundle = write_bundle(build_network())
    (bundle / MODEL_FILE).write_bytes(b"not a zip archive")
    renew_checksum(bundle)
    with pytest.raises(ModelError, match="no Keras file"):
        load_classifier(bundle)


@dataclass(frozen=True)
class Device:
    name: str


@pytest.mark.parametrize(
    ("names", "report", "word"),
    [
        ([], DeviceReport("CPU", "CPU", 1), "processor"),
        (["/physical_device:GPU:0"], DeviceReport("GPU", "GPU:0", 1), "the graphics card (GPU:0)"),
        (
            ["/physical_device:GPU:0", "/physical_device:GPU:1"],
            DeviceReport("GPU", "GPU:0, GPU:1", 2),
            "2 graphics cards",
        ),
    ],
)
def test_device_choice(names, report, word):
    devices = [Device(name) for name in names]
    grown = []
    found = configure_device(
        lambda kind: devices if kind == "GPU" else [],
        lambda device, growth: grown.append((device, growth)),
    )
    assert found == report
    assert word in found.text
    assert grown == [(device, True) for device in devices]


def test_device_without_replacement_is_a_report():
    assert configure_device().kind in ("CPU", "GPU")


def test_start_of_tensorflow_says_nothing():
    code = "import facecore.inference as i; i.configure_device()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, cwd=ROOT, check=True, text=True
    )
    assert (done.stdout, done.stderr) == ("", "")
