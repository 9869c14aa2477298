"""The sidebar: which model, how faces are searched, what is drawn; kept while pages change."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import streamlit as st

from facecore.annotation import AnnotationOptions
from facecore.detection import CASCADES, HaarOptions
from facecore.errors import InvalidModelCardError
from facecore.labels import Task
from facecore.live import LIVE_PIPELINE
from facecore.model_titles import tell_apart
from facecore.pipeline import PHOTO_PIPELINE, VIDEO_PIPELINE, PipelineOptions
from facecore.registry import GENDER_MODEL, ModelCard, Role, iter_cards, list_cards
from pages._thresholds import choose_thresholds, read_thresholds
from pages._ui import device_text, error_box, plain, show_error

Medium = Literal["photo", "video", "live"]

_PIPELINES: dict[Medium, PipelineOptions] = {
    "photo": PHOTO_PIPELINE,
    "video": VIDEO_PIPELINE,
    "live": LIVE_PIPELINE,
}

_CASCADE_NAMES = {
    "alt2": "alt2 (recommended)",
    "alt": "alt",
    "default": "default (loosest)",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What the sidebar is set to.

    Args:
        expression_model: the bundle's name; None where no expression model is installed.
        gender_model: the bundle's name.
        pipeline: search, tracking and smoothing for this page's medium.
        annotation: what is drawn, and whether faces are hidden.
        thresholds: bundle name -> confidence below which its answers are shown as undecided.
        checksums: bundle name -> its network's sha256, of every usable model.
    """

    expression_model: str | None
    gender_model: str
    pipeline: PipelineOptions
    annotation: AnnotationOptions
    thresholds: Mapping[str, float] = field(default_factory=dict)
    checksums: Mapping[str, str] = field(default_factory=dict)

    @property
    def models(self) -> tuple[str, ...]:
        """The bundles to load, expression first."""
        names = (self.expression_model, self.gender_model)
        return tuple(name for name in names if name is not None)

    @property
    def used_checksums(self) -> dict[str, str]:
        """Of the models to load that are usable, bundle name -> its network's sha256."""
        return {name: self.checksums[name] for name in self.models if name in self.checksums}

    def thresholds_for(
        self, expression_model: str | None, gender_model: str | None
    ) -> dict[Task, float]:
        """Return the thresholds per task where these models answer."""
        names: dict[Task, str | None] = {"expression": expression_model, "gender": gender_model}
        return {t: self.thresholds[name] for t, name in names.items() if name in self.thresholds}

    def thresholds_since(self, earlier: "Settings") -> dict[Task, float]:
        """Return today's thresholds per task of the networks that answered with earlier settings.

        A task is missing where its network is gone or another one has its name now.
        """
        same = {
            name for name, sha256 in earlier.checksums.items() if sha256 == self.checksums.get(name)
        }
        used = (earlier.expression_model, earlier.gender_model)
        return self.thresholds_for(*(name if name in same else None for name in used))


def sidebar(medium: Medium) -> Settings:
    """Draw the sidebar for a page and return what is chosen."""
    base = _PIPELINES[medium]
    with st.sidebar:
        model = _choose_expression_model()
        gender = _choose_gender_model()
        flip = _choose_flip(medium)
        annotation = _choose_annotation(medium)
        cards = {card.name: card for card in list_cards(role="general")}
        thresholds = choose_thresholds(cards, [name for name in (model, gender) if name])
        haar = _choose_detection(medium, base.haar)
        smoothing = base.smoothing
        if medium != "photo":
            smoothing = _choose_smoothing(medium, base.smoothing)
    settings = Settings(
        expression_model=model,
        gender_model=gender,
        pipeline=replace(base, haar=haar, smoothing=smoothing, flip=flip),
        annotation=annotation,
        thresholds=thresholds,
        checksums={name: card.sha256 for name, card in cards.items()},
    )
    decided = replace(settings.pipeline, thresholds=settings.thresholds_for(model, gender))
    return replace(settings, pipeline=decided)


def follow_today() -> Callable[[Settings], Settings]:
    """Return what gives settings the thresholds last set on any page, also without a sidebar."""
    cards = {card.name: card for card in list_cards(role="general")}
    checksums = {name: card.sha256 for name, card in cards.items()}
    thresholds = read_thresholds(cards)
    return lambda earlier: replace(earlier, thresholds=thresholds, checksums=checksums)


def device_line() -> None:
    """Say at the sidebar's end which device runs; call it last, the first call takes seconds."""
    with st.sidebar, error_box():
        with st.spinner("Starting the networks …"):
            text = device_text()
        st.caption(f":material/memory: {plain(text)}")


def expression_cards(role: Role | None = None) -> tuple[list[ModelCard], list[str]]:
    """Return the usable expression models, and one sentence for every bundle that is not.

    Args:
        role: "general" for those that are offered for pictures; None for all.
    """
    cards, problems = [], []
    for bundle, card in iter_cards():
        if isinstance(card, InvalidModelCardError):
            if bundle.name != GENDER_MODEL:  # told where it is loaded
                problems.append(str(card))
        elif card.task == "expression" and role in (None, card.role):
            cards.append(card)
    return cards, problems


def _choose_expression_model() -> str | None:
    cards, problems = expression_cards("general")
    for problem in problems:
        show_error(problem)
    if not cards:
        show_error(
            "There is no expression model in the models folder, so expressions cannot be "
            "predicted; restore the folder or train one with training/train.py."
        )
        return None
    titles = tell_apart({card.name: card.title for card in cards})
    return st.selectbox(
        "Expression model",
        list(titles),
        format_func=lambda name: titles.get(name, name),
        key="expression_model",
        persist_state="session",
        help="Model 1 knows all seven expressions. Models 2 and 3 were trained without Disgust; "
        "model 3 on equally many pictures of each expression.",
    )


def _choose_gender_model() -> str:
    """Return the gender model; where users trained others, let the user choose."""
    cards = list_cards(task="gender", role="general")
    titles = tell_apart({card.name: card.title for card in cards})
    if set(titles) <= {GENDER_MODEL}:
        return GENDER_MODEL  # a damaged one is told where it is loaded
    return st.selectbox(
        "Gender model",
        sorted(titles, key=lambda name: name != GENDER_MODEL),
        format_func=lambda name: titles.get(name, name),
        key="sidebar_gender_model",
        persist_state="session",
        help="The shipped one, and those that users of this server trained.",
    )


def _choose_flip(medium: Medium) -> bool:
    return st.toggle(
        "Read mirror images too",
        False,
        key=f"flip_{medium}",
        persist_state="session",
        help="Each face is read a second time as its mirror image, and the two answers are "
        "averaged: right a little more often, for twice the networks' time.",
    )


def _choose_annotation(medium: Medium) -> AnnotationOptions:
    with st.expander("Display", icon=":material/palette:", expanded=True, key="display_section"):
        hide = st.segmented_control(
            "Hide faces",
            ["none", "blur", "pixelate"],
            default="none",
            required=True,
            format_func=str.capitalize,
            key=f"hide_faces_{medium}",
            persist_state="session",
            width="stretch",
            help="Makes every face unrecognisable in what is shown and downloaded. The statistics "
            "stay as they are.",
        )
        labels = st.toggle(
            "Words at the boxes", True, key=f"show_labels_{medium}", persist_state="session"
        )
        confidence = st.toggle(
            "Confidence at the boxes",
            True,
            key=f"show_confidence_{medium}",
            persist_state="session",
            disabled=not labels,
        )
    return AnnotationOptions(
        show_labels=labels,
        show_confidence=confidence,
        hide_faces=None if hide == "none" else hide,
    )


def _choose_detection(medium: Medium, base: HaarOptions) -> HaarOptions:
    with st.expander("Detection", icon=":material/frame_person:", key="detection_section"):
        st.caption("How faces are searched (Haar cascades by Viola and Jones).")
        cascade = st.selectbox(
            "Cascade",
            list(CASCADES),
            format_func=lambda name: _CASCADE_NAMES.get(name, name),
            key=f"cascade_{medium}",
            persist_state="session",
            help="The trained face pattern. alt2 finds most faces with the fewest false boxes; "
            "default draws more false boxes.",
        )
        scale_factor = st.slider(
            "Scale factor",
            1.05,
            1.5,
            base.scale_factor,
            0.05,
            key=f"scale_factor_{medium}",
            persist_state="session",
            help="The step between searched face sizes. Nearer to 1 finds more and takes longer.",
        )
        neighbors = st.slider(
            "Neighbours",
            1,
            15,
            base.min_neighbors,
            key=f"neighbors_{medium}",
            persist_state="session",
            help="How many overlapping hits make a face. Higher means fewer false boxes, but "
            "faint faces are missed.",
        )
        smallest = st.slider(
            "Smallest face (% of the picture)",
            1,
            50,
            round(base.min_face_fraction * 100),
            key=f"smallest_face_{medium}",
            persist_state="session",
            help="The smallest face that is searched, as a share of the picture's shorter side. "
            "Larger is faster and gives fewer false boxes; group photos need a small value.",
        )
    return replace(
        base,
        cascade=cascade,
        scale_factor=scale_factor,
        min_neighbors=neighbors,
        min_face_fraction=smallest / 100,
    )


def _choose_smoothing(medium: Medium, default: float) -> float:
    return st.slider(
        "Smoothing (seconds)",
        0.0,
        2.0,
        default,
        0.1,
        key=f"smoothing_{medium}",
        persist_state="session",
        help="A person's expression is looked at a few times a second (5 in videos, 9 on Live, at "
        "most) and averaged over about so long: 0 takes every frame by itself, higher values "
        "follow changes more slowly. The word changes only when another one leads clearly.",
    )
