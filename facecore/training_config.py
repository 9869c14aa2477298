"""A training config as the dashboard writes it: the settings of ``training/config.py`` as toml."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from facecore.errors import TrainingRunError
from facecore.evaluation_threshold import DEFAULT_ACCURACY
from facecore.labels import Task
from facecore.own_data_store import OwnData
from facecore.registry import InputSpec, ModelCard
from facecore.relabel_decisions import Decision

Balance = Literal["as is", "equal numbers", "weights"]

_MARGINS: dict[Task, tuple[float, float]] = {"expression": (0.03, 0.01), "gender": (0.03, 0.09)}
_MAX_CLASS_WEIGHT = 10.0
_AUGMENTATION = {
    "flip": True,
    "shift": 0.08,
    "zoom": 0.1,
    "rotate_deg": 10.0,
    "brightness": 20.0,
    "contrast": 0.2,
    "erase": 0.1,
}


@dataclass(frozen=True, slots=True)
class TrainingForm:
    """What a user chooses.

    Args:
        title: of the new model.
        labels: to learn, two or more of the data's.
        start: card of the network to begin with; None to start anew.
        balance: of the labels.
        images_per_class: for equal numbers.
        epochs: passes over the pictures.
        learning_rate: at its peak.
        batch_size: pictures per step.
        side: of the network's input in pixels, if it starts anew.
        base_width: size of a network that starts anew.
        dropout: before the last layer.
        label_smoothing: share of the truth that is spread over all labels.
        augment: whether pictures are changed at random.
        seed: of everything random.
        corrections: name of a file of decided labels; empty: labels as they are.
    """

    title: str
    labels: tuple[str, ...]
    start: ModelCard | None = None
    balance: Balance = "as is"
    images_per_class: int = 0
    epochs: int = 15
    learning_rate: float = 0.0005
    batch_size: int = 32
    side: int = 48
    base_width: int = 32
    dropout: float = 0.2
    label_smoothing: float = 0.05
    augment: bool = True
    seed: int = 1
    corrections: str = ""


def choose_defaults(start: ModelCard | None, num_train: int) -> dict[str, Any]:
    """Return good values for epochs, rate and batch: gentle steps where weights are taken over."""
    few = num_train < 2000
    return {
        "epochs": (10 if few else 6) if start is not None else (30 if few else 15),
        "learning_rate": 0.0005 if start is not None else 0.002,
        "batch_size": 16 if num_train < 500 else 32 if few else 64,
    }


def build_values(form: TrainingForm, data: OwnData) -> dict[str, Any]:
    """Return the settings of a run, in the order in which a reader wants them."""
    spec = choose_input(form, data)
    values: dict[str, Any] = {
        "name": "",
        "title": " ".join(form.title.split()),
        "task": data.task,
        "labels": list(form.labels),
        "dataset": data.name,
        "train_split": "train",
        "validation_split": "validation",
        "height": spec.height,
        "width": spec.width,
        "color": spec.color,
        "margin": spec.margin,
        "shift_y": spec.shift_y,
    }
    if form.corrections:
        values["corrections"] = form.corrections
    if form.start is not None:
        values["start_from"] = form.start.name
        values["architecture"] = form.start.architecture
        trained_with = form.start.training.get("config", {})
        sizes = ("base_width", "num_stages")
        values |= {key: trained_with[key] for key in sizes if key in trained_with}
    else:
        values["architecture"] = "small_resnet" if form.side < 96 else "strided_resnet"
        values["base_width"] = form.base_width
    if form.balance == "equal numbers":
        values["images_per_class"] = form.images_per_class
    elif form.balance == "weights":
        values["max_class_weight"] = _MAX_CLASS_WEIGHT
    values |= {
        "dropout": form.dropout,
        "seed": form.seed,
        "epochs": form.epochs,
        "batch_size": form.batch_size,
        "learning_rate": form.learning_rate,
        "warmup_epochs": 1.0 if form.epochs > 2 else 0.5,
        "label_smoothing": form.label_smoothing,
        "wanted_accuracy": DEFAULT_ACCURACY[data.task],
    }
    return values | (_AUGMENTATION if form.augment else {"flip": False})


def choose_input(form: TrainingForm, data: OwnData) -> InputSpec:
    """Return size and framing: those of the start, with the framing of crops that were cut here."""
    if form.start is not None:
        spec = form.start.input
        margin, shift_y = data.framing or (spec.margin, spec.shift_y)
        return InputSpec(spec.height, spec.width, spec.color, margin, shift_y)
    margin, shift_y = data.framing or _MARGINS[data.task]
    return InputSpec(form.side, form.side, "gray", margin, shift_y)


def get_crop_spec(task: Task) -> InputSpec:
    """Return the framing in which faces are cut out of whole photos: that of the shipped data."""
    margin, shift_y = _MARGINS[task]
    return InputSpec(256, 256, "rgb", margin, shift_y)


def count_images(
    values: Mapping[str, Any], data: OwnData, decisions: Sequence[Decision] = ()
) -> tuple[int, int]:
    """Return how many pictures an epoch learns from, and how many it judges.

    Args:
        values: the run's settings.
        data: the pictures.
        decisions: the run's corrections: they leave pictures out, or give them labels that are
            learned or are not.
    """
    labels = values["labels"]
    train = sum(data.counts[label].get("train", 0) for label in labels)
    train += sum((d.new in labels) - (d.old in labels) for d in decisions)
    judged = sum(data.counts[label].get("validation", 0) for label in labels)
    if values.get("images_per_class"):
        train = values["images_per_class"] * len(labels)
    return train, judged


def to_toml(values: Mapping[str, Any]) -> str:
    """Return settings as a toml file."""
    return "".join(f"{key} = {_to_toml_value(value)}\n" for key, value in values.items())


def load_values(path: Path) -> dict[str, Any]:
    """Read the settings of a run.

    Raises:
        TrainingRunError: if the file is damaged.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TrainingRunError(f"The config {path} is damaged ({error}).") from error


def _to_toml_value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_to_toml_value, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)  # numbers, true and false look the same in toml
