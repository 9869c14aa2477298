"""Worker processes on this machine: each takes one file after another.

Own processes rather than ``concurrent.futures``: there, one process that dies of a hostile file or
for want of memory takes the whole pool with it and nobody learns which file it was.
"""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import FrameType
from typing import cast

from facecore.batch_inputs import BatchFile
from facecore.batch_records import BatchPlan, FileRecord, save_crash
from facecore.batch_worker import open_worker
from facecore.errors import FaceCoreError

WORKER_BYTES = 1_500_000_000
"""What a worker may need: the networks' runtime, one large photo or video and its results."""

_END_S = 10.0
_MOST_LOST_STARTS = 3  # in a row, before the machine is held to be too small for a single worker


def default_num_workers() -> int:
    """Return one worker per core that this process may use, fewer where memory is short."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(cores or 1, _available_bytes() // WORKER_BYTES))


def _available_bytes() -> int:
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file():
        for line in meminfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return sys.maxsize  # unknown outside Linux


def run_pool(
    plan: BatchPlan, files: Sequence[BatchFile], num_workers: int
) -> Generator[FileRecord, None, None]:
    """Analyse the files in worker processes; closing the iterator ends them.

    A file whose process was killed is tried once more, since it may have been the neighbour that
    took the memory; then it counts as failed and the others go on. Where a process dies before its
    first file, the others do its share; the last one is started again a few times.

    Yields:
        Each file's record, as they come.

    Raises:
        FaceCoreError: if a network cannot be opened or results cannot be written.
    """
    waiting = deque(files)
    retried: set[BatchFile] = set()
    workers: dict[Connection, _Worker] = {}
    num_lost = 0

    def lose(exit_code: int) -> None:
        nonlocal num_lost, num_workers
        num_lost += 1
        if waiting and not workers and (exit_code >= 0 or num_lost >= _MOST_LOST_STARTS):
            raise _no_start(exit_code)
        num_workers = max(1, len(workers))

    try:
        while waiting or workers:
            idle = sum(worker.file is None for worker in workers.values())
            for _ in range(min(num_workers - len(workers), len(waiting) - idle)):
                worker = _Worker(plan)
                workers[worker.connection] = worker
            for connection in wait(list(workers)):
                worker = workers[cast(Connection, connection)]
                try:
                    record = worker.receive()
                except EOFError:
                    del workers[worker.connection]
                    file, exit_code = worker.file, worker.end(grace_s=_END_S)
                    if file is None:
                        lose(exit_code)
                    elif exit_code < 0 and file not in retried:
                        retried.add(file)
                        waiting.appendleft(file)
                    else:
                        yield save_crash(plan, file, _describe(exit_code))
                    continue
                if record is not None:
                    num_lost = 0
                    yield record
                if waiting and worker.give(waiting[0]):
                    waiting.popleft()
                    continue
                del workers[worker.connection]
                exit_code = worker.end(grace_s=_END_S)
                # One that was killed after a file, while it had nothing to do, is replaced.
                if waiting and record is None:
                    lose(exit_code)
    finally:
        for worker in workers.values():
            worker.process.terminate()
        for worker in workers.values():
            worker.end(grace_s=_END_S)


class _Worker:
    """One process as the parent sees it: starting or analysing ``file``."""

    def __init__(self, plan: BatchPlan) -> None:
        self.file: BatchFile | None = None
        # Forking would copy the locks of threads that do not exist in the child.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(plan, theirs))
        with _without_interrupts():
            self.process.start()
        theirs.close()  # so that the end of the process ends the connection

    def give(self, file: BatchFile) -> bool:
        """Let a file be analysed; return False where the process is gone."""
        try:
            self.connection.send(file)
        except OSError:
            return False
        self.file = file
        return True

    def receive(self) -> FileRecord | None:
        """Return a finished file's record, or None when the process has just become ready."""
        try:
            answer = self.connection.recv()
        except ConnectionResetError as error:
            raise EOFError from error
        if isinstance(answer, str):
            raise FaceCoreError(answer)
        return cast(FileRecord | None, answer)

    def end(self, grace_s: float = 0.0) -> int:
        """End the process, by force where it must be; return its exit code."""
        self.connection.close()
        self.process.join(grace_s)
        self.process.terminate()
        self.process.join(_END_S)
        self.process.kill()
        self.process.join()
        return self.process.exitcode or 0


def _work(plan: BatchPlan, connection: Connection) -> None:
    """Run a worker process until the parent has no more files or is gone."""
    signal.signal(signal.SIGTERM, _exit)  # with an exception, so that half-written files go
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        worker = open_worker(plan)
        connection.send(None)
        while True:
            connection.send(worker.analyse(connection.recv()))
    except FaceCoreError as error:
        connection.send(str(error))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the parent has no more files, or is gone
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _exit(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _end_with_parent() -> None:
    """End this process in the middle of its file when the parent was killed.

    Nobody would learn of the file's end, and the same command may already analyse it again.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_END_S)
        os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Let a process start that ignores Ctrl-C from its first moment: its parent will end it."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is interrupted, and only it may change that
        return
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


def _describe(exit_code: int) -> str:
    if exit_code >= 0:
        return f"an error in the program, exit code {exit_code}, shown above"
    return f"signal {signal.Signals(-exit_code).name}, perhaps for want of memory"


def _no_start(exit_code: int) -> FaceCoreError:
    return FaceCoreError(
        f"A worker process ended before its first file ({_describe(exit_code)}); make memory free "
        "or try fewer --workers."
    )
