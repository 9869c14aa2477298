"""Model bundles on disk: models/<name>/ with model.keras, card.json, history.csv and evaluations/.

Reads and writes cards only; opening the network itself is ``facecore.inference``.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from facecore.errors import ChecksumMismatchError, InvalidModelCardError, ModelNotFoundError
from facecore.label_sets import check_labels
from facecore.labels import LABELS, Task
from facecore.limits import safe_name
from facecore.untrusted_files import load_json, shorten
from facecore.user_files import changing, read_folder, user_models_dir

SCHEMA_VERSION = 1
MODEL_FILE = "model.keras"
CARD_FILE = "card.json"
HISTORY_FILE = "history.csv"
EVALUATIONS_DIR = "evaluations"

GENDER_MODEL = "gender"
"""The bundle that answers for gender everywhere."""

Role = Literal["general", "comparison"]
"""Where a network is offered: everywhere, or only where networks are compared."""

_TEXTS = ("name", "title", "architecture", "intended_use", "excluded_uses", "licence", "sha256")
_TABLES = ("threshold_choice", "training", "metrics", "framing")
_MAX_INPUT_SIDE = 1024

_PROJECT_DIR = Path(__file__).resolve().parent.parent


def models_dir() -> Path:
    """Return the models folder: ``FACECORE_MODELS_DIR``, else ``models/`` of the project.

    Raises:
        ConfigError: if the variable names something that cannot be a folder.
    """
    return read_folder("FACECORE_MODELS_DIR", _PROJECT_DIR / "models")


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a network expects of a face.

    Args:
        height: rows in pixels.
        width: columns in pixels.
        color: "gray" (one channel) or "rgb" (three).
        margin: how much larger than the detector's box the square crop is, as a fraction of the
            box's side: 0.2 means 20 % larger in all, 10 % on each side; negative crops inside.
            Gives a live crop the framing of the training pictures.
        shift_y: how far the crop's centre lies below the box's centre, as a fraction of the
            box's side.
    """

    height: int
    width: int
    color: str = "gray"
    margin: float = 0.0
    shift_y: float = 0.0

    def __post_init__(self) -> None:
        if self.color not in ("gray", "rgb"):
            raise ValueError(f"color must be 'gray' or 'rgb', got {self.color!r}")
        sides = (self.height, self.width)
        are_sides = all(isinstance(side, int) and 1 <= side <= _MAX_INPUT_SIDE for side in sides)
        if not are_sides or not -0.5 <= self.margin <= 2 or not -1 <= self.shift_y <= 1:
            raise ValueError(f"impossible input: {self}")

    @property
    def num_channels(self) -> int:
        """1 for grey, 3 for RGB."""
        return 1 if self.color == "gray" else 3


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Everything a reader or a program must know of a network.

    Args:
        name: the bundle's folder name.
        title: as shown in the dashboard.
        task: "expression" or "gender".
        labels: canonical names in the network's column order.
        input: size, colour and framing of a face.
        architecture: the builder's name.
        num_parameters: weights and biases in all.
        temperature: the logits are divided by it before softmax, for calibration; already part
            of the stored network, recorded here for the reader.
        threshold: an answer of lower confidence is shown as undecided, 0-1; 0: always decided.
        threshold_choice: how the threshold was chosen, and what it costs.
        training: data sets with split, count and licence; config; seed; epochs; best epoch;
            duration in seconds; versions.
        metrics: per evaluated split, fractions 0-1.
        framing: how the margin was measured, and the result.
        intended_use: what it is for.
        excluded_uses: what it must not be used for.
        limitations: known failures.
        licence: of the weights.
        role: "comparison" for a network that was trained to show a difference: it stands on the
            page Compare and can be named on the command line, but is not offered for pictures.
        sha256: of model.keras.
    """

    name: str
    title: str
    task: Task
    labels: tuple[str, ...]
    input: InputSpec
    architecture: str
    num_parameters: int
    sha256: str
    temperature: float = 1.0
    threshold: float = 0.0
    threshold_choice: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    framing: Mapping[str, Any] = field(default_factory=dict)
    intended_use: str = ""
    excluded_uses: str = ""
    limitations: tuple[str, ...] = ()
    licence: str = ""
    role: Role = "general"
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        if self.schema_version != SCHEMA_VERSION:
            raise ValueError(f"schema version {self.schema_version}, expected {SCHEMA_VERSION}")
        if self.task not in LABELS:
            raise ValueError(f"task must be one of {', '.join(LABELS)}, got {self.task!r}")
        if self.role not in get_args(Role):
            raise ValueError(f"role must be one of {', '.join(get_args(Role))}, got {self.role!r}")
        check_labels(self.labels)
        for names, kind in ((_TEXTS, str), (_TABLES, Mapping)):
            for name in names:
                if not isinstance(getattr(self, name), kind):
                    raise ValueError(f"{name} is no {'text' if kind is str else 'object'}")
        if not all(isinstance(text, str) for text in self.limitations):
            raise ValueError("limitations are no list of texts")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold must be between 0 and 1, got {self.threshold}")

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ModelCard":
        """Build a card from its JSON form.

        Raises:
            ValueError, TypeError, KeyError: where the data breaks the schema.
        """
        known = {f.name for f in fields(cls)}
        if unknown := set(data) - known:
            raise ValueError(f"unknown keys {', '.join(sorted(unknown))}")
        values = dict(data)
        values["input"] = InputSpec(**values["input"])
        values["labels"] = tuple(values["labels"])
        values["limitations"] = tuple(values.get("limitations", ()))
        return cls(**values)


def compute_sha256(path: Path) -> str:
    """Return the file's SHA-256 as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_card(bundle: Path) -> ModelCard:
    """Read and check ``<bundle>/card.json``.

    Raises:
        ModelNotFoundError: if the folder has no card.
        InvalidModelCardError: if the card is unreadable or breaks the schema.
    """
    path = bundle / CARD_FILE
    try:
        card = ModelCard.from_dict(load_json(path))
    except FileNotFoundError as error:
        raise ModelNotFoundError(
            f"There is no model called '{bundle.name}' in {bundle.parent}: expected {path.name} "
            "there. Train it with training/train.py or restore the folder."
        ) from error
    except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        raise InvalidModelCardError(
            f"The card of model '{bundle.name}' cannot be used ({shorten(error)}); restore the "
            "folder or train the model again."
        ) from error
    if card.name != bundle.name:
        raise InvalidModelCardError(
            f"The folder '{bundle.name}' holds the card of model '{safe_name(card.name)}'; "
            "rename the folder."
        )
    return card


def list_bundles(root: Path | None = None) -> list[Path]:
    """Return the folders that hold a card, by name.

    Args:
        root: where to look; default: the models folder, then the users' own, of which those are
            left out that have the name of a shipped one.
    """
    if root is not None:
        return sorted(path.parent for path in root.glob(f"*/{CARD_FILE}"))
    shipped = list_bundles(models_dir())
    taken = {bundle.name for bundle in shipped}
    return shipped + [own for own in list_bundles(user_models_dir()) if own.name not in taken]


def find_bundle(name: str) -> Path:
    """Return the folder of a bundle: in the models folder, else among the users' own.

    Where it is in neither, the one in the models folder: ``load_card`` tells that it is missing.
    """
    shipped, own = models_dir() / name, user_models_dir() / name
    return own if not (shipped / CARD_FILE).is_file() and (own / CARD_FILE).is_file() else shipped


def is_own_bundle(bundle: Path) -> bool:
    """Tell whether a bundle was trained by a user of this server."""
    return bundle.parent == user_models_dir()


def iter_cards(
    root: Path | None = None,
) -> Iterator[tuple[Path, ModelCard | InvalidModelCardError]]:
    """Yield each of ``list_bundles(root)`` with its card, or with what is wrong with that.

    A bundle that was deleted since it was listed is left out.
    """
    for bundle in list_bundles(root):
        try:
            yield bundle, load_card(bundle)
        except ModelNotFoundError:
            continue
        except InvalidModelCardError as error:
            yield bundle, error


def list_cards(
    root: Path | None = None, task: Task | None = None, role: Role | None = None
) -> list[ModelCard]:
    """Return the valid cards of ``list_bundles(root)``; a damaged one is left out.

    ``load_card`` tells what is wrong with a bundle that is missing here.

    Args:
        root: where to look; default: as ``list_bundles``.
        task: None for all.
        role: None for all.
    """
    cards = [card for _, card in iter_cards(root) if isinstance(card, ModelCard)]
    return [c for c in cards if task in (None, c.task) and role in (None, c.role)]


def verify_checksum(bundle: Path, card: ModelCard) -> Path:
    """Return the path of the bundle's network after checking that it is the card's.

    Raises:
        ModelNotFoundError: if the network file is missing.
        ChecksumMismatchError: if it was altered.
    """
    path = bundle / MODEL_FILE
    try:
        sha256 = compute_sha256(path)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ModelNotFoundError(
            f"Model '{bundle.name}' has no {MODEL_FILE}; restore the folder or train it again."
        ) from error
    if sha256 != card.sha256:
        raise ChecksumMismatchError(
            f"The network of model '{bundle.name}' is not the one its card describes (checksum "
            "differs), so it was not opened; restore the folder or train the model again."
        )
    return path


def save_card(bundle: Path, card: ModelCard) -> None:
    """Write ``<bundle>/card.json`` in one step, so that no reader meets half a card.

    Raises:
        StorageError: if it cannot be written.
    """
    part = bundle / f"{CARD_FILE}.part"
    with changing(bundle):
        bundle.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(card.to_dict(), indent=2) + "\n", encoding="utf-8")
        part.replace(bundle / CARD_FILE)
