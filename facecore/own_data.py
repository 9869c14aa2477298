"""Bringing pictures: from a ZIP, a CSV or a folder to a draft, which can be looked at and kept."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO

from facecore.errors import InvalidDatasetError
from facecore.limits import safe_name
from facecore.own_data_pictures import Draft, prepare_pictures
from facecore.own_data_sources import list_folder, read_csv, sort_by_folders
from facecore.own_data_unpack import unpack_pictures
from facecore.progress import OnProgress
from facecore.registry import InputSpec

Bring = Callable[[Path, InputSpec | None, OnProgress | None], Draft]
"""Makes a draft in a folder, with crops of this framing or without, and tells its progress."""


def bring_upload(file: IO[bytes], name: str) -> Bring:
    """Return what brings an uploaded ZIP of folders by label, or a CSV in FER-2013's layout."""
    return partial(_bring_csv if name.lower().endswith(".csv") else _bring_zip, file, name)


def bring_path(path: Path) -> Bring:
    """Return what brings a folder of folders by label, a ZIP of them, or a CSV.

    Raises:
        InvalidDatasetError: if it is none of them.
    """
    if path.is_dir():
        return partial(_bring_folder, path)
    if path.suffix.lower() not in (".csv", ".zip") or not path.is_file():
        raise InvalidDatasetError(
            f"“{safe_name(path.name)}” is no folder, ZIP or CSV file; name one that exists."
        )
    return partial(_bring_file, path)


def _bring_file(
    path: Path, folder: Path, crop_to: InputSpec | None, on_progress: OnProgress | None
) -> Draft:
    with path.open("rb") as file:
        return bring_upload(file, path.name)(folder, crop_to, on_progress)


def _bring_zip(
    file: IO[bytes],
    name: str,
    folder: Path,
    crop_to: InputSpec | None,
    on_progress: OnProgress | None,
) -> Draft:
    def on_entry(done: int, total: int | None) -> None:
        if on_progress is not None:
            on_progress(0, total)  # the pictures are counted afterwards

    files, left_out = unpack_pictures(file, folder / "unpacked", name, on_progress=on_entry)
    raws = sort_by_folders(files, name)
    return prepare_pictures(raws, folder / "pictures", crop_to, left_out, on_progress)


def _bring_csv(
    file: IO[bytes],
    name: str,
    folder: Path,
    crop_to: InputSpec | None,
    on_progress: OnProgress | None,
) -> Draft:
    return prepare_pictures(
        read_csv(file, name), folder / "pictures", crop_to, on_progress=on_progress
    )


def _bring_folder(
    source: Path, folder: Path, crop_to: InputSpec | None, on_progress: OnProgress | None
) -> Draft:
    raws, left_out = list_folder(source)
    return prepare_pictures(raws, folder / "pictures", crop_to, left_out, on_progress)
