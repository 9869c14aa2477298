"""The paper's eye test with the reader's own face (section 5.6), and its group photo."""

import streamlit as st

from facecore.comparison import Comparison
from facecore.drilldown import count_reclassified
from facecore.errors import FaceCoreError
from facecore.eye_test import EXPECTED, Reading, score_eye_test, score_paper
from facecore.labels import EXPRESSIONS, display_name
from facecore.paper import load_paper
from pages._compare_answers import (
    Cell,
    ShareCard,
    build_answer_table,
    build_share_cards,
    to_cell,
)
from pages._compare_group import show_group_photo
from pages._compare_readings import (
    ask_picture,
    cut_faces,
    forget_picture,
    kept_pictures,
    list_readers,
    read_picture,
    short_titles,
)
from pages._photo_pictures import PhotoInput
from pages._ui import error_box, plain, show_error

_PARTS = {"pose": "Pose the expressions", "group": "A group photo"}
_LACKED = "disgust"
_POSES = (*EXPECTED, *(label for label in EXPRESSIONS if label not in EXPECTED))


def show_eye_test(comparison: Comparison | None) -> None:
    """Show the eye test or the group photo.

    Args:
        comparison: the models on many images, for what cannot be told from a few; if there is one.
    """
    part = st.segmented_control(
        "Which test",
        list(_PARTS),
        default="pose",
        required=True,
        format_func=_PARTS.get,
        key="eye_part",
        label_visibility="collapsed",
        persist_state="session",
    )
    with error_box():
        if part == "group":
            show_group_photo()
        else:
            _show_poses()
            _show_disgust(comparison)


def _show_poses() -> None:
    st.markdown(
        "The paper's author photographed himself with six expressions and asked the three models "
        "(Figure 5.6.2). Do the same: one picture per expression, one face each. Your pictures "
        "stay on the machine that runs this dashboard."
    )
    expected = st.segmented_control(
        "The expression you show",
        list(_POSES),
        default=_POSES[0],
        required=True,
        format_func=display_name,
        key="eye_expected",
        persist_state="session",
    )
    ask_picture(expected, f"A face that looks {display_name(expected).lower()}")
    pictures = {label: item for label, item in kept_pictures().items() if label in _POSES}
    read = _read_all(pictures)
    _show_table(read)
    if read:
        _show_shares(pictures, read)
        st.button(
            "Forget my pictures",
            key="eye_forget",
            icon=":material/delete:",
            on_click=forget_picture,
            args=tuple(pictures),
        )


def _read_all(pictures: dict[str, PhotoInput]) -> dict[str, Reading]:
    """Return expected expression -> reading; a picture without a face or broken is told of."""
    read: dict[str, Reading] = {}
    for label in _POSES:
        if (item := pictures.get(label)) is None:
            continue
        try:
            reading = read_picture(item, list_readers(), with_gender=False)
        except FaceCoreError as error:
            show_error(str(error))
            continue
        if reading.answers:
            read[label] = reading
        else:
            st.warning(
                f"No face was found in “{plain(item.name)}” for {display_name(label)}: look "
                "towards the camera, in good light, with the whole face in the picture.",
                icon=":material/search_off:",
            )
    return read


def _largest(reading: Reading) -> int:
    position = reading.find_largest()
    return 0 if position is None else position


def _show_table(read: dict[str, Reading]) -> None:
    titles = short_titles(list_readers())
    paper = load_paper().models
    answers = {label: reading.answers[_largest(reading)] for label, reading in read.items()}
    rows = []
    for label in _POSES:
        own = [to_cell(answers.get(label, {}).get(name), label) for name in titles]
        theirs = [_paper_cell(model.eye_test.get(label), label) for model in paper]
        rows.append([Cell(display_name(label)), *own, *theirs])
    scores = score_eye_test(answers)
    foot = ["Right"]
    for name in titles:
        score = scores.get(name)
        foot.append(f"{score.num_right} of {score.num_pictures}" if score else "–")
    foot += [f"{score.num_right} of {score.num_pictures}" for score in score_paper().values()]
    heads = ["Expected", *titles.values(), *(model.title for model in paper)]
    st.html(build_answer_table(heads, rows, foot, num_paper=len(paper)))
    st.caption(
        "How to read it: each row is one picture, ✓ an answer as expected, the percentage the "
        "model's confidence. On the tint: the paper's models on its author's pictures. Disgust "
        "does not count in the score, as the paper left it out: its Model 1 never answered it, and "
        "Models 2 and 3 do not know it. One face is no measure of a model: “Overview” is."
    )


def _paper_cell(answer: str | None, expected: str) -> Cell:
    return Cell("–") if answer is None else Cell(display_name(answer), hit=answer == expected)


def _show_shares(pictures: dict[str, PhotoInput], read: dict[str, Reading]) -> None:
    titles = short_titles(list_readers())
    st.subheader("All probabilities")
    cards = []
    for label, reading in read.items():
        position = _largest(reading)
        answers = {titles[n]: p for n, p in reading.answers[position].items() if n in titles}
        face = cut_faces(pictures[label], reading)[position]
        cards.append(ShareCard(f"Expected: {display_name(label)}", face, answers))
    st.html(build_share_cards(cards))
    st.caption(
        "How to read it: one card per picture, one column per model; the bars are the "
        "probabilities of all expressions and add up to 100 %. – is an expression that the model "
        "does not know. Where a picture has several faces, the largest one counts."
    )


def _show_disgust(comparison: Comparison | None) -> None:
    """Show the paper's Figure 5.6.3, and the same on all images of the comparison."""
    with st.expander("What becomes of Disgust (Figure 5.6.3)", icon=":material/help:"):
        st.markdown(
            "The paper shows three images labelled Disgust that Model 1 recognises as such. "
            "Models 2 and 3, which have no Disgust, each call two of them Fear and one Sad. (Which "
            "of the three is the sad one, its text does not say for certain.)"
        )
        if comparison is None or _LACKED not in comparison.scored_labels:
            return
        table = count_reclassified(comparison, _LACKED)
        if table.empty:
            return
        titles = [model.title for model in comparison.models if model.title not in table]
        rows = [
            [Cell(display_name(label)), *(Cell(str(count)) for count in table.loc[label])]
            for label in table.index
        ]
        foot = ["Images", *(str(total) for total in table.sum())]
        st.html(build_answer_table(["Answer", *table.columns], rows, foot))
        st.caption(
            f"How to read it: of the images labelled Disgust that {plain(' or '.join(titles))} "
            "recognises, how many the models without Disgust call what. “Faces” shows them."
        )
