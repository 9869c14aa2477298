"""Corrected labels reach the training pictures and no others; folds judge unseen pictures."""

import hashlib
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from relabel_files import AS_NEUTRAL, COPIED, COPY, NO_FACE, PER_CLASS, write_faces

from facecore.datasets import load_dataset
from facecore.errors import ConfigError, CorrectionsError, StorageError
from facecore.labels import EXPRESSIONS
from facecore.registry import load_card
from facecore.relabel_decisions import Decision, load_decisions, save_decisions
from facecore.relabel_predictions import load_predictions_for
from tests.training.test_config import VALUES
from tests.training.test_train import build_tiny
from training import cross_validate as script
from training.architectures import ARCHITECTURES
from training.config import build_config, load_config
from training.cross_validate import assign_folds, cross_validate
from training.data import load_training_data
from training.fold_config import build_fold_config
from training.train import train

CONFIGS_DIR = Path(__file__).parents[2] / "training" / "configs"


@pytest.fixture(scope="module", autouse=True)
def tiny_architecture():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "tiny", build_tiny)
        yield


@pytest.fixture(autouse=True)
def data_folder(tmp_path, monkeypatch):
    write_faces(tmp_path / "data")
    monkeypatch.setenv("FACECORE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("FACECORE_USER_DIR", str(tmp_path / "user"))


@pytest.fixture
def corrections(tmp_path):
    path = tmp_path / "mended.csv"
    rows = [(image, "neutral") for image in AS_NEUTRAL] + [(NO_FACE, "not_a_face")]
    save_decisions(path, [Decision(image, "sad", new, "Ann", "2026") for image, new in rows])
    return path


def configure(**changes):
    return build_config(
        VALUES | {"labels": list(EXPRESSIONS), "architecture": "tiny", "batch_size": 8} | changes
    )


def test_two_epochs_with_corrections(tmp_path, corrections):
    config = configure(corrections=str(corrections), warmup_epochs=0.5)
    data = load_training_data(config)
    counts = dict(zip(EXPRESSIONS, np.bincount(data.train_y).tolist(), strict=True))
    assert (counts["sad"], counts["neutral"]) == (PER_CLASS - 3, PER_CLASS + 2)
    assert np.bincount(data.validation_y).tolist() == [3] * len(EXPRESSIONS)
    bundle = tmp_path / "models" / "tiny"
    train(config, data, tmp_path / "run", bundle)
    assert load_card(bundle).role == "general"
    fitted, chosen = load_card(bundle).training["datasets"]
    assert fitted["corrections"] == {
        "file": "mended.csv",
        "sha256": hashlib.sha256(corrections.read_bytes()).hexdigest(),
        "num_relabelled": 2,
        "num_left_out": 1,
        "num_kept": 0,
        "num_held_out": 0,
        "relabelled": {"sad to neutral": 2},
    }
    assert "corrections" not in chosen

    rows = load_decisions(corrections)
    save_decisions(corrections, [replace(row, who="Bob") for row in rows])
    with pytest.raises(ConfigError, match=r"other labels.*mended\.csv"):
        train(config, load_training_data(config), tmp_path / "run", bundle)


def test_experiment_differs_in_nothing_but_the_corrections():
    before, after = (
        asdict(load_config(CONFIGS_DIR / f"corrections_{name}.toml"))
        for name in ("before", "after")
    )
    different = {key for key in before if before[key] != after[key]}
    assert different == {"name", "title", "corrections"}
    assert before["role"] == after["role"] == "comparison"
    assert before["votes_share"] == 0


def test_without_corrections_nothing_is_told():
    assert "corrections" not in load_training_data(configure()).sources[0]


def test_held_out_share_keeps_its_labels(corrections):
    share = {"validation_share": 0.5}
    plain = load_training_data(configure(**share))
    mended = load_training_data(configure(corrections=str(corrections), **share))
    np.testing.assert_array_equal(plain.validation_y, mended.validation_y)
    told = mended.sources[0]["corrections"]
    assert sum(told[key] for key in ("num_relabelled", "num_left_out", "num_held_out")) == 3


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (Decision("0", "happy", "sad", "Ann", ""), "labels it 'angry'"),
        # A picture of PublicTest: what networks are judged on is never corrected.
        (Decision("75", "angry", "sad", "Ann", ""), "does not have"),
    ],
)
def test_what_does_not_fit_is_refused(corrections, row, message):
    save_decisions(corrections, [row])
    with pytest.raises(CorrectionsError, match=message):
        load_training_data(configure(corrections=str(corrections)))


def test_folds_are_even_and_keep_copies_together():
    rng = np.random.default_rng(0)
    copies = rng.permutation(np.repeat(np.arange(150), 2))
    y_true = (copies % 3).astype(np.int16)
    folds = assign_folds(y_true, copies, 5, seed=1)
    assert all(len(set(folds[copies == copy])) == 1 for copy in range(150))
    for code in range(3):
        assert np.bincount(folds[y_true == code]).tolist() == [20] * 5
    assert assign_folds(y_true, copies, 5, seed=1).tolist() == folds.tolist()


FAST = {"architecture": "tiny", "epochs": 2, "batch_size": 8, "small_side": 0, "small_share": 0.0}


def test_interrupted_cross_validation_goes_on(monkeypatch, capsys):
    arguments = ["--dataset", "fer2013", "--folds", "2"]
    for key, value in FAST.items():
        arguments += ["--set", f"{key}={value}"]
    trained = []

    def counted(config, *rest):
        trained.append(config.name)
        if len(trained) == 2:
            raise KeyboardInterrupt
        return train(config, *rest)

    monkeypatch.setattr(script, "train", counted)
    with pytest.raises(KeyboardInterrupt):
        script.main(arguments)
    assert script.main([*arguments[:3], "3", *arguments[4:]]) == 1
    assert "--restart" in capsys.readouterr().err
    assert script.main(arguments) == 0
    assert [name[-6:] for name in trained] == ["1_of_2", "2_of_2", "2_of_2"]
    dataset = load_dataset("fer2013", "train")
    found = load_predictions_for(dataset)
    np.testing.assert_allclose(found.probs.sum(axis=1), 1, atol=1e-3)
    np.testing.assert_allclose(
        found.quality, found.probs[np.arange(len(dataset)), dataset.y_true], atol=1e-6
    )


def test_nobody_judges_what_it_was_fitted_on(monkeypatch, tmp_path):
    """Neither a picture nor its copy stands both in the fold and among what was seen for it."""
    seen = []

    def note(config, data, images, work):
        seen.append((data, images))
        return np.full((len(images), 7), 1 / 7, dtype=np.float32)

    monkeypatch.setattr(script, "_answer_fold", note)
    dataset = load_dataset("fer2013", "train")
    config = build_fold_config(dataset, FAST)
    cross_validate(dataset, config, tmp_path / "work", num_folds=2)
    num = 0
    for data, images in seen:
        used = {image.tobytes() for image in (*data.train_images, *data.validation_images)}
        assert not used & {image.tobytes() for image in images}
        num += len(images)
    assert num == len(dataset) and COPIED != COPY


def test_rare_classes_are_told(tmp_path):
    dataset = load_dataset("fer2013", "train")
    with pytest.raises(ConfigError, match="too few for 6 parts"):
        cross_validate(dataset, build_fold_config(dataset, FAST), tmp_path, num_folds=6)


def test_classes_without_pictures_are_left_out(tmp_path):
    everything = load_dataset("fer2013", "train")
    pair = [everything.labels.index(label) for label in ("happy", "sad")]
    dataset = everything.select(np.flatnonzero(np.isin(everything.y_true, pair)))
    config = build_fold_config(dataset, FAST)
    assert config.labels == ("happy", "sad")
    found = cross_validate(dataset, config, tmp_path / "work", num_folds=2)
    assert found.labels == everything.labels
    np.testing.assert_array_equal(found.y_true, dataset.y_true)
    np.testing.assert_allclose(found.probs[:, pair].sum(axis=1), 1, atol=1e-3)
    assert found.probs.shape == (len(dataset), 7)
    given = found.probs[np.arange(len(dataset)), dataset.y_true]
    np.testing.assert_allclose(found.quality, given, atol=1e-6)


def test_one_class_is_nothing_to_tell_apart():
    dataset = load_dataset("fer2013", "train")
    with pytest.raises(ConfigError, match="two or more"):
        build_fold_config(dataset.select(np.flatnonzero(dataset.y_true == 0)), FAST)


@pytest.mark.parametrize("setting", ["labels=['happy', 'sad']", "votes_weight=0.5", "balance=[]"])
def test_settings_that_are_not_looked_at_are_refused(setting, capsys):
    assert script.main(["--dataset", "fer2013", "--set", setting]) == 1
    error = capsys.readouterr().err
    assert f"leave --set {setting.split('=')[0]} out" in error and "Traceback" not in error


@pytest.mark.parametrize(
    "changes",
    [
        {"start_from": "expression_model1", "architecture": "tiny"},
        {"teachers": ["expression_model1"], "teachers_share": 0.5},
    ],
    ids=["start", "teacher"],
)
def test_a_network_that_has_seen_the_pictures_judges_none(changes):
    dataset = load_dataset("fer2013", "train")
    with pytest.raises(ConfigError, match="'expression_model1' was trained on fer2013"):
        build_fold_config(dataset, FAST | changes)


def test_a_plan_that_breaks_off_leaves_nothing_that_looks_whole(monkeypatch, tmp_path):
    """Half a plan would be another one, and refused from then on."""
    dataset = load_dataset("fer2013", "train")
    config = build_fold_config(dataset, FAST)

    def break_off(path, target):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", break_off)
        with pytest.raises(StorageError, match="No space"):
            cross_validate(dataset, config, tmp_path / "work", num_folds=2)
    assert not list((tmp_path / "work").iterdir())
    monkeypatch.setattr(
        script, "_answer_fold", lambda *given: np.full((len(given[2]), 7), 1 / 7, dtype=np.float32)
    )
    cross_validate(dataset, config, tmp_path / "work", num_folds=2)
