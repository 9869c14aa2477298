"""The gender tab: how right the network is about each group of people, worst first."""

from collections.abc import Sequence

import streamlit as st

from facecore.charts_groups import build_group_chart, build_group_confusions
from facecore.comparison import EvaluationKey, list_evaluations, load_comparison
from facecore.comparison_types import ComparedModel
from facecore.datasets import find_split_info, name_split
from facecore.evaluation_groups import ADULTS, EVERYONE, GroupTable, GroupView, compute_group_views
from facecore.evaluation_groups_text import describe_view, display_group, groups_to_table
from facecore.export_tables import to_csv
from facecore.labels import display_plural
from facecore.model_titles import tell_apart
from facecore.own_data_store import is_own_dataset
from facecore.registry import ModelCard, find_bundle, list_cards
from pages._model_cards import show_cards
from pages._ui import Download, download_buttons, error_box, plain

_PEOPLE = {ADULTS: "20 and older", EVERYONE: "All ages"}
_USES = ("report", "choose", "overview", "fit")
_WORDING = (
    "Gender here is **a guess from two labels**, made from the face alone; the data sets' labels "
    "are guesses of annotators as well. A network that is right on average can be wrong much more "
    "often about one group of people than about another, so the worst group stands first. "
    "Groups and ages are named as in the data set."
)
_CHART_HELP = (
    "How to read it: the grey dot is the share of a group's faces that got their label, its bar "
    "the 95% Wilson interval (wide where there are few faces), and the dotted line the share of "
    "all. The triangle is the share among the men only, the square among the women only: where "
    "they lie apart, the network leans to one label."
)
_CONFUSION_HELP = (
    "How to read it: one row is one group's confusion matrix. “Women → Man” is the share of "
    "the faces labelled woman that the network took for a man."
)


def show_gender() -> None:
    """Show a gender network's results by group, age and label."""
    st.markdown(_WORDING)
    cards = list_cards(task="gender")
    if not cards:
        st.info("There is no gender network in the models folder.", icon=":material/info:")
        return
    card = _pick_card(cards)
    with error_box():
        if keys := sorted(list_evaluations(find_bundle(card.name)), key=_rank):
            _show_evaluation(card, _pick_evaluation(keys))
        else:
            st.info(f"“{plain(card.title)}” has no evaluation yet. This makes one:")
            st.code(f"python -m facecore evaluate --model {card.name}", language="bash")
    show_cards([card])


def _rank(key: EvaluationKey) -> int:
    split = find_split_info(key.dataset, key.split)
    return _USES.index(split.use) if split else len(_USES)


def _pick_card(cards: Sequence[ModelCard]) -> ModelCard:
    if len(cards) == 1:
        return cards[0]
    titles = tell_apart({card.name: card.title for card in cards})
    name = st.selectbox(
        "Network",
        list(titles),
        format_func=lambda name: titles[name],
        key="gender_model",
        persist_state="session",
    )
    return next(card for card in cards if card.name == name)


def _pick_evaluation(keys: Sequence[EvaluationKey]) -> EvaluationKey:
    key: EvaluationKey = st.selectbox(
        "Faces",
        keys,
        format_func=lambda key: name_split(key.dataset, key.split),
        key="gender_split",
        persist_state="session",
    )
    if split := find_split_info(key.dataset, key.split):
        st.badge(split.badge, color="green" if split.use == "report" else "orange")
        st.caption(split.note)
    return key


def _show_evaluation(card: ModelCard, key: EvaluationKey) -> None:
    comparison = load_comparison([find_bundle(card.name)], key.dataset, key.split)
    model = comparison.models[0]
    views = compute_group_views(
        comparison.labels, comparison.y_true, model.predicted, model.predictions.attributes
    )
    if not views:
        _show_whole(model, key)
        return
    with st.container(horizontal=True, gap="medium"):
        view = _pick_view(views)
        tables = {table.attribute: table for table in view.tables}
        attribute = st.segmented_control(
            "Results by",
            list(tables),
            default=next(iter(tables)),
            format_func=str.capitalize,
            key="gender_attribute",
            persist_state="session",
            required=True,
        )
    st.markdown(plain(describe_view(view, attribute)))
    _show_table(
        view, tables[attribute], comparison.labels, f"{card.name}_{key.dataset}_{key.split}"
    )


def _show_whole(model: ComparedModel, key: EvaluationKey) -> None:
    """Show how right a network is on faces of which neither age nor group is known."""
    low, high = model.scores.accuracy_interval
    st.markdown(
        f"Of {len(model.y_true):,} faces, **{model.scores.accuracy:.1%}** got their label (95% "
        f"interval {low:.1%} to {high:.1%})."
    )
    if is_own_dataset(key.dataset):
        st.info("Pictures that users bring have no age or group, so there are no results by group.")
        return
    st.info(
        "Neither age nor group is stored beside these answers. Where the data set records them, "
        "this makes the evaluation again, with results by group:"
    )
    st.code(
        f"python -m facecore evaluate --model {model.name} --dataset {key.dataset} "
        f"--split {key.split}",
        language="bash",
    )


def _pick_view(views: Sequence[GroupView]) -> GroupView:
    by_people = {view.people: view for view in reversed(views)}
    if len(by_people) == 1:
        return views[0]
    people = st.segmented_control(
        "Ages",
        list(by_people),
        default=next(iter(by_people)),
        format_func=lambda people: _PEOPLE[people],
        key="gender_people",
        persist_state="session",
        required=True,
        help="Children's faces hardly show a gender, so adults are the headline.",
    )
    return by_people[people]


def _show_table(view: GroupView, table: GroupTable, labels: tuple[str, ...], source: str) -> None:
    st.subheader("Accuracy, worst first")
    st.plotly_chart(
        build_group_chart(table, view.accuracy, labels),
        key="gender_chart",
        config={"displaylogo": False},
    )
    st.caption(_CHART_HELP if table.gaps else _CHART_HELP.split(" The triangle")[0])
    st.subheader("Confusion in each group")
    st.plotly_chart(
        build_group_confusions(table, labels),
        key="gender_confusions",
        config={"displaylogo": False},
    )
    st.caption(_CONFUSION_HELP)
    rows = groups_to_table(table, labels)
    shown = rows.assign(**{table.attribute: [_name(table, v) for v in rows[table.attribute]]})
    with st.expander("The same as a table"):
        st.dataframe(
            shown,
            hide_index=True,
            key="gender_table",
            column_config=_columns(table.attribute, labels),
            column_order=list(_columns(table.attribute, labels)),
        )
    name = f"{source}_{view.people}_by_{table.attribute}.csv"
    download_buttons([Download("CSV", to_csv(rows), name, "text/csv", "gender_csv")])


def _name(table: GroupTable, value: str) -> str:
    return display_group(table.attribute, value)


def _columns(attribute: str, labels: Sequence[str]) -> dict[str, object]:
    """Name the columns that are shown; the CSV has them all."""
    percent = {"format": "percent"}
    number = st.column_config.NumberColumn
    columns: dict[str, object] = {
        attribute: attribute.capitalize(),
        "images": "Faces",
        "accuracy": number("Accuracy", **percent),
        "accuracy_low": number("from", **percent),
        "accuracy_high": number("to", **percent),
    }
    for label in labels:
        columns[f"{label}_images"] = display_plural(label)
        columns[f"{label}_recall"] = number(f"{display_plural(label)} recognised", **percent)
    return columns
