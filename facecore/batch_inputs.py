"""Which files a batch analyses: files, folders and patterns become one list without doubles."""

import errno
import glob
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from facecore.limits import path_to_text

Kind = Literal["photo", "video"]

# fmt: off
PHOTO_SUFFIXES = frozenset((
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".heic",
    ".heif", ".avif", ".jp2", ".ppm", ".pgm",
))
VIDEO_SUFFIXES = frozenset((
    ".mp4", ".m4v", ".mov", ".avi", ".webm", ".mkv", ".gif", ".ts", ".mts", ".m2ts", ".mpg",
    ".mpeg", ".flv", ".wmv", ".ogv", ".3gp",
))
# fmt: on


@dataclass(frozen=True, slots=True)
class BatchFile:
    """One file to analyse.

    Args:
        path: absolute.
        kind: "photo" or "video", told by the suffix; a GIF counts as a video.
    """

    path: Path
    kind: Kind

    @property
    def source(self) -> str:
        """The path as text; bytes that are no UTF-8 are written as ``\\xff``."""
        return path_to_text(self.path)

    @property
    def key(self) -> str:
        """32 hexadecimal digits that stand for the path."""
        return hashlib.sha256(os.fsencode(self.path)).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Failure:
    """An input that could not be used.

    Args:
        source: the file, or the input as it was given.
        reason: one sentence.
    """

    source: str
    reason: str


def find_files(
    inputs: Sequence[str], leave_out: Path | None = None
) -> tuple[list[BatchFile], list[Failure]]:
    """Return the photos and videos of all inputs in the order of their paths, each once.

    Folders are searched to the bottom; hidden files and folders, files of other kinds and links to
    folders in them are passed over.

    Args:
        inputs: files, folders, or patterns such as ``"trip/**/*.jpg"``.
        leave_out: a folder whose files are results and never inputs, whichever way leads there.

    Returns:
        The files, and one failure per input that gives none, and per photo or video in a folder
        that is no file, such as a link whose target is gone.
    """
    results = None if leave_out is None else _real(leave_out)
    found: dict[Path, BatchFile] = {}
    failures: list[Failure] = []

    def tell_unreadable(error: OSError) -> None:
        shown = path_to_text(error.filename)
        failures.append(Failure(shown, f"{shown} cannot be read ({error.strerror})."))

    for text in inputs:
        num_told = len(failures)
        try:
            named, reason = _expand(text)
        except OSError as error:  # its folder may not be entered
            tell_unreadable(error)
            continue
        files = [file for path in named for file in _to_files(path, results, tell_unreadable)]
        if not files and len(failures) == num_told:
            shown = path_to_text(text)
            failures.append(Failure(shown, reason or f"{shown} holds no photo and no video."))
        found |= {file.path: file for file in files}
    return [found[path] for path in sorted(found)], list(dict.fromkeys(failures))


def _expand(text: str) -> tuple[list[Path], str | None]:
    """Return the paths that an input names, and why there is none."""
    path = Path(text)
    shown = path_to_text(text)
    if path.is_dir():
        return [path], None
    if path.is_file():
        return [path], None if _kind_of(path) else f"{shown} has no suffix of a photo or a video."
    # A file may have brackets in its name: only what does not exist is a pattern.
    if glob.has_magic(text):
        return _match(path), f"{shown} matches no file."
    return [], f"{shown} does not exist; name files, folders or a pattern."


def _match(pattern: Path) -> list[Path]:
    """Return what a pattern names, but nothing hidden that it does not name itself."""
    root = Path(pattern.anchor)
    try:
        # Unlike the glob module this follows no links to folders, which may run in circles.
        matches = list(root.glob(str(pattern.relative_to(root))))
    except ValueError:  # two stars that are no whole part of the path
        return []
    named = set(pattern.parts)
    return [m for m in matches if not any(p[0] == "." and p not in named for p in m.parts)]


def _to_files(
    path: Path, results: Path | None, on_error: Callable[[OSError], None]
) -> Iterator[BatchFile]:
    path = Path(os.path.abspath(path))  # noqa: PTH100  links stay: a path is what a user knows
    try:
        files = _walk(path, on_error) if path.is_dir() else [path]
    except OSError as error:
        on_error(error)
        return
    for file in files:
        kind = _kind_of(file)
        if kind is None:
            continue
        try:
            if results is not None and _real(file.parent).is_relative_to(results):
                continue
            if stat.S_ISREG(file.stat().st_mode):
                yield BatchFile(file, kind)
            else:  # reading a pipe or a device might never end
                on_error(OSError(errno.EINVAL, "no ordinary file", file))
        except OSError as error:  # a link to nothing, or a folder that may not be entered
            on_error(error)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))  # unlike Path.resolve it has an answer for links in circles


def _kind_of(path: Path) -> Kind | None:
    suffix = path.suffix.lower()
    if suffix in PHOTO_SUFFIXES:
        return "photo"
    return "video" if suffix in VIDEO_SUFFIXES else None


def _walk(folder: Path, on_error: Callable[[OSError], None]) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder, onerror=on_error):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in names if not name.startswith("."))
