"""How the statistics page shows totals, sources and people."""

from collections.abc import Sequence

import streamlit as st

from facecore.charts import build_counts_chart
from facecore.export import Labels
from facecore.labels import UNDECIDED, display_answer, display_name, display_plural
from pages._look import build_tiles
from pages._session_log import Entry
from pages._stats_people import (
    count_people,
    format_share,
    list_people,
    mean_confidence,
    to_people_table,
    to_source_table,
)

_SURE = st.column_config.ProgressColumn(format="%d%%", min_value=0, max_value=100, width=130)
_PLAIN_CHART = {"displayModeBar": False}


def choose_sources(entries: Sequence[Entry]) -> list[Entry]:
    """Let the user narrow everything below down to some sources; none chosen means all."""
    by_key = {entry.key: entry for entry in entries}
    chosen = st.multiselect(
        "Sources",
        list(by_key),
        format_func=lambda key: _title(by_key[key]) if key in by_key else key,
        placeholder="All sources",
        key="stats_sources",
        persist_state="session",
    )
    return [by_key[key] for key in chosen if key in by_key] or list(entries)


def show_totals(entries: Sequence[Entry], labels: Labels) -> None:
    """Show the numbers and charts over all chosen sources.

    Args:
        entries: the sources.
        labels: of all networks that were asked.
    """
    people = list_people(entries)
    genders = count_people(people, "gender", labels)
    words = {
        display_answer("gender", k) if k == UNDECIDED else display_plural(k): k for k in genders
    }
    st.html(
        build_tiles(
            {
                "Sources": len(entries),
                "People": len(people),
                **{word: genders[label] for word, label in words.items()},
                "Sure of expression": format_share(mean_confidence(people, "expression")),
                "Sure of gender": format_share(mean_confidence(people, "gender")),
            },
            words,
            min_width_rem=8.4,
        )
    )
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.markdown("**People by expression**")
        st.plotly_chart(
            build_counts_chart(count_people(people, "expression", labels)),
            key="stats_expressions",
            config=_PLAIN_CHART,
        )
    with right:
        st.markdown("**People by gender**")
        st.plotly_chart(build_counts_chart(genders), key="stats_genders", config=_PLAIN_CHART)


def show_sources(entries: Sequence[Entry], labels: Labels) -> None:
    """Show one row per source, with a column for each of these labels."""
    st.dataframe(
        to_source_table(entries, labels),
        hide_index=True,
        key="stats_source_table",
        column_config={
            "Source": st.column_config.TextColumn(pinned=True, width=140),
            "Sure": st.column_config.TextColumn(
                help="Mean confidence of the expressions / of the genders."
            ),
        },
    )


def show_people(entries: Sequence[Entry]) -> None:
    """Show one row per face of a photo and person of a video."""
    if not (people := list_people(entries)):
        st.caption("No face was found in these sources.")
        return
    st.dataframe(
        to_people_table(people),
        hide_index=True,
        row_height=52,
        key="stats_people_table",
        column_config={
            "Crop": st.column_config.ImageColumn("Crop", width=64),
            "Sure of expression": _SURE,
            "Sure of gender": _SURE,
        },
    )


def _title(entry: Entry) -> str:
    return f"{display_name(entry.kind)}: {entry.source}"
