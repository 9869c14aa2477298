"""The table of faces as cards: number, crop, words, and every probability as a bar.

HTML because it wraps from three columns to one and can be read by screen readers and tests; every
text that goes in is escaped. Colours come from the theme (``currentColor``) and the labels.
"""

from base64 import b64encode
from collections.abc import Sequence
from html import escape

from facecore.label_sets import compute_colors, order_labels
from facecore.labels import TASKS, UNDECIDED, Task, display_answer, display_name
from facecore.results import Face, Prediction

_STYLE = """<style>
.fc-faces{display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:.75rem;}
.fc-face{border:1px solid color-mix(in srgb,currentColor 18%,transparent);border-radius:.6rem;
 padding:.75rem}
.fc-head{display:flex;gap:.75rem;align-items:center;margin-bottom:.6rem}
.fc-head img{width:4rem;height:4rem;border-radius:.5rem;object-fit:cover;flex:none}
.fc-number{font-size:.8rem;opacity:.75}
.fc-word{font-weight:600;font-size:1.05rem;line-height:1.35}
.fc-sure{font-weight:400;opacity:.75;font-size:.9rem}
.fc-bars{display:grid;grid-template-columns:4.6rem 1fr 2.6rem;gap:.2rem .5rem;align-items:center;
 font-size:.82rem;line-height:1.25}
.fc-track{height:.55rem;border-radius:.3rem;overflow:hidden;
 background:color-mix(in srgb,currentColor 10%,transparent)}
.fc-fill{height:100%;border-radius:.3rem;
 box-shadow:inset 0 0 0 1px color-mix(in srgb,currentColor 25%,transparent)}
.fc-share{text-align:right;font-variant-numeric:tabular-nums;opacity:.85}
.fc-gap{grid-column:1/-1;height:.35rem}
.fc-top{font-weight:600}
</style>"""


def build_face_cards(faces: Sequence[Face], thumbnails: Sequence[bytes], name: str = "Face") -> str:
    """Return the cards of all faces as one piece of HTML.

    Args:
        faces: numbered from 1 in this order.
        thumbnails: one JPEG file per face.
        name: the word before the number.
    """
    cards = "".join(
        _build_card(f"{name} {number}", face, thumbnail)
        for number, (face, thumbnail) in enumerate(zip(faces, thumbnails, strict=True), start=1)
    )
    return f'{_STYLE}<div class="fc-faces" role="list">{cards}</div>'


def to_data_uri(jpeg: bytes) -> str:
    """Return a JPEG file as an address that an image tag or an image column shows."""
    return f"data:image/jpeg;base64,{b64encode(jpeg).decode()}"


def _build_card(title: str, face: Face, thumbnail: bytes) -> str:
    answers = {task: face.predictions[task] for task in TASKS if task in face.predictions}
    words = "".join(f'<div class="fc-word">{_describe(t, p)}</div>' for t, p in answers.items())
    bars = '<div class="fc-gap"></div>'.join(_build_bars(p) for p in answers.values())
    return (
        '<div class="fc-face" role="listitem"><div class="fc-head">'
        f'<img src="{to_data_uri(thumbnail)}" alt="{escape(title)}">'
        f'<div><div class="fc-number">{escape(title)}</div>{words or "No prediction"}</div></div>'
        f'<div class="fc-bars">{bars}</div></div>'
    )


def _describe(task: Task, prediction: Prediction) -> str:
    word, sure = escape(display_answer(task, prediction.label)), f"{prediction.confidence:.0%}"
    if prediction.label == UNDECIDED:
        sure = f"most likely {escape(display_name(prediction.top_label))} {sure}"
    return f'{word} <span class="fc-sure">{sure}</span>'


def _build_bars(prediction: Prediction) -> str:
    rows = []
    colors = compute_colors(order_labels(prediction.labels))
    for label, share in prediction.probabilities.items():
        top = " fc-top" if label == prediction.top_label else ""
        rows.append(
            f'<div class="fc-label{top}">{escape(display_name(label))}</div>'
            f'<div class="fc-track"><div class="fc-fill" '
            f'style="width:{share:.1%};background:{colors[label]}"></div></div>'
            f'<div class="fc-share{top}">{share:.0%}</div>'
        )
    return "".join(rows)
