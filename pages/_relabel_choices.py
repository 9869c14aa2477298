"""What the Relabel page is set to: data set, person, and which part of the queue."""

import streamlit as st

from facecore.own_data_store import is_own_dataset
from facecore.relabel_decisions import MAX_WHO_CHARS, NOT_A_FACE, clean_name
from facecore.relabel_queue import REASONS, filter_queue
from pages._relabel_card import show_name
from pages._relabel_data import Material, list_titles

_ANY = "any"
_REASON_NAMES = {"network": "Networks", "crowd": "Crowd", "copies": "Copies", "blank": "Blank"}
_NAMED = "relabel_num_named"
_KEYS = {"dataset": "relabel_dataset", "label": "relabel_label", "seen": "relabel_seen"}
_MODELS_ON_SHIPPED = (
    "They were trained on these very pictures, so their agreement with a label says less than a "
    "network's that had not seen it."
)
_MODELS_ON_OWN = (
    "The shipped networks never saw these pictures, and know the shipped labels only. A model that "
    "was trained here on these pictures has seen them, so its agreement says less."
)


def take_link() -> None:
    """Set the choices to what the address says, such as a cell of the comparison page."""
    if not set(_KEYS) & set(st.query_params):
        return
    for name, key in _KEYS.items():
        st.session_state[key] = st.query_params.get(name, _ANY if name != "dataset" else None)
    st.session_state["relabel_section"] = "Decide"
    st.query_params.clear()


def choose_dataset() -> str:
    """Return the name of a data set that has training pictures."""
    titles = list_titles()
    if st.session_state.get(_KEYS["dataset"]) not in titles:
        st.session_state[_KEYS["dataset"]] = next(iter(titles))
    name: str = st.selectbox(
        "Data set",
        list(titles),
        format_func=lambda name: titles.get(name, name),
        key=_KEYS["dataset"],
        persist_state="session",
    )
    return name


def _choose_who() -> str:
    """Return the person's name; empty until it is given."""
    # A form, so that letters meant as answers are no name until somebody says so. In another place
    # after each name it is a new one, which the cursor has left: the keys answer from then on.
    places = st.container(gap=None), st.container(gap=None)
    with (
        places[st.session_state.setdefault(_NAMED, 0) % 2],
        st.form("relabel_who_form", border=False),
        st.container(horizontal=True, vertical_alignment="bottom", gap="small"),
    ):
        text = st.text_input(
            "Your name",
            key="relabel_who",
            max_chars=MAX_WHO_CHARS,
            persist_state="session",
            autocomplete="name",
        )
        st.form_submit_button("OK", key="relabel_who_ok", on_click=_count_name)
    st.caption("After OK or Enter, the keys answer.")
    return clean_name(text)


def _count_name() -> None:
    st.session_state[_NAMED] += 1


def choose_queue(material: Material) -> tuple[str, list[str]]:
    """Return the person's name, and the ids of the chosen part of the queue in its order."""
    labels = [*material.dataset.labels, _ANY]
    options = {_KEYS["label"]: labels, _KEYS["seen"]: [*labels[:-1], NOT_A_FACE, _ANY]}
    for key, words in options.items():
        if st.session_state.get(key) not in words:
            st.session_state[key] = _ANY
    available = [reason for reason in REASONS if material.queue[reason].any()]
    zero, one, two, three = st.columns([3, 2, 2, 3])
    with zero:
        who = _choose_who()
    label = one.selectbox(
        "Labelled",
        options[_KEYS["label"]],
        format_func=_word,
        key=_KEYS["label"],
        persist_state="session",
    )
    seen = two.selectbox(
        "May show",
        options[_KEYS["seen"]],
        format_func=_word,
        key=_KEYS["seen"],
        persist_state="session",
    )
    reasons = three.pills(
        "Doubted by",
        available,
        selection_mode="multi",
        default=available,
        format_func=_REASON_NAMES.get,
        key=f"relabel_reasons_{material.dataset.name}_{'_'.join(available)}",
    )
    st.toggle(
        "Ask the models too",
        key="relabel_ask_models",
        help=_MODELS_ON_OWN if is_own_dataset(material.dataset.name) else _MODELS_ON_SHIPPED,
    )
    chosen = filter_queue(material.queue, reasons, _or_none(label), _or_none(seen))
    return who, [str(image) for image in chosen["sample_id"]]


def _word(label: str) -> str:
    return "Any" if label == _ANY else show_name(label)


def _or_none(label: str) -> str | None:
    return None if label == _ANY else label
