"""The card of a doubtful picture: large, with its label, what the networks and the crowd say."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from facecore.label_sets import compute_colors
from facecore.labels import display_name
from facecore.relabel_decisions import NOT_A_FACE
from pages._compare_pictures import describe_votes

_STYLE = """<style>
.fc-card{display:flex;flex-wrap:wrap;gap:1.25rem;align-items:flex-start}
.fc-card-face{width:min(17rem,100%);aspect-ratio:1;object-fit:contain;border-radius:.6rem}
.fc-card-facts{flex:1 1 15rem;min-width:0;line-height:1.45}
.fc-card-label{font-size:1.25rem;font-weight:600}
.fc-card-why{margin:.2rem 0 .6rem;padding-left:1.1rem;opacity:.85;font-size:.9rem}
.fc-card-answers{display:grid;grid-template-columns:repeat(auto-fill,minmax(14rem,1fr));
 gap:.4rem 1.5rem;margin-bottom:.5rem}
.fc-card-bars{display:grid;grid-template-columns:4.2rem minmax(3rem,1fr) 2.6rem;gap:.1rem .5rem;
 font-size:.85rem;align-items:center;align-content:start;max-width:26rem}
.fc-card-bars b{grid-column:1/-1}
.fc-card-bars>div:not(.fc-card-track){overflow-wrap:anywhere}
.fc-card-track{height:.6rem;border-radius:.3rem;
 background:color-mix(in srgb,currentColor 12%,transparent)}
.fc-card-bar{height:100%;border-radius:.3rem}
.fc-card-bars>span{text-align:right;font-variant-numeric:tabular-nums}
.fc-card-small{font-size:.85rem;opacity:.8;overflow-wrap:anywhere}
.fc-alike{display:flex;flex-wrap:wrap;gap:.6rem}
.fc-alike div{width:5.2rem;font-size:.78rem;line-height:1.3;text-align:center}
.fc-alike img{width:5.2rem;height:5.2rem;object-fit:contain;border-radius:.4rem;display:block}
</style>"""


@dataclass(frozen=True, slots=True)
class DoubtCard:
    """What is shown of one picture.

    Args:
        sample_id: in its data set.
        label: canonical name of what it is labelled.
        png: the picture.
        reasons: why it is in the queue, in words.
        answers: whose -> label -> probability 0-1.
        votes: the crowd's choice -> votes; empty where nobody voted.
    """

    sample_id: str
    label: str
    png: bytes
    reasons: Sequence[str]
    answers: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    votes: Mapping[str, int] = field(default_factory=dict)


def show_name(label: str) -> str:
    """Return a label, or the words for no face, as a person reads it."""
    return "Not a face" if label == NOT_A_FACE else display_name(label)


def build_doubt_card(card: DoubtCard, labels: Sequence[str]) -> str:
    """Return a card as HTML; every text in it is escaped.

    Args:
        card: what to show.
        labels: all that there are, for their colours.
    """
    colors = compute_colors(labels)
    why = "".join(f"<li>{escape(reason)}</li>" for reason in card.reasons)
    bars = "".join(_build_bars(who, probs, colors) for who, probs in card.answers.items())
    votes = describe_votes(dict(card.votes))
    crowd = f'<div class="fc-card-small">Crowd: {escape(votes)}</div>' if votes else ""
    words = f"Face {card.sample_id}, labelled {show_name(card.label)}"
    return (
        f'{_STYLE}<div class="fc-card">{_build_image(card.png, words, "fc-card-face")}'
        f'<div class="fc-card-facts"><div class="fc-card-label">Labelled '
        f"{escape(show_name(card.label))}</div>"
        f'<ul class="fc-card-why">{why}</ul>'
        f'<div class="fc-card-answers">{bars}</div>{crowd}'
        f'<div class="fc-card-small">No. {escape(card.sample_id)}</div></div></div>'
    )


def build_alike(pictures: Sequence[tuple[bytes, str, float]]) -> str:
    """Return similar pictures as HTML.

    Args:
        pictures: per picture the PNG file, its label, and its likeness up to 1.
    """
    cards = "".join(
        f'<div role="listitem">{_build_image(png, f"Alike, labelled {show_name(label)}", "")}'
        f"{escape(show_name(label))}<br>{alike:.0%} alike</div>"
        for png, label, alike in pictures
    )
    return f'{_STYLE}<div class="fc-alike" role="list">{cards}</div>'


def _build_bars(who: str, probs: Mapping[str, float], colors: Mapping[str, str]) -> str:
    rows = "".join(
        f"<div>{escape(show_name(label))}</div>"
        f'<div class="fc-card-track"><div class="fc-card-bar" '
        f'style="width:{share:.1%};background:{colors.get(label, "#888888")}"></div></div>'
        f"<span>{share:.0%}</span>"
        for label, share in probs.items()
    )
    return f'<div class="fc-card-bars"><b>{escape(who)}</b>{rows}</div>'


def _build_image(png: bytes, words: str, style: str) -> str:
    data = b64encode(png).decode()
    return f'<img class="{style}" src="data:image/png;base64,{data}" alt="{escape(words)}">'
