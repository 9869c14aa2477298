"""One photo's results: picture, counts, faces, removal of false boxes, downloads."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
import streamlit as st

from facecore.export import photo_to_csv, photo_to_json, photo_to_text
from facecore.label_sets import list_shown
from facecore.labels import TASKS, UNDECIDED, Task, display_name
from facecore.registry import ModelCard, list_cards
from facecore.results import FrameResult, Prediction
from pages._asked_labels import list_labels
from pages._compare_readings import short_titles
from pages._face_cards import build_face_cards, to_data_uri
from pages._lasting_choice import choose_lasting
from pages._people_tiles import build_count_tiles
from pages._photo_analysis import count_removed, remove_face, undo_removal
from pages._photo_explanation import show_photo_explanation
from pages._photo_pictures import Photo, cut_thumbnails, describe_rest, draw, render
from pages._ui import Download, download_buttons, plain, safe_file_name

_WIDE = 1.25  # from this ratio of width to height the picture takes the page's full width
_PER_ROW = 3  # models beside each other
_FEW_FACES = 2  # fit beside the picture
_AGREEMENT = "Agreement"


def count_labels(
    results: Sequence[FrameResult], task: Task, labels: Iterable[str] = ()
) -> dict[str, int]:
    """Return how many faces have each label of the task, undecided ones on their own.

    Args:
        results: the pictures' faces.
        task: what the labels say.
        labels: of the networks that were asked; without faces nothing else tells them.
    """
    predictions = [f.predictions[task] for r in results for f in r.faces if task in f.predictions]
    found = (label for p in predictions for label in p.labels)
    counts = dict.fromkeys(list_shown(task, (*labels, *found)), 0)
    for prediction in predictions:
        counts[prediction.label] += 1
    return counts


def show_counts(photos: Sequence[Photo]) -> None:
    """Show how many faces, men, women, and faces of each expression there are."""
    results = [photo.result for photo in photos]
    asked = {name for photo in photos for name in (photo.model, photo.settings.gender_model)}
    cards = [card for card in list_cards() if card.name in asked]
    counts: dict[Task, dict[str, int]] = {
        task: count_labels(results, task, (k for c in cards if c.task == task for k in c.labels))
        for task in TASKS
    }
    num_faces = sum(len(result.faces) for result in results)
    st.html(build_count_tiles("Faces", num_faces, counts))


def choose_shown(photos: Sequence[Photo]) -> Photo:
    """Let the user choose which of several photos is shown."""
    if len(photos) == 1:
        return photos[0]
    by_key = {photo.source.key: photo for photo in photos}
    words = {
        key: f"{i} of {len(photos)}: {photo.source.name} ({count_faces(photo.result)})"
        for i, (key, photo) in enumerate(by_key.items(), start=1)
    }
    return by_key[choose_lasting("Picture", words, "photo_shown")]


def count_faces(result: FrameResult) -> str:
    """Return ``"1 face"`` or ``"5 faces"``."""
    return f"{len(result.faces)} face{'' if len(result.faces) == 1 else 's'}"


def show_photo(photo: Photo) -> None:
    """Show one photo's picture, numbers, faces and downloads."""
    width, height = photo.result.size_wh
    few = len(photo.result.faces) <= _FEW_FACES
    if width >= _WIDE * height:
        _show_picture(photo)
        show_counts([photo])
    else:
        left, right = st.columns([6, 5], gap="medium")
        with left:
            _show_picture(photo)
        with right:
            show_counts([photo])
            if few:
                _show_faces(photo)
    _show_actions(photo)
    if width >= _WIDE * height or not few:
        _show_faces(photo)


def _show_actions(photo: Photo) -> None:
    left, right = st.columns([6, 5], gap="medium", vertical_alignment="bottom")
    with left:
        st.markdown("**Downloads**")
        download_buttons(list_downloads(photo))
    with right:
        _edit_faces(photo)


def _show_faces(photo: Photo) -> None:
    if photo.result.faces:
        st.html(build_face_cards(photo.result.faces, cut_thumbnails(photo)))
        show_photo_explanation(photo)
    else:
        show_no_face(describe_rest(photo.source))


def show_no_face(rest: str = "") -> None:
    """Say that nothing was found, and what helps.

    Args:
        rest: a sentence on pictures of the file that were not read, if there are any.
    """
    other = f"{rest} Save another one as a file of its own to have it read. " if rest else ""
    st.info(
        f"No face was found. {other}Faces are found when they look towards the camera and are not "
        "too small: try a larger picture, turn it upright, or open “Detection” in the sidebar and "
        "lower “Neighbours” or “Smallest face”.",
        icon=":material/search_off:",
    )


def show_comparison(photo: Photo, cards: Mapping[str, ModelCard]) -> None:
    """Show the picture once per model, and one table of all predictions."""
    width = min(_PER_ROW, len(photo.results))
    columns = [c for _ in range(0, len(photo.results), width) for c in st.columns(width)]
    for column, (model, result) in zip(columns, photo.results.items(), strict=False):
        with column:
            short, _, rest = cards[model].title.partition(":")
            st.markdown(f"**{plain(short)}**")
            st.image(draw(photo, model), width="stretch", alt=f"Faces by {cards[model].title}")
            counts = count_labels([result], "expression")
            words = [f"{display_name(k)} {n}" for k, n in counts.items() if n]
            st.caption(plain(rest.strip() or short))
            st.markdown(", ".join(words) or "No face")
    if photo.result.faces:
        _show_comparison_table(photo, cards)
    st.subheader(f"In detail: {plain(cards[photo.model].title)}")


def _show_comparison_table(photo: Photo, cards: Mapping[str, ModelCard]) -> None:
    rows: dict[str, list[object]] = {
        "Face": list(range(1, len(photo.result.faces) + 1)),
        "Crop": [to_data_uri(crop) for crop in cut_thumbnails(photo)],
    }
    answers = {}
    titles = short_titles({model: cards[model] for model in photo.results})
    for model, result in photo.results.items():
        found = [face.expression for face in result.faces]
        answers[model] = [p.label if p else "" for p in found]
        head = titles[model]
        if head in (*rows, _AGREEMENT):
            head = f"{head}: {model}"  # the short titles have no colon, so this one is free
        rows[head] = [_describe(p) if p else "" for p in found]
    rows[_AGREEMENT] = [_compare(set(labels)) for labels in zip(*answers.values(), strict=True)]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        row_height=56,
        key=f"comparison_{photo.source.key}",
        column_config={
            "Face": st.column_config.NumberColumn(width=50),
            "Crop": st.column_config.ImageColumn(width=64),
        },
    )


def _describe(prediction: Prediction) -> str:
    sure = f"{prediction.confidence:.0%}"
    if prediction.label == UNDECIDED:
        return f"{display_name(UNDECIDED)} ({display_name(prediction.top_label)} {sure})"
    return f"{display_name(prediction.label)} {sure}"


def _compare(labels: set[str]) -> str:
    if len(labels) > 1:
        return "they differ"
    return "all undecided" if labels == {UNDECIDED} else "all agree"


def _show_picture(photo: Photo) -> None:
    picture = draw(photo, photo.model)
    st.image(picture, width="stretch", alt=f"{count_faces(photo.result)} with numbered boxes")
    if rest := describe_rest(photo.source):
        st.caption(f":material/filter_none: {rest}")


def _edit_faces(photo: Photo) -> None:
    key = photo.source.key
    num_removed = count_removed(photo)
    if not photo.result.faces and not num_removed:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if photo.result.faces:
            number = st.selectbox(
                "A box that is no face?",
                range(1, len(photo.result.faces) + 1),
                format_func=lambda n: f"Face {n}",
                key=f"false_box_{key}",
                width=180,
            )
            st.button(
                "Remove",
                # A late second click must not meet the face that moved up.
                key=f"remove_face_{key}_{photo.numbers[number - 1]}",
                icon=":material/delete:",
                on_click=remove_face,
                args=(photo, number),
                help="Takes this face out of the picture, the numbers and every download.",
            )
        if num_removed:
            st.button(
                f"Undo ({num_removed} removed)",
                key=f"undo_removal_{key}",
                icon=":material/undo:",
                on_click=undo_removal,
                args=(photo,),
            )


def list_downloads(photo: Photo) -> list[Download]:
    """Return everything that can be downloaded of one photo."""
    name, key, result = photo.source.name, photo.source.key, photo.result

    def make_text() -> bytes:
        return photo_to_text(name, result, list_labels(photo, list_cards())).encode()

    def offer(label: str, data: object, end: str, mime: str) -> Download:
        return Download(label, data, safe_file_name(name, end), mime, f"download_{label}_{key}")

    return [
        offer("PNG", lambda: render(photo, photo.model, "png"), f"{photo.ending}.png", "image/png"),
        offer("JPEG", draw(photo, photo.model), f"{photo.ending}.jpg", "image/jpeg"),
        offer("Text", make_text, "_faces.txt", "text/plain"),
        offer("CSV", lambda: photo_to_csv(name, result), "_faces.csv", "text/csv"),
        offer("JSON", lambda: photo_to_json(name, result), "_faces.json", "application/json"),
    ]
