"""Lessons: what the teachers answer for exactly the pictures that the pupil sees."""

from dataclasses import replace

import numpy as np
import pytest

from facecore.errors import ConfigError, StorageError
from facecore.inference import load_classifier
from tests.training.bundles import write_bundle
from tests.training.test_config import VALUES
from training.config import build_config
from training.data import TrainingData
from training.lessons import LESSONS_DIR, LessonBatches
from training.network import build_network
from training.run_state import save_state
from training.targets import compute_targets
from training.texts import describe_licence, describe_protocol
from training.train import main, train

SIDE = 16
NUM = 8


@pytest.fixture(autouse=True)
def teacher(tmp_path, monkeypatch):
    """One teacher with random weights, whose answers differ from picture to picture."""
    monkeypatch.setenv("FACECORE_MODELS_DIR", str(tmp_path))
    config = make_config(name="teacher", teachers=[], teachers_share=0.0, lessons=0)
    network = build_network(config, for_training=False)
    rng = np.random.default_rng(0)
    weights = [rng.uniform(0.1, 0.6, np.shape(w)) for w in network.get_weights()]
    weights[-2] = rng.normal(size=weights[-2].shape)  # of the logits: answers that differ
    network.set_weights(weights)
    write_bundle(tmp_path, config, network)
    return load_classifier(tmp_path / "teacher")


def make_config(**changes):
    return build_config(
        VALUES
        | {"height": SIDE, "width": SIDE, "base_width": 8, "num_stages": 2, "batch_size": 4}
        | {"noise": 9.0, "flip": False, "epochs": 4}
        | {"teachers": ["teacher"], "teachers_share": 0.5, "lessons": 2}
        | changes
    )


def make_data(num_unlabelled=0):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (NUM + num_unlabelled, SIDE, SIDE, 1), dtype=np.uint8)
    y = (np.arange(NUM) % 2).astype(np.int16)
    unlabelled = images[NUM:] if num_unlabelled else None
    return TrainingData(images[:NUM], y, images[:NUM], y, unlabelled_images=unlabelled)


def collect(batches, epoch):
    """All pictures, targets and weights of an epoch, in the order of the pictures' bytes."""
    parts = list(zip(*[[t.numpy() for t in b] for b in batches.iter_epoch(epoch)], strict=True))
    images, targets, weights = (np.concatenate(part) for part in parts)
    order = np.lexsort(images.reshape(len(images), -1).T)
    return images[order], targets[order], weights[order]


def test_targets_mix_the_label_with_the_answer_for_the_changed_picture(teacher, tmp_path):
    config, data = make_config(label_smoothing=0.2), make_data()
    images, targets, weights = collect(LessonBatches(config, data, tmp_path), epoch=0)
    assert len(images) == NUM
    assert not any((images == picture).all((1, 2, 3)).any() for picture in data.train_images)
    answers = teacher.predict_proba(images.astype(np.uint8))
    labels = compute_targets(data.train_y, make_config(label_smoothing=0.2))
    # Which label is whose: the nearest of the unchanged pictures.
    away = np.abs(images[:, None] - data.train_images[None].astype(np.float32)).mean((2, 3, 4))
    expected = 0.5 * labels[away.argmin(axis=1)] + 0.5 * answers
    np.testing.assert_allclose(targets, expected, atol=1e-5)
    np.testing.assert_array_equal(weights, 1)


def test_epochs_take_the_lessons_in_turn(tmp_path):
    batches = LessonBatches(make_config(), make_data(), tmp_path)
    first, second, third = (collect(batches, epoch)[0] for epoch in range(3))
    np.testing.assert_array_equal(first, third)
    assert not np.array_equal(first, second)


def test_mirror_images_keep_the_answer(tmp_path):
    plain = collect(LessonBatches(make_config(), make_data(), tmp_path), 0)
    config = make_config(flip=True, noise=0.0)
    images, targets, _ = collect(LessonBatches(config, make_data(), tmp_path / "flip"), 0)
    pictures = make_data().train_images.astype(np.float32)
    for picture in images:
        either = [(pictures == view).all((1, 2, 3)).any() for view in (picture, picture[:, ::-1])]
        assert any(either)
    assert targets.shape == plain[1].shape


def test_unlabelled_pictures_show_the_answer_alone(teacher, tmp_path):
    config, data = make_config(noise=0.0), make_data(num_unlabelled=20)
    batches = LessonBatches(config, data, tmp_path)
    seen = set()
    for epoch in range(2):
        images, targets, _ = collect(batches, epoch)
        assert len(images) == data.num_per_epoch == 2 * NUM
        pool = data.unlabelled_images
        unlabelled = [(pool == picture).all((1, 2, 3)).any() for picture in images]
        assert sum(unlabelled) == NUM
        answers = teacher.predict_proba(images.astype(np.uint8))
        np.testing.assert_allclose(targets[unlabelled], answers[unlabelled], atol=1e-5)
        assert np.abs(targets - answers)[~np.array(unlabelled)].max() > 0.1
        seen |= {picture.tobytes() for picture in images[unlabelled]}
    assert len(seen) > NUM  # drawn anew for each lesson


def test_few_unlabelled_pictures_come_equally_often(tmp_path):
    data = make_data(num_unlabelled=4)
    images, *_ = collect(LessonBatches(make_config(noise=0.0), data, tmp_path), 0)
    for picture in data.unlabelled_images:
        assert (images == picture).all((1, 2, 3)).sum() == 2


def test_lessons_are_kept_and_made_anew_where_others_would_come_out(tmp_path, capsys):
    config, data = make_config(), make_data()
    first = collect(LessonBatches(config, data, tmp_path), 0)
    assert "Lesson 1 of 2 is made" in capsys.readouterr().out
    again = collect(LessonBatches(config, data, tmp_path), 0)
    assert capsys.readouterr().out == ""
    for old, new in zip(first, again, strict=True):
        np.testing.assert_array_equal(old, new)
    collect(LessonBatches(replace(config, title="Another title"), data, tmp_path), 0)
    assert capsys.readouterr().out == ""
    collect(LessonBatches(replace(config, seed=5), data, tmp_path), 0)
    assert "Lesson 1 of 2 is made" in capsys.readouterr().out


@pytest.mark.parametrize("keep", [0, 0.5], ids=["empty", "cut off"])
def test_a_damaged_lesson_is_made_anew(tmp_path, capsys, keep):
    config, data = make_config(), make_data()
    first = collect(LessonBatches(config, data, tmp_path), 0)
    path = tmp_path / LESSONS_DIR / "0.npz"
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    capsys.readouterr()
    again = collect(LessonBatches(config, data, tmp_path), 0)
    assert "is damaged" in capsys.readouterr().out
    for old, new in zip(first, again, strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_lesson_that_breaks_off_leaves_nothing_that_looks_whole(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    batches = LessonBatches(make_config(), make_data(), tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("training.lessons.np.savez", fail)
        with pytest.raises(StorageError, match="No space"):
            batches.iter_epoch(0)
    assert not list((tmp_path / LESSONS_DIR).iterdir())
    assert len(collect(batches, 0)[0]) == NUM


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"teachers": [], "teachers_share": 0.0}, "lessons need teachers"),
        ({"lessons": -1}, "lessons must be between 0 and"),
        ({"lessons": 0, "unlabelled": "fairface"}, "unlabelled needs lessons"),
        ({"small_side": 8, "small_share": 0.5}, "exclude each other"),
        ({"votes_weight": 0.5}, "lessons and votes_weight exclude each other"),
        ({"balance": ["age"]}, "lessons and balance exclude each other"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        make_config(**changes)


def test_a_run_goes_on_with_its_lessons_and_ends_with_the_same_network(tmp_path, monkeypatch):
    config, data = make_config(name="pupil"), make_data(num_unlabelled=20)
    whole = train(config, data, tmp_path / "run", tmp_path / "pupil")
    saved = []

    def stop_after_two(*args):
        saved.append(args)
        save_state(*args)
        if len(saved) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("training.train.save_state", stop_after_two)
        with pytest.raises(KeyboardInterrupt):
            train(config, data, tmp_path / "other_run", tmp_path / "other")
    resumed = train(config, data, tmp_path / "other_run", tmp_path / "other")
    assert resumed.sha256 == whole.sha256


def test_the_card_tells_of_lessons_and_pictures_without_labels(tmp_path):
    config = make_config(name="pupil", unlabelled="fairface")
    protocol = describe_protocol(config)
    assert "50% of the truth were answers of 'teacher'" in protocol
    assert "2 changed versions of each picture" in protocol
    assert "Half of the pictures were of fairface, whose labels were not used" in protocol
    assert "Pictures without labels from fairface: CC BY 4.0" in describe_licence(config)


def test_restart_forgets_the_lessons(tmp_path):
    folder = tmp_path / "run" / LESSONS_DIR
    folder.mkdir(parents=True)
    (folder / "0.npz").write_bytes(b"old")
    config = tmp_path / "pupil.toml"
    lines = [f"{k} = {v!r}" for k, v in VALUES.items() if k != "labels"]
    config.write_text("\n".join([*lines, f"labels = {list(VALUES['labels'])!r}"]))
    arguments = ["--config", str(config), "--set", "dataset=own_nothing"]
    main([*arguments, "--run-dir", str(tmp_path / "run"), "--restart"])
    assert not folder.exists()
