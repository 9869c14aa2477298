"""Long work in a background thread: a page starts it, looks at it now and then, cancels it."""

import threading
import time
from collections.abc import Callable, Hashable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Generic, Literal, TypeVar

from facecore.errors import FaceCoreError
from facecore.jobs_queue import TurnQueue
from facecore.program_end import start_thread
from facecore.progress import OnProgress

T = TypeVar("T")
JobState = Literal["waiting", "running", "done", "failed", "cancelled"]

_UNEXPECTED = (
    "The work could not be finished because of an error in the program; its log has the details. "
    "Try again, or try another file."
)


class _Cancelled(Exception):
    """Leaves the work from inside its progress callback."""


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a job is.

    Args:
        done: frames finished.
        total: frames in all, or None where the file does not tell.
        elapsed_s: seconds since the first frame was begun.
        num_restarts: how often the count began anew, for a next step of the work.
    """

    done: int = 0
    total: int | None = None
    elapsed_s: float = 0.0
    num_restarts: int = 0

    @property
    def fraction(self) -> float | None:
        """Share of the work that is done, 0-1; None where the total is unknown."""
        return min(1.0, self.done / self.total) if self.total else None

    @property
    def frames_per_s(self) -> float:
        """Average speed; 0 before the first frame."""
        return self.done / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Time to the end at the average speed; None while nothing can be said."""
        if self.total is None or self.frames_per_s == 0:
            return None
        return max(0, self.total - self.done) / self.frames_per_s


class BackgroundTask(Generic[T]):
    """Runs ``work(on_progress)`` in a thread of its own, from construction on.

    ``num_ahead`` tells how many turns come before this one while it waits, once that is known.

    Args:
        work: must call ``on_progress`` often; cancelling raises from inside that call.
        queue: where given, the work waits there for its turn.
        owner: for whom, where the queue is fair between owners.
    """

    def __init__(
        self,
        work: Callable[[OnProgress], T],
        queue: TurnQueue | None = None,
        owner: Hashable = None,
    ) -> None:
        self.state: JobState = "waiting" if queue else "running"
        self.num_ahead: int | None = None
        self.result: T | None = None
        self.error: str | None = None
        self._progress = JobProgress()
        self._started_s = time.monotonic()
        self._cancel = threading.Event()
        self._lock = threading.Lock()
        self._ended = False
        self._afterwards: Callable[[], None] | None = None
        run = partial(self._run, work, queue, owner)
        self._thread = start_thread(run, self._cancel.set, "facecore-job")

    @property
    def progress(self) -> JobProgress:
        """The latest progress."""
        return self._progress

    @property
    def active(self) -> bool:
        """Whether the thread still waits or works."""
        return not self._ended

    def cancel(self, afterwards: Callable[[], None] | None = None) -> None:
        """Ask the work to stop; returns at once.

        Args:
            afterwards: called once when the thread has let go of its files.
        """
        with self._lock:
            self._cancel.set()
            self._afterwards = None if self._ended else afterwards
            ended = self._ended
        if ended and afterwards is not None:
            afterwards()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the thread to end; return whether it did."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(
        self, work: Callable[[OnProgress], T], queue: TurnQueue | None, owner: Hashable
    ) -> None:
        state: JobState = "failed"
        error: str | None = _UNEXPECTED  # stays where an exception goes on to the thread's log
        try:
            with queue.turn(owner, self._on_wait) if queue else nullcontext():
                self.num_ahead = None
                self.state = "running"
                self._started_s = time.monotonic()
                self.result = work(self._on_progress)
            state, error = "done", None
        except _Cancelled:
            state, error = "cancelled", None
        except FaceCoreError as problem:
            error = str(problem)
        except OSError:
            # After a cancellation the files may be gone while the work still closes them.
            if not self._cancel.is_set():
                raise
        finally:
            with self._lock:
                self.error = None if self._cancel.is_set() else error
                self.state = "cancelled" if self._cancel.is_set() else state
                self._ended = True
                afterwards = self._afterwards
            if afterwards is not None:
                afterwards()

    def _on_wait(self, num_ahead: int) -> None:
        if self._cancel.is_set():
            raise _Cancelled
        self.num_ahead = num_ahead

    def _on_progress(self, done: int, total: int | None) -> None:
        if self._cancel.is_set():
            raise _Cancelled
        now_s, last = time.monotonic(), self._progress
        num_restarts = last.num_restarts
        if done < last.done:
            num_restarts += 1
            self._started_s = now_s
        self._progress = JobProgress(done, total, now_s - self._started_s, num_restarts)
