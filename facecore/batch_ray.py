"""A batch on a Ray cluster that is already running: each file is one task."""

import functools
import itertools
import logging
import os
import socket
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from facecore.batch_inputs import BatchFile
from facecore.batch_records import BatchPlan, FileRecord, save_crash
from facecore.batch_worker import open_worker
from facecore.errors import ConfigError, FaceCoreError

_TRIES_AFTER_A_LOSS = 3
_CONNECT_S = 10.0
_TASKS_PER_CORE = 2  # enough that no worker waits for the next file; few wait in memory


def run_ray(
    plan: BatchPlan, files: Sequence[BatchFile], address: str
) -> Generator[FileRecord, None, None]:
    """Analyse the files on the cluster; closing the iterator cancels what still runs.

    Ray gives the file of a worker or machine that was lost to another one. A file may thus be
    analysed twice, but it has one place for its results, so that nothing is counted twice.

    Args:
        plan: its folders, the files, and this program must be the same paths on every machine.
        files: to analyse.
        address: of the cluster, ``host:port``, or ``"auto"`` for the one of this machine.

    Yields:
        Each file's record, as they come.

    Raises:
        ConfigError: if Ray is not installed or the cluster does not answer.
        FaceCoreError: if a network cannot be opened or results cannot be written.
    """
    ray = _connect(address)
    try:
        task = ray.remote(num_cpus=1, max_retries=_TRIES_AFTER_A_LOSS)(_analyse)
        shared_plan = ray.put(plan)
        waiting = iter(files)
        running: dict[Any, BatchFile] = {}
        while True:
            cores = max(1, int(ray.cluster_resources().get("CPU", 1)))
            num_free = cores * _TASKS_PER_CORE - len(running)
            for file in itertools.islice(waiting, max(0, num_free)):
                running[task.remote(shared_plan, file)] = file
            if not running:
                return
            (ready,), _ = ray.wait(list(running), num_returns=1)
            yield _take(ray, plan, ready, running.pop(ready))
    finally:
        ray.shutdown()


def _connect(address: str) -> Any:
    try:
        import ray
    except ModuleNotFoundError as error:
        raise ConfigError(
            "--engine ray needs Ray, which is not installed; run "
            "'pip install -r requirements-cluster.txt' on every machine of the cluster."
        ) from error
    try:
        _knock(address)
        # This program is nothing that the cluster's Python has installed.
        paths = os.pathsep.join(str(Path(path).absolute()) for path in sys.path)
        ray.init(
            address=address,
            runtime_env={"env_vars": {"PYTHONPATH": paths}},
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(
            f"No Ray cluster answers at {address} ({str(error).splitlines()[0]}); start one with "
            "'ray start --head' and name its address."
        ) from error
    return ray


def _knock(address: str) -> None:
    """Raise OSError or ValueError where nothing listens; Ray itself would try for minutes."""
    if address != "auto":
        host, _, port = address.rpartition(":")
        socket.create_connection((host, int(port)), timeout=_CONNECT_S).close()


def _take(ray: Any, plan: BatchPlan, ready: Any, file: BatchFile) -> FileRecord:
    try:
        record: FileRecord = ray.get(ready)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, FaceCoreError):
            raise FaceCoreError(str(error.cause)) from error
        if isinstance(error.cause, ImportError):
            raise ConfigError(
                f"A machine of the cluster cannot load this program ({error.cause}); install it "
                "with its dependencies under the same path everywhere."
            ) from error
        return save_crash(plan, file, f"an error in the program, {error.cause!r}")
    except ray.exceptions.RayError as error:
        return save_crash(plan, file, type(error).__name__)
    return record


def _analyse(plan: BatchPlan, file: BatchFile) -> FileRecord:
    return _open_worker(plan).analyse(file)


_open_worker = functools.lru_cache(maxsize=1)(open_worker)  # networks are opened once per process
