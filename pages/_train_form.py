"""The section New training: what is learned, from what, how; the minutes it will take; start."""

from typing import Any

import streamlit as st

from facecore.errors import FaceCoreError
from facecore.label_sets import order_labels
from facecore.labels import display_name
from facecore.own_data_store import OwnData, list_own_data
from facecore.registry import ModelCard, list_cards
from facecore.relabel_choice import name_corrections, store_corrections
from facecore.relabel_decisions import Decision, to_decisions_csv
from facecore.training_config import (
    Balance,
    TrainingForm,
    build_values,
    choose_defaults,
    count_images,
    to_toml,
)
from facecore.training_runs import create_run
from facecore.user_files import to_name, user_models_dir
from pages._train_corrections import choose_corrections
from pages._train_estimate import show_estimate
from pages._ui import Download, download_buttons, error_box, plain, show_error

_ANEW = ""
_PROBLEM = "train_problem"
_BALANCES: dict[Balance, str] = {
    "as is": "As it is",
    "equal numbers": "Equal numbers",
    "weights": "Weights",
}
_MOST_PER_LABEL = 50_000
_SIDES = (48, 64, 96, 128)
_WIDTHS = {8: "tiny", 16: "small", 32: "normal", 64: "large"}


def show_form() -> None:
    """Ask what to train, and start it."""
    kept = {data.name: data for data in list_own_data()}
    if not kept:
        st.info(
            "There are no kept pictures yet: bring some in the section “Pictures”.",
            icon=":material/info:",
        )
        return
    name = st.selectbox(
        "Pictures",
        list(kept),
        format_func=lambda name: kept[name].title if name in kept else name,
        key="train_chosen_data",
        persist_state="session",
    )
    data = kept[name]
    labels = st.pills(
        "Labels to learn",
        list(data.labels),
        selection_mode="multi",
        default=list(data.labels),
        format_func=lambda label: plain(display_name(label)),
        key=f"train_labels_{name}",
        help="Any two or more. What is left out, the model never answers.",
    )
    start = _choose_start(data)
    if len(labels) < 2:
        st.info("Choose at least two labels.", icon=":material/info:")
        return
    chosen = order_labels(label for label in data.labels if label in labels)
    form, decisions = _fill_form(data, chosen, start)
    with error_box():
        values = build_values(form, data)
        show_estimate(values, *count_images(values, data, decisions))
        _show_start(values, decisions)


def _choose_start(data: OwnData) -> ModelCard | None:
    offered = list_cards(task=data.task, role="general")
    cards = {card.name: card for card in offered if _has_start(card)}
    chosen = st.selectbox(
        "Begin with",
        [*cards, _ANEW],
        format_func=lambda name: cards[name].title if name in cards else "A new network",
        key=f"train_start_{data.task}",
        persist_state="session",
        help="A network that knows faces already needs far fewer pictures and epochs. "
        "Labels that it does not know begin anew. A new network knows nothing and needs "
        "thousands of pictures.",
    )
    return cards.get(chosen)


def _has_start(card: ModelCard) -> bool:
    """Tell whether the card says enough to build the same layers again."""
    return "base_width" in card.training.get("config", {})


def _fill_form(
    data: OwnData, labels: tuple[str, ...], start: ModelCard | None
) -> tuple[TrainingForm, tuple[Decision, ...]]:
    title = st.text_input(
        "Name of the new model", f"{data.title} model", max_chars=60, key=f"train_title_{data.name}"
    )
    numbers = [data.counts[label].get("train", 0) for label in labels]
    defaults = choose_defaults(start, sum(numbers))
    balance: Balance = st.segmented_control(
        "Balance of the labels",
        list(_BALANCES),
        default="weights" if max(numbers) >= 3 * max(1, min(numbers)) else "as is",
        required=True,
        format_func=lambda name: _BALANCES[name],
        key=f"train_balance_{data.name}",
        help="As it is: every picture once. Equal numbers: exactly so many of each label, "
        "repeating where there are fewer (the paper's Model 3 has 4,000). Weights: mistakes "
        "on rare labels count more.",
    )
    per_class = 0
    if balance == "equal numbers":
        per_class = st.number_input(
            "Pictures of each label",
            10,
            _MOST_PER_LABEL,
            min(_MOST_PER_LABEL, sorted(numbers)[len(numbers) // 2]),
            key=f"train_number_{data.name}",
        )
    with st.expander("Advanced settings", icon=":material/tune:"):
        advanced = _ask_advanced(f"{data.name}_{start.name if start else 'new'}", start, defaults)
        decisions = choose_corrections(data)
    corrections = name_corrections(decisions) if decisions else ""
    form = TrainingForm(
        title, labels, start, balance, per_class, corrections=corrections, **advanced
    )
    return form, decisions


def _ask_advanced(key: str, start: ModelCard | None, defaults: dict[str, Any]) -> dict[str, Any]:
    left, right = st.columns(2)
    with left:
        epochs = st.number_input(
            "Epochs", 1, 200, defaults["epochs"], key=f"train_epochs_{key}", help="Passes over all."
        )
        rate = st.number_input(
            "Learning rate",
            0.00001,
            0.05,
            defaults["learning_rate"],
            0.0001,
            format="%.5f",
            key=f"train_rate_{key}",
        )
        batch = st.select_slider(
            "Pictures per step",
            [8, 16, 32, 64, 128],
            defaults["batch_size"],
            key=f"train_batch_{key}",
        )
        seed = st.number_input("Seed", 0, 10_000, 1, key=f"train_seed_{key}")
    with right:
        side, width = 48, 32
        if start is None:
            side = st.selectbox(
                "Side of a face in pixels",
                _SIDES,
                key=f"train_side_{key}",
                help="Larger is slower.",
            )
            width = st.selectbox(
                "Size of the network",
                list(_WIDTHS),
                index=2,
                format_func=lambda n: _WIDTHS[n],
                key=f"train_width_{key}",
            )
        dropout = st.slider("Dropout", 0.0, 0.6, 0.2, 0.05, key=f"train_dropout_{key}")
        smoothing = st.slider("Label smoothing", 0.0, 0.3, 0.05, 0.01, key=f"train_smoothing_{key}")
        augment = st.toggle(
            "Change pictures at random",
            True,
            key=f"train_augment_{key}",
            help="Mirror, shift, zoom, turn and light them a little; a network then learns faces, "
            "not files.",
        )
    return {
        "epochs": int(epochs),
        "learning_rate": float(rate),
        "batch_size": int(batch),
        "side": int(side),
        "base_width": int(width),
        "dropout": float(dropout),
        "label_smoothing": float(smoothing),
        "augment": bool(augment),
        "seed": int(seed),
    }


def _start(values: dict[str, Any], decisions: tuple[Decision, ...]) -> None:
    """Start and turn to the trainings; a callback, since it sets another widget's value."""
    try:
        if decisions:
            store_corrections(values["dataset"], values["train_split"], decisions)
        create_run(values)
    except FaceCoreError as error:
        st.session_state[_PROBLEM] = str(error)
    else:
        st.session_state["train_section"] = "Trainings"


def _show_start(values: dict[str, Any], decisions: tuple[Decision, ...]) -> None:
    name = to_name(values["title"]) or "model"
    st.button(
        "Start training",
        type="primary",
        icon=":material/model_training:",
        key="train_begin",
        on_click=_start,
        args=(values, decisions),
    )
    if problem := st.session_state.pop(_PROBLEM, None):
        show_error(problem)
    downloads = [
        Download(
            "Config file",
            to_toml({**values, "name": name}).encode(),
            f"{name}.toml",
            "application/toml",
            "train_config_download",
        )
    ]
    if decisions:
        csv = to_decisions_csv(decisions)
        file = values["corrections"]
        downloads.append(Download("Corrections", csv, file, "text/csv", "train_corrections_csv"))
    download_buttons(downloads)
    st.caption(
        "The config file repeats this training on the command line: "
        f"`python training/train.py --config {name}.toml --models-dir {user_models_dir()}`."
    )
