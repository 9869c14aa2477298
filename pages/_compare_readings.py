"""The reader's own pictures, read by every chosen model: inputs, readings, crops."""

from collections.abc import Mapping

import streamlit as st

from facecore.annotation import AnnotationOptions, annotate
from facecore.eye_test import Reading, read_faces
from facecore.media import encode_image
from facecore.preprocessing import crop_box, square_box
from facecore.registry import GENDER_MODEL, ModelCard, find_bundle, load_card
from pages._cache import remember
from pages._photo_inputs import PHOTO_TYPES
from pages._photo_pictures import PhotoInput, load_frame, to_input
from pages._photo_turns import take_turn
from pages._sidebar import expression_cards
from pages._ui import load_classifiers
from pages._waiting import describe_waiting

_KEPT = 60
_MARGIN = 0.3
_MAX_UPLOAD_MB = 100
_SOURCES = {"upload": ":material/upload: Upload", "camera": ":material/photo_camera: Camera"}


def list_readers() -> dict[str, ModelCard]:
    """Return the models to ask: those chosen at the page's head, else those for pictures."""
    cards = {card.name: card for card in expression_cards()[0]}
    offered = [name for name, card in cards.items() if card.role == "general"]
    chosen = st.session_state.get("compare_models_chosen") or offered
    return {name: card for name, card in cards.items() if name in chosen}


def short_titles(cards: dict[str, ModelCard]) -> dict[str, str]:
    """Return the words before the colon of each title, or the names where those repeat."""
    short = {name: card.title.partition(":")[0].strip() for name, card in cards.items()}
    return short if len(set(short.values())) == len(short) else {name: name for name in cards}


def ask_picture(slot: str, words: str) -> None:
    """Draw an upload or a camera; what comes in is kept under the slot while pages change."""
    source = st.segmented_control(
        "Where the picture comes from",
        list(_SOURCES),
        default="upload",
        required=True,
        format_func=_SOURCES.get,
        key="eye_source",
        label_visibility="collapsed",
        persist_state="session",
    )
    key = f"eye_{source}_{slot}"
    if source == "camera":
        st.camera_input(words, key=key, on_change=_keep, args=(key, slot), width=480)
    else:
        st.file_uploader(
            words,
            PHOTO_TYPES,
            key=key,
            on_change=_keep,
            args=(key, slot),
            max_upload_size=_MAX_UPLOAD_MB,
        )


def kept_pictures() -> dict[str, PhotoInput]:
    """Return slot -> picture."""
    return dict(st.session_state.get("eye_pictures", {}))


def forget_picture(*slots: str) -> None:
    """Take pictures away again."""
    for slot in slots:
        st.session_state["eye_pictures"].pop(slot, None)


def _keep(key: str, slot: str) -> None:
    if (file := st.session_state[key]) is not None:
        pictures = st.session_state.setdefault("eye_pictures", {})
        pictures[slot] = to_input(file.name, file.getvalue())


def read_picture(item: PhotoInput, readers: Mapping[str, ModelCard], with_gender: bool) -> Reading:
    """Return every model's answers for the picture's faces; the networks open at the first one.

    Args:
        item: the picture.
        readers: the expression models to ask, by name.
        with_gender: whether to ask for gender too.

    Raises:
        FaceCoreError: if the picture or a network cannot be used.
    """
    cards = [*readers.values(), *([load_card(find_bundle(GENDER_MODEL))] if with_gender else [])]

    def read() -> Reading:
        networks = load_classifiers(*(card.name for card in cards))
        gender = networks.pop() if with_gender else None
        place = st.empty()
        with take_turn(lambda num_ahead: place.caption(describe_waiting(num_ahead, "picture"))):
            place.empty()
            with st.spinner("Reading the faces …"):
                return read_faces(load_frame(item), networks, gender)

    # Another network may have been published under the same name meanwhile.
    networks = tuple((card.name, card.sha256) for card in cards)
    return remember("eye_readings", (item.key, networks), read, _KEPT)


def cut_faces(item: PhotoInput, reading: Reading) -> list[bytes]:
    """Return one JPEG file per face."""

    def cut() -> list[bytes]:
        boxes = [square_box(face.xyxy, _MARGIN) for face in reading.result.faces]
        return [encode_image(crop_box(load_frame(item), box), "jpeg") for box in boxes]

    boxes = tuple(face.xyxy for face in reading.result.faces)
    return remember("eye_faces", (item.key, boxes), cut, _KEPT)


def draw_numbers(item: PhotoInput, reading: Reading) -> bytes:
    """Return the picture with a number at each face as JPEG file."""

    def draw() -> bytes:
        options = AnnotationOptions(show_labels=False)
        return encode_image(annotate(load_frame(item), reading.result, options), "jpeg")

    boxes = tuple(face.xyxy for face in reading.result.faces)
    return remember("eye_drawn", (item.key, boxes), draw, 4)
