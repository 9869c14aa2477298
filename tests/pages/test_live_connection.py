import pytest

from pages._live_connection import ConnectionWatch, is_secure


@pytest.mark.parametrize(
    ("url", "secure"),
    [
        (None, True),
        ("http://localhost:8501/live", True),
        ("http://127.0.0.1:8501", True),
        ("http://[::1]:8501", True),
        ("http://faces.localhost/live", True),
        ("https://faces.example/live", True),
        ("http://192.168.0.7:8501/live", False),
        ("http://localhost.example/live", False),
    ],
)
def test_cameras_need_https_or_localhost(url, secure):
    assert is_secure(url) is secure


@pytest.mark.parametrize(
    ("signals", "states"),
    [
        # (signalling, playing, seconds)
        ([(0, 0, 0)], ["idle"]),
        ([(1, 0, 0), (1, 0, 5), (0, 1, 6)], ["connecting", "connecting", "playing"]),
        ([(1, 0, 0), (1, 0, 10), (0, 1, 12)], ["connecting", "slow", "playing"]),
        ([(1, 0, 0), (1, 0, 11), (0, 0, 15)], ["connecting", "slow", "failed"]),
        ([(1, 0, 0), (0, 0, 6), (0, 0, 7)], ["connecting", "failed", "failed"]),
        ([(1, 0, 0), (0, 0, 1)], ["connecting", "idle"]),  # stopped by the user at once
        ([(0, 1, 0), (0, 0, 60)], ["playing", "idle"]),
        ([(1, 0, 0), (0, 0, 6), (1, 0, 20)], ["connecting", "failed", "connecting"]),
    ],
)
def test_connection_watch(signals, states):
    watch = ConnectionWatch()
    found = [
        watch.update(signalling=bool(s), playing=bool(p), now_s=float(t)) for s, p, t in signals
    ]
    assert found == states
