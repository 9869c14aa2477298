"""Thousands of photos and videos: what is done is skipped, the rest analysed, all put in tables."""

import fcntl
import json
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from facecore.batch_inputs import BatchFile, Failure
from facecore.batch_records import (
    ANNOTATED_DIR,
    SCHEMA_VERSION,
    STATE_DIR,
    TABLES,
    BatchPlan,
    FileRecord,
    cannot_write,
    is_done,
    load_record,
    make_folder,
    writing,
)
from facecore.batch_tables import SCHEMAS, iter_batches, iter_part, write_table
from facecore.errors import FaceCoreError
from facecore.labels import SHOWN_LABELS, TASKS
from facecore.progress import OnProgress

Engine = Callable[[BatchPlan, Sequence[BatchFile]], Generator[FileRecord, None, None]]
"""Analyses files somewhere and yields their records as they come; closing it stops the work."""


@dataclass(slots=True)
class BatchSummary:
    """What a batch holds in the end.

    Args:
        num_files: photos and videos of this command.
        num_skipped: of these, done by an earlier run.
        num_photos: used.
        num_videos: used.
        num_partial: used, but not all of the file was read; its note says what.
        num_faces: rows in the table of faces.
        num_people: rows in the table of people.
        media_s: length of all videos.
        people_by_label: how many people have each label, per task.
        failures: everything that could not be used, with its reason.
    """

    num_files: int = 0
    num_skipped: int = 0
    num_photos: int = 0
    num_videos: int = 0
    num_partial: int = 0
    num_faces: int = 0
    num_people: int = 0
    media_s: float = 0.0
    people_by_label: dict[str, dict[str, int]] = field(
        default_factory=lambda: {task: dict.fromkeys(SHOWN_LABELS[task], 0) for task in TASKS}
    )
    failures: list[Failure] = field(default_factory=list)

    def add(self, record: FileRecord) -> None:
        """Count one file in."""
        if record.status == "failed":
            self.failures.append(Failure(record.source, record.note or ""))
            return
        self.num_photos += record.kind == "photo"
        self.num_videos += record.kind == "video"
        self.num_partial += record.note is not None
        self.num_faces += record.num_faces
        self.num_people += record.num_people
        self.media_s += record.duration_s or 0.0
        for task, counts in record.counts.items():
            for label, count in counts.items():
                known = self.people_by_label.setdefault(task, {})
                known[label] = known.get(label, 0) + count

    def to_dict(self) -> dict[str, Any]:
        """Return the content of ``summary.json``."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}


def run_batch(
    plan: BatchPlan,
    files: Sequence[BatchFile],
    engine: Engine,
    failures: Sequence[Failure] = (),
    on_progress: OnProgress | None = None,
    on_failure: Callable[[Failure], None] | None = None,
) -> BatchSummary:
    """Analyse what is not done yet, then write the tables and the summary of all these files.

    Whenever it is interrupted, the same call goes on where it was; a file that was being analysed
    is begun again.

    Args:
        plan: settings and folder of the results.
        files: every file that the tables shall hold.
        engine: where the work is done.
        failures: inputs that gave no file, for the summary.
        on_progress: called at the start and after each file with the files done and all files.
        on_failure: called for each file that could not be used.

    Raises:
        FaceCoreError: if a network cannot be opened, results cannot be written, or another batch
            writes to the same folder.
    """
    make_folder(plan.out / STATE_DIR)
    with _locked(plan.out / STATE_DIR / "lock"):
        _sweep(plan.out)
        waiting = [file for file in files if not is_done(plan, file)]
        # The longest first: a long video begun last would keep one core busy and the others idle.
        waiting.sort(key=lambda file: (file.kind == "photo", -_size(file)))
        num_done = num_skipped = len(files) - len(waiting)
        if on_progress is not None:
            on_progress(num_done, len(files))
        try:
            with closing(engine(plan, waiting)) as records:
                for record in records:
                    num_done += 1
                    if record.status == "failed" and on_failure is not None:
                        on_failure(Failure(record.source, record.note or ""))
                    if on_progress is not None:
                        on_progress(num_done, len(files))
        finally:
            _sweep(plan.out)
        summary = _write_tables(plan, files, failures)
        summary.num_skipped = num_skipped
        with writing(plan.out / "summary.json") as part:
            part.write_text(json.dumps(summary.to_dict(), indent=2) + "\n", encoding="utf-8")
    return summary


def _size(file: BatchFile) -> int:
    try:
        return file.path.stat().st_size
    except OSError:  # gone since it was found: its analysis will say so
        return 0


def _write_tables(
    plan: BatchPlan, files: Sequence[BatchFile], failures: Sequence[Failure]
) -> BatchSummary:
    summary = BatchSummary(num_files=len(files), failures=list(failures))

    def iter_rows() -> Iterator[dict[str, Any]]:
        for file in files:
            record = _record_of(plan, file)
            summary.add(record)
            yield asdict(record)

    write_table(plan.out, "files", iter_batches("files", iter_rows()))
    for table in TABLES:
        write_table(plan.out, table, _iter_parts(plan, files, f"{table}.parquet"))
    rows = iter(asdict(failure) for failure in summary.failures)
    write_table(plan.out, "failures", iter_batches("failures", rows))
    return summary


def _iter_parts(
    plan: BatchPlan, files: Sequence[BatchFile], suffix: str
) -> Iterator[pa.RecordBatch]:
    for file in files:
        if suffix in _record_of(plan, file).num_bytes:
            yield from iter_part(plan.state_path(file, suffix))


def _record_of(plan: BatchPlan, file: BatchFile) -> FileRecord:
    record = load_record(plan, file)
    if record is None:
        raise FaceCoreError(
            f"The results of {file.path.name} are missing in {plan.out / STATE_DIR} although the "
            "file was analysed; every worker must see this folder under this path. Run the same "
            "command again."
        )
    return record


def _sweep(out: Path) -> None:
    """Remove what killed processes left half-written."""
    written = [f"{name}.*.*.part" for name in (*SCHEMAS, "summary")]
    for pattern in (f"{STATE_DIR}/*/*.part", f"{ANNOTATED_DIR}/*_annotated.*.part", *written):
        for part in out.glob(pattern):
            part.unlink(missing_ok=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    try:
        lock = path.open("wb")
    except OSError as error:  # such as another user's
        raise cannot_write(path, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FaceCoreError(
                f"Another batch is writing to {path.parent.parent}; wait for its end or choose "
                "another --out."
            ) from error
        yield
