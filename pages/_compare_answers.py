"""Answers of several models as HTML tables that scroll sideways; every text is escaped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from facecore.label_sets import compute_colors, order_labels
from facecore.labels import display_name
from facecore.results import Prediction
from pages._face_cards import to_data_uri

_STYLE = """<style>
.fc-scroll{overflow-x:auto}
.fc-table{border-collapse:collapse;font-size:.9rem;width:100%}
.fc-table th,.fc-table td{padding:.35rem .6rem;text-align:left;white-space:nowrap;
 border-bottom:1px solid color-mix(in srgb,currentColor 15%,transparent)}
.fc-table th{font-weight:600}
.fc-table th:first-child,.fc-table td:first-child{position:sticky;left:0;z-index:1;
 background:light-dark(#ffffff,#10171d)}
@media (max-width:40rem){.fc-table th,.fc-table td{padding:.35rem .4rem}}
.fc-table tfoot td{font-weight:600;border-bottom:none}
.fc-table img{width:3.2rem;height:3.2rem;border-radius:.4rem;object-fit:cover;display:block}
.fc-table .fc-paper{background:color-mix(in srgb,currentColor 6%,transparent)}
.fc-hit{font-weight:600}
.fc-soft{opacity:.7;font-variant-numeric:tabular-nums}
.fc-shares{display:grid;grid-template-columns:repeat(auto-fill,minmax(17rem,1fr));gap:.75rem}
.fc-share-card{border:1px solid color-mix(in srgb,currentColor 18%,transparent);
 border-radius:.6rem;padding:.75rem}
.fc-share-head{display:flex;gap:.75rem;align-items:center;margin-bottom:.5rem}
.fc-share-head img{width:3.5rem;height:3.5rem;border-radius:.5rem;object-fit:cover}
.fc-share-grid{display:grid;gap:.2rem .5rem;font-size:.8rem;align-items:center}
.fc-share-cell{position:relative;height:1.15rem;border-radius:.25rem;overflow:hidden;
 background:color-mix(in srgb,currentColor 8%,transparent)}
.fc-share-bar{position:absolute;inset:0 auto 0 0;opacity:.55}
.fc-share-text{position:relative;padding-left:.3rem;font-variant-numeric:tabular-nums}
</style>"""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table.

    Args:
        text: plain text.
        soft: further words, less strong.
        hit: whether the answer is the expected one.
        image: a JPEG file shown instead of text.
    """

    text: str = ""
    soft: str = ""
    hit: bool = False
    image: bytes | None = None


def to_cell(prediction: Prediction | None, expected: str | None = None) -> Cell:
    """Return an answer with its confidence; a tick where it is as expected."""
    if prediction is None:
        return Cell("–")
    text = display_name(prediction.label)
    return Cell(text, f"{prediction.confidence:.0%}", hit=prediction.label == expected)


def build_answer_table(
    heads: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    foot: Sequence[str] = (),
    num_paper: int = 0,
) -> str:
    """Return a table.

    Args:
        heads: one per column.
        rows: cells in the order of the heads.
        foot: the last row's texts.
        num_paper: so many columns at the end are the paper's and stand on a tint.
    """
    first_paper = len(heads) - num_paper

    def mark(i: int) -> str:
        return ' class="fc-paper"' if i >= first_paper else ""

    head = "".join(f'<th scope="col"{mark(i)}>{escape(h)}</th>' for i, h in enumerate(heads))
    body = "".join(
        f"<tr>{''.join(f'<td{mark(i)}>{_build_cell(c)}</td>' for i, c in enumerate(row))}</tr>"
        for row in rows
    )
    last = "".join(f"<td{mark(i)}>{escape(text)}</td>" for i, text in enumerate(foot))
    foot_row = f"<tfoot><tr>{last}</tr></tfoot>" if foot else ""
    table = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>{foot_row}"
    return f'{_STYLE}<div class="fc-scroll"><table class="fc-table">{table}</table></div>'


def _build_cell(cell: Cell) -> str:
    if cell.image is not None:
        return f'<img src="{to_data_uri(cell.image)}" alt="{escape(cell.text)}">'
    tick = " ✓" if cell.hit else ""
    soft = f' <span class="fc-soft">{escape(cell.soft)}</span>' if cell.soft else ""
    return f'<span class="{"fc-hit" if cell.hit else ""}">{escape(cell.text)}{tick}</span>{soft}'


@dataclass(frozen=True, slots=True)
class ShareCard:
    """One face with all probabilities of every model.

    Args:
        title: its heading.
        face: a JPEG file.
        answers: a model's short title -> its prediction.
    """

    title: str
    face: bytes
    answers: Mapping[str, Prediction]


def build_share_cards(cards: Sequence[ShareCard]) -> str:
    """Return every face's probabilities, the models side by side."""
    inner = "".join(map(_build_share_card, cards))
    return f'{_STYLE}<div class="fc-shares" role="list">{inner}</div>'


def _build_share_card(card: ShareCard) -> str:
    columns = f"grid-template-columns:4.4rem repeat({len(card.answers)},1fr)"
    cells = ["<div></div>", *(f"<div><b>{escape(title)}</b></div>" for title in card.answers)]
    for label in order_labels(name for p in card.answers.values() for name in p.labels):
        cells.append(f"<div>{escape(display_name(label))}</div>")
        cells += [_build_share(label, answer) for answer in card.answers.values()]
    return (
        '<div class="fc-share-card" role="listitem"><div class="fc-share-head">'
        f'<img src="{to_data_uri(card.face)}" alt="{escape(card.title)}">'
        f"<b>{escape(card.title)}</b></div>"
        f'<div class="fc-share-grid" style="{columns}">{"".join(cells)}</div></div>'
    )


def _build_share(label: str, answer: Prediction) -> str:
    share = answer.probabilities.get(label)
    if share is None:
        return '<div class="fc-share-cell"><span class="fc-share-text">–</span></div>'
    color = compute_colors(order_labels(answer.labels))[label]
    weight = "b" if label == answer.label else "span"
    return (
        f'<div class="fc-share-cell"><div class="fc-share-bar" '
        f'style="width:{share:.1%};background:{color}"></div>'
        f'<{weight} class="fc-share-text">{share:.0%}</{weight}></div>'
    )
