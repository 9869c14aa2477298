"""How long a training will take on this machine: measured once per kind of network, then kept."""

import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facecore.errors import TrainingRunError
from facecore.training_config import to_toml
from facecore.training_queue import PROJECT_DIR
from facecore.training_runs import TRAINER
from facecore.user_files import user_dir

_FILE = "speed.json"
_DECISIVE = ("architecture", "height", "width", "color", "base_width", "num_stages", "batch_size")
_TIMEOUT_S = 600.0


def find_speed(values: Mapping[str, Any]) -> dict[str, float] | None:
    """Return what was measured here for such a network; None before that."""
    return _read().get(_key(values))


def measure_speed(values: Mapping[str, Any]) -> dict[str, float]:
    """Let the trainer fit a few steps in a process of its own; takes half a minute.

    Returns:
        Pictures learned from and judged per second, and the seconds until the first step.

    Raises:
        TrainingRunError: if the trainer fails.
    """
    with tempfile.TemporaryDirectory(prefix="facecore-speed-") as folder:
        path = Path(folder) / "config.toml"
        # What a run begins with does not change its speed.
        plain = {key: value for key, value in values.items() if key != "start_from"}
        path.write_text(to_toml({**plain, "name": "speed"}), encoding="utf-8")
        command = [sys.executable, str(TRAINER), "--config", str(path), "--measure-speed"]
        begun = time.monotonic()
        try:
            done = subprocess.run(  # noqa: S603
                command,
                cwd=PROJECT_DIR,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT_S,
                check=True,
                text=True,
            )
            speed: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
            # A run begins with starting the program, too.
            speed["start_s"] += max(0.0, time.monotonic() - begun - speed.pop("measured_s"))
        except (subprocess.SubprocessError, OSError, ValueError, LookupError) as error:
            raise TrainingRunError(
                "This machine's speed could not be measured; training may still work."
            ) from error
    known = _read() | {_key(values): speed}
    user_dir().mkdir(parents=True, exist_ok=True)
    part = user_dir() / f"{_FILE}.part"
    part.write_text(json.dumps(known, indent=1), encoding="utf-8")
    part.replace(user_dir() / _FILE)
    return speed


def estimate_seconds(
    speed: Mapping[str, float], epochs: int, num_train: int, num_judged: int
) -> float:
    """Return how long a run takes.

    Args:
        speed: as measured.
        epochs: passes over the pictures.
        num_train: pictures learned from in each.
        num_judged: pictures judged in each, and once more at the end.
    """
    learning = num_train / speed["images_per_s"]
    judging = num_judged / speed["judged_per_s"]
    return speed["start_s"] + epochs * (learning + judging) + judging


def _key(values: Mapping[str, Any]) -> str:
    decisive = {key: values.get(key) for key in _DECISIVE}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:16]


def _read() -> dict[str, dict[str, float]]:
    try:
        return dict(json.loads((user_dir() / _FILE).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return {}  # it is measured again
