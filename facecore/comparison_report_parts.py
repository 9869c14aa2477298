"""Building blocks of the HTML report. All text is escaped here, figures bring their own script."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Protocol

from facecore.comparison import Comparison, ConfusionTable
from facecore.comparison_bootstrap import MetricDraws
from facecore.paper import Paper

WIDE_PX = 520
"""Least width of a figure that has room for more than one column would give it."""

_FONT = "system-ui, sans-serif"
_STYLE = """
:root { color-scheme: light; }
body { margin: 0; background: #fff; color: #1c2833; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1200px; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.7rem; line-height: 1.2; } h2 { font-size: 1.3rem; margin-top: 2.5rem; }
h3 { font-size: 1rem; margin: 1rem 0 0; }
p { max-width: 48rem; } p.caption { color: #4a5a68; }
.badge { background: #fff1d6; border: 1px solid #b36b00; border-radius: 4px; padding: 0 .5em; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: .5rem 0 1rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #d5dade; text-align: right; }
td { white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } tbody th { white-space: nowrap; }
thead th { vertical-align: bottom; }
table.words td, table.words th { text-align: left; white-space: normal; overflow-wrap: anywhere; }
@media (max-width: 600px) {
  table { font-size: .78rem; } th, td { padding: .2rem .3rem; } tbody th { white-space: normal; }
}
.grid { display: grid; gap: 1rem; }
.grid > div { min-width: 0; }
"""
_CONFIG = {"responsive": True, "displaylogo": False, "toImageButtonOptions": {"format": "svg"}}


class SupportsHtml(Protocol):
    """A plotly figure."""

    def update_layout(self, **layout: Any) -> object:
        """Change the look."""
        ...

    def to_html(self, **options: Any) -> str:
        """Return a ``div`` with the script that fills it."""
        ...


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text; the first column names the row. Numbers stand on the right, words left."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    has_words: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures side by side, each under its title, as many in a row as ``min_width_px`` lets."""

    figures: Sequence[tuple[str, SupportsHtml]]
    min_width_px: int = 330


Block = str | Table | Figures
"""A text becomes a paragraph."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, a caption that says how to read what follows, and the blocks."""

    heading: str
    caption: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True, eq=False)
class ReportData:
    """What every section may draw from.

    Args:
        comparison: of any number of networks.
        draws: of it.
        paper: the paper's figures, where they are of the same classes.
        tables: the networks' matrices and then the paper's, in the comparison's view.
    """

    comparison: Comparison
    draws: MetricDraws
    paper: Paper | None
    tables: tuple[ConfusionTable, ...]

    @property
    def starred(self) -> dict[str, list[tuple[str, str]]]:
        """By a table's title, the cells (truth, predicted) that the paper misprints."""
        if self.paper is None:
            return {}
        return {
            table.title: [(c.labelled, c.predicted) for c in self.paper.find_corrected(table.title)]
            for table in self.tables
        }


def show(value: float | None, layout: str) -> str:
    """Return a number in Python's format language, or a dash where there is none."""
    return "–" if value is None else format(value, layout)


def render_page(title: str, badge: str, lines: Sequence[str], sections: Sequence[Section]) -> str:
    """Return one HTML document that needs no other file and no network.

    Args:
        title: plain text.
        badge: a few words under the title; may be empty.
        lines: paragraphs under it.
        sections: in this order.
    """
    renderer = _Renderer()
    head = [f"<h1>{escape(title)}</h1>"]
    if badge:
        head.append(f'<p><span class="badge">{escape(badge)}</span></p>')
    head += [f"<p>{escape(line)}</p>" for line in lines]
    body = "\n".join([*head, *(renderer.render(section) for section in sections)])
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


class _Renderer:
    """Puts plotly's script before the first figure and leaves it out of all others."""

    def __init__(self) -> None:
        self._has_script = False

    def render(self, section: Section) -> str:
        parts = [f"<h2>{escape(section.heading)}</h2>"]
        if section.caption:
            parts.append(f'<p class="caption">{escape(section.caption)}</p>')
        for block in section.blocks:
            if isinstance(block, Table):
                parts.append(_render_table(block))
            elif isinstance(block, Figures):
                parts.append(self._render_figures(block))
            else:
                parts.append(f"<p>{escape(block)}</p>")
        return "\n".join(["<section>", *parts, "</section>"])

    def _render_figures(self, block: Figures) -> str:
        cells = []
        for title, figure in block.figures:
            figure.update_layout(font_family=_FONT)
            html = figure.to_html(
                full_html=False,
                include_plotlyjs=not self._has_script,
                config=_CONFIG,
                default_width="100%",
            )
            self._has_script = True
            heading = f"<h3>{escape(title)}</h3>" if title else ""
            cells.append(f"<div>{heading}{html}</div>")
        columns = f"repeat(auto-fit, minmax(min(100%, {block.min_width_px}px), 1fr))"
        return f'<div class="grid" style="grid-template-columns: {columns}">{"".join(cells)}</div>'


def _render_table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in table.head)
    rows = []
    for name, *cells in table.rows:
        columns = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{columns}</tr>')
    kind = ' class="words"' if table.has_words else ""
    return (
        f'<div class="scroll"><table{kind}><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
