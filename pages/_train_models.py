"""The section Models: what was trained here, how good it is; download, rename, delete."""

from pathlib import Path

import streamlit as st

from facecore.comparison import EvaluationKey
from facecore.datasets import find_split_info
from facecore.errors import InvalidModelCardError
from facecore.labels import display_name
from facecore.own_models import delete_model, list_own_models, pack_model, rename_model
from facecore.registry import ModelCard, load_card
from pages._ui import Download, download_buttons, error_box, plain, show_error


def show_models() -> None:
    """Show the users' models."""
    bundles = list_own_models()
    if not bundles:
        st.info("No model was trained here yet.", icon=":material/info:")
        return
    st.caption(
        "These stand in every list of models, on the page Compare too, beside the shipped ones."
    )
    for bundle in bundles:
        with st.container(border=True, key=f"train_model_{bundle.name}"), error_box():
            try:
                _show_model(load_card(bundle), bundle)
            except InvalidModelCardError as error:
                show_error(str(error))


def _name_split(evaluation: str) -> str:
    key = EvaluationKey.from_folder(evaluation)
    split = find_split_info(key.dataset, key.split)
    return split.title if split else evaluation  # the pictures were deleted


def _show_model(card: ModelCard, bundle: Path) -> None:
    labels = ", ".join(map(display_name, card.labels))
    st.markdown(f"**{plain(card.title)}**")
    st.caption(f"{display_name(card.task)}: {plain(labels)} · `{card.name}`")
    for name, numbers in card.metrics.items():
        low, high = numbers["accuracy_interval"]
        st.markdown(
            f"**{numbers['accuracy']:.1%}** right ({low:.1%} to {high:.1%}) of "
            f"{numbers['num_images']:,} pictures of {plain(_name_split(name))}"
        )
    for source in card.training.get("datasets", ()):
        if told := source.get("corrections"):
            st.markdown(
                f"Trained with corrections: {told['num_relabelled']:,} relabelled, "
                f"{told['num_left_out']:,} left out as no face, {told['num_kept']:,} confirmed "
                f"(`{told['file']}`)."
            )
    with st.container(horizontal=True, gap="small"):
        download_buttons(
            [
                Download(
                    "Download",
                    lambda: pack_model(bundle.name),
                    f"{bundle.name}.zip",
                    "application/zip",
                    f"train_pack_{bundle.name}",
                )
            ]
        )
        with st.popover("Rename", icon=":material/edit:", key=f"train_ask_rename_{bundle.name}"):
            title = st.text_input(
                "New name", card.title, max_chars=60, key=f"train_new_name_{bundle.name}"
            )
            if st.button("Rename for everybody", key=f"train_rename_{bundle.name}"):
                rename_model(bundle.name, title)
                st.rerun()
        with st.popover("Delete", icon=":material/delete:", key=f"train_ask_drop_{bundle.name}"):
            st.write("The model goes for good, with the training that made it; its pictures stay.")
            if st.button("Delete for everybody", key=f"train_remove_{bundle.name}"):
                delete_model(bundle.name)
                st.rerun()
