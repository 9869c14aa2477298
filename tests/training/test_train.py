"""Tiny runs on made pictures: a usable bundle, and the same one after an interruption."""

import json
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest

from facecore.datasets import FaceDataset
from facecore.errors import ConfigError, TrainingRunError
from facecore.evaluation import evaluation_dir, load_report
from facecore.inference import load_classifier, load_network
from facecore.registry import EVALUATIONS_DIR, HISTORY_FILE, load_card
from tests.training.bright_data import make_bright_data
from tests.training.test_config import VALUES
from training import train as script
from training.architectures import ARCHITECTURES, FusedBatchNormalization
from training.bundle import compute_log_loss, fit_temperature
from training.config import build_config
from training.data import TrainingData
from training.network import build_network, compile_network
from training.publish import check_finished
from training.run_state import STATE_FILE, RunState, restore_state, save_state

CONFIG = build_config(
    VALUES
    | {
        "architecture": "tiny",
        "epochs": 2,
        "batch_size": 8,
        "base_width": 8,
        "dropout": 0.3,
        "warmup_epochs": 0.5,
        "shift": 0.1,
        "margin": 0.25,
        "optimizer": "sgd",
        "average_decay": 0.9,
        "mixup": 0.2,
        "mixup_share": 0.5,
        "small_side": 8,
        "small_share": 0.5,
        "soften": 0.2,
        "jpeg": 0.2,
        "noise": 4.0,
    }
)


def build_tiny(input_shape, num_classes, base_width, num_stages, dropout, for_training):
    """Every kind of layer of the real networks, but few of them: tracing takes the time."""
    norm = FusedBatchNormalization if for_training else keras.layers.BatchNormalization
    inputs = keras.Input(input_shape)
    x = keras.layers.Rescaling(1 / 64, offset=-2.0)(inputs)
    x = norm()(keras.layers.Conv2D(base_width, 3, strides=2, use_bias=False)(x))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
    x = keras.layers.Dropout(dropout, seed=0)(x)
    return keras.Model(inputs, keras.layers.Dense(num_classes, dtype="float32", name="logits")(x))


@pytest.fixture(scope="module", autouse=True)
def tiny_architecture():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "tiny", build_tiny)
        yield


@pytest.fixture(scope="module")
def data() -> TrainingData:
    """32 pictures to fit and 8 to choose on; the bright ones are happy."""
    return make_bright_data(40)


@pytest.fixture(scope="module")
def whole_run(data, tmp_path_factory):
    """Bundle and run folder of a run without interruption."""
    folder = tmp_path_factory.mktemp("whole")
    script.train(CONFIG, data, folder / "run", folder / "models" / "tiny")
    return folder / "models" / "tiny", folder / "run"


def test_bundle_is_complete_and_loads(whole_run, data):
    bundle, _ = whole_run
    card = load_card(bundle)
    assert card.labels == ("angry", "happy")
    assert card.input.margin == 0.25
    assert card.training["epochs"] == 2
    assert card.training["datasets"] == [{"name": "made"}]
    assert 1 <= card.training["best_epoch"] <= 2
    assert card.intended_use
    assert card.excluded_uses
    assert card.limitations
    assert card.licence
    assert len((bundle / HISTORY_FILE).read_text().splitlines()) == 3
    probs = load_classifier(bundle).predict_proba(data.validation_images)
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)


def test_the_threshold_is_written_with_the_report(whole_run, data, monkeypatch):
    """Pictures of a class that the network lacks are among those it is judged on."""
    bundle, _ = whole_run
    labels = ("angry", "disgust", "happy")
    y_true = np.array([0, 2] * 4 + [1], dtype=np.int16)
    images = [*data.validation_images[..., 0], data.validation_images[0, ..., 0]]
    ids = np.array([str(i) for i in range(9)])
    validation = FaceDataset("made", "held", "expression", labels, ids, y_true, images.__getitem__)
    monkeypatch.setattr(script, "load_splits", lambda config: (None, validation))
    script.evaluate_bundle(replace(CONFIG, wanted_accuracy=0.3), bundle)
    card = load_card(bundle)
    told = card.threshold_choice
    assert (told["dataset"], told["split"], told["num_images"]) == ("made", "held", 9)
    assert told["wanted_accuracy"] == 0.3
    assert card.metrics["made_held"]["accuracy"] == pytest.approx(told["accuracy"], abs=1e-4)


def test_another_wanted_accuracy_goes_on_with_the_same_run(whole_run, data, monkeypatch, tmp_path):
    monkeypatch.setattr(script, "fit_epoch", lambda *args: pytest.fail("trained"))
    script.train(replace(CONFIG, wanted_accuracy=0.9), data, whole_run[1], tmp_path / "tiny")


def test_interrupted_run_ends_with_the_same_result(whole_run, data, tmp_path, monkeypatch):
    fit_epoch = script.fit_epoch

    def interrupted(*args):
        if args[-1] == 1:
            raise KeyboardInterrupt
        fit_epoch(*args)

    bundle = tmp_path / "models" / "tiny"
    monkeypatch.setattr(script, "fit_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        script.train(CONFIG, data, tmp_path / "run", bundle)
    assert not bundle.exists()
    monkeypatch.setattr(script, "fit_epoch", fit_epoch)
    script.train(CONFIG, data, tmp_path / "run", bundle)

    with (
        np.load(tmp_path / "run" / STATE_FILE) as resumed,
        np.load(whole_run[1] / STATE_FILE) as whole,
    ):
        assert resumed.files == whole.files
        for key in set(whole.files) - {"progress"}:
            np.testing.assert_allclose(resumed[key], whole[key], rtol=1e-5, atol=1e-6, err_msg=key)
    answers = [
        load_classifier(b).predict_proba(data.validation_images) for b in (bundle, whole_run[0])
    ]
    np.testing.assert_allclose(*answers, atol=1e-5)


def test_start_has_its_share_in_what_is_kept_also_after_an_interruption(
    whole_run, data, tmp_path, monkeypatch
):
    monkeypatch.setenv("FACECORE_MODELS_DIR", str(whole_run[0].parent))
    losses = iter([0.5, 0.4])  # the second epoch, trained after the interruption, is the better one
    monkeypatch.setattr(script, "compute_log_loss", lambda *_: next(losses))
    config = replace(CONFIG, name="near", start_from="tiny", start_share=0.75, learning_rate=0.2)
    arguments = config, data, tmp_path / "run", tmp_path / "near"

    def save_and_stop(*args):
        save_state(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(script, "save_state", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            script.train(*arguments)
    script.train(*arguments)
    start = load_network(whole_run[0]).get_weights()[0]
    with np.load(tmp_path / "run" / STATE_FILE) as state:
        average, kept = state["average_0000"], state["best_0000"]
    assert np.abs(average - start).max() > 0.01  # so that a wrong share would be seen
    np.testing.assert_allclose(kept, 0.75 * start + 0.25 * average, atol=1e-5)


def test_finished_run_is_published_again_without_training(whole_run, data, monkeypatch, tmp_path):
    monkeypatch.setattr(script, "fit_epoch", lambda *args: pytest.fail("trained"))
    changed = build_config({**VALUES, **_as_values(CONFIG), "margin": 0.5, "title": "Renamed"})
    card = script.train(changed, data, whole_run[1], tmp_path / "tiny")
    assert (card.title, card.input.margin) == ("Renamed", 0.5)


def test_same_seed_gives_the_same_curve(whole_run, data, tmp_path):
    script.train(CONFIG, data, tmp_path / "run", tmp_path / "models" / "tiny")
    first, second = ((b / HISTORY_FILE) for b in (whole_run[0], tmp_path / "models" / "tiny"))
    # The last digit may differ where several threads add up in another order.
    assert _read_curve(second) == [pytest.approx(row, abs=2e-5) for row in _read_curve(first)]
    other = replace(CONFIG, seed=CONFIG.seed + 1, epochs=1)
    script.train(other, data, tmp_path / "other", tmp_path / "models" / "other")
    assert _read_curve(tmp_path / "models" / "other" / HISTORY_FILE) != _read_curve(first)[:1]


def _read_curve(path):
    curve = pd.read_csv(path)
    return curve.drop(columns="duration_s").to_dict("records")


def test_same_weights_make_the_same_file_and_keep_their_evaluations(
    whole_run, data, tmp_path, monkeypatch
):
    bundle = tmp_path / "models" / "tiny"
    card = script.train(CONFIG, data, whole_run[1], bundle)
    y_true, images = data.validation_y, data.validation_images[..., 0]
    ids = np.array([str(i) for i in range(8)])
    made = FaceDataset("made", "held", "expression", CONFIG.labels, ids, y_true, images.__getitem__)
    monkeypatch.setattr(script, "load_splits", lambda config: (None, made))
    report = script.evaluate_bundle(CONFIG, bundle)
    told = load_card(bundle).metrics
    again = script.train(replace(CONFIG, title="Renamed"), data, whole_run[1], bundle)
    assert (again.sha256, again.title) == (card.sha256, "Renamed")
    assert load_report(evaluation_dir(bundle, "made", "held")) == report
    assert again.metrics == told
    script.train(replace(CONFIG, seed=5, epochs=1), data, tmp_path / "other", bundle)
    assert not list((bundle / EVALUATIONS_DIR).iterdir())


def test_other_settings_do_not_continue_a_run(whole_run, data, tmp_path):
    changed = build_config({**_as_values(CONFIG), "learning_rate": 0.1})
    with pytest.raises(ConfigError, match="other settings"):
        script.train(changed, data, whole_run[1], tmp_path / "tiny")


def test_other_labels_do_not_continue_a_run(whole_run, data, tmp_path):
    others = replace(data, train_y=data.train_y[::-1])
    with pytest.raises(ConfigError, match=r"other labels.*--restart"):
        script.train(CONFIG, others, whole_run[1], tmp_path / "tiny")


@pytest.mark.parametrize("num_good", [0, 1])
def test_a_loss_that_is_no_number_ends_the_run(data, tmp_path, monkeypatch, num_good):
    compute, judged = script.compute_logits, []

    def diverge(model, images):
        judged.append(images)
        return compute(model, images) * (1 if len(judged) <= num_good else np.nan)

    monkeypatch.setattr(script, "compute_logits", diverge)
    with pytest.raises(TrainingRunError, match=rf"epoch {num_good + 1}.*learning_rate"):
        script.train(CONFIG, data, tmp_path / "run", tmp_path / "models" / "tiny")
    assert len(judged) == num_good + 1
    state = restore_state(tmp_path / "run", CONFIG, _build(CONFIG), data.labels_digest)
    assert state.num_epochs == num_good
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("keep", [0, 0.5, 0.99], ids=["empty", "half", "end cut off"])
def test_a_damaged_run_is_told_in_one_sentence(whole_run, data, tmp_path, keep):
    whole = (whole_run[1] / STATE_FILE).read_bytes()
    (tmp_path / STATE_FILE).write_bytes(whole[: int(keep * len(whole))])
    with pytest.raises(TrainingRunError, match=r"state\.npz is damaged .*--restart"):
        script.train(CONFIG, data, tmp_path, tmp_path / "tiny")
    with pytest.raises(TrainingRunError, match="is damaged"):
        check_finished(CONFIG, tmp_path)


def test_a_run_that_lacks_weights_is_damaged(whole_run, data, tmp_path):
    _copy_state(whole_run[1], tmp_path, lambda progress: None, without="model_0000")
    with pytest.raises(TrainingRunError, match="is damaged"):
        script.train(CONFIG, data, tmp_path, tmp_path / "tiny")


def test_losses_that_are_no_numbers_are_never_the_lowest():
    state = RunState([{"validation_loss": loss} for loss in (np.nan, 0.7, 0.5, np.nan)])
    assert (state.best_epoch, state.lowest_loss) == (3, 0.5)
    assert RunState().lowest_loss == np.inf


def test_older_runs_without_a_single_loss_are_not_published(whole_run, data, tmp_path):
    def spoil(progress):
        for row in progress["history"]:
            row["validation_loss"] = np.nan

    _copy_state(whole_run[1], tmp_path, spoil, without="best")
    with pytest.raises(TrainingRunError, match="learning_rate"):
        script.train(CONFIG, data, tmp_path, tmp_path / "tiny")


def test_runs_from_before_a_setting_existed_go_on(whole_run, data, tmp_path):
    def age(progress):
        assert progress["config"].pop("validation_share") == 0.0

    _copy_state(whole_run[1], tmp_path, age)
    state = restore_state(tmp_path, CONFIG, _build(CONFIG), data.labels_digest)
    assert state.num_epochs == 2


def test_runs_from_before_their_labels_were_noted_go_on(whole_run, data, tmp_path):
    _copy_state(whole_run[1], tmp_path, lambda progress: progress.pop("labels_digest"))
    state = restore_state(tmp_path, CONFIG, _build(CONFIG), data.labels_digest)
    assert (state.num_epochs, state.labels_digest) == (2, data.labels_digest)


def _copy_state(run_dir, target, change, without="nothing"):
    """Write a run's state elsewhere, its progress changed, a group of arrays left out."""
    with np.load(run_dir / STATE_FILE) as archive:
        arrays = {key: array for key, array in archive.items() if not key.startswith(without)}
    progress = json.loads(str(arrays.pop("progress")))
    change(progress)
    np.savez(target / STATE_FILE, progress=np.array(json.dumps(progress)), **arrays)


def _build(config):
    model = build_network(config, for_training=True)
    compile_network(model, config, num_train=32)
    return model


def _as_values(config):
    return {name: getattr(config, name) for name in config.__slots__}


def test_unknown_architecture():
    with pytest.raises(ConfigError, match="small_resnet"):
        build_network(build_config(VALUES | {"architecture": "huge"}), for_training=False)


@pytest.mark.parametrize("architecture", sorted(set(ARCHITECTURES) - {"tiny"}))
def test_exported_network_answers_as_the_trained_one(architecture):
    config = build_config(
        VALUES | {"architecture": architecture, "base_width": 8, "height": 48, "width": 48}
    )
    trained = build_network(config, for_training=True)
    exported = build_network(config, for_training=False)
    exported.set_weights(trained.get_weights())
    images = np.random.default_rng(0).integers(0, 256, (4, 48, 48, 1)).astype(np.float32)
    # bfloat16 keeps three digits.
    np.testing.assert_allclose(
        trained(images).numpy(), exported(images).numpy(), rtol=0.05, atol=0.05
    )


@pytest.mark.parametrize(("num", "sharper"), [(12, False), (99, False), (100, True)])
def test_few_pictures_make_no_network_surer(num, sharper):
    """That it gets a dozen all right does not show that it is never wrong."""
    y_true = np.arange(num) % 2
    temperature = fit_temperature(np.eye(2)[y_true], y_true)
    assert (temperature < 0.99) == sharper
    assert fit_temperature(9 * np.eye(2)[y_true], (y_true + (np.arange(num) % 4 == 0)) % 2) > 1.5


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 3.0])
def test_temperature_is_found(true_temperature):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20_000, 4))
    y_true = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    found = fit_temperature(logits * true_temperature, y_true)
    assert found == pytest.approx(true_temperature, rel=0.05)
    assert compute_log_loss(logits * true_temperature / found, y_true) <= compute_log_loss(
        logits * true_temperature, y_true
    )
