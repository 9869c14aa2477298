"""Answers of finished networks as part of the truth."""

import numpy as np
import pytest

from facecore.errors import ConfigError, ModelNotFoundError
from facecore.inference import load_classifier
from tests.training.bundles import write_bundle
from tests.training.test_config import VALUES
from training.config import build_config
from training.data import TrainingData
from training.network import build_network
from training.targets import compute_targets
from training.teachers import ask_teachers
from training.texts import describe_licence, describe_protocol
from training.train import train

SIDE = 16


@pytest.fixture(scope="module")
def teachers(tmp_path_factory):
    """Folder of two networks with random weights: one knows three labels, one the first two."""
    folder = tmp_path_factory.mktemp("teachers")
    for seed, labels in ((0, ["angry", "disgust", "fear"]), (1, ["angry", "fear"])):
        config = make_config(name=f"teacher{len(labels)}", labels=labels, height=SIDE)
        network = build_network(config, for_training=False)
        rng = np.random.default_rng(seed)
        network.set_weights([rng.uniform(0.1, 0.6, np.shape(w)) for w in network.get_weights()])
        write_bundle(folder, config, network)
    return folder


@pytest.fixture(autouse=True)
def models_dir(teachers, monkeypatch):
    monkeypatch.setenv("FACECORE_MODELS_DIR", str(teachers))


def make_config(**changes):
    return build_config(
        VALUES
        | {"labels": ["angry", "disgust", "fear"], "height": SIDE, "width": SIDE, "base_width": 8}
        | {"num_stages": 2}
        | changes
    )


def make_pictures(num=6):
    images = np.random.default_rng(0).integers(0, 256, (num, SIDE, SIDE, 1), dtype=np.uint8)
    return images, (np.arange(num) % 3).astype(np.int16)


def ask_alone(teachers, name, images):
    """What one teacher answers, averaged over both views."""
    teacher = load_classifier(teachers / name)
    return (teacher.predict_proba(images) + teacher.predict_proba(images[:, :, ::-1].copy())) / 2


def test_who_lacks_a_label_divides_what_the_others_leave(teachers):
    images, _ = make_pictures()
    config = make_config(teachers=["teacher2", "teacher3"], teachers_share=0.5)
    taught = ask_teachers(config, images)
    everything = ask_alone(teachers, "teacher3", images)
    filled = ask_alone(teachers, "teacher2", images) * (1 - everything[:, [1]])
    filled = np.insert(filled, 1, everything[:, 1], axis=1)
    np.testing.assert_allclose(taught, (everything + filled) / 2, atol=1e-5)
    np.testing.assert_allclose(taught.sum(axis=1), 1, atol=1e-5)


def test_answers_follow_the_order_of_the_run():
    images, _ = make_pictures()
    answers = [
        ask_teachers(make_config(teachers=["teacher3"], teachers_share=0.5, labels=labels), images)
        for labels in (["angry", "disgust", "fear"], ["disgust", "fear", "angry"])
    ]
    np.testing.assert_allclose(answers[1], answers[0][:, [1, 2, 0]], atol=1e-6)


def test_targets_are_labels_and_answers_in_shares():
    images, y = make_pictures()
    config = make_config(teachers=["teacher3"], teachers_share=0.25, label_smoothing=0.3)
    taught = ask_teachers(config, images)
    targets = compute_targets(y, config, taught=taught)
    labels = compute_targets(y, config)
    np.testing.assert_allclose(targets, 0.75 * labels + 0.25 * taught, atol=1e-6)


def test_labels_that_no_teacher_knows_are_refused():
    config = make_config(teachers=["teacher2"], teachers_share=0.5)
    with pytest.raises(ConfigError, match="None of the teachers teacher2 knows all of angry"):
        ask_teachers(config, make_pictures()[0])


def test_without_teachers_there_is_nothing_to_ask():
    assert ask_teachers(make_config(), make_pictures()[0]) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ["angry", "fear"]}, "knows disgust"),
        ({"height": 24}, "16x16 pixels"),
        ({"color": "rgb"}, "1 channels"),
    ],
)
def test_teachers_that_do_not_fit_are_refused(changes, message):
    config = make_config(teachers=["teacher3"], teachers_share=0.5, **changes)
    with pytest.raises(ConfigError, match=message):
        ask_teachers(config, make_pictures()[0])


def test_missing_teachers_and_shares_are_refused():
    with pytest.raises(ModelNotFoundError):
        ask_teachers(make_config(teachers=["nobody"], teachers_share=0.5), make_pictures()[0])
    for one in ({"teachers": ["teacher3"]}, {"teachers_share": 0.5}):
        with pytest.raises(ConfigError, match="need each other"):
            make_config(**one)


def test_a_run_learns_from_its_teachers_and_its_card_says_so(tmp_path):
    images, y = make_pictures(48)
    data = TrainingData(images, y, images, y)
    config = make_config(
        name="pupil", teachers=["teacher3"], teachers_share=1.0, epochs=1, batch_size=8
    )
    card = train(config, data, tmp_path / "run", tmp_path / "pupil")
    alone = make_config(name="pupil", epochs=1, batch_size=8)
    other = train(alone, data, tmp_path / "other_run", tmp_path / "other")
    assert card.sha256 != other.sha256
    assert "100% of the truth were answers of 'teacher3'" in describe_protocol(config)
    assert describe_licence(config).endswith(" Theirs.")
