"""Where what users keep on this server lies, apart from what is shipped: models, data, runs.

``FACECORE_USER_DIR``, else ``~/.facecore``; in it ``models/``, ``data/``, ``runs/`` and
``relabel/``. Everybody who uses the server sees all of it.
"""

import errno
import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facecore.errors import ConfigError, StorageError

USER_DIR_VARIABLE = "FACECORE_USER_DIR"
TEACHING_VARIABLE = "FACECORE_TEACHING"

_ON, _OFF = ("", "on", "yes", "true", "1"), ("off", "no", "false", "0")
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
_MAX_NAME_CHARS = 40
_MAX_SHOWN_CHARS = 80


def read_folder(variable: str, default: Path) -> Path:
    """Return the folder that an environment variable names, else the default; it need not exist.

    Raises:
        ConfigError: if the variable names something that cannot be a folder.
    """
    text = os.environ.get(variable, "")
    if not text.strip():
        return default
    try:
        path = Path(text).expanduser()
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    except (OSError, RuntimeError) as error:  # the second: "~" of a user who does not exist
        reason = error.strerror if isinstance(error, OSError) else str(error)
        shown = text if len(text) <= _MAX_SHOWN_CHARS else f"{text[:_MAX_SHOWN_CHARS]}…"
        raise ConfigError(
            f"{variable} is {shown!r}, which cannot be used ({reason}); set it to a folder's path."
        ) from error
    return path


def user_dir() -> Path:
    """Return the folder of everything that users keep; it need not exist yet.

    Raises:
        ConfigError: if ``FACECORE_USER_DIR`` names something that cannot be a folder.
    """
    return read_folder(USER_DIR_VARIABLE, Path.home() / ".facecore")


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


@contextmanager
def changing(folder: Path) -> Iterator[None]:
    """Tell in one sentence where a folder of models or of users' files cannot be changed.

    Raises:
        StorageError: where the block raises ``OSError``.
    """
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{folder} cannot be changed ({error.strerror}); nothing was lost. Whoever runs this "
            "should make room there, and let this program write to it."
        ) from error


def to_name(title: str) -> str:
    """Return a title as the name of a folder: small letters a-z, digits and single underscores.

    Empty where the title has no letter or digit that this can be made from.
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return _NOT_IN_NAMES.sub("_", plain).strip("_")[:_MAX_NAME_CHARS].rstrip("_")
