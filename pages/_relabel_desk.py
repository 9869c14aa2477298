"""One doubtful picture after another, decided with a key or a click; everything can be undone."""

from collections.abc import Sequence

import streamlit as st

from facecore.images import encode_image
from facecore.relabel_decisions import (
    NOT_A_FACE,
    Decision,
    load_person,
    to_decisions_csv,
)
from facecore.relabel_queue import REASONS
from pages._relabel_card import DoubtCard, build_alike, build_doubt_card, show_name
from pages._relabel_data import Material, ask_models
from pages._relabel_steps import DeskState, get_state, skip, take, take_error, undo
from pages._relabel_together import tell_use
from pages._ui import Download, download_buttons, error_box, plain, show_error

KEYS_NOTE = (
    "Keys: **K** keep, **1**-**9** the label with that number, **N** not a face, **S** skip, "
    "**U** undo. They work while no text field has the cursor."
)
_NUM_ALIKE = 8
_MAX_DIGIT = 9
OUT_OF_SAMPLE = "A network that had not seen it"


@st.fragment
def show_desk(material: Material, who: str, queue_ids: Sequence[str]) -> None:
    """Show the next picture of the queue with its buttons.

    Args:
        material: pictures and doubts.
        who: the person who decides.
        queue_ids: the pictures to decide, in order.
    """
    with error_box():
        _show_next(material, who, queue_ids)


def _show_next(material: Material, who: str, queue_ids: Sequence[str]) -> None:
    dataset = material.dataset
    state = get_state(material, who)
    mine = load_person(dataset.name, dataset.split, who)
    decided = {decision.image for decision in mine}
    if error := take_error():
        show_error(error)
    pending = [image for image in queue_ids if image not in decided]
    ahead = [image for image in pending if image not in state.skipped]
    num_done = len(queue_ids) - len(pending)
    text = f"{num_done:,} of {len(queue_ids):,} decided, {len(pending) - len(ahead):,} skipped"
    st.progress(num_done / max(1, len(queue_ids)), text=text)
    image = state.focus if state.focus in pending else next(iter(ahead), None)
    if image is None:
        _show_end(state, bool(pending))
    else:
        _show_card(material, material.row_of(image))
    _show_buttons(material, who, image, can_undo=bool(mine or state.skipped))
    if image is not None:
        _show_alike(material, material.row_of(image))
    if mine:
        _offer_csv(material, who, mine)
    state.note_drawn(image)


def _show_end(state: DeskState, has_skipped: bool) -> None:
    if not has_skipped:
        st.success("Every picture of this choice is decided.", icon=":material/check:")
        return
    st.info("Only skipped pictures are left of this choice.", icon=":material/redo:")
    st.button("Show the skipped ones again", key="relabel_unskip", on_click=state.skipped.clear)


def _show_card(material: Material, row: int) -> None:
    entry = material.queue[material.queue["row"] == row].iloc[0]
    image = material.dataset.image(row)
    answers = {}
    if probs := material.probs_of(row):
        answers[OUT_OF_SAMPLE] = probs
    if st.session_state.get("relabel_ask_models"):
        answers |= ask_models(material, row)
    card = DoubtCard(
        sample_id=str(entry["sample_id"]),
        label=material.label_of(row),
        png=encode_image(image, "png"),
        reasons=[words for reason, words in REASONS.items() if entry[reason]],
        answers=answers,
        votes=material.votes_of(row),
    )
    st.html(build_doubt_card(card, material.dataset.labels))


def _show_buttons(material: Material, who: str, image: str | None, can_undo: bool) -> None:
    """Draw a button per choice; the keys stand on them."""
    labels = material.dataset.labels
    label = None if image is None else material.label_of(material.row_of(image))
    with st.container(horizontal=True, gap="small"):
        if image is not None and label is not None:
            st.button(
                f"Keep {plain(show_name(label))}",
                key="relabel_keep",
                type="primary",
                icon=":material/check:",
                shortcut="K",
                on_click=take,
                args=(material, who, image, label),
            )
            for number, other in enumerate(labels, start=1):
                if other != label:
                    st.button(
                        plain(show_name(other)),
                        key=f"relabel_to_{other}",
                        shortcut=str(number) if number <= _MAX_DIGIT else None,
                        on_click=take,
                        args=(material, who, image, other),
                    )
            st.button(
                "Not a face",
                key="relabel_no_face",
                icon=":material/block:",
                shortcut="N",
                on_click=take,
                args=(material, who, image, NOT_A_FACE),
            )
            st.button(
                "Skip",
                key="relabel_skip",
                icon=":material/skip_next:",
                shortcut="S",
                on_click=skip,
                args=(material, who, image),
            )
        st.button(
            "Undo",
            key="relabel_undo",
            icon=":material/undo:",
            shortcut="U",
            disabled=not can_undo,
            on_click=undo,
            args=(material, who),
        )
    st.caption(KEYS_NOTE)


def _show_alike(material: Material, row: int) -> None:
    st.markdown("**The most similar pictures and their labels**")
    pictures = [
        (encode_image(material.dataset.image(other), "png"), material.label_of(other), cosine)
        for other, cosine in material.scan.find_alike(row, _NUM_ALIKE)
    ]
    st.html(build_alike(pictures))
    st.caption("Alike by brightness, point by point: a hint at copies and at the same person.")


def _offer_csv(material: Material, who: str, mine: Sequence[Decision]) -> None:
    dataset = material.dataset
    name = f"corrections_{dataset.name}_{dataset.split}.csv"
    download_buttons(
        [
            Download(
                f"My decisions as CSV ({len(mine):,})",
                lambda: to_decisions_csv(load_person(dataset.name, dataset.split, who)),
                name,
                "text/csv",
                "relabel_csv",
            )
        ]
    )
    st.caption(tell_use(dataset.name, name))
