"""A group photo: every model's answer per numbered face; the paper's own for the Solvay photo."""

import pandas as pd
import streamlit as st

from facecore.eye_test import Reading
from facecore.label_sets import order_labels
from facecore.labels import EXPRESSIONS, GENDERS, display_name, display_plural
from facecore.paper import PaperModel, SolvayFace, load_paper
from facecore.solvay import MARIE_CURIE, NOT_FOUND_IN_PAPER, SMILING, SMILING_NO, recognise_solvay
from pages._compare_answers import Cell, build_answer_table, to_cell
from pages._compare_readings import (
    ask_picture,
    cut_faces,
    draw_numbers,
    forget_picture,
    kept_pictures,
    list_readers,
    read_picture,
    short_titles,
)
from pages._photo_pictures import describe_rest
from pages._photo_results import show_no_face

_SLOT = "group"


def show_group_photo() -> None:
    """Read a group photo with every chosen model."""
    st.markdown(
        "The paper's Appendix I reads the faces of the fifth Solvay conference (1927) with its "
        "three models. Bring any group photo; if it is that one (for instance from Wikimedia "
        "Commons: “Solvay conference 1927”), the paper's answers appear beside ours."
    )
    ask_picture(_SLOT, "A photo of several people")
    if (item := kept_pictures().get(_SLOT)) is None:
        return
    readers = list_readers()
    titles = short_titles(readers)
    reading = read_picture(item, readers, with_gender=True)
    if not reading.answers:
        show_no_face(describe_rest(item))
        return
    names = recognise_solvay([face.xyxy for face in reading.result.faces])
    st.image(draw_numbers(item, reading), width="stretch", alt="The photo with numbered faces")
    if names is not None:
        st.success(
            "This is the Solvay photo of the paper's Appendix I, told by the places of its faces.",
            icon=":material/verified:",
        )
    st.button(
        "Forget this picture",
        key="eye_group_forget",
        icon=":material/delete:",
        on_click=forget_picture,
        args=(_SLOT,),
    )
    st.subheader("How many of each")
    _show_totals(reading, titles, with_paper=names is not None)
    st.subheader("Face by face")
    _show_faces(reading, titles, cut_faces(item, reading), names)
    if names is not None:
        _show_paper()


def _list_answers(reading: Reading) -> list[str]:
    return [prediction.label for answers in reading.answers for prediction in answers.values()]


def _show_totals(reading: Reading, titles: dict[str, str], with_paper: bool) -> None:
    paper = load_paper().models if with_paper else ()
    genders = [face.gender.label for face in reading.result.faces if face.gender is not None]
    rows = []
    for label in order_labels([*EXPRESSIONS, *_list_answers(reading)]):
        own = [sum(a[name].label == label for a in reading.answers) for name in titles]
        theirs = [sum(face.expression == label for face in model.solvay) for model in paper]
        rows.append([Cell(display_name(label)), *(Cell(str(n)) for n in (*own, *theirs))])
    for label in GENDERS:
        own = [genders.count(label)] * len(titles)
        theirs = [sum(face.gender == label for face in model.solvay) for model in paper]
        rows.append([Cell(display_plural(label)), *(Cell(str(n)) for n in (*own, *theirs))])
    num_faces = len(reading.answers)
    foot = ["Faces found", *[str(num_faces)] * len(titles), *(str(len(m.solvay)) for m in paper)]
    heads = ["Looks", *titles.values(), *(model.title for model in paper)]
    st.html(build_answer_table(heads, rows, foot, num_paper=len(paper)))
    words = "How to read it: how many faces each model reads as what; gender comes from one model."
    if with_paper:
        words += (
            f" On the tint the paper's counts. These need no numbering, so they can be laid side "
            f"by side; the paper's search missed one person ({NOT_FOUND_IN_PAPER})."
        )
    st.caption(words)


def _show_faces(
    reading: Reading,
    titles: dict[str, str],
    faces: list[bytes],
    names: tuple[str | None, ...] | None,
) -> None:
    heads = ["No.", "Face", *titles.values(), "Gender"]
    rows = []
    for i, (answers, face) in enumerate(zip(reading.answers, reading.result.faces, strict=True)):
        row = [Cell(str(i + 1)), Cell(f"Face {i + 1}", image=faces[i])]
        row += [to_cell(answers[name]) for name in titles]
        row.append(to_cell(face.gender))
        if names is not None:
            row += [Cell(names[i] or "–"), Cell(_describe_in_paper(names[i]))]
        rows.append(row)
    if names is not None:
        heads += ["Person", "In the paper"]
    st.html(build_answer_table(heads, rows))
    st.caption(
        "How to read it: the numbers are those in the picture, in reading order; each percentage "
        "is a model's own confidence. Nobody knows what these people felt."
    )


def _describe_in_paper(name: str | None) -> str:
    """Say what the paper's text ties to this person; nothing else is certain."""
    if name == NOT_FOUND_IN_PAPER:
        return "not found"
    if name == MARIE_CURIE:
        women = [str(face.person) for face in _women()]
        return f"Woman; No. {', '.join(women[:-1])} or {women[-1]}"
    if name == SMILING:
        shares = [face.expression_confidence for m in load_paper().models for face in _happy(m)]
        return f"probably No. {SMILING_NO}: Happy {', '.join(f'{share:.0%}' for share in shares)}"
    return "not told" if name else "–"


def _happy(model: PaperModel) -> list[SolvayFace]:
    return [face for face in model.solvay if face.person == SMILING_NO]


def _women() -> list[SolvayFace]:
    return [face for face in load_paper().models[0].solvay if face.gender == "woman"]


def _show_paper() -> None:
    st.subheader("The paper's answers, by its own numbers")
    models = load_paper().models
    st.dataframe(
        pd.DataFrame(
            {
                "No. in the paper": [face.person for face in models[0].solvay],
                **{model.title: _describe(model) for model in models},
                "Gender": [
                    f"{display_name(face.gender)} {face.gender_confidence:.0%}"
                    for face in models[0].solvay
                ],
            }
        ),
        hide_index=True,
        key="solvay_paper",
    )
    st.caption(
        "How to read it: the paper's numbers stand in its printed pictures only, and nothing in "
        "its text ties them to people, so no row here is laid beside one of ours. OpenCV's default "
        "cascade with scale factor 1.3 and 5 neighbours finds 28 faces in this photo and misses "
        "the same man, so that was probably the paper's search; but on several processor threads "
        "the order of the faces differs from run to run, so its numbers cannot be rebuilt. Certain "
        "are: the fifth man from the left in the back row was not found; the three read as women "
        "are Marie Curie and two men on the far right. Probable is: No. 24, the only one whom all "
        "three models call happy, is Werner Heisenberg, who smiles. In Model 3's list, persons 20 "
        "and 21 have changed places (their gender confidences tell), probably with their "
        "expressions."
    )


def _describe(model: PaperModel) -> list[str]:
    return [
        f"{display_name(face.expression)} {face.expression_confidence:.0%}" for face in model.solvay
    ]
