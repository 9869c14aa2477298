"""Work on neighbouring frames at the same time: the next one's search, the last one's drawing.

OpenCV, FFmpeg and TensorFlow let other threads run while they compute.
"""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")

MAX_WAITING = 3
"""Frames that may wait: enough to even out slow ones, few enough to bound the memory."""


class InOrder:
    """Does pieces of work one after another in a thread of its own; use it in a ``with`` statement.

    So the next frame is analysed while this one is encoded. After the block all work is done; where
    the block itself fails, what waits is dropped.

    Args:
        max_waiting: pieces that may wait beside the one in work.
    """

    def __init__(self, max_waiting: int = MAX_WAITING) -> None:
        self._room = threading.Semaphore(max_waiting + 1)
        self._thread = ThreadPoolExecutor(1, "facecore-encode")
        self._pending: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        return self

    def submit(self, work: Callable[[], None]) -> None:
        """Add a piece of work; waits while too many are waiting.

        Raises:
            Exception: that of an earlier piece of work.
        """
        self._room.acquire()
        while self._pending and self._pending[0].done():
            self._pending.popleft().result()
        self._pending.append(self._thread.submit(self._do, work))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._thread.shutdown(wait=True, cancel_futures=kind is not None)
        if kind is None:
            for done in self._pending:
                done.result()

    def _do(self, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            self._room.release()


def look_ahead(items: Iterator[T], max_waiting: int = MAX_WAITING) -> Generator[T, None, None]:
    """Yield items in order; the next ones are made meanwhile.

    Args:
        items: each is made in a thread of its own, one after another.
        max_waiting: items made before their turn, beside the one that the caller has.

    Raises:
        Exception: that of the items, after those before.
    """

    def step() -> tuple[T] | None:
        for item in items:
            return (item,)
        return None

    thread = ThreadPoolExecutor(1, "facecore-search")
    try:
        waiting = deque(thread.submit(step) for _ in range(max_waiting))
        while True:
            waiting.append(thread.submit(step))
            done = waiting.popleft().result()
            if done is None:
                return
            yield done[0]
    finally:
        thread.shutdown(wait=True, cancel_futures=True)


def in_groups(items: Iterable[T], size: int) -> Generator[list[T], None, None]:
    """Yield the items in order, so many at a time; the last group may be smaller.

    Raises:
        Exception: that of the items, after the group of those before.
    """
    group: list[T] = []
    coming = iter(items)
    while True:
        try:
            item = next(coming)
        except StopIteration:
            break
        except Exception:  # what came before is whole: it is told first
            if group:
                yield group
            raise
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
