"""Everything that decides a training run, in one flat object read from a toml file."""

import dataclasses
import difflib
import tomllib
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from facecore.errors import ConfigError
from facecore.label_sets import check_labels
from facecore.labels import Task
from facecore.registry import InputSpec, Role, find_bundle, load_card
from training.config_ranges import RANGES, check_name, check_numbers


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """One training run.

    Args:
        name: the bundle's folder name.
        title: as shown in the dashboard.
        task: "expression" or "gender".
        labels: classes in the network's column order; pictures of other classes are left out.
        dataset: name of the data set.
        train_split: to fit on.
        validation_split: to choose the best epoch and the temperature on.
        validation_share: if not 0, this share of each class of ``train_split`` is held out by the
            seed and takes the place of ``validation_split``, as in the paper (0.25).
        corrections: CSV of decided labels (page Relabel, or ``python -m facecore relabel``) for
            the pictures that are fitted on, and for no others; a relative path is meant from where
            the command runs or, where nothing is there, from the folder of the split's decisions
            (``<user folder>/relabel/<dataset>_<split>``). Empty: labels as they are.
        images_per_class: draw exactly this many of each class, repeating where there are fewer;
            0 takes every picture once.
        height: input rows in pixels.
        width: input columns in pixels.
        color: "gray" or "rgb".
        margin: framing of live crops that matches the data set, see ``InputSpec``.
        shift_y: the same, vertically.
        start_from: name of a bundle whose weights this run begins with; in the last layer, labels
            that the bundle does not know begin anew. Empty: all weights begin anew. Architecture
            and input, where they are not given, are the bundle's.
        start_share: share of ``start_from``'s weights in those that are judged and kept; the bundle
            then knows the same labels.
        pretrained: a file of the data folder, with dlib's face recognition network; the run begins
            with its weights (architectures with "face_resnet" in their name). Empty: it does not.
        architecture: a key of ``ARCHITECTURES``.
        base_width: channels of the first stage, a multiple of 32.
        num_stages: each one halves the sides and doubles the channels.
        seed: of everything random.
        epochs: passes over the training pictures.
        batch_size: pictures per step.
        optimizer: "adamw", or "sgd" with Nesterov momentum 0.9.
        learning_rate: at its peak; rises during the warm-up and falls along a cosine.
        warmup_epochs: may be a fraction.
        weight_decay: decoupled, of the optimizer.
        average_decay: of the moving average of the weights, per step; if not 0, the averaged
            weights are judged and kept, with batch statistics of their own.
        small_side: side in pixels on which the first epochs are trained; 0 for full size.
        small_share: share of the epochs that are trained on ``small_side``.
        label_smoothing: share of the truth that is spread over all classes.
        votes_share: share of the truth that comes from the crowd's votes (FER-2013 only).
        votes_weight: weight of a second last layer that learns the crowd's votes, for the sake of
            what lies before it; not exported (FER-2013 only).
        teachers: names of bundles whose mean answers are part of the truth. Their labels must be
            among the run's, all labels those of one of them, and their input the same.
        teachers_share: share of the truth that comes from the teachers.
        lessons: how many changed versions of each picture the teachers answer; the epochs take
            them in turn. 0: the teachers answer the picture and its mirror image, unchanged.
        unlabelled: name of a data set whose training pictures the lessons show too, as many in
            each as there are labelled ones; what they show is the teachers' answer alone. Empty:
            none.
        max_class_weight: rare classes weigh more in the loss, at most this much; 1 for none.
        balance: attributes of the pictures; together with the label they form groups, of which
            small ones are drawn more often. Empty: every picture once per epoch.
        balance_power: 0 draws as the data is, 1 draws all groups equally often.
        mixup: the parameter of the Beta distribution; 0 for none.
        mixup_share: mixup ends after this share of the epochs.
        dropout: before the last layer.
        flip: mirror half of the pictures.
        shift: largest shift, as a fraction of the side.
        zoom: largest change of size, as a fraction.
        rotate_deg: largest rotation.
        brightness: largest shift of all pixels, 0-255.
        contrast: largest change of contrast, as a fraction.
        erase: chance that a random rectangle is blanked.
        soften: chance that a picture is shrunk and enlarged again, as far faces look.
        jpeg: chance of strong compression.
        noise: largest standard deviation of added noise, 0-255.
        max_steps_per_epoch: 0 for all; a few for trying a config out.
        role: "comparison" for a network that only the page Compare shows, see ``ModelCard``.
        notes: what the card must warn of for this network, before what holds for all of its kind.
        wanted_accuracy: answers below a confidence are shown as undecided, so that those above it
            are right as often as this on the validation pictures; 0 to decide always.
    """

    name: str
    title: str
    task: Task
    labels: tuple[str, ...]
    dataset: str
    train_split: str
    validation_split: str
    height: int
    width: int
    architecture: str
    epochs: int
    color: str = "gray"
    start_from: str = ""
    start_share: float = 0.0
    pretrained: str = ""
    validation_share: float = 0.0
    corrections: str = ""
    margin: float = 0.0
    shift_y: float = 0.0
    images_per_class: int = 0
    base_width: int = 32
    num_stages: int = 3
    seed: int = 1
    batch_size: int = 64
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = 0.002
    warmup_epochs: float = 1.0
    weight_decay: float = 0.01
    average_decay: float = 0.0
    small_side: int = 0
    small_share: float = 0.0
    label_smoothing: float = 0.0
    votes_share: float = 0.0
    votes_weight: float = 0.0
    teachers: tuple[str, ...] = ()
    teachers_share: float = 0.0
    lessons: int = 0
    unlabelled: str = ""
    max_class_weight: float = 1.0
    balance: tuple[str, ...] = ()
    balance_power: float = 1.0
    mixup: float = 0.0
    mixup_share: float = 0.8
    dropout: float = 0.0
    flip: bool = True
    shift: float = 0.0
    zoom: float = 0.0
    rotate_deg: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    erase: float = 0.0
    soften: float = 0.0
    jpeg: float = 0.0
    noise: float = 0.0
    max_steps_per_epoch: int = 0
    wanted_accuracy: float = 0.8
    notes: tuple[str, ...] = ()
    role: Role = "general"

    def __post_init__(self) -> None:
        """Refuse values that no run can have."""
        check_name(self.name, self.title)
        check_numbers({key: getattr(self, key) for key in RANGES})
        if bool(self.teachers) != bool(self.teachers_share):
            raise ValueError("teachers and teachers_share need each other")
        if self.lessons and not self.teachers:
            raise ValueError("lessons need teachers")
        if self.unlabelled and not self.lessons:
            raise ValueError("unlabelled needs lessons")
        if self.lessons and self.balance:
            raise ValueError("lessons and balance exclude each other: lessons show each picture")
        if self.lessons and self.votes_weight:
            raise ValueError("lessons and votes_weight exclude each other: teachers know no votes")
        if self.lessons and self.small_side:
            raise ValueError("lessons and small_side exclude each other: teachers see full size")
        if self.start_share and not (self.start_from and self.average_decay):
            raise ValueError("start_share needs start_from and average_decay")
        if self.start_from and self.pretrained:
            raise ValueError("start_from and pretrained exclude each other")
        check_labels(self.labels)
        if self.small_side % 8 or not 0 <= self.small_side <= min(self.height, self.width):
            raise ValueError(
                f"small_side must be a multiple of 8 up to {min(self.height, self.width)}"
            )

    @property
    def input(self) -> InputSpec:
        """Size, colour and framing as the model card states them."""
        return InputSpec(self.height, self.width, self.color, self.margin, self.shift_y)


_INHERITED = {"architecture", "base_width", "num_stages", "height", "width", "color"}


def load_config(path: Path, overrides: Mapping[str, Any] | None = None) -> TrainConfig:
    """Read a config file.

    Args:
        path: a toml file whose keys are the fields of ``TrainConfig``.
        overrides: values that replace those of the file.

    Raises:
        ConfigError: if the file is unreadable, a key is unknown or missing, or a value has the
            wrong type.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"The config {path} cannot be read ({error}).") from error
    return build_config(values | dict(overrides or {}))


def build_config(values: Mapping[str, Any]) -> TrainConfig:
    """Check names and types, and return the config.

    Raises:
        ConfigError: if a key is unknown or missing, or a value has the wrong type.
        ModelError: if there is no usable bundle of the name ``start_from``.
    """
    start_from = values.get("start_from")
    if start_from and not values.keys() >= _INHERITED:  # else its bundle need not be here yet
        values = _inherit(str(start_from)) | dict(values)
    types = typing.get_type_hints(TrainConfig)
    for key in values:
        if key not in types:
            close = difflib.get_close_matches(key, types, n=1, cutoff=0)
            raise ConfigError(f"Unknown setting '{key}'; did you mean '{close[0]}'?")
    needed = [f.name for f in dataclasses.fields(TrainConfig) if f.default is dataclasses.MISSING]
    if missing := [name for name in needed if name not in values]:
        raise ConfigError(f"The config lacks {', '.join(missing)}; add a line for each.")
    checked = {key: _check_type(key, value, types[key]) for key, value in values.items()}
    try:
        config = TrainConfig(**checked)
        _ = config.input
    except ValueError as error:
        raise ConfigError(f"The config cannot be used: {error}.") from error
    return config


def _inherit(start_from: str) -> dict[str, Any]:
    """Return the settings that a network must share with the one whose weights it takes."""
    card = load_card(find_bundle(start_from))
    trained_with = card.training.get("config", {})
    sizes = {key: trained_with[key] for key in ("base_width", "num_stages") if key in trained_with}
    return {"architecture": card.architecture, **sizes, **dataclasses.asdict(card.input)}


def parse_override(text: str) -> tuple[str, Any]:
    """Return key and value of ``key=value``; what is no toml value is taken as a string.

    Raises:
        ConfigError: if there is no "=".
    """
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"'{text}' is no setting; write it as key=value.")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()


def _check_type(key: str, value: Any, wanted: Any) -> Any:
    if typing.get_origin(wanted) is typing.Literal:
        if value in typing.get_args(wanted):
            return value
        wanted_name = " or ".join(repr(choice) for choice in typing.get_args(wanted))
    elif wanted is float and type(value) in (int, float):
        return float(value)
    elif wanted in (int, bool, str) and type(value) is wanted:
        return value
    elif wanted == tuple[str, ...]:
        if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            return tuple(value)
        wanted_name = "a list of strings"
    else:
        wanted_name = wanted.__name__
    raise ConfigError(f"Setting '{key}' must be {wanted_name}, got {value!r}.")
