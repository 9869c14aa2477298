"""On the Photos page: which parts of a face moved the networks."""

import streamlit as st

from facecore.annotation import anonymise
from facecore.labels import TASKS, Task, display_name
from facecore.preprocessing import crop_faces
from facecore.registry import find_bundle, load_card
from pages._explanations import TITLE, Subject, show_explanation
from pages._photo_pictures import Photo, load_frame
from pages._ui import error_box


def show_photo_explanation(photo: Photo) -> None:
    """Offer a heat map for any face of the photo; nothing is computed before one is chosen."""
    faces, key = photo.result.faces, photo.source.key
    with st.expander(TITLE, icon=":material/local_fire_department:", key=f"explain_{key}"):
        # Beside a portrait there is no room for two columns; this wraps.
        controls = st.container(horizontal=True, key=f"explain_controls_{key}")
        number = controls.selectbox(
            "Face",
            range(1, len(faces) + 1),
            index=None,
            format_func=lambda n: f"Face {n}",
            placeholder="Choose a face",
            key=f"explain_face_{key}_{len(faces)}",
            width=240,
        )
        if number is None:
            st.caption("Choose a face to see which parts of it an answer came from.")
            return
        known = [task for task in TASKS if task in faces[number - 1].predictions]
        task = controls.segmented_control(
            "Answer",
            known,
            default=known[0],
            required=True,
            format_func=display_name,
            key=f"explain_task_{key}_{len(known)}",
        )
        with error_box():
            subject = _to_subject(photo, number, task)
            show_explanation(subject, "photo")


def _to_subject(photo: Photo, number: int, task: Task) -> Subject:
    face = photo.result.faces[number - 1]
    model = photo.model if task == "expression" else photo.settings.gender_model
    spec = load_card(find_bundle(model)).input
    frame_bgr = shown_bgr = load_frame(photo.source)
    if (method := photo.settings.annotation.hide_faces) is not None:
        shown_bgr = anonymise(frame_bgr, photo.result.boxes_to_hide, method)
    (seen,), (shown,) = (
        crop_faces(frame, [face.xyxy], spec, [face.tilt_deg]) for frame in (frame_bgr, shown_bgr)
    )
    key = "_".join(map(str, (photo.source.key, *face.xyxy)))
    return Subject(key, model, face.predictions[task], seen, shown)
