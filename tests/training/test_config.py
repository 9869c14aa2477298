"""Mistakes in a config are found before anything is trained."""

from dataclasses import fields
from pathlib import Path

import pytest

from facecore.datasets import get_dataset_info
from facecore.errors import ConfigError, ModelNotFoundError
from facecore.labels import EXPRESSIONS, GENDERS
from training.architectures import ARCHITECTURES
from training.config import TrainConfig, build_config, load_config, parse_override
from training.config_ranges import RANGES
from training.network import build_network

CONFIGS_DIR = Path(__file__).parents[2] / "training" / "configs"
CONFIGS = sorted(CONFIGS_DIR.glob("**/*.toml"))

VALUES = {
    "name": "tiny",
    "title": "Tiny",
    "task": "expression",
    "labels": ["angry", "happy"],
    "dataset": "fer2013",
    "train_split": "train",
    "validation_split": "validation",
    "height": 16,
    "width": 16,
    "architecture": "small_resnet",
    "epochs": 2,
}
# All that would be asked of the bundle is given.
_FROM_NOBODY = {"start_from": "nobody", "color": "gray", "base_width": 32, "num_stages": 3}


def test_types_are_converted():
    config = build_config(VALUES | {"shift": 1})
    assert config.labels == ("angry", "happy")
    assert isinstance(config.shift, float)
    assert config.input.num_channels == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rat": 0.1}, "did you mean 'learning_rate'"),
        ({"zzz": 1}, "Unknown setting 'zzz'"),
        ({"epochs": "ten"}, "'epochs' must be int"),
        ({"epochs": 2.5}, "'epochs' must be int"),
        ({"epochs": True}, "'epochs' must be int"),
        ({"flip": 1}, "'flip' must be bool"),
        ({"margin": "wide"}, "'margin' must be float"),
        ({"labels": "angry"}, "'labels' must be a list of strings"),
        ({"labels": ["angry", 1]}, "'labels' must be a list of strings"),
        ({"task": "age"}, "'task' must be 'expression' or 'gender'"),
        ({"color": "green"}, "cannot be used"),
        ({"wanted_accuracy": 95.0}, "wanted_accuracy must be between 0 and 1"),
        ({"seed": -1}, "seed must be between 0 and 100000, got -1"),
        ({"seed": 300_000}, "seed must be between"),
        ({"height": -1}, "height must be between 8 and 1024"),
        ({"base_width": 7}, "base_width must be between 8"),
        ({"num_stages": 0}, "num_stages must be between 1"),
        ({"epochs": 0}, "epochs must be between 1"),
        ({"batch_size": 0}, "batch_size must be between 1"),
        ({"max_steps_per_epoch": -1}, "max_steps_per_epoch must be between 0"),
        ({"images_per_class": -1}, "images_per_class must be between 0"),
        ({"learning_rate": -1.0}, "learning_rate must be between"),
        ({"learning_rate": float("nan")}, "learning_rate must be between .* got nan"),
        ({"warmup_epochs": float("inf")}, "warmup_epochs must be between .* got inf"),
        ({"weight_decay": -1.0}, "weight_decay must be between"),
        ({"max_class_weight": 0.0}, "max_class_weight must be between 1"),
        ({"mixup": -0.2}, "mixup must be between"),
        ({"zoom": -1.0}, "zoom must be between"),
        ({"contrast": -1.0}, "contrast must be between"),
        ({"brightness": 300.0}, "brightness must be between 0 and 255"),
        ({"small_side": 24}, "small_side must be a multiple of 8 up to 16"),
        ({"name": "../tiny"}, "name must be a folder's, without a path"),
        ({"name": ""}, "name must be a folder's"),
        ({"title": " "}, "title must say"),
        ({"start_share": 0.5}, "start_share needs start_from and average_decay"),
        ({"pretrained": "x.dat"} | _FROM_NOBODY, "start_from and pretrained exclude each other"),
    ],
)
def test_mistakes(changes, message):
    with pytest.raises(ConfigError, match=message):
        build_config(VALUES | changes)


def test_every_number_has_a_range():
    numbers = {f.name for f in fields(TrainConfig) if f.type in (int, float)}
    told_elsewhere = {"margin", "shift_y", "small_side"}
    assert RANGES.keys() == numbers - told_elsewhere


def test_a_network_that_cannot_be_built_is_one_sentence():
    many = build_config(VALUES | {"num_stages": 8})
    with pytest.raises(ConfigError, match=r"'small_resnet' cannot be built .*num_stages"):
        build_network(many, for_training=True)
    sift = {"architecture": "facial_parts", "height": 48, "width": 48, "small_side": 8}
    with pytest.raises(ConfigError, match="set small_side to 0"):
        build_network(build_config(VALUES | sift), for_training=True)


def test_a_bundle_to_begin_with_is_asked_only_for_what_is_not_given():
    given = VALUES | _FROM_NOBODY
    with pytest.raises(ModelNotFoundError):
        build_config({key: value for key, value in given.items() if key != "num_stages"})
    assert build_config(given).start_from == "nobody"


def test_missing_setting():
    with pytest.raises(ConfigError, match="lacks epochs"):
        build_config({key: value for key, value in VALUES.items() if key != "epochs"})


@pytest.mark.parametrize("text", [None, "epochs = ", "\xff"], ids=["missing", "toml", "encoding"])
def test_unreadable_file(tmp_path, text):
    path = tmp_path / "x.toml"
    if text is not None:
        path.write_text(text, encoding="latin-1")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("epochs=3", 3), ("flip=false", False), ("title=A net", "A net"), ("labels=['a']", ["a"])],
)
def test_overrides(text, expected):
    assert parse_override(text)[1] == expected


def test_override_without_value():
    with pytest.raises(ConfigError, match="key=value"):
        parse_override("epochs")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_configs(path):
    config = load_config(path)
    info = get_dataset_info(config.dataset)
    assert config.name == path.stem
    assert config.task == info.task
    if not config.validation_share:
        splits = (info.fit_split, info.development_split)
        assert (config.train_split, config.validation_split) == splits
    assert config.architecture in ARCHITECTURES
    assert config.base_width % 16 == 0
    everything = EXPRESSIONS if config.task == "expression" else GENDERS
    assert config.labels == tuple(label for label in everything if label in config.labels)


def test_the_four_networks_are_there():
    titles = {path.stem: load_config(path).title for path in CONFIGS}
    assert (
        titles.items()
        >= {
            "expression_model1": "Model 1: all seven expressions",
            "expression_model2": "Model 2: without Disgust",
            "expression_model3": "Model 3: no Disgust, 4,000 each",
            "gender": "Gender",
        }.items()
    )
    assert load_config(CONFIGS_DIR / "gender.toml", {"epochs": 1}).epochs == 1


def test_every_network_that_another_needs_can_be_made():
    configs = {path.stem: load_config(path) for path in CONFIGS}
    for config in configs.values():
        needed = {*config.teachers, config.start_from} - {""}
        assert needed <= configs.keys(), config.name


def test_the_papers_protocol():
    configs = {path.stem: load_config(path) for path in CONFIGS if path.stem.startswith("paper_")}
    model1, gender = configs["paper_model1"], configs["paper_gender"]
    assert (model1.epochs, model1.validation_share, model1.train_split) == (100, 0.25, "all")
    assert (gender.epochs, gender.validation_share, gender.dataset) == (30, 0.25, "imdb_crop")
    assert model1.name == "paper_model1"
