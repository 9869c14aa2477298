"""Below the faces of a matrix' cell: which parts of one of them moved a model."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from facecore.comparison import Comparison
from facecore.drilldown import load_samples
from facecore.results import Prediction
from pages._compare_data import open_dataset
from pages._explanations import TITLE, Subject, show_explanation
from pages._ui import error_box


def show_drill_explanation(comparison: Comparison, rows: Sequence[int]) -> None:
    """Offer a heat map for any of the shown faces; nothing is computed before one is chosen.

    Args:
        comparison: the models.
        rows: the shown faces' rows in it.
    """
    numbers = {int(row): str(comparison.sample_ids[row]) for row in rows}
    titles = {model.name: model.title for model in comparison.models}
    with st.expander(TITLE, icon=":material/local_fire_department:", key="drill_explain"):
        left, right = st.columns(2)
        row = left.selectbox(
            "Face",
            list(numbers),
            index=None,
            format_func=lambda r: f"No. {numbers.get(r, '')}",
            placeholder="Choose a face",
            key="drill_explain_face",
        )
        model = right.selectbox(
            "Model",
            list(titles),
            format_func=lambda name: titles.get(name, name),
            key="drill_explain_model",
        )
        if row is None:
            st.caption("Choose a face to see which parts of it a model's answer came from.")
            return
        with error_box():
            show_explanation(_to_subject(comparison, row, model), "drill")


def _to_subject(comparison: Comparison, row: int, name: str) -> Subject:
    model = comparison.model(name)
    label = comparison.labels[comparison.y_true[row]]
    sample_id = str(comparison.sample_ids[row])
    dataset = open_dataset(comparison.dataset, comparison.split)
    (image,) = load_samples(dataset, [sample_id], [label])
    columns = [comparison.labels.index(known) for known in model.card.labels]
    prediction = Prediction(model.card.labels, model.probs[row][columns].astype(np.float32))
    against = label if label != prediction.label and label in model.card.labels else None
    key = f"{comparison.dataset}_{comparison.split}_{sample_id}"
    return Subject(key, name, prediction, image, image, against)
