"""A batch's tables: one small Parquet part per file, merged into one Parquet and one CSV file.

Nothing here grows with the number of files: parts are read one after another.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from facecore.batch_records import writing
from facecore.labels import LABELS, SHOWN_LABELS, TASKS, Task

_ROWS_PER_GROUP = 50_000
_ROWS_PER_BATCH = 5_000
_FORMULA_STARTS = "^[=+\\-@\t\r\n]"


def _prediction_fields(task: Task) -> list[tuple[str, pa.DataType]]:
    return [
        (task, pa.string()),
        (f"{task}_confidence", pa.float32()),
        *((f"p_{label}", pa.float32()) for label in LABELS[task]),
    ]


_SOURCE = [("source", pa.string()), ("kind", pa.string())]
_BOX = [(name, pa.int32()) for name in ("x1", "y1", "x2", "y2")]
_PREDICTIONS = [column for task in TASKS for column in _prediction_fields(task)]

SCHEMAS: dict[str, pa.Schema] = {
    "faces": pa.schema(
        [
            *_SOURCE,
            ("frame", pa.int32()),
            ("time_s", pa.float64()),
            ("person", pa.int32()),
            *_BOX,
            *_PREDICTIONS,
        ]
    ),
    "people": pa.schema(
        [
            *_SOURCE,
            ("person", pa.int32()),
            ("first_s", pa.float64()),
            ("last_s", pa.float64()),
            ("num_frames", pa.int32()),
            *_PREDICTIONS,
            ("share_of_time", pa.float32()),
            *((f"seconds_{label}", pa.float32()) for label in SHOWN_LABELS["expression"]),
        ]
    ),
    "files": pa.schema(
        [
            *_SOURCE,
            ("status", pa.string()),
            ("note", pa.string()),
            ("width", pa.int32()),
            ("height", pa.int32()),
            ("duration_s", pa.float64()),
            ("num_frames", pa.int32()),
            ("num_faces", pa.int32()),
            ("num_people", pa.int32()),
            ("work_s", pa.float32()),
        ]
    ),
    "failures": pa.schema([("source", pa.string()), ("reason", pa.string())]),
}
"""Columns per table. Nothing applies where a cell is empty: frame, time_s and times in a photo, a
label that the network does not know."""


def write_part(path: Path, table: str, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write one file's rows as Parquet; return the part's size in bytes.

    Raises:
        FaceCoreError: if the folder cannot be written.
    """
    with writing(path) as part:
        with pq.ParquetWriter(part, SCHEMAS[table], compression="zstd") as writer:
            for batch in iter_batches(table, rows):
                writer.write_batch(batch)
        size = part.stat().st_size
    return size


def iter_batches(table: str, rows: Iterable[Mapping[str, Any]]) -> Iterator[pa.RecordBatch]:
    """Yield rows as record batches of the table's schema; keys without a column are left out."""
    chunk: list[Mapping[str, Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == _ROWS_PER_BATCH:
            yield pa.RecordBatch.from_pylist(chunk, schema=SCHEMAS[table])
            chunk = []
    if chunk:
        yield pa.RecordBatch.from_pylist(chunk, schema=SCHEMAS[table])


def iter_part(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the record batches of one part."""
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(batch_size=_ROWS_PER_BATCH)


def write_table(out: Path, table: str, batches: Iterable[pa.RecordBatch]) -> None:
    """Write ``<out>/<table>.parquet`` and ``<table>.csv``; both appear when they are whole.

    Raises:
        FaceCoreError: if the folder cannot be written.
    """
    schema = SCHEMAS[table]
    with ExitStack() as stack:
        parquet_part = stack.enter_context(writing(out / f"{table}.parquet"))
        csv_part = stack.enter_context(writing(out / f"{table}.csv"))
        parquet = stack.enter_context(pq.ParquetWriter(parquet_part, schema, compression="zstd"))
        csv = stack.enter_context(pyarrow.csv.CSVWriter(csv_part, schema))
        for group in _join(batches):
            parquet.write_table(group)
            csv.write_table(_disarm(group))


def _join(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Yield larger tables: a Parquet file of thousands of tiny row groups is slow to read."""
    kept: list[pa.RecordBatch] = []
    num_rows = 0
    for batch in batches:
        kept.append(batch)
        num_rows += batch.num_rows
        if num_rows >= _ROWS_PER_GROUP:
            yield pa.Table.from_batches(kept)
            kept, num_rows = [], 0
    if kept:
        yield pa.Table.from_batches(kept)


def _disarm(table: pa.Table) -> pa.Table:
    # A spreadsheet would run a text that begins like a formula; the apostrophe makes it text.
    columns: Sequence[Any] = [
        pc.if_else(
            pc.match_substring_regex(column, _FORMULA_STARTS),
            pc.binary_join_element_wise("'", column, ""),
            column,
        )
        if pa.types.is_string(column.type)
        else column
        for column in table.columns
    ]
    return pa.table(columns, schema=table.schema)
