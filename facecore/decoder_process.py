"""The processes that read uploaded files: a hostile file crashes one of them, not the server.

A process takes requests as JSON over a socket and answers the same way; pictures come through
shared memory. Two idle ones stay ready, so that nobody waits for a start.
"""

import atexit
import fcntl
import json
import logging
import mmap
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import numpy as np

from facecore.preprocessing import UInt8Array

START_S = 60.0
"""How long a process may take to start; on a busy machine that can be many times its 0.3 s."""

DATA_MARK = b"\0"
"""What a message that is not JSON begins with."""

_PATIENCE = 6  # times a time limit, for a process that does not even work
_LOOK_EVERY_S = 0.5
_END_S = 1.0  # between closing its files and its end
_MAX_IDLE = 2
_MAX_USES = 200  # whatever a decoder leaks is given back then
_KEPT_BYTES = 64_000_000  # a process that needed more shared memory gives it back by ending
_MAX_MESSAGE_BYTES = 4_000_000
# Nothing else of the server's environment is a decoder's business, least of all its passwords.
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")
# Each frame needs the memory of the one before: given back in between, it would have to be cleared
# anew by the system, a fifth of the time of a decoder. It is given back after each file.
_MALLOC = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "33554432",
    "MALLOC_TRIM_THRESHOLD_": "268435456",
}
_log = logging.getLogger(__name__)
_PROJECT_DIR = Path(__file__).resolve().parent.parent


class DecoderGoneError(Exception):
    """The process crashed, was killed, or gave no sign of life in time."""


class DecoderProcess:
    """One running process. Not for several threads at once."""

    def __init__(self) -> None:
        self._connection, theirs = Pipe()
        self._memory_fd = _open_shared_memory()
        self._memory: mmap.mmap | None = None
        self._num_uses = 0
        self._resting = True
        kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        with theirs:
            descriptors = (theirs.fileno(), self._memory_fd)
            # -m and the folder find the library whether or not it is installed.
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "facecore.decoder_worker", *map(str, descriptors)],
                cwd=_PROJECT_DIR,
                env=kept | _MALLOC | {"OPENBLAS_NUM_THREADS": "1"},
                pass_fds=descriptors,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # decoders' complaints quote what they read
            )
        try:
            self.receive(START_S)
        except DecoderGoneError:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def usable(self) -> bool:
        """Whether it has finished its work and may take more."""
        memory = len(self._memory) if self._memory is not None else 0
        fit = self._resting and self._num_uses < _MAX_USES and memory <= _KEPT_BYTES
        return fit and self._process.poll() is None

    def request(self, **message: Any) -> None:
        """Begin a new piece of work.

        Raises:
            DecoderGoneError: if the process has ended.
        """
        self._num_uses += 1
        self._resting = False
        self.send(**message)

    def send(self, **message: Any) -> None:
        """Send one message.

        Raises:
            DecoderGoneError: if the process has ended.
        """
        try:
            self._connection.send_bytes(json.dumps(message).encode())
        except OSError as error:
            raise DecoderGoneError(self._describe_end()) from error

    def receive(self, timeout_s: float) -> dict[str, Any]:
        """Return the next message.

        Raises:
            DecoderGoneError: if the process has ended or works for so long without a word.
        """
        return self._take_in(self._receive_bytes(timeout_s))

    def receive_data(self, timeout_s: float) -> bytes | None:
        """Return the next piece of a file that the process writes, None at its end.

        Raises:
            DecoderGoneError: if the process has ended or works for so long without a word.
        """
        data = self._receive_bytes(timeout_s)
        if data.startswith(DATA_MARK):
            return data[len(DATA_MARK) :]
        self._take_in(data)
        return None

    def _take_in(self, data: bytes) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(data)
        if "defect" in message:
            _log.error("defect in a decoder process: %s", message["defect"])
            raise DecoderGoneError("defect")
        self._resting = self._resting or "end" in message
        return message

    def _receive_bytes(self, timeout_s: float) -> bytes:
        try:
            self._wait(timeout_s)
            return self._connection.recv_bytes(_MAX_MESSAGE_BYTES)
        except (OSError, EOFError) as error:
            raise DecoderGoneError(self._describe_end()) from error

    def _wait(self, timeout_s: float) -> None:
        """Wait until there is a message.

        What counts is the process' own processor time: on a busy machine it may have to wait for
        its turn much longer than it works.
        """
        latest_s = time.monotonic() + _PATIENCE * timeout_s
        most_worked_s = self._worked_s() + timeout_s
        while not self._connection.poll(min(_LOOK_EVERY_S, timeout_s)):
            if time.monotonic() > latest_s or self._worked_s() > most_worked_s:
                raise DecoderGoneError("it gave no sign of life in time")

    def _describe_end(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            return f"exit code {self._process.wait(_END_S)}"
        return "it closed its end"

    def _worked_s(self) -> float:
        """Return the processor time that the process took; a clock where that is hidden."""
        try:
            stat = Path(f"/proc/{self.pid}/stat").read_text()
        except OSError:
            return time.monotonic()
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def share(self, num_bytes: int) -> UInt8Array:
        """Return the first bytes of the memory shared with the process, made larger as needed."""
        if self._memory is None or len(self._memory) < num_bytes:
            os.ftruncate(self._memory_fd, num_bytes)
            self._memory = mmap.mmap(self._memory_fd, num_bytes)
        return np.frombuffer(self._memory, dtype=np.uint8, count=num_bytes)

    def kill(self) -> None:
        """End the process at once and let go of everything; may be called again."""
        self._process.kill()
        self._process.wait()
        self._connection.close()
        self._memory = None  # unmapped with the last array that uses it
        if self._memory_fd >= 0:
            os.close(self._memory_fd)
            self._memory_fd = -1


def _open_shared_memory() -> int:
    """Return a file of no name: also a killed server leaves nothing of it."""
    if sys.platform != "linux":
        with tempfile.TemporaryFile() as file:
            return os.dup(file.fileno())
    fd = os.memfd_create("facecore-frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    # A process that made the memory smaller would crash the server, which has it mapped.
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
    return fd


class _Pool:
    def __init__(self) -> None:
        self._idle: list[DecoderProcess] = []
        self._lock = threading.Lock()

    def take(self) -> DecoderProcess:
        while True:
            with self._lock:
                process = self._idle.pop() if self._idle else None
            if process is None:
                return DecoderProcess()
            if process.usable:
                return process
            process.kill()

    def give_back(self, process: DecoderProcess) -> None:
        with self._lock:
            keep = len(self._idle) < _MAX_IDLE and process.usable
            if keep:
                self._idle.append(process)
        if not keep:
            process.kill()

    def idle(self) -> list[DecoderProcess]:
        with self._lock:
            return list(self._idle)

    def empty(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.kill()


_pool = _Pool()
atexit.register(_pool.empty)


@contextmanager
def borrow_process() -> Iterator[DecoderProcess]:
    """Lend a process for one piece of work; one that has not come to its end is killed."""
    process = _pool.take()
    try:
        yield process
    finally:
        _pool.give_back(process)


def idle_processes() -> list[DecoderProcess]:
    """Return the processes that wait for work, to look at their memory."""
    return _pool.idle()
