"""Models that users of this server trained: list, rename, pack for a download, delete."""

import io
import os
import shutil
import zipfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from facecore.errors import ModelNotFoundError, TrainingRunError
from facecore.model_titles import is_title_taken
from facecore.registry import (
    CARD_FILE,
    ModelCard,
    is_own_bundle,
    list_bundles,
    load_card,
    save_card,
)
from facecore.training_runs import delete_run, load_run
from facecore.user_files import changing, to_name, user_models_dir

_MAX_TITLE_CHARS = 60


def list_own_models() -> list[Path]:
    """Return the users' bundles, by name."""
    return [bundle for bundle in list_bundles() if is_own_bundle(bundle)]


def rename_model(name: str, title: str) -> ModelCard:
    """Change what a model is called everywhere; its folder keeps its name.

    Raises:
        ModelNotFoundError: if there is no such model of a user.
        TrainingRunError: if the title is empty, too long or another model's.
        StorageError: if the card cannot be written.
    """
    bundle = _find(name)
    plain = " ".join(title.split())
    if not plain or len(plain) > _MAX_TITLE_CHARS:
        raise TrainingRunError(f"A model's name must have 1 to {_MAX_TITLE_CHARS} letters.")
    if is_title_taken(plain, except_for=name):
        raise TrainingRunError(f"Another model is called “{plain}”; take another name.")
    card = replace(load_card(bundle), title=plain)
    save_card(bundle, card)
    return card


def pack_model(name: str) -> bytes:
    """Return the bundle as a ZIP file; unpacked into a models folder, it can be used there.

    Raises:
        ModelNotFoundError: if there is no such model of a user.
    """
    bundle = _find(name)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder, _, names in sorted(os.walk(bundle)):
            for path in (Path(folder, name) for name in sorted(names) if not _is_part(name)):
                with suppress(FileNotFoundError):  # deleted this moment
                    archive.write(path, path.relative_to(bundle.parent).as_posix())
    _find(name)
    return packed.getvalue()


def _is_part(name: str) -> bool:
    """Tell whether a file is one that is being written: evaluating goes on beside a whole card."""
    return name.endswith(".part") or name.startswith("part.")


def delete_model(name: str) -> None:
    """Delete a user's bundle and the run that made it, for good.

    Raises:
        ModelNotFoundError: if there is no such model of a user.
        TrainingRunError: if it is being trained.
        StorageError: if it cannot be deleted.
    """
    bundle = _find(name)
    try:
        load_run(name)
    except TrainingRunError:
        pass  # brought here by hand
    else:
        delete_run(name)
    with changing(bundle):
        (bundle / CARD_FILE).unlink(missing_ok=True)  # from now on it is no bundle
    shutil.rmtree(bundle, ignore_errors=True)


def _find(name: str) -> Path:
    bundle = user_models_dir() / name
    if name != to_name(name) or not (bundle / CARD_FILE).is_file():
        raise ModelNotFoundError(f"There is no model '{name}' of a user on this server any more.")
    return bundle
