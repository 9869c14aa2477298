"""Whether a live connection can come up, whether it did, and what to say when it did not."""

import time
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

ConnectionState = Literal["idle", "connecting", "playing", "slow", "failed"]

PATIENCE_S = 10.0
_CHANGE_OF_MIND_S = 3.0  # who presses STOP so soon does not need to be told that nothing came
_LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}


def is_secure(url: str | None) -> bool:
    """Return whether browsers allow cameras on a page of this address."""
    if not url:  # not known (yet): let the browser decide
        return True
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme == "https" or host in _LOCAL_HOSTS or host.endswith(".localhost")


@dataclass(slots=True)
class ConnectionWatch:
    """Follows one streamer's signals and tells when a connection takes too long or broke off."""

    state: ConnectionState = "idle"
    _since_s: float = 0.0

    def update(
        self, *, signalling: bool, playing: bool, now_s: float | None = None
    ) -> ConnectionState:
        """Take in the streamer's state and return what it means.

        Args:
            signalling: an offer is on its way.
            playing: the browser reports a connection.
            now_s: the time, default: a monotonic clock.

        Returns:
            ``slow`` from 10 seconds of connecting on; ``failed`` when connecting ended without a
            picture, until the next attempt.
        """
        now_s = time.monotonic() if now_s is None else now_s
        if playing:
            self.state = "playing"
        elif signalling:
            if self.state not in ("connecting", "slow"):
                self.state, self._since_s = "connecting", now_s
            if now_s - self._since_s >= PATIENCE_S:
                self.state = "slow"
        elif self.state in ("connecting", "slow"):
            soon = now_s - self._since_s < _CHANGE_OF_MIND_S
            self.state = "idle" if soon else "failed"
        elif self.state == "playing":
            self.state = "idle"
        return self.state
