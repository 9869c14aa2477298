"""What the user changes about a clip's people: names, merges, removals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from facecore.results import Face, FrameResult


@dataclass(frozen=True)
class PeopleEdits:
    """What the user changed about the people of a clip.

    Args:
        names: person_id -> name.
        merged: person_id -> the person they really are; may be chained.
        removed: people who are none, such as false boxes.
    """

    names: Mapping[int, str] = field(default_factory=dict)
    merged: Mapping[int, int] = field(default_factory=dict)
    removed: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        for person_id in self.merged:
            self.resolve(person_id)

    def resolve(self, person_id: int) -> int:
        """Return who a person is after all merges.

        Raises:
            ValueError: if people are merged in a circle.
        """
        seen = {person_id}
        while (into := self.merged.get(person_id)) is not None:
            if into in seen:
                raise ValueError(f"person {into} is merged into itself")
            seen.add(into)
            person_id = into
        return person_id

    def rename(self, person_id: int, name: str) -> "PeopleEdits":
        """Return edits in which a person has this name; an empty one gives the number back."""
        names = {k: v for k, v in self.names.items() if k != person_id}
        return replace(self, names={**names, person_id: name.strip()} if name.strip() else names)

    def merge(self, person_id: int, into: int) -> "PeopleEdits":
        """Return edits in which a person is another one.

        Raises:
            ValueError: if they are the same already.
        """
        return replace(self, merged={**self.merged, person_id: into})

    def remove(self, person_id: int) -> "PeopleEdits":
        """Return edits without a person."""
        return replace(self, removed=self.removed | {person_id})

    def name_of(self, person_id: int) -> str:
        """Return a person's name, by default "Person" and the number."""
        return self.names.get(person_id) or f"Person {person_id}"

    def apply(self, frames: Iterable[FrameResult]) -> tuple[FrameResult, ...]:
        """Return the results with everybody's final number.

        Where two faces of one frame become the same person, that person's own face stays.
        """
        if not self.merged and not self.removed:
            return tuple(frames)
        return tuple(self._apply_to(frame) for frame in frames)

    def _apply_to(self, frame: FrameResult) -> FrameResult:
        faces = self._decide(frame.faces)
        # Who is taken out of the statistics may still be somebody to hide.
        shown = {face.xyxy for face in faces}
        gone = (face.xyxy for face in frame.faces if face.xyxy not in shown)
        return replace(frame, faces=faces, unsure=(*frame.unsure, *gone))

    def _decide(self, faces: Sequence[Face]) -> tuple[Face, ...]:
        kept: dict[int, Face] = {}
        nameless = []
        for face in faces:
            if face.person_id is None:
                nameless.append(face)
                continue
            final = self.resolve(face.person_id)
            if self.removed & {face.person_id, final}:
                continue
            if final not in kept or face.person_id == final:
                kept[final] = replace(face, person_id=final)
        return (*(kept[person] for person in sorted(kept)), *nameless)
