"""Private temporary folders that go with their owner, also where the program was killed.

The owner holds a lock on a file in its folder. The system lets go of the lock when the process
ends, however it ends: a folder without one belongs to nobody, and the next start deletes it.
"""

import fcntl
import os
import shutil
import tempfile
import time
import weakref
from pathlib import Path

from facecore.errors import StorageError

PREFIX = "facecore-"

_LOCK_FILE = ".owner"
_UNFINISHED_S = 3600.0  # a folder without a lock file is being made, or was never finished


class TempFolder:
    """A folder that is deleted when it is closed, forgotten, or at the program's end.

    Args:
        kind: a word for its name.
        parent: where it is made; default: the system's temporary folder.

    Raises:
        StorageError: if there is no temporary folder or no space in it.
    """

    def __init__(self, kind: str, parent: Path | None = None) -> None:
        try:
            self.path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{kind}-", dir=parent))
            lock = _lock(self.path)
        except OSError as error:
            raise cannot_store(error) from error
        self._finalizer = weakref.finalize(self, _remove, self.path, lock)

    def close(self) -> None:
        """Delete the folder with all its files; may be called again."""
        self._finalizer()
        # Again: a thread that was still writing may have kept the first attempt from its end.
        shutil.rmtree(self.path, ignore_errors=True)


def cannot_store(error: OSError) -> StorageError:
    """Return the error that tells a user why nothing can be put into the temporary folder."""
    reason = error.strerror or type(error).__name__
    return StorageError(
        f"The server cannot store files at the moment ({reason}); nothing was lost, try again "
        "later. Whoever runs it should make room in its temporary folder."
    )


def sweep(*parents: Path) -> list[Path]:
    """Delete the folders whose owner is gone; return them.

    Args:
        parents: where to look beside the system's temporary folder.
    """
    swept = []
    for parent in (Path(tempfile.gettempdir()), *parents):
        for folder in parent.glob(f"{PREFIX}*-*"):
            if folder.is_dir() and not folder.is_symlink() and _is_abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)
                swept.append(folder)
    return swept


def _lock(folder: Path) -> int:
    # Under its own name the file appears locked, so that no sweep can come in between.
    begun = folder / f"{_LOCK_FILE}.part"
    lock = os.open(begun, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        begun.replace(folder / _LOCK_FILE)
    except OSError:
        os.close(lock)
        raise
    return lock


def _remove(folder: Path, lock: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)


def _is_abandoned(folder: Path) -> bool:
    try:
        lock = os.open(folder / _LOCK_FILE, os.O_RDWR)
    except FileNotFoundError:
        return _age_s(folder) > _UNFINISHED_S
    except OSError:
        return False  # another user's
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(lock)


def _age_s(folder: Path) -> float:
    try:
        return time.time() - folder.stat().st_mtime
    except OSError:
        return 0.0
