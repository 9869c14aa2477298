"""Waiting in turn for the processor: everybody sees their place, nobody holds up the others."""

import os
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from facecore.errors import ConfigError

OnWait = Callable[[int], None]
"""Told the number of turns before one's own, now and then; what it raises ends the waiting."""

VIDEOS_VARIABLE = "FACECORE_MAX_VIDEOS"
PHOTOS_VARIABLE = "FACECORE_MAX_PHOTOS"

_WAIT_STEP_S = 0.1
_MAX_DIGITS = 9


@dataclass(eq=False)
class _Ticket:
    round: int  # which of its owner's turns it is


class TurnQueue:
    """Lets a limited number of pieces of work run at a time, in a fair order.

    Owners take turns, in rounds: nobody's second piece comes before somebody's first one, whoever
    came first (start-time fair queueing after Goyal, Vin and Cheng, 1996, all pieces counting the
    same). Within a round first come is first served.

    Args:
        max_at_once: how many may run at the same time.
    """

    def __init__(self, max_at_once: int) -> None:
        if max_at_once < 1:
            raise ValueError(f"at least one must run at a time, got {max_at_once}")
        self.max_at_once = max_at_once
        self._condition = threading.Condition()
        self._waiting: list[_Ticket] = []
        self._num_running = 0
        self._round = 0  # of the piece that began last
        self._last_rounds: dict[Hashable, int] = {}  # of each owner's last piece

    @contextmanager
    def turn(self, owner: Hashable = None, on_wait: OnWait | None = None) -> Iterator[None]:
        """Wait for one's turn and hold it for the duration of the ``with`` block.

        Args:
            owner: who the work is for; equal owners share their turns.
            on_wait: called several times a second while waiting, never without a wait.
        """
        self._wait(self._draw(owner), on_wait)
        try:
            yield
        finally:
            with self._condition:
                self._num_running -= 1
                self._condition.notify_all()

    def _draw(self, owner: Hashable) -> _Ticket:
        with self._condition:
            last = self._last_rounds.get(owner, 0)
            ticket = _Ticket(max(last, self._round) + 1)
            # Owners of rounds gone by count like new ones.
            self._last_rounds = {o: r for o, r in self._last_rounds.items() if r > self._round}
            self._last_rounds[owner] = ticket.round
            self._waiting.append(ticket)
            return ticket

    def _wait(self, ticket: _Ticket, on_wait: OnWait | None) -> None:
        try:
            while True:
                with self._condition:
                    if self._condition.wait_for(lambda: self._is_next(ticket), _WAIT_STEP_S):
                        self._num_running += 1
                        self._round = ticket.round
                        return
                    num_ahead = self._order().index(ticket)
                if on_wait is not None:
                    on_wait(num_ahead)
        finally:
            with self._condition:
                self._waiting.remove(ticket)
                self._condition.notify_all()

    def _is_next(self, ticket: _Ticket) -> bool:
        return self._num_running < self.max_at_once and self._order()[0] is ticket

    def _order(self) -> list[_Ticket]:
        return sorted(self._waiting, key=lambda ticket: ticket.round)


def read_limit(variable: str, default: int, largest: int | None = None) -> int:
    """Return a whole number from an environment variable, else the default.

    Raises:
        ConfigError: if the variable is no whole number from 1 on, or above the largest.
    """
    text = os.environ.get(variable) or str(default)
    is_number = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
    if not is_number or int(text) < 1 or (largest is not None and int(text) > largest):
        end = "on" if largest is None else f"to {largest}"
        raise ConfigError(f"{variable} is {text[:80]!r}; set it to a whole number from 1 {end}.")
    return int(text)
