"""A user's ZIP of pictures, unpacked so that it can harm nothing.

Refused unread: paths that lead out of the folder, links, encrypted or unusually packed entries,
archives of too many entries or bytes, and entries that swell far beyond their packed size. Only
picture files and nothing else are written, under numbers instead of their own names.
"""

import stat
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from facecore.errors import InvalidDatasetError, UnsafeArchiveError
from facecore.limits import megabytes, safe_name
from facecore.progress import OnProgress
from facecore.temp_folders import cannot_store
from facecore.untrusted_files import ARCHIVE_ERRORS

PICTURE_ENDINGS = frozenset(
    {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".heic", ".avif", ".pgm"}
)

_END_MARK, _END64_MARK, _LOCATOR64_MARK = b"PK\5\6", b"PK\6\6", b"PK\6\7"
_END_BYTES, _LOCATOR64_BYTES, _END64_BYTES = 22, 20, 56
_LONGEST_COMMENT = 65_535
_ENTRY_BYTES = 46  # of the directory, without the entry's name
_CHUNK_BYTES = 1 << 20
_SAYS_UTF8 = 0x800  # of an entry's flags: how its name is written


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What a ZIP may be.

    Args:
        max_entries: files and folders.
        max_bytes: of all files unpacked.
        max_file_bytes: of one file unpacked.
        max_ratio: how many times its packed size a file may have; pictures are packed already.
        max_path_chars: length of one path.
    """

    max_entries: int = 100_000
    max_bytes: int = 4_000_000_000
    max_file_bytes: int = 100_000_000
    max_ratio: int = 100
    max_path_chars: int = 400


DEFAULT_ARCHIVE_LIMITS = ArchiveLimits()


@dataclass(frozen=True, slots=True)
class UnpackedFile:
    """A picture from a ZIP: where it stood there, and where it is now."""

    source: str
    path: Path


def unpack_pictures(
    archive: IO[bytes],
    folder: Path,
    name: str = "The ZIP",
    limits: ArchiveLimits = DEFAULT_ARCHIVE_LIMITS,
    on_progress: OnProgress | None = None,
) -> tuple[list[UnpackedFile], list[str]]:
    """Write the pictures of a ZIP into a folder.

    Args:
        archive: the file, open for reading bytes.
        folder: gets one numbered file per picture; is made.
        name: of the upload, for the messages.
        limits: what is refused.
        on_progress: called with entries done and in all; raising from it ends the work.

    Returns:
        The pictures in the archive's order, and the paths that were left out because they are no
        pictures by their endings.

    Raises:
        UnsafeArchiveError: if the archive could do harm.
        InvalidDatasetError: if it is no ZIP or is damaged.
        StorageError: if the folder cannot be written.
    """
    shown = safe_name(name)
    with _stored():
        folder.mkdir(parents=True, exist_ok=True)
    with _told(shown):
        _check_directory(archive, shown, limits)
        with zipfile.ZipFile(archive) as opened:
            entries = [info for info in opened.infolist() if not info.is_dir()]
            _check_entries(entries, shown, limits)
            return _extract(opened, entries, folder, shown, limits, on_progress)


@contextmanager
def _told(shown: str) -> Iterator[None]:
    try:
        yield
    except (*ARCHIVE_ERRORS, OSError) as error:
        raise InvalidDatasetError(
            f"{shown} is no ZIP archive or a damaged one; pack the folders again and retry."
        ) from error


@contextmanager
def _stored() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise cannot_store(error) from error


def _check_directory(archive: IO[bytes], shown: str, limits: ArchiveLimits) -> None:
    """Refuse too long a list of contents before Python's own reader loads all of it."""
    size = archive.seek(0, 2)
    archive.seek(max(0, size - _LONGEST_COMMENT - _END_BYTES - _LOCATOR64_BYTES))
    tail = archive.read()
    at = tail.rfind(_END_MARK)
    if at < 0 or len(tail) - at < _END_BYTES:
        raise zipfile.BadZipFile("no end of the directory")
    num_entries, num_bytes = struct.unpack("<HL", tail[at + 10 : at + 16])
    locator = tail[max(0, at - _LOCATOR64_BYTES) : at]
    if locator.startswith(_LOCATOR64_MARK):
        archive.seek(min(size, struct.unpack("<Q", locator[8:16])[0]))
        end64 = archive.read(_END64_BYTES)
        if end64.startswith(_END64_MARK) and len(end64) == _END64_BYTES:
            num_entries, num_bytes = struct.unpack("<QQ", end64[32:48])
    archive.seek(0)
    # The stated number can lie; the bytes of the directory bound what will be read.
    longest = limits.max_entries * (_ENTRY_BYTES + limits.max_path_chars)
    if num_entries > limits.max_entries or num_bytes > longest:
        raise _too_many(shown, limits)


def _check_entries(entries: list[zipfile.ZipInfo], shown: str, limits: ArchiveLimits) -> None:
    if len(entries) > limits.max_entries:
        raise _too_many(shown, limits)
    for entry in entries:
        if problem := _find_problem(entry, limits):
            raise UnsafeArchiveError(
                f"{shown} was refused: its entry “{safe_name(entry.filename)}” {problem}. Pack "
                "only folders of pictures and retry."
            )
    total = sum(entry.file_size for entry in entries)
    if total > limits.max_bytes:
        raise UnsafeArchiveError(
            f"{shown} was refused: unpacked it would have {megabytes(total)}, more than the "
            f"{megabytes(limits.max_bytes)} allowed. Make the pictures smaller or bring fewer."
        )


def _find_problem(entry: zipfile.ZipInfo, limits: ArchiveLimits) -> str:
    # Python cuts names at a zero byte; the original tells what was meant.
    path = entry.orig_filename.replace("\\", "/")
    mode = entry.external_attr >> 16
    if path.startswith("/") or ".." in path.split("/") or ":" in path.split("/")[0] or "\0" in path:
        return "leads out of its folder"
    if len(path) > limits.max_path_chars:
        return f"has a path of more than {limits.max_path_chars} letters"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "is a link or a device, not a file"
    if entry.flag_bits & 0x1:
        return "is encrypted"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is packed in an unusual way"
    if entry.file_size > limits.max_file_bytes:
        return f"has more than {megabytes(limits.max_file_bytes)}"
    if entry.file_size > limits.max_ratio * max(entry.compress_size, 1) + _CHUNK_BYTES:
        return "would swell to many times its size"
    return ""


def _extract(
    opened: zipfile.ZipFile,
    entries: list[zipfile.ZipInfo],
    folder: Path,
    shown: str,
    limits: ArchiveLimits,
    on_progress: OnProgress | None,
) -> tuple[list[UnpackedFile], list[str]]:
    files: list[UnpackedFile] = []
    left_out: list[str] = []
    written = 0
    for number, entry in enumerate(entries):
        source = _read_name(entry).replace("\\", "/")
        ending = PurePosixPath(source).suffix.lower()
        if is_hidden(source):
            continue  # what macOS and others add of their own
        if ending not in PICTURE_ENDINGS:
            left_out.append(source)
            continue
        path = folder / f"{number:06d}{ending}"
        with opened.open(entry) as packed, _stored(), path.open("wb") as target:
            # The stated sizes can lie: count what really comes.
            for chunk in _iter_chunks(packed):
                written += len(chunk)
                if written > limits.max_bytes or target.tell() > limits.max_file_bytes:
                    raise UnsafeArchiveError(
                        f"{shown} was refused: it holds more than its list of contents says."
                    )
                target.write(chunk)
        files.append(UnpackedFile(source, path))
        if on_progress is not None:
            on_progress(number + 1, len(entries))
    return files, left_out


def _read_name(entry: zipfile.ZipInfo) -> str:
    """Return an entry's path; macOS writes UTF-8 unsaid, which Python takes for CP437."""
    if entry.flag_bits & _SAYS_UTF8:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("utf-8")
    except UnicodeError:  # it is another alphabet
        return entry.filename


def _iter_chunks(packed: IO[bytes]) -> Iterator[bytes]:
    try:
        while chunk := packed.read(_CHUNK_BYTES):
            yield chunk
    except OSError as error:  # such as a place before the file's start; no matter of the disk
        raise zipfile.BadZipFile(str(error)) from error


def is_hidden(source: str) -> bool:
    """Tell whether a path is one that operating systems make for themselves."""
    parts = source.split("/")
    return any(part.startswith(".") or part == "__MACOSX" for part in parts) or parts[-1] in (
        "Thumbs.db",
        "desktop.ini",
    )


def _too_many(shown: str, limits: ArchiveLimits) -> UnsafeArchiveError:
    return UnsafeArchiveError(
        f"{shown} was refused: it has more than {limits.max_entries:,} entries. Bring fewer "
        "pictures or several archives."
    )
