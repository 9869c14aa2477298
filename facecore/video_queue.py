"""Work that follows a frame's analysis, such as drawing and encoding, in a thread beside it."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

MAX_WAITING = 3
"""Frames that may wait: enough to even out slow ones, few enough to bound the memory."""


class InOrder:
    """Does pieces of work one after another in a thread of its own; use it in a ``with`` statement.

    OpenCV, FFmpeg and TensorFlow let other threads run while they compute, so that the next frame
    is analysed while this one is encoded. After the block all work is done; where the block itself
    fails, what waits is dropped.

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
