"""What a batch leaves per file, so that a later run knows what is done.

A file's results lie in ``<out>/.batch/<2 digits>/<key>.*``. Its record is written last and in one
step: a file with a record is done, one without is not, whatever happened in between.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from facecore.annotation import HideMethod
from facecore.batch_inputs import BatchFile, Kind
from facecore.errors import FaceCoreError
from facecore.limits import path_to_text, short_stem
from facecore.pipeline import PipelineOptions, SupportsPredict

SCHEMA_VERSION = 3  # files that an earlier version has done are done again
STATE_DIR = ".batch"
ANNOTATED_DIR = "annotated"
TABLES = ("faces", "people")

LoadNetwork = Callable[[Path], SupportsPredict]
"""Opens a bundle's network; a function of a module, since it travels to other processes by name."""


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """What decides a file's results.

    Args:
        networks: name and sha256 of each network.
        photo: how photos are analysed.
        video: how videos are analysed.
        annotate: whether a copy of each file with the results drawn into it is made.
        hide_faces: how faces are hidden in these copies, if they are.
    """

    networks: tuple[tuple[str, str], ...]
    photo: PipelineOptions
    video: PipelineOptions
    annotate: bool = False
    hide_faces: HideMethod | None = None

    @property
    def digest(self) -> str:
        """Changes whenever a file would have to be analysed again."""
        text = json.dumps([SCHEMA_VERSION, asdict(self)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """All that a worker process needs to know.

    Args:
        out: absolute folder of the results, under the same path for every worker.
        settings: what decides the results.
        bundles: folders of the networks.
        load_network: opens one.
        num_threads: processor threads that one worker may use.
    """

    out: Path
    settings: BatchSettings
    bundles: tuple[Path, ...]
    load_network: LoadNetwork
    num_threads: int = 1

    def __hash__(self) -> int:
        # The options hold dictionaries, which have no hash of their own.
        return hash((self.out, self.settings.digest))

    def state_path(self, file: BatchFile, suffix: str) -> Path:
        """Return where a part of the file's results lies."""
        return self.out / STATE_DIR / file.key[:2] / f"{file.key}.{suffix}"

    def annotated_path(self, file: BatchFile) -> Path:
        """Return where the annotated copy goes; files of one name get copies of their own."""
        suffix = "png" if file.kind == "photo" else "mp4"
        stem = short_stem(file.path)
        return self.out / ANNOTATED_DIR / f"{stem}_{file.key[:8]}_annotated.{suffix}"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Tells whether a file is still the one that was analysed."""

    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> "Fingerprint":
        """Return the file's.

        Raises:
            OSError: if it cannot be looked at.
        """
        stat = path.stat()
        return cls(stat.st_size, stat.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What came of one file.

    Args:
        source: its path.
        kind: "photo" or "video".
        status: "done", or "failed" with a reason.
        settings: ``BatchSettings.digest`` of the run.
        fingerprint: the file's before it was read; None where even that failed.
        note: why it failed, or what of the file was not read, such as the other pages of a scan or
            the damaged end of a video.
        width: pixels.
        height: pixels.
        duration_s: of a video.
        num_frames: analysed frames.
        num_faces: rows in the table of faces.
        num_people: rows in the table of people.
        counts: how many people have each label, per task.
        work_s: how long the analysis took.
        num_bytes: size of each part of the results, by suffix.
    """

    source: str
    kind: Kind
    status: Literal["done", "failed"]
    settings: str
    fingerprint: Fingerprint | None
    note: str | None = None
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    num_frames: int = 0
    num_faces: int = 0
    num_people: int = 0
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    work_s: float = 0.0
    num_bytes: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "FileRecord":
        """Build a record from its JSON form.

        Raises:
            ValueError, TypeError, KeyError: where the data breaks the schema.
        """
        values = dict(data)
        if values.keys() != {f.name for f in fields(cls)}:
            raise ValueError("unknown or missing keys")
        mark = values["fingerprint"]
        return cls(**values | {"fingerprint": None if mark is None else Fingerprint(**mark)})


def load_record(plan: BatchPlan, file: BatchFile) -> FileRecord | None:
    """Return what an earlier run left about the file; None without a readable record."""
    try:
        text = plan.state_path(file, "json").read_text(encoding="utf-8")
        return FileRecord.from_dict(json.loads(text))
    except (OSError, ValueError, TypeError, KeyError):
        return None  # none yet, or cut off by a power failure: the file counts as not analysed


def save_record(plan: BatchPlan, file: BatchFile, record: FileRecord) -> None:
    """Write the record in one step.

    Raises:
        FaceCoreError: if the folder cannot be written.
    """
    with writing(plan.state_path(file, "json")) as part:
        part.write_text(json.dumps(asdict(record)), encoding="utf-8")


def save_crash(plan: BatchPlan, file: BatchFile, how: str) -> FileRecord:
    """Record a file that took its process down; return the record.

    Raises:
        FaceCoreError: if the folder cannot be written.
    """
    name = path_to_text(file.path.name)
    reason = f"The analysis of {name} ended its process ({how}); it was left out."
    record = FileRecord(file.source, file.kind, "failed", plan.settings.digest, None, reason)
    save_record(plan, file, record)
    return record


def is_done(plan: BatchPlan, file: BatchFile) -> bool:
    """Return whether the file was analysed as it is now, with these settings, and nothing is lost.

    A failure does not count: its cause may be mended.
    """
    record = load_record(plan, file)
    if record is None or record.status == "failed" or record.settings != plan.settings.digest:
        return False
    try:
        if record.fingerprint != Fingerprint.of(file.path):
            return False
        parts = {name: plan.state_path(file, name).stat().st_size for name in record.num_bytes}
    except OSError:
        return False
    annotated = not plan.settings.annotate or plan.annotated_path(file).is_file()
    return annotated and parts == record.num_bytes


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Give a path to write to that becomes ``path`` when all went well.

    Raises:
        FaceCoreError: if the folder cannot be written.
    """
    make_folder(path.parent)
    # Two machines may work on one file after one of them was given up: each has its own part.
    part = path.with_name(f"{path.name[:200]}.{secrets.token_hex(4)}.part")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        part.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it.

    Raises:
        FaceCoreError: if that is not possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error


def cannot_write(path: Path, error: OSError) -> FaceCoreError:
    """Return the error that tells a user what of the results cannot be written, and why."""
    return FaceCoreError(
        f"{path} cannot be written ({error.strerror or error}); choose another --out or make room "
        "there. What was analysed before is kept."
    )
