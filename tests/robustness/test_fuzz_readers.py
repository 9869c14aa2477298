"""Damaged uploads that are no pictures, and damaged files of models and trainings: a sentence each.

Pictures and videos: test_fuzz.py. Every other reader of bytes that a user or a model from elsewhere
brings stands here.
"""

import io
import json
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest

from benchmarks import fuzz
from facecore.comparison import load_history
from facecore.datasets_common import FaceDataset
from facecore.errors import FaceCoreError, InvalidModelCardError, InvalidReportError
from facecore.evaluation_report import load_predictions, load_report
from facecore.network_files import refuse_code
from facecore.own_data_sources import read_csv
from facecore.own_data_store import load_own_data
from facecore.own_data_unpack import unpack_pictures
from facecore.registry import MODEL_FILE, load_card
from facecore.relabel_decisions import decide, read_decisions, to_decisions_csv
from facecore.relabel_predictions import load_predictions_for, predictions_path
from facecore.training_config import load_values
from facecore.training_runs import STATE_FILE, read_history, read_log
from facecore.untrusted_files import load_arrays, load_json
from facecore.user_files import user_data_dir

SEED = 11
NUM_CASES = 150
NUM_TYPES = 400  # files that are whole, but with a value of another kind
BUNDLE = Path(__file__).resolve().parents[2] / "models" / "expression_model1"
EVALUATION = min((BUNDLE / "evaluations").iterdir())
ODD_VALUES = (None, -1, 0, 1e308, float("nan"), 2**70, "x", "", True, [], [[]], {}, {"a": 1})


@pytest.fixture(autouse=True)
def user_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FACECORE_USER_DIR", str(tmp_path / "user"))


def pack(compression):
    packed = io.BytesIO()
    noise = random.Random(SEED)
    with zipfile.ZipFile(packed, "w", compression) as archive:
        for number, label in enumerate(("happy", "sad", "frö")):
            archive.writestr(f"train/{label}/{number}.png", noise.randbytes(300) + bytes(300))
        archive.writestr("readme.txt", "hello")
    return packed.getvalue()


def pack_arrays(**arrays):
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)
    return packed.getvalue()


def make_faces_csv():
    pixels = " ".join(map(str, range(64)))
    rows = [f"{number % 7},{pixels},Training" for number in range(10)]
    return "\n".join(["emotion,pixels,Usage", *rows]).encode()


def make_predictions():
    return pack_arrays(
        sample_ids=np.array(["a", "b"]),
        labels=np.array(["happy", "sad"]),
        y_true=np.array([0, 1], np.int16),
        columns=np.array(["happy", "sad"]),
        probs=np.full((2, 2), 0.5, np.float32),
        attribute_age=np.array(["1", "2"]),
    )


def make_out_of_sample():
    return pack_arrays(
        about=np.array(json.dumps({"labels": ["happy", "sad"], "num_folds": 5})),
        sample_ids=np.array(["a", "b"]),
        y_true=np.array([0, 1], np.int16),
        probs=np.full((2, 2), 0.5, np.float32),
        quality=np.full(2, 0.5, np.float32),
        is_issue=np.array([True, False]),
    )


def make_network():
    """The published network's description and the beginning of its weights."""
    packed = io.BytesIO()
    with zipfile.ZipFile(BUNDLE / MODEL_FILE) as whole, zipfile.ZipFile(packed, "w") as part:
        for name in whole.namelist():
            part.writestr(name, whole.read(name)[: None if name.endswith("json") else 500])
    return packed.getvalue()


def make_own_data():
    values = {"name": "own_a", "title": "A", "task": "expression", "labels": ["happy", "sad"]}
    values |= {"counts": {"happy": {"train": 1}}, "made_s": 1.0, "mapping": {}}
    values |= {"split_method": "share", "framing": [0.1, 0.0], "left_out": {}, "schema_version": 1}
    return json.dumps(values).encode()


def make_state():
    row = {"epoch": 1, "loss": 1.0, "accuracy": 0.5, "validation_loss": 1.0}
    row |= {"validation_accuracy": 0.5, "duration_s": 1.0}
    return pack_arrays(progress=np.array(json.dumps({"history": [row]})), model_0=np.ones(3))


def put(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path.parent


def read_faces(data, folder):
    for picture in read_csv(io.BytesIO(data), "a.csv"):
        try:
            picture.read()
        except FaceCoreError as error:
            check_sentence(error)


def read_out_of_sample(data, folder):
    ids, y_true = np.array(["a", "b"]), np.array([0, 1], np.int16)
    labels = ("happy", "sad")
    dataset = FaceDataset("own_a", "train", "expression", labels, ids, y_true, lambda i: None)
    put(predictions_path("own_a", "train"), data)
    load_predictions_for(dataset)


def read_own_data(data, folder):
    put(user_data_dir() / "own_a" / "data.json", data)
    load_own_data("own_a")


def read_card(data, folder):
    card = load_card(put(folder / "expression_model1" / "card.json", data))
    # What a page does with it: every text is shown, the input is computed with.
    assert all(isinstance(text, str) for text in (card.title, *card.labels, *card.limitations))
    assert 0 < card.input.height * card.input.width * card.input.num_channels < 10**7


READERS = {
    "ZIP of pictures": (
        (lambda: pack(zipfile.ZIP_STORED), lambda: pack(zipfile.ZIP_DEFLATED)),
        lambda data, folder: unpack_pictures(io.BytesIO(data), folder, "a.zip"),
    ),
    "CSV of faces": ((make_faces_csv,), read_faces),
    "decisions": (
        (lambda: to_decisions_csv(decide(f"f{i}", "happy", "sad", "Ann") for i in range(9)),),
        lambda data, folder: read_decisions(data, "a.csv"),
    ),
    "predictions for relabelling": ((make_out_of_sample,), read_out_of_sample),
    "own data": ((make_own_data,), read_own_data),
    "card": (((BUNDLE / "card.json").read_bytes,), read_card),
    "training history": (
        ((BUNDLE / "history.csv").read_bytes,),
        lambda data, folder: load_history(put(folder / "history.csv", data)),
    ),
    "report": (
        ((EVALUATION / "report.json").read_bytes,),
        lambda data, folder: load_report(put(folder / "report.json", data)),
    ),
    "predictions": (
        (make_predictions,),
        lambda data, folder: load_predictions(put(folder / "predictions.npz", data)),
    ),
    "network": (
        (make_network,),
        lambda data, folder: refuse_code(put(folder / MODEL_FILE, data) / MODEL_FILE),
    ),
    "training state": (
        (make_state,),
        lambda data, folder: read_history(put(folder / STATE_FILE, data)),
    ),
    "training config": (
        (lambda: b'name = "a"\nlabels = ["happy", "sad"]\nepochs = 10\n',),
        lambda data, folder: load_values(put(folder / "config.toml", data) / "config.toml"),
    ),
}


def check_sentence(error):
    text = str(error)
    assert text.endswith(".")
    assert text.isprintable()
    assert len(text) < 600


@pytest.mark.parametrize("what", READERS)
def test_damaged_file_is_read_or_refused_with_a_sentence(what, tmp_path):
    makers, read = READERS[what]
    seeds = [make() for make in makers]
    for seed in seeds:
        read(seed, tmp_path / "whole")
    rng = random.Random(SEED)
    refused = 0
    for number in range(NUM_CASES):
        data = fuzz.mutate(seeds[number % len(seeds)], rng.choice(seeds), rng)
        try:
            read(data, tmp_path / "damaged")
        except FaceCoreError as error:
            check_sentence(error)
            refused += 1
    assert refused


def places_of(values):
    """Every container in a JSON value with each of its keys."""
    items = values.items() if isinstance(values, dict) else enumerate(values)
    for key, value in list(items):
        yield values, key
        if isinstance(value, dict | list):
            yield from places_of(value)


@pytest.mark.parametrize("what", ["card", "report", "own data"])
def test_values_of_other_kinds(what, tmp_path):
    (make,), read = READERS[what]
    rng = random.Random(SEED)
    refused = 0
    for _ in range(NUM_TYPES):
        values = json.loads(make())
        container, key = rng.choice(list(places_of(values)))
        container[key] = rng.choice(ODD_VALUES)
        try:
            read(json.dumps(values).encode(), tmp_path)
        except FaceCoreError as error:
            check_sentence(error)
            refused += 1
    assert refused


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deep_nesting(opening, tmp_path):
    (tmp_path / "card.json").write_bytes(opening * 200_000)
    (tmp_path / "report.json").write_bytes(opening * 200_000)
    with pytest.raises(ValueError, match="nested too deep"):
        load_json(tmp_path / "card.json")
    with pytest.raises(InvalidModelCardError):
        load_card(tmp_path)
    with pytest.raises(InvalidReportError):
        load_report(tmp_path)


def test_arrays_that_are_no_numbers_or_promise_too_much(tmp_path, monkeypatch):
    path = tmp_path / "predictions.npz"
    np.savez(path, labels=np.array([print], dtype=object))
    with pytest.raises(ValueError, match="pickle"):
        load_arrays(path)
    header = str({"descr": "<f4", "fortran_order": False, "shape": (10**15,)}).encode()
    with zipfile.ZipFile(path, "w") as archive:
        size = len(header).to_bytes(2, "little")
        archive.writestr("labels.npy", b"\x93NUMPY\x01\x00" + size + header)
    with pytest.raises(ValueError, match="allocate"):
        load_arrays(path)
    np.savez_compressed(path, labels=np.zeros(10_000))
    monkeypatch.setattr("facecore.untrusted_files.MAX_ARRAYS_BYTES", 50_000)
    with pytest.raises(ValueError, match="far too much"):
        load_arrays(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_unusual_packing_is_refused(method, tmp_path):
    with pytest.raises(FaceCoreError, match="packed in an unusual way"):
        unpack_pictures(io.BytesIO(pack(method)), tmp_path, "a.zip")


def test_table_can_be_read_twice():
    file = io.BytesIO(make_faces_csv())
    assert len(read_csv(file, "a.csv")) == len(read_csv(file, "a.csv")) == 10


def test_log_of_any_bytes(tmp_path):
    put(tmp_path / "user" / "runs" / "a" / "log.txt", bytes(range(256)) * 200)
    assert read_log("a")
