"""The report on brought pictures: problems, labels to edit, the split, and keeping them."""

import pandas as pd
import streamlit as st

from facecore.labels import LABELS, display_name
from facecore.own_data_labels import guess_mapping
from facecore.own_data_pictures import Draft
from facecore.own_data_plan import Finding, Plan
from facecore.own_data_split import SplitChoice, SplitMethod
from facecore.own_data_store import keep_data
from pages._train_desk import DraftCase, best_method, drop_case, plan_case
from pages._ui import error_box, plain, show_error

_METHODS: dict[SplitMethod, str] = {
    "share": "A share of each label",
    "person": "By person",
    "given": "As brought",
}
_ICONS = {"refused": ":material/block:", "warning": ":material/warning:", "fine": ":material/info:"}


def show_report(case: DraftCase, draft: Draft) -> None:
    """Show everything about a draft, and let the user change labels and split, and keep it."""
    st.subheader(f"Report on {plain(case.name)}")
    with error_box():
        mapping = _edit_mapping(case, draft)
        plan = plan_case(case, mapping, _choose_split(case, draft))
        _show_counts(plan)
        _show_findings(plan)
        if plan.is_usable:
            _show_keeping(case, draft, plan)
    if st.button("Discard these pictures", icon=":material/delete:", key="train_discard"):
        drop_case()
        st.rerun()


def _edit_mapping(case: DraftCase, draft: Draft) -> dict[str, str]:
    names = list(dict.fromkeys(picture.label for picture in draft.pictures))
    counts = pd.Series([p.label for p in draft.pictures]).value_counts()
    table = pd.DataFrame(
        {
            "Name as brought": names,
            "Pictures": [int(counts[name]) for name in names],
            "Our label": list(guess_mapping(names, case.task).values()),
        }
    )
    edited = st.data_editor(
        table,
        hide_index=True,
        disabled=["Name as brought", "Pictures"],
        key=f"train_mapping_{case.key}",
        width="stretch",
    )
    known = ", ".join(LABELS[case.task])
    st.caption(
        f"Correct “Our label” where the guess is wrong. Known words are {known}; any other word "
        "becomes a label of your own; an empty cell leaves these pictures out."
    )
    labels = edited["Our label"].fillna("").astype(str)
    return dict(zip(names, labels, strict=True))


def _choose_split(case: DraftCase, draft: Draft) -> SplitChoice:
    has_given = any(picture.split for picture in draft.pictures)
    methods = [method for method in _METHODS if method != "given" or has_given]
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        method: SplitMethod = st.segmented_control(
            "Pictures held out for judging",
            methods,
            default=best_method(case, draft),
            required=True,
            format_func=lambda name: _METHODS[name],
            key=f"train_split_{case.key}",
            help="By person needs file names that begin with the person, such as anna_01.jpg: then "
            "nobody is both learned from and judged on. As brought: folders train and validation, "
            "or the column Usage.",
        )
        percent = st.slider(
            "Held out (%)",
            10,
            50,
            20,
            5,
            key=f"train_share_{case.key}",
            width=220,
        )
    return SplitChoice(method, percent / 100)


def _show_counts(plan: Plan) -> None:
    table = pd.DataFrame(plan.counts()).T
    if not table.empty:
        table["total"] = table.sum(axis=1)
        shown = table.rename(index=lambda name: plain(display_name(name)), columns=display_name)
        st.table(shown, border="horizontal")


def _show_findings(plan: Plan) -> None:
    for finding in plan.findings:
        if finding.level == "refused":
            show_error(f"{finding.problem} {finding.action}")
        else:
            st.markdown(f"{_ICONS[finding.level]} {plain(finding.problem)} {plain(finding.action)}")
        _show_examples(finding)


def _show_examples(finding: Finding) -> None:
    if finding.examples:
        with st.expander(f"Which ({len(finding.examples)})"):
            st.code("\n".join(finding.examples), language=None, height=160)


def _show_keeping(case: DraftCase, draft: Draft, plan: Plan) -> None:
    with st.form(f"train_keep_{case.key}"):
        title = st.text_input("Call them", placeholder="Smiles of our team", max_chars=60)
        st.caption(
            "From here on every user of this server sees these pictures, until somebody deletes "
            "them. At most 256 pixels a side are kept, without the camera's notes (place, time)."
        )
        pressed = st.form_submit_button(
            "Keep for everybody here", type="primary", icon=":material/save:"
        )
    if pressed:
        with error_box():
            # A second press interrupts this run at the next call of Streamlit: the case remembers
            # what was kept, so that the next run goes on from there.
            with st.spinner("Keeping the pictures …", show_time=True):
                data = case.kept = case.kept or keep_data(draft, plan, title)
            drop_case()
            st.session_state["train_chosen_data"] = data.name
            st.session_state["train_kept_note"] = data.title
            st.rerun()
