"""How a network's evaluation comes about, in words for whoever lacks one."""

from facecore.datasets_info import HELD_OUT


def describe_making(model: str, dataset: str, split: str) -> str:
    """Return half a sentence: the command that evaluates a network on a split, or what else does.

    Args:
        model: the bundle's name.
        dataset: name of the data set.
        split: of the data set, or ``HELD_OUT``.
    """
    if split == HELD_OUT:  # no data set has these pictures apart: the run's own seed chose them
        return (
            "only its own training makes that evaluation, where it held pictures out "
            "(validation_share), or training/publish.py again from the finished run"
        )
    return f"run: python -m facecore evaluate --model {model} --dataset {dataset} --split {split}"
