"""Where what users keep on this server lies, apart from what is shipped: models, data, runs.

``FACECORE_USER_DIR``, else ``~/.facecore``; in it ``models/``, ``data/``, ``runs/`` and
``relabel/``. Everybody who uses the server sees all of it.
"""

import os
import re
import unicodedata
from pathlib import Path

from facecore.errors import ConfigError

USER_DIR_VARIABLE = "FACECORE_USER_DIR"
TEACHING_VARIABLE = "FACECORE_TEACHING"

_ON, _OFF = ("", "on", "yes", "true", "1"), ("off", "no", "false", "0")
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
_MAX_NAME_CHARS = 40


def user_dir() -> Path:
    """Return the folder of everything that users keep; it need not exist yet."""
    return Path(os.environ.get(USER_DIR_VARIABLE) or Path.home() / ".facecore")


def user_models_dir() -> Path:
    """Return the folder of the users' own model bundles."""
    return user_dir() / "models"


def user_data_dir() -> Path:
    """Return the folder of the users' own data sets."""
    return user_dir() / "data"


def user_runs_dir() -> Path:
    """Return the folder of the training runs that the dashboard starts."""
    return user_dir() / "runs"


def user_relabel_dir() -> Path:
    """Return the folder of what people decided about labels, a folder per data set and split."""
    return user_dir() / "relabel"


def is_teaching_on() -> bool:
    """Tell whether visitors may keep data, train and relabel here.

    Raises:
        ConfigError: if ``FACECORE_TEACHING`` is neither on nor off.
    """
    text = os.environ.get(TEACHING_VARIABLE, "").strip().lower()
    if text not in (*_ON, *_OFF):
        raise ConfigError(f"{TEACHING_VARIABLE} is {text!r}; set it to on or off.")
    return text in _ON


def to_name(title: str) -> str:
    """Return a title as the name of a folder: small letters a-z, digits and single underscores.

    Empty where the title has no letter or digit that this can be made from.
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return _NOT_IN_NAMES.sub("_", plain).strip("_")[:_MAX_NAME_CHARS].rstrip("_")
