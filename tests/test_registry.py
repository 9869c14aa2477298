import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from facecore import registry
from facecore.errors import ChecksumMismatchError, InvalidModelCardError, ModelNotFoundError
from facecore.registry import (
    InputSpec,
    ModelCard,
    compute_sha256,
    list_cards,
    load_card,
    models_dir,
    save_card,
    verify_checksum,
)


def make_card(**changes):
    values = {
        "name": "tiny",
        "title": "Tiny",
        "task": "gender",
        "labels": ("man", "woman"),
        "input": InputSpec(8, 8, margin=0.25),
        "architecture": "tiny",
        "num_parameters": 3,
        "sha256": "0" * 64,
        "limitations": ("none known",),
    }
    return ModelCard(**(values | changes))


def test_card_survives_the_disk(tmp_path):
    card = make_card()
    save_card(tmp_path / "tiny", card)
    assert load_card(tmp_path / "tiny") == card
    assert [p.name for p in (tmp_path / "tiny").iterdir()] == ["card.json"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d.update(schema_version=99), "schema version 99"),
        (lambda d: d.update(task="age"), "task must be one of"),
        (lambda d: d.update(labels=["man", "undecided"]), "undecided"),
        (lambda d: d.update(labels=["man", "man"]), "labels"),
        (lambda d: d.update(colour="blue"), "unknown keys colour"),
        (lambda d: d.pop("sha256"), "sha256"),
        (lambda d: d["input"].update(color="hsv"), "color"),
    ],
)
def test_broken_card_is_one_sentence(tmp_path, change, reason):
    bundle = tmp_path / "tiny"
    save_card(bundle, make_card())
    data = json.loads((bundle / "card.json").read_text())
    change(data)
    (bundle / "card.json").write_text(json.dumps(data))
    with pytest.raises(InvalidModelCardError, match=reason):
        load_card(bundle)


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"'])
def test_card_that_is_no_json_object(tmp_path, text):
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "card.json").write_text(text)
    with pytest.raises(InvalidModelCardError):
        load_card(tmp_path / "tiny")


def test_missing_bundle_and_renamed_bundle(tmp_path):
    with pytest.raises(ModelNotFoundError, match="no model called 'tiny'"):
        load_card(tmp_path / "tiny")
    save_card(tmp_path / "other", make_card())
    with pytest.raises(InvalidModelCardError, match="rename"):
        load_card(tmp_path / "other")


def test_altered_or_missing_network_is_refused(tmp_path):
    bundle = tmp_path / "tiny"
    bundle.mkdir()
    network = bundle / "model.keras"
    with pytest.raises(ModelNotFoundError, match=r"no model\.keras"):
        verify_checksum(bundle, make_card())
    network.write_bytes(b"weights")
    card = make_card(sha256=compute_sha256(network))
    assert verify_checksum(bundle, card) == network
    network.write_bytes(b"weightz")
    with pytest.raises(ChecksumMismatchError, match="was not opened"):
        verify_checksum(bundle, card)


def test_listing_leaves_damaged_bundles_out_and_filters_by_task(tmp_path, monkeypatch):
    save_card(tmp_path / "tiny", make_card())
    expression = make_card(name="smile", task="expression", labels=("happy", "sad"))
    save_card(tmp_path / "smile", expression)
    save_card(tmp_path / "shown", replace(expression, name="shown", role="comparison"))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "card.json").write_text("{")
    monkeypatch.setenv("FACECORE_MODELS_DIR", str(tmp_path))
    assert models_dir() == tmp_path
    assert [c.name for c in list_cards()] == ["shown", "smile", "tiny"]
    assert [c.name for c in list_cards(role="general")] == ["smile", "tiny"]
    assert [c.name for c in list_cards(task="gender")] == ["tiny"]


def test_bundle_that_is_deleted_while_all_are_listed_is_left_out(tmp_path, monkeypatch):
    for name in ("gone", "kept"):
        save_card(tmp_path / name, make_card(name=name))

    def delete_then_load(bundle):
        if bundle.name == "gone":
            shutil.rmtree(bundle)
        return load_card(bundle)

    monkeypatch.setattr(registry, "load_card", delete_then_load)
    assert [card.name for card in list_cards(tmp_path)] == ["kept"]


def test_network_that_is_deleted_while_it_is_verified_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "model.keras").write_bytes(b"weights")
    real_open = Path.open

    def delete_then_open(path, *how):
        path.unlink()
        return real_open(path, *how)

    monkeypatch.setattr(Path, "open", delete_then_open)
    with pytest.raises(ModelNotFoundError, match=r"has no model\.keras"):
        verify_checksum(tmp_path, make_card())
