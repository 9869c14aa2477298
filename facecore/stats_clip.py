"""A finished clip: everybody keeps one gender in all of it, that of the whole."""

from collections.abc import Sequence
from dataclasses import replace

from facecore.results import Face, FrameResult
from facecore.stats import PersonSummary, SessionSummary, summarise
from facecore.stats_edits import PeopleEdits


def settle_clip(
    frames: Sequence[FrameResult],
    duration_s: float | None = None,
    edits: PeopleEdits | None = None,
) -> tuple[tuple[FrameResult, ...], SessionSummary]:
    """Return a clip's results in which nobody's gender changes from frame to frame, and its people.

    While a clip runs, only what came before is known. Afterwards a person's gender is that of the
    mean over all of the person's time, so that pictures, timelines and tables tell the same.
    Probabilities stay each frame's own. Where a frame by itself would say another word, its
    confidence becomes that of the whole.

    Args:
        frames: in the order of time, as the pipeline returned them; or settled before.
        duration_s: length of what was analysed; default: the frames' durations together.
        edits: the user's changes; everything follows them.
    """
    edits = edits or PeopleEdits()
    edited = edits.apply(frames)
    summary = summarise(edited, duration_s, edits)
    genders = {
        p.person_id: p.dominant("gender") for p in summary.people if "gender" in p.mean_probs
    }
    settled = tuple(_settle_frame(frame, genders) for frame in edited)
    people = tuple(_settle_person(person, genders) for person in summary.people)
    return settled, replace(summary, people=people)


def shows_other_words(drawn: Sequence[FrameResult], settled: Sequence[FrameResult]) -> bool:
    """Tell whether a picture of some results would be wrong after they were settled."""
    return any(
        before.gender is not None
        and after.gender is not None
        and before.gender.label != after.gender.label
        for old, new in zip(drawn, settled, strict=True)
        for before, after in zip(old.faces, new.faces, strict=True)
    )


def _settle_frame(frame: FrameResult, genders: dict[int, tuple[str, float]]) -> FrameResult:
    faces = tuple(_settle_face(face, genders) for face in frame.faces)
    # Most need no change: a long clip is not to be in the memory twice.
    same = all(new is old for new, old in zip(faces, frame.faces, strict=True))
    return frame if same else replace(frame, faces=faces)


def _settle_face(face: Face, genders: dict[int, tuple[str, float]]) -> Face:
    if face.person_id not in genders or face.gender is None:
        return face
    label, confidence = genders[face.person_id]
    by_itself = replace(face.gender, held=None, held_confidence=None)
    whole = None if by_itself.label == label else confidence
    if (face.gender.held, face.gender.held_confidence) == (label, whole):
        return face
    gender = replace(face.gender, held=label, held_confidence=whole)
    return replace(face, predictions={**face.predictions, "gender": gender})


def _settle_person(person: PersonSummary, genders: dict[int, tuple[str, float]]) -> PersonSummary:
    if person.person_id not in genders:
        return person
    label, _ = genders[person.person_id]
    seconds = person.seconds_by_label["gender"]
    whole = {name: sum(seconds.values()) if name == label else 0.0 for name in seconds}
    return replace(person, seconds_by_label={**person.seconds_by_label, "gender": whole})
