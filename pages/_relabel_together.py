"""Several people's decisions: how far they agree, and one file of what they decided together."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from facecore.cli_relabel import describe_decisions
from facecore.export_tables import to_csv
from facecore.own_data_store import is_own_dataset
from facecore.relabel_choice import delete_person
from facecore.relabel_decisions import (
    MAX_BYTES,
    Decision,
    load_everyone,
    read_decisions,
    to_decisions_csv,
)
from facecore.relabel_merge import add_files, compare_people, merge_decisions
from pages._relabel_card import show_name
from pages._ui import Download, download_buttons, error_box, plain, show_error


def tell_use(dataset: str, name: str) -> str:
    """Return how a training takes a file of decisions."""
    words = f'A training takes them with `corrections = "{name}"` in its config'
    if is_own_dataset(dataset):
        words += ", or chosen under “Advanced settings” of a new training on the page Train"
    return f"{words}."


def show_together(dataset: str, split: str) -> None:
    """Compare and merge what people decided here and in files that this session brings."""
    people = _collect(dataset, split)
    if not people:
        st.info("Nobody has decided on these pictures yet.", icon=":material/info:")
        return
    names = st.pills(
        "Whose decisions",
        list(people),
        selection_mode="multi",
        default=list(people),
        format_func=lambda who: f"{plain(who)} ({len(people[who]):,})",
        key=f"relabel_people_{len(people)}",
    )
    chosen = {who: people[who] for who in names}
    if chosen:
        with error_box():
            _show_merged(dataset, split, chosen)
    _offer_deletion(dataset, split)


def _collect(dataset: str, split: str) -> dict[str, list[Decision]]:
    """Return name -> decisions, of this server and of uploaded files, which are not kept."""
    people = {who: list(decisions) for who, decisions in load_everyone(dataset, split).items()}
    uploads = st.file_uploader(
        "Decisions from elsewhere (CSV); they are compared here and not kept",
        type="csv",
        accept_multiple_files=True,
        max_upload_size=MAX_BYTES // 1_000_000,
        key="relabel_uploads",
    )
    files = []
    for upload in uploads:
        with error_box():
            files.append((upload.name, read_decisions(upload.getvalue(), upload.name)))
    for error in add_files(people, files):
        show_error(str(error))
    return people


def _show_merged(dataset: str, split: str, people: dict[str, list[Decision]]) -> None:
    merged = merge_decisions(people)
    if len(people) > 1:
        _show_agreement(people)
    st.markdown(
        f"**Together: {plain(describe_decisions(merged.decisions))}.** {merged.num_shared:,} "
        "pictures were decided by several people; what more than half of these say counts, and "
        f"{len(merged.disputed):,} disputed pictures are left out."
    )
    name = f"corrections_{dataset}_{split}.csv"
    downloads = [
        Download(
            "Merged decisions as CSV",
            lambda: to_decisions_csv(merged.decisions),
            name,
            "text/csv",
            "relabel_merged_csv",
        )
    ]
    if merged.disputed:
        rows = [{"image": image, **said} for image, said in merged.disputed.items()]
        downloads.append(
            Download(
                "Disputed pictures as CSV",
                lambda: to_csv(pd.DataFrame(rows)),
                f"disputed_{dataset}_{split}.csv",
                "text/csv",
                "relabel_disputed_csv",
            )
        )
    download_buttons(downloads)
    st.caption(tell_use(dataset, name))
    if merged.disputed:
        with st.expander(f"{len(merged.disputed):,} disputed pictures"):
            _show_table(
                [
                    {"Picture": image} | {who: show_name(new) for who, new in said.items()}
                    for image, said in list(merged.disputed.items())[:200]
                ]
            )


def _show_agreement(people: dict[str, list[Decision]]) -> None:
    _show_table(
        [
            {
                "Two people": f"{pair.first} and {pair.second}",
                "Both decided": f"{pair.num_both:,}",
                "The same": f"{pair.num_same / pair.num_both:.0%}" if pair.num_both else "–",
                "Kappa": "–" if pair.kappa is None else f"{pair.kappa:.2f}",
            }
            for pair in compare_people(people)
        ]
    )
    st.caption(
        "Kappa is the agreement beyond chance (Cohen, 1960): 1 is perfect, 0 is what guessing with "
        "the same habits would give."
    )


def _show_table(rows: Sequence[dict[str, str]]) -> None:
    st.dataframe(pd.DataFrame(rows).fillna(""), hide_index=True, width="stretch")


def _offer_deletion(dataset: str, split: str) -> None:
    kept = load_everyone(dataset, split)
    if not kept:
        return
    with st.popover("Delete decisions", icon=":material/delete:"):
        who = st.selectbox(
            "Whose decisions on these pictures", list(kept), key="relabel_delete_who"
        )
        if st.button("Delete them for good", key="relabel_delete", type="primary"):
            with error_box():
                delete_person(dataset, split, who)
                st.rerun()
