"""The pictures of a data set as cards: label, every model's answer, the crowd's votes.

HTML because it wraps from many columns to one and can be read by screen readers and tests; every
text that goes in is escaped.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from facecore.label_sets import compute_colors
from facecore.labels import display_name

_STYLE = """<style>
.fc-pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(10.5rem,1fr));gap:.75rem}
.fc-picture{border:1px solid color-mix(in srgb,currentColor 18%,transparent);border-radius:.6rem;
 padding:.6rem;font-size:.85rem;line-height:1.4}
.fc-picture img{width:6rem;height:6rem;border-radius:.4rem;display:block;margin:0 auto .5rem}
.fc-answers{display:grid;grid-template-columns:1fr auto;gap:.1rem .5rem}
.fc-answers>:nth-child(even){text-align:right}
.fc-sure{opacity:.75;font-variant-numeric:tabular-nums}
.fc-right{font-weight:600}
.fc-dot{display:inline-block;width:.6rem;height:.6rem;border-radius:50%;margin-right:.3rem;
 box-shadow:inset 0 0 0 1px color-mix(in srgb,currentColor 35%,transparent)}
.fc-votes{margin-top:.35rem;opacity:.8}
.fc-id{opacity:.6;font-size:.75rem}
</style>"""


@dataclass(frozen=True, slots=True)
class Picture:
    """One card.

    Args:
        sample_id: the picture's id in its data set.
        label: canonical name of what it is labelled.
        answers: per model its title, the canonical answer and the confidence 0-1.
        votes: the crowd's choice -> votes; empty where nobody voted.
        png: the picture; None where the data set is not there.
    """

    sample_id: str
    label: str
    answers: Sequence[tuple[str, str, float]]
    votes: dict[str, int]
    png: bytes | None


def build_picture_cards(pictures: Sequence[Picture], labels: Sequence[str]) -> str:
    """Return all cards as one piece of HTML.

    Args:
        pictures: one card each.
        labels: all that pictures and answers can have, for their colours.
    """
    colors = compute_colors(labels)
    cards = "".join(_build_card(picture, colors) for picture in pictures)
    return f'{_STYLE}<div class="fc-pictures" role="list">{cards}</div>'


def describe_votes(votes: dict[str, int]) -> str:
    """Return ``"7 Sad, 3 Neutral"``, most votes first."""
    ranked = sorted(votes.items(), key=lambda item: -item[1])
    return ", ".join(f"{n} {display_name(c).replace('_', ' ')}" for c, n in ranked if n)


def _build_card(picture: Picture, colors: Mapping[str, str]) -> str:
    image = ""
    if picture.png is not None:
        data = b64encode(picture.png).decode()
        words = f"Face {picture.sample_id}, labelled {display_name(picture.label)}"
        image = f'<img src="data:image/png;base64,{data}" alt="{escape(words)}">'
    answers = "".join(
        f"<div>{escape(title)}</div>"
        f'<div class="{"fc-right" if answer == picture.label else ""}">{_name(answer, colors)}'
        f'{" ✓" if answer == picture.label else ""} <span class="fc-sure">{sure:.0%}</span></div>'
        for title, answer, sure in picture.answers
    )
    votes = describe_votes(picture.votes)
    crowd = f'<div class="fc-votes">Crowd: {escape(votes)}</div>' if votes else ""
    return (
        f'<div class="fc-picture" role="listitem">{image}<div class="fc-answers">'
        f"<div>Label</div><div><b>{_name(picture.label, colors)}</b></div>{answers}</div>{crowd}"
        f'<div class="fc-id">No. {escape(picture.sample_id)}</div></div>'
    )


def _name(label: str, colors: Mapping[str, str]) -> str:
    return (
        f'<span class="fc-dot" style="background:{colors[label]}"></span>'
        f"{escape(display_name(label))}"
    )
