"""What one worker process does: opens the networks once, then analyses file after file."""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from facecore.annotation import AnnotationOptions, annotate
from facecore.batch_inputs import BatchFile
from facecore.batch_records import (
    TABLES,
    BatchPlan,
    FileRecord,
    Fingerprint,
    make_folder,
    save_record,
    writing,
)
from facecore.batch_tables import write_part
from facecore.errors import MediaError, VideoWriteError
from facecore.export import people_to_table
from facecore.labels import TASKS
from facecore.limits import fit_for_files, path_to_text
from facecore.media import DEFAULT_LIMITS, decode_picture, describe_rest, encode_image
from facecore.pipeline import FacePipeline
from facecore.results import FrameResult
from facecore.session import analyse_photo, process_video
from facecore.stats import SessionSummary, summarise_photo

# Read by TensorFlow, OpenMP and OpenCV when they start their threads.
_THREAD_VARIABLES = (
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "OMP_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)
_TIMES = ("first_s", "last_s", "share_of_time", "seconds_")


def open_worker(plan: BatchPlan) -> "BatchWorker":
    """Return this process's worker, kept to ``plan.num_threads`` processor threads.

    Otherwise each of n workers would start a thread per core, and n times n threads get in each
    other's way. Call it once, before anything is analysed.

    Raises:
        FaceCoreError: if a network cannot be opened.
    """
    for name in _THREAD_VARIABLES:
        os.environ[name] = str(plan.num_threads)
    return BatchWorker(plan)


class BatchWorker:
    """Analyses one file after another; one per process.

    Args:
        plan: what to do and where results go.

    Raises:
        FaceCoreError: if a network cannot be opened.
    """

    def __init__(self, plan: BatchPlan) -> None:
        self._plan = plan
        classifiers = [plan.load_network(bundle) for bundle in plan.bundles]
        self._photos = FacePipeline(classifiers, plan.settings.photo)
        self._annotation = AnnotationOptions(hide_faces=plan.settings.hide_faces)
        self._videos = FacePipeline(classifiers, plan.settings.video)

    def analyse(self, file: BatchFile) -> FileRecord:
        """Analyse one file and write its results, its record last.

        A file that cannot be used gives a record that says why.

        Raises:
            FaceCoreError: if the results cannot be written.
        """
        started = time.perf_counter()
        settings = self._plan.settings.digest
        fingerprint = None
        try:
            fingerprint = Fingerprint.of(file.path)
            record = (
                self._analyse_photo(file) if file.kind == "photo" else self._analyse_video(file)
            )
        except MediaError as error:
            reason = fit_for_files(str(error))
            record = FileRecord(file.source, file.kind, "failed", settings, None, reason)
        except OSError as error:
            name = path_to_text(file.path.name)
            reason = f"{name} cannot be read ({fit_for_files(error.strerror or str(error))})."
            record = FileRecord(file.source, file.kind, "failed", settings, None, reason)
        record = replace(
            record, fingerprint=fingerprint, work_s=round(time.perf_counter() - started, 3)
        )
        save_record(self._plan, file, record)
        return record

    def _analyse_photo(self, file: BatchFile) -> FileRecord:
        # One byte more than allowed is enough to be refused, however long the file is.
        with file.path.open("rb") as opened:
            data = opened.read(DEFAULT_LIMITS.max_bytes + 1)
        decoded = decode_picture(data, file.path.name)
        frame_bgr = decoded.bgr
        result = analyse_photo(frame_bgr, self._photos)
        if self._plan.settings.annotate:
            picture = encode_image(annotate(frame_bgr, result, self._annotation), "png")
            with writing(self._plan.annotated_path(file)) as part:
                part.write_bytes(picture)
        record = self._save_tables(file, [result], summarise_photo(result))
        return replace(record, note=describe_rest(decoded) or None)

    def _analyse_video(self, file: BatchFile) -> FileRecord:
        target = None
        if self._plan.settings.annotate:
            target = self._plan.annotated_path(file)
            make_folder(target.parent)
        run = process_video(file.path, target, self._videos, self._annotation)
        if run.video_error is not None:
            raise VideoWriteError(run.video_error)  # tried again in the next run
        record = self._save_tables(file, run.frames, run.summary)
        return replace(record, note=run.warning, duration_s=round(run.summary.duration_s, 3))

    def _save_tables(
        self, file: BatchFile, frames: Sequence[FrameResult], summary: SessionSummary
    ) -> FileRecord:
        rows = {"faces": _iter_faces(file, frames), "people": _iter_people(file, summary)}
        num_bytes = {}
        if summary.num_faces_seen:
            for table in TABLES:
                suffix = f"{table}.parquet"
                path = self._plan.state_path(file, suffix)
                num_bytes[suffix] = write_part(path, table, rows[table])
        width, height = frames[0].size_wh
        return FileRecord(
            file.source,
            file.kind,
            "done",
            self._plan.settings.digest,
            None,
            width=width,
            height=height,
            num_frames=summary.num_frames,
            num_faces=summary.num_faces_seen,
            num_people=len(summary.people),
            counts={task: summary.counts(task) for task in TASKS},
            num_bytes=num_bytes,
        )


def _iter_faces(file: BatchFile, frames: Iterable[FrameResult]) -> Iterator[dict[str, Any]]:
    for frame in frames:
        for row in frame.to_rows():
            row |= {"source": file.source, "kind": file.kind}
            if file.kind == "photo":
                row |= {"frame": None, "time_s": None, "person": row["face"]}
            yield row


def _iter_people(file: BatchFile, summary: SessionSummary) -> Iterator[dict[str, Any]]:
    for row in people_to_table(summary).to_dict("records"):
        if file.kind == "photo":  # nothing lasts there
            row = {k: v for k, v in row.items() if not k.startswith(_TIMES)}
        yield {**row, "source": file.source, "kind": file.kind}
