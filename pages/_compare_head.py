"""The comparison page's head: which models, which images, which switches."""

from collections.abc import Sequence

import streamlit as st

from facecore.comparison import Comparison, EvaluationKey
from facecore.datasets import find_split_info, name_split
from facecore.datasets_info import describe_excluded
from facecore.label_sets import is_known
from facecore.model_titles import tell_apart
from pages._compare_choices import Choices
from pages._compare_data import Evaluated, list_evaluated, open_comparison
from pages._ui import error_box, plain

_DEFAULT_MODELS = 3
_PREFERRED = (EvaluationKey("fer2013", "test"), EvaluationKey("fer2013", "validation"))
_USES = ("report", "choose", "overview", "fit")
_BADGES = {"report": "green", "choose": "orange", "overview": "red", "fit": "red"}
_EVALUATE = "python -m facecore evaluate --model {name} --dataset {dataset} --split {split}"


def choose_comparison() -> tuple[Comparison | None, Choices]:
    """Draw the head and return what is chosen; None where there is nothing to compare."""
    models = list_evaluated()
    usable = [model for model in models if model.keys]
    comparison = None
    choices = Choices()
    if usable:
        with st.container(border=True, key="compare_head"):
            names = _choose_models(usable)
            chosen = [model for model in usable if model.card.name in names]
            key = _choose_split(chosen) if chosen else None
            choices = _choose_switches(chosen) if chosen else choices
        if not chosen:
            st.info("Choose at least one model above.", icon=":material/info:")
        elif key is not None:
            with error_box():
                comparison = open_comparison(names, key, choices.view)
                _show_split(comparison, chosen)
    else:
        st.info(
            "No expression model has an evaluation yet, so there is nothing to compare. The "
            "commands below make them.",
            icon=":material/info:",
        )
    _list_unevaluated([model for model in models if not model.keys])
    return comparison, choices


def _choose_models(usable: Sequence[Evaluated]) -> list[str]:
    titles = tell_apart({model.card.name: model.card.title for model in usable})
    short = {name: title.partition(":")[0] for name, title in titles.items()}
    if len(set(short.values())) < len(short):
        short = titles
    names: list[str] = st.pills(
        "Models",
        list(titles),
        selection_mode="multi",
        default=list(titles)[:_DEFAULT_MODELS],
        format_func=lambda name: plain(short.get(name, name)),
        key="compare_models_chosen",
        persist_state="session",
        help="; ".join(plain(title) for title in titles.values()),
    )
    return [name for name in titles if name in names]


def _choose_split(chosen: Sequence[Evaluated]) -> EvaluationKey | None:
    """Return the chosen images; the held-out ones first, where all models have them."""
    shared = set.intersection(*(set(model.keys) for model in chosen))
    keys = sorted(shared, key=_rank)
    if not keys:
        _tell_nothing_shared(chosen)
        return None
    key: EvaluationKey = st.selectbox(
        "Images",
        keys,
        format_func=lambda key: _describe_key(key),
        key="compare_split",
        persist_state="session",
        help="Held-out test images come first where every chosen model has them.",
    )
    return key


def _tell_nothing_shared(chosen: Sequence[Evaluated]) -> None:
    text = "The chosen models were not evaluated on the same images, so they cannot be compared; "
    others = [model.card.title for model in chosen if not _knows_common_labels(model)]
    if not others:
        text += "choose others, or evaluate them on the same data set:"
        st.warning(text, icon=":material/warning:")
        _show_commands(chosen)
        return
    whose = "labels of its own" if len(others) == 1 else "labels of their own"
    text += f"choose others. {plain(' and '.join(others))} {'has' if len(others) == 1 else 'have'} "
    st.warning(f"{text}{whose}, which no other data set's images have.", icon=":material/warning:")


def _knows_common_labels(model: Evaluated) -> bool:
    """Tell whether the data sets that everybody can have are labelled as the model answers."""
    return is_known("expression", model.card.labels)


def _rank(key: EvaluationKey) -> tuple[int, int, EvaluationKey]:
    preferred = _PREFERRED.index(key) if key in _PREFERRED else len(_PREFERRED)
    split = find_split_info(key.dataset, key.split)
    return preferred, _USES.index(split.use) if split else len(_USES), key


def _describe_key(key: EvaluationKey) -> str:
    split, title = find_split_info(key.dataset, key.split), name_split(key.dataset, key.split)
    return f"{title} ({split.badge})" if split and split.badge else title


def _choose_switches(chosen: Sequence[Evaluated]) -> Choices:
    some = set.union(*(set(model.card.labels) for model in chosen))
    every = set.intersection(*(set(model.card.labels) for model in chosen))
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        view = "all"
        if every < some:
            view = st.segmented_control(
                "Classes",
                ["all", "known"],
                default="all",
                required=True,
                format_func=lambda v: f"All {len(some)}" if v == "all" else f"Fair {len(every)}",
                key="compare_view",
                persist_state="session",
                help="Some models were never taught every class and always fail there. “Fair” "
                "leaves out the images of classes that not all chosen models know.",
            )
        orientation = st.segmented_control(
            "Rows of a matrix",
            ["truth", "predicted"],
            default="truth",
            required=True,
            format_func={"truth": "Label", "predicted": "Prediction"}.get,
            key="compare_orientation",
            persist_state="session",
            help="Usually a row is what the images are labelled. In the paper a row is what the "
            "model predicted.",
        )
        show_paper = st.toggle(
            "The paper's models beside them",
            key="compare_paper",
            persist_state="session",
            help="Adds the matrices and classes of the paper's three models wherever it has them.",
        )
    return Choices(view=view, orientation=orientation, show_paper=show_paper)


def _show_split(comparison: Comparison, chosen: Sequence[Evaluated]) -> None:
    """Say on which images everything below was computed, and what that is worth."""
    split = find_split_info(comparison.dataset, comparison.split)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if split is not None and split.badge:
            st.badge(split.badge, icon=":material/dataset:", color=_BADGES[split.use])
        words = f"{len(comparison.y_true):,} images"
        if comparison.num_left_out:
            words += f"; {comparison.num_left_out:,} of classes that not all models know left out"
        st.badge(words, color="gray")
    notes = [split.note] if split is not None else []
    if comparison.excluded:
        notes.append(f"{describe_excluded(comparison.excluded)}.")
    missing = [model for model in chosen if _PREFERRED[0] not in model.keys]
    can_have_them = all(map(_knows_common_labels, chosen))
    if missing and can_have_them and (split is None or split.use != "report"):
        who = "None" if len(missing) == len(chosen) else f"Only {len(chosen) - len(missing)}"
        notes.append(
            f"{who} of the chosen models was evaluated on the held-out test images so far; once "
            "all are, those stand here first."
        )
    st.caption(" ".join(notes))


def _list_unevaluated(models: Sequence[Evaluated]) -> None:
    if models:
        with st.expander(f"Models without an evaluation ({len(models)})", icon=":material/rule:"):
            st.write("These are not compared yet. Each command evaluates one of them:")
            _show_commands(models)


def _show_commands(models: Sequence[Evaluated]) -> None:
    lines = []
    for model in models:
        key = _find_images(model)
        if key is None:
            title = plain(model.card.title)
            st.caption(f"{title} has labels of its own; its card names no images that have them.")
        elif key not in model.keys:
            name, dataset, split = model.card.name, key.dataset, key.split
            lines.append(_EVALUATE.format(name=name, dataset=dataset, split=split))
    if lines:
        st.code("\n".join(lines), language="bash", wrap_lines=True)


def _find_images(model: Evaluated) -> EvaluationKey | None:
    """Return what a model can be evaluated on: with labels of its own, its own data set only."""
    if _knows_common_labels(model):
        return _PREFERRED[1]
    config = model.card.training.get("config", {})
    dataset, split = config.get("dataset"), config.get("validation_split")
    return EvaluationKey(dataset, split) if dataset and split else None
