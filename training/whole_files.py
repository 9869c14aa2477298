"""Files that get their name only when all of them is written."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from facecore.errors import StorageError


@contextmanager
def writing(part: Path) -> Iterator[None]:
    """Make the folder of a part, and take the part away where the block that writes it fails.

    Left there, it would keep on a full disk the very room that the log and the next attempt need.

    Args:
        part: the file that the block writes and then gives its name.

    Raises:
        StorageError: where the block raises ``OSError``.
    """
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException as error:
        with suppress(OSError):
            part.unlink()
        if not isinstance(error, OSError):
            raise
        raise StorageError(
            f"{part.parent} cannot be written ({error.strerror or error}); make room there, and "
            "the training goes on after the last epoch that was saved."
        ) from error
