"""What all figures share: plain style, and one look per compared model.

No figure has a title: the page writes headings, so that nothing is cut on a narrow screen. The
backgrounds are transparent and the fonts unset, so that the page's light or dark theme shows.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

Figure = go.Figure
"""The type of all figures, for pages, which do not import plotly."""

OUTLINE = "rgba(127, 127, 127, 0.55)"  # visible on light and dark: yellow on white needs an edge
GRID = "rgba(127, 127, 127, 0.22)"
PAPER_PREFIX = "Paper: "
"""How the title of the paper's own figures begins."""

# Okabe-Ito colours, which colour-blind readers can tell apart; dash and symbol tell them apart too.
_LOOKS = (
    ("#0072B2", "solid", "circle"),
    ("#D55E00", "dash", "square"),
    ("#009E73", "dot", "diamond"),
    ("#CC79A7", "dashdot", "triangle-up"),
    ("#E69F00", "longdash", "x"),
    ("#56B4E9", "longdashdot", "star"),
)
_NUMBERED = re.compile(r"Model ([1-3])$")


@dataclass(frozen=True, slots=True)
class Look:
    """How one model is drawn; the paper's models have the colour of ours, hatched and hollow."""

    color: str
    dash: str
    symbol: str
    pattern: str


def choose_looks(titles: Sequence[str]) -> dict[str, Look]:
    """Return one look per title, in the titles' order.

    Models 1 to 3 keep theirs whichever of them are shown; others take what is left.
    """
    names = list(dict.fromkeys(title.removeprefix(PAPER_PREFIX) for title in titles))
    numbers = {name: int(m[1]) - 1 for name in names if (m := _NUMBERED.match(name))}
    free = [i for i in range(len(_LOOKS)) if i not in numbers.values()]
    for position, name in enumerate(name for name in names if name not in numbers):
        numbers[name] = free[position % len(free)]
    looks = {}
    for title in titles:
        color, dash, symbol = _LOOKS[numbers[title.removeprefix(PAPER_PREFIX)]]
        is_paper = title.startswith(PAPER_PREFIX)
        looks[title] = Look(color, dash, symbol + "-open" * is_paper, "/" if is_paper else "")
    return looks


def to_text(title: str) -> str:
    """Return a title as plotly shows it literally: it reads "<" as markup."""
    return title.replace("&", "&amp;").replace("<", "&lt;")


def apply_style(figure: go.Figure, height: int, right: int = 12, legend: bool = False) -> None:
    """Set size, margins, legend above the plot, and transparent backgrounds."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": right, "t": 8, "b": 8},
        showlegend=legend,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        bargap=0.28,
    )
    figure.update_yaxes(automargin=True)
    figure.update_xaxes(automargin=True)
