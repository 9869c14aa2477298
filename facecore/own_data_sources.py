"""Where a user's pictures come from: folders by label, a ZIP of them, or a CSV like FER-2013's."""

import csv
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np

from facecore.datasets_common import data_dir
from facecore.decoder import decode_image
from facecore.errors import InvalidDatasetError, UnreadableImageError
from facecore.label_sets import compose
from facecore.limits import path_to_text, safe_name
from facecore.own_data_unpack import PICTURE_ENDINGS, UnpackedFile, is_hidden
from facecore.preprocessing import UInt8Array

MAX_PICTURES = 100_000

SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
    "testing": "test",
}
"""Names, in small letters, of folders that say which split their pictures belong to."""

USAGES = {
    "training": "train",
    "publictest": "validation",
    "privatetest": "test",
    **SPLIT_FOLDERS,
}
"""The same of the column Usage, FER-2013's own words first."""

_LABEL_COLUMNS = ("emotion", "label", "expression", "gender", "class")
_SMALLEST_SIDE = 8
_MAX_SHOWN_COLUMNS = 6


@dataclass(frozen=True, slots=True)
class RawPicture:
    """A picture as it was brought.

    Args:
        source: its path in the ZIP or folder, or its line in the CSV.
        label: the name of its folder, or its cell, accents composed.
        split: "train", "validation", "test", or "" where nothing says.
        path: of the file; None where ``pixels`` holds the picture.
        pixels: numbers 0-255 with spaces between them, as in a CSV.
    """

    source: str
    label: str
    split: str = ""
    path: Path | None = None
    pixels: str = ""

    def read(self) -> UInt8Array:
        """Return the picture: uint8 array of shape (H, W, 3) in BGR, or (H, W) from a CSV.

        Raises:
            MediaError: if it cannot be read.
        """
        if self.path is None:
            return _parse_pixels(self.pixels, self.source)
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise UnreadableImageError(
                f"{safe_name(self.source)} cannot be read ({error.strerror}); check its rights."
            ) from error
        return decode_image(data, self.source)


def list_server_sources() -> list[str]:
    """Return the folders and CSV files below the data folder that may hold labelled pictures.

    Paths relative to the data folder, two levels deep, without hidden ones; they may hold bytes
    that are no UTF-8, which ``path_to_text`` makes fit for a screen.
    """
    root = data_dir()
    found = []
    for pattern in ("*", "*/*"):
        for path in root.glob(pattern):
            name = path.relative_to(root).as_posix()
            is_source = path.is_dir() or path.suffix.lower() == ".csv"
            if is_source and not is_hidden(name) and _is_inside(path, root):
                found.append(name)
    return sorted(found)


def resolve_server_source(name: str) -> Path:
    """Return a folder or file below the data folder.

    Raises:
        InvalidDatasetError: if it lies elsewhere or is missing.
    """
    root = data_dir()
    path = root / name
    if not _is_inside(path, root) or not path.exists():
        raise InvalidDatasetError(
            f"“{safe_name(name)}” is not in the server's data folder; choose a folder or CSV file "
            "there (FACECORE_DATA_DIR names it)."
        )
    return path


def list_folder(folder: Path) -> tuple[list[RawPicture], list[str]]:
    """Return the pictures of a folder of folders by label, and the files left out.

    Links are not followed out of the folder.

    Raises:
        InvalidDatasetError: if the layout says no label.
    """
    root = folder.resolve()
    files, left_out = [], []
    for path in sorted(folder.rglob("*")):
        source = path_to_text(path.relative_to(folder).as_posix())
        if is_hidden(source) or not path.is_file():
            continue
        if path.suffix.lower() not in PICTURE_ENDINGS or not path.resolve().is_relative_to(root):
            left_out.append(source)
        else:
            files.append(UnpackedFile(source, path))
        if len(files) > MAX_PICTURES:
            raise _too_many(safe_name(folder.name))
    return sort_by_folders(files, folder.name), left_out


def sort_by_folders(files: Sequence[UnpackedFile], name: str) -> list[RawPicture]:
    """Read split and label from the paths: ``[anything/][split/]label/picture``.

    Where each label has its own splits below it, ``label/split/picture`` is read as well.

    Args:
        files: pictures with their paths in the ZIP or folder.
        name: of the ZIP or folder, for the message.

    Raises:
        InvalidDatasetError: if there are no pictures, or some lie in no folder.
    """
    paths = [PurePosixPath(compose(file.source)).parts[:-1] for file in files]
    while paths and all(len(parts) > 1 for parts in paths) and len({p[0] for p in paths}) == 1:
        if paths[0][0].lower() in SPLIT_FOLDERS:
            break
        paths = [parts[1:] for parts in paths]
    if paths and all(len(p) > 1 and p[1].lower() in SPLIT_FOLDERS for p in paths):
        paths = [(p[1], p[0], *p[2:]) for p in paths]
    pictures = []
    for file, parts in zip(files, paths, strict=True):
        split = SPLIT_FOLDERS.get(parts[0].lower(), "") if len(parts) > 1 else ""
        rest = parts[1:] if split else parts
        if not rest:
            raise InvalidDatasetError(
                f"{safe_name(name)} does not say what “{safe_name(file.source)}” shows: put the "
                "pictures into one folder per label, such as happy/1.jpg."
            )
        pictures.append(RawPicture(file.source, rest[0], split, file.path))
    if not pictures:
        raise InvalidDatasetError(
            f"There are no pictures in {safe_name(name)}; expected files such as happy/1.jpg, in "
            "one folder per label."
        )
    return pictures


def read_csv(file: IO[bytes], name: str) -> list[RawPicture]:
    """Read a CSV in FER-2013's layout: a label, the pixels, and perhaps the Usage.

    The label is a number 0-6 in FER-2013's order or any word; the pixels of a square grey picture
    stand row by row with spaces between them.

    Raises:
        InvalidDatasetError: if the columns are missing or the file is no text.
    """
    shown = safe_name(name)
    csv.field_size_limit(min(sys.maxsize, 10_000_000))
    file.seek(0)
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    try:
        return list(_iter_rows(text, shown))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidDatasetError(
            f"{shown} is no CSV text in UTF-8; save it as such and retry."
        ) from error
    finally:
        text.detach()  # else it would close the upload, which may be read again


def _iter_rows(text: io.TextIOWrapper, shown: str) -> Iterator[RawPicture]:
    reader = csv.DictReader(text)
    columns = {(column or "").strip().lower(): column for column in reader.fieldnames or ()}
    label = next((columns[c] for c in _LABEL_COLUMNS if c in columns), None)
    if label is None or "pixels" not in columns:
        raise InvalidDatasetError(
            f"{shown} has not FER-2013's columns: expected emotion (or label), pixels and, if "
            f"there is a split, Usage; found {_say_columns(columns)}."
        )
    usage = columns.get("usage")
    for number, row in enumerate(reader, start=2):
        if number > MAX_PICTURES + 1:
            raise _too_many(shown)
        split = USAGES.get((row[usage] or "").strip().lower(), "") if usage else ""
        word = compose((row[label] or "").strip())
        yield RawPicture(f"line {number}", word, split, pixels=row[columns["pixels"]] or "")


def _say_columns(columns: Iterable[str]) -> str:
    shown = [safe_name(column) for column in columns]
    more = f" and {len(shown) - _MAX_SHOWN_COLUMNS:,} more"
    told = ", ".join(shown[:_MAX_SHOWN_COLUMNS]) or "none"
    return told + more if len(shown) > _MAX_SHOWN_COLUMNS else told


def _parse_pixels(text: str, source: str) -> UInt8Array:
    try:
        values = np.array(text.split(), dtype=np.int64)
    except (ValueError, OverflowError):
        values = np.empty(0, dtype=np.int64)
    side = round(len(values) ** 0.5)
    fits = side >= _SMALLEST_SIDE and side * side == len(values)
    if not fits or values.min() < 0 or values.max() > 255:
        raise UnreadableImageError(
            f"The pixels in {source} are not a square of numbers 0-255; correct the line."
        )
    return values.astype(np.uint8).reshape(side, side)


def _is_inside(path: Path, root: Path) -> bool:
    return path.resolve().is_relative_to(root.resolve())


def _too_many(shown: str) -> InvalidDatasetError:
    return InvalidDatasetError(
        f"{shown} has more than {MAX_PICTURES:,} pictures; bring a part of them."
    )
