"""The queue of training runs as files, and the process that takes them from it."""

import fcntl
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from facecore.user_files import changing, user_runs_dir

QUEUED_FILE, RUNNING_FILE, LOCK_FILE = "queued", "running", ".worker.lock"

_NEEDED_BYTES = 32_768

PROJECT_DIR = Path(__file__).resolve().parent.parent


def list_queue() -> list[str]:
    """Return the names of the waiting runs, the next one first."""
    tickets = []
    for path in user_runs_dir().glob(f"*/{QUEUED_FILE}"):
        with suppress(FileNotFoundError, ValueError):  # taken meanwhile
            tickets.append((int(path.read_text(encoding="utf-8")), path.parent.name))
    return [name for _, name in sorted(tickets)]


def is_worker_alive() -> bool:
    """Tell whether the process that takes the runs, or its trainer, lives."""
    try:
        lock = os.open(user_runs_dir() / LOCK_FILE, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def is_worker_busy() -> bool:
    """Tell whether a run is being trained."""
    running = any(user_runs_dir().glob(f"*/{RUNNING_FILE}"))
    return running and is_worker_alive()


def ensure_worker() -> None:
    """Start the process that takes the runs, unless it lives or nothing waits.

    It is no child of this server's session: it goes on when the server ends.

    Raises:
        StorageError: if the users' folder cannot be written.
    """
    if not list_queue() or is_worker_alive():
        return
    with changing(user_runs_dir()), (user_runs_dir() / "worker.log").open("ab") as log:
        check_room(user_runs_dir())  # else it would end at once, and be started for ever
        subprocess.Popen(
            [sys.executable, "-m", "facecore.training_worker"],
            cwd=PROJECT_DIR,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def check_room(folder: Path) -> None:
    """Look whether the small files of a run can be written.

    Raises:
        OSError: if there is no room for them.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(_NEEDED_BYTES))
