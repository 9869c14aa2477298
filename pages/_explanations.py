"""Why this answer: a heat map over one face, made when somebody asks for it."""

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import streamlit as st

from facecore.heat_maps import draw_heat_map
from facecore.labels import display_name
from facecore.media import encode_image
from facecore.preprocessing import UInt8Array, to_batch
from facecore.results import Prediction
from pages._cache import remember
from pages._ui import error_box, load_classifiers, plain

TITLE = "What moved the network?"
WARNING = (
    "The map is coarse and shows only **where** in the picture this network's answer came from. It "
    "does not show what the network made of it, whether the answer is right, or what the person "
    "feels; another network, or the same face cut out a little differently, can give another map."
)

_KEPT_MAPS = 60
_NOTHING = ""


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A face and the answer that is to be explained.

    Args:
        key: identifies the picture in memory.
        model: name of the bundle that answered.
        prediction: its answer.
        seen: the part of the picture that the network saw, uint8 array (h, w, 3) BGR or (h, w).
        shown: the same part as it may be shown; unrecognisable where faces are hidden.
        against: the label that the answer is compared with at first; None: none.
    """

    key: Hashable
    model: str
    prediction: Prediction
    seen: UInt8Array
    shown: UInt8Array
    against: str | None = None


def show_explanation(subject: Subject, place: str) -> None:
    """Let the user choose "why this" and "not that", and show the map.

    Args:
        subject: the face.
        place: where on the dashboard, for the widgets' keys.
    """
    shares = subject.prediction.probabilities
    labels = sorted(shares, key=lambda name: -shares[name])
    state = f"{place}_{subject.model}_{subject.key}"
    picture, beside = st.columns([2, 3], gap="medium")
    with beside:
        label = st.selectbox(
            "Why",
            labels,
            format_func=lambda name: f"{display_name(name)} ({shares.get(name, 0):.0%})",
            key=f"why_{state}",
        )
        others = [_NOTHING, *(name for name in labels if name != label)]
        against = st.selectbox(
            "and not",
            others,
            index=others.index(subject.against) if subject.against in others else 0,
            format_func=lambda name: display_name(name) if name else "(by itself)",
            key=f"why_not_{state}_{label}",
        )
    with error_box():
        heat = _compute(subject, label, against or None)
        with picture:
            file = encode_image(draw_heat_map(subject.shown, heat), "png")
            st.image(file, width=320, alt=_describe(label, against))
        with beside:
            if heat.any():
                st.markdown(_describe(label, against))
            else:
                st.info(f"No part of this picture spoke for {plain(display_name(label))}.")
            st.caption(WARNING)


def _compute(subject: Subject, label: str, against: str | None) -> npt.NDArray[np.float32]:
    (classifier,) = load_classifiers(subject.model)

    def make() -> npt.NDArray[np.float32]:
        from facecore.explain import compute_heat_map  # brings Keras, as the classifier does

        (image,) = to_batch([subject.seen], classifier.card.input)
        with st.spinner("Looking into the network …"):
            return compute_heat_map(classifier.model, classifier.card.labels, image, label, against)

    key = (subject.key, subject.model, classifier.card.sha256, label, against)
    return remember("heat_maps", key, make, _KEPT_MAPS)


def _describe(label: str, against: str) -> str:
    word = plain(display_name(label))
    if not against:
        return f"**Orange**: what spoke for {word}."
    other = plain(display_name(against))
    return (
        f"**Orange**: what spoke for {word} rather than {other}. **Blue**: what spoke for {other}."
    )
