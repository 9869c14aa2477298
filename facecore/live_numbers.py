"""The running numbers of a live session: speed, delay, and expressions over the last seconds."""

from collections import deque
from dataclasses import dataclass, field

from facecore.label_sets import list_shown
from facecore.labels import UNDECIDED
from facecore.preprocessing import UInt8Array
from facecore.results import FrameResult
from facecore.stats import SessionSummary

_SPEED_WINDOW_S = 2.0
_STEP_S = 0.5
_NUM_DELAYS = 20


@dataclass(frozen=True, slots=True, eq=False)
class LiveSnapshot:
    """A live session at one moment; does not change afterwards.

    Args:
        summary: people and totals since the start or the last reset; times from there too.
        analysed_fps: analysed frames per second over the last 2 s.
        displayed_fps: drawn frames per second over the last 2 s.
        delay_ms: how old a picture is when its analysis is done; None before the first one.
        last_error: one sentence while the analysis fails, else None.
        result: the latest analysed frame's.
        times_s: of the running chart, half a second apart at least.
        shares: expression -> its mean probability 0-1 over all faces at each of these times.
        recording: whether a clip is being recorded.
        recorded_s: its length so far.
        thumbnails: person_id -> best face so far, uint8 BGR; empty while faces are hidden.
    """

    summary: SessionSummary
    analysed_fps: float = 0.0
    displayed_fps: float = 0.0
    delay_ms: float | None = None
    last_error: str | None = None
    result: FrameResult | None = None
    times_s: tuple[float, ...] = ()
    shares: dict[str, tuple[float, ...]] = field(default_factory=dict)
    recording: bool = False
    recorded_s: float = 0.0
    thumbnails: dict[int, UInt8Array] = field(default_factory=dict)


class RateMeter:
    """Counts events per second over the last 2 seconds."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=1000)

    def tick(self, now_s: float) -> None:
        """Count one event."""
        self._times.append(now_s)

    def rate(self, now_s: float) -> float:
        """Return events per second; 0 where nothing happened lately."""
        while self._times and now_s - self._times[0] > _SPEED_WINDOW_S:
            self._times.popleft()
        if len(self._times) < 2:
            return 0.0
        return (len(self._times) - 1) / max(now_s - self._times[0], 1e-6)


class DelayMeter:
    """Averages the last delays."""

    def __init__(self) -> None:
        self._delays_ms: deque[float] = deque(maxlen=_NUM_DELAYS)

    def add(self, delay_ms: float) -> None:
        """Take in one delay."""
        self._delays_ms.append(delay_ms)

    def mean(self) -> float | None:
        """Return the mean in milliseconds; None before the first delay."""
        return sum(self._delays_ms) / len(self._delays_ms) if self._delays_ms else None


class ExpressionHistory:
    """Mean expression probabilities of the last seconds, one point per half second."""

    def __init__(self, window_s: float) -> None:
        self._points: deque[tuple[float, int, dict[str, float]]] = deque(
            maxlen=max(2, round(window_s / _STEP_S))
        )

    def add(self, result: FrameResult) -> None:
        """Take in an analysed frame; without faces every share is 0."""
        found = [face.expression for face in result.faces if face.expression is not None]
        shares: dict[str, float] = {}
        for prediction in found:
            for label, p in prediction.probabilities.items():
                shares[label] = shares.get(label, 0.0) + p / len(found)
        if not self._points or result.time_s - self._points[-1][0] >= _STEP_S:
            self._points.append((result.time_s, 1, shares))
            return
        time_s, count, mean = self._points.pop()
        merged = {
            k: (mean.get(k, 0.0) * count + shares.get(k, 0.0)) / (count + 1)
            for k in {**mean, **shares}
        }
        self._points.append((time_s, count + 1, merged))

    def points(self) -> tuple[tuple[float, ...], dict[str, tuple[float, ...]]]:
        """Return the times and, per expression, its shares."""
        times_s = tuple(time_s for time_s, _, _ in self._points)
        labels = list_shown("expression", (k for _, _, shares in self._points for k in shares))
        shown = [label for label in labels if label != UNDECIDED]
        return times_s, {k: tuple(p.get(k, 0.0) for _, _, p in self._points) for k in shown}
