"""Which numbers and names a training run can have, so that a mistake is told before it begins."""

from collections.abc import Mapping
from typing import Any

_SHARES = (
    "validation_share",
    "small_share",
    "label_smoothing",
    "votes_share",
    "teachers_share",
    "balance_power",
    "mixup_share",
    "start_share",
    "wanted_accuracy",
    "average_decay",
    "dropout",
    "erase",
    "soften",
    "jpeg",
)
_MAX_NAME_CHARS = 100

RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(_SHARES, (0, 1)),
    "height": (8, 1024),
    "width": (8, 1024),
    "base_width": (8, 1024),  # squeeze and excitation divides it by eight
    "num_stages": (1, 8),
    "epochs": (1, 100_000),
    "batch_size": (1, 100_000),
    "max_steps_per_epoch": (0, 10_000_000),
    "images_per_class": (0, 1_000_000),
    "lessons": (0, 1000),
    "seed": (0, 100_000),  # times 10,000 it must be an int32
    "learning_rate": (1e-9, 10),
    "warmup_epochs": (0, 100_000),
    "weight_decay": (0, 1),
    "votes_weight": (0, 1000),
    "max_class_weight": (1, 1000),
    "mixup": (0, 1000),
    "shift": (0, 1),
    "zoom": (0, 10),
    "rotate_deg": (0, 180),
    "brightness": (0, 255),
    "contrast": (0, 10),
    "noise": (0, 255),
}
"""Setting -> its least and its largest value."""


def check_numbers(values: Mapping[str, Any]) -> None:
    """Refuse numbers that no run can have.

    Args:
        values: setting -> value; those of ``RANGES`` must be there.

    Raises:
        ValueError: if one is out of its range, or no number.
    """
    for key, (least, most) in RANGES.items():
        if not least <= values[key] <= most:  # also of nan
            raise ValueError(f"{key} must be between {least:g} and {most:g}, got {values[key]}")


def check_name(name: str, title: str) -> None:
    """Refuse a name that is no folder's, or an empty title.

    Raises:
        ValueError: where it is so.
    """
    is_folder = name not in ("", ".", "..") and name.isprintable() and not set(name) & set("/\\")
    if not is_folder or len(name) > _MAX_NAME_CHARS:
        raise ValueError(f"name must be a folder's, without a path, got {name[:_MAX_NAME_CHARS]!r}")
    if not title.strip():
        raise ValueError("title must say what the network is called")
