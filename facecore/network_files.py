"""What a model.keras from elsewhere may hold: plain Keras layers and weights, nothing that acts.

Looks at the file's parts without opening it. Keras' own safe mode refuses most of what is refused
here too, but has been got round more than once.
"""

import zipfile
from pathlib import Path
from typing import Any

from facecore.errors import ModelError
from facecore.limits import safe_name
from facecore.untrusted_files import ARCHIVE_ERRORS, parse_json, shorten

_CONFIG_FILE = "config.json"
_MEMBERS = {_CONFIG_FILE, "metadata.json", "model.weights.h5"}
_MAX_CONFIG_BYTES = 20_000_000

# Keras parts without code of a file's own. What is compiled for training is never opened.
_MODULES = {
    *("keras", "keras.layers", "keras.initializers", "keras.regularizers", "keras.constraints"),
    *("keras.activations", "keras.dtype_policies", "keras.models", "keras.src.models.functional"),
    *("keras.src.models.sequential", "keras.src.models.model"),
    *("keras.optimizers", "keras.losses", "keras.metrics"),
}
# These layers run code, open other files or fetch them from the network.
_ACTING = {
    *("Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"),
    *(
        "StringLookup",
        "IntegerLookup",
        "TextVectorization",
        "function",
        "__lambda__",
        "__typespec__",
    ),
}


def refuse_code(path: Path) -> None:
    """Make sure that a network is made of Keras' own harmless layers.

    Args:
        path: the bundle's model.keras.

    Raises:
        ModelError: if it holds code or other files, or is no Keras file.
    """
    name = path.parent.name
    try:
        with zipfile.ZipFile(path) as archive:
            members = set(archive.namelist())
            if archive.getinfo(_CONFIG_FILE).file_size > _MAX_CONFIG_BYTES:
                raise ValueError("its description is far too long")
            config = parse_json(archive.read(_CONFIG_FILE))
        acts = _acts(config)
    except (*ARCHIVE_ERRORS, OSError) as error:
        raise ModelError(
            f"The network of model '{name}' is no Keras file ({shorten(error)}); restore the "
            "folder or train the model again."
        ) from error
    if acts:
        raise ModelError(
            f"The network of model '{name}' contains program code of its own, which could do "
            "anything on this computer, so it was not opened; use networks of plain Keras layers."
        )
    if foreign := members - _MEMBERS:
        raise ModelError(
            f"The network of model '{name}' holds a file that no plain network needs "
            f"({safe_name(min(foreign))}), so it was not opened; use networks of plain Keras "
            "layers."
        )


def _acts(config: Any) -> bool:
    if isinstance(config, list):
        return any(_acts(item) for item in config)
    if not isinstance(config, dict):
        return False
    kind, module = config.get("class_name"), config.get("module")
    if not all(isinstance(name, str | None) for name in (kind, module)) or kind in _ACTING:
        return True
    # Before Keras 3 wrote modules, its own classes had none.
    if module is not None and module not in _MODULES:
        return True
    return any(_acts(value) for value in config.values())
