"""What the whole comparison page is set to, handed to each of its sections."""

from dataclasses import dataclass
from typing import Literal

from facecore.comparison import View

Orientation = Literal["truth", "predicted"]
"""What the rows of a matrix are: the label ("truth"), or the prediction as in the paper."""


@dataclass(frozen=True, slots=True)
class Choices:
    """The switches at the head of the page.

    Args:
        view: "all" classes, or "known": only images whose class every model knows.
        orientation: what the rows of a matrix are.
        show_paper: whether the paper's figures stand beside ours.
    """

    view: View = "all"
    orientation: Orientation = "truth"
    show_paper: bool = False
