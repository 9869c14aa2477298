"""The eye test: what the networks say of a clip and a photo whose people everybody knows.

    python benchmarks/known_faces.py [--expression-model NAME] [--gender-model NAME] [--flip]

In intel_face-demographics-walking-and-pause.mp4 two women and a man walk; each should keep one
gender throughout. The photo of the Solvay conference of 1927 has 29 people: Marie Curie should be
its only woman (at most two of the 28 men mislabelled), and most faces Neutral or near it. Both are
looked for in the folder shared/media beside the project.
"""

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pylibsrtp  # noqa: F401  before TensorFlow: loaded after it, it crashes the process

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from facecore.errors import FaceCoreError
from facecore.inference import load_classifier
from facecore.labels import UNDECIDED
from facecore.media import decode_image
from facecore.pipeline import PHOTO_PIPELINE, VIDEO_PIPELINE, FacePipeline, SupportsPredict
from facecore.registry import GENDER_MODEL, find_bundle
from facecore.results import Face, Prediction
from facecore.session import analyse_photo, process_video
from facecore.solvay import MARIE_CURIE, recognise_solvay

MEDIA_DIR = Path(__file__).resolve().parent.parent.parent / "shared" / "media"
CLIP = "intel_face-demographics-walking-and-pause.mp4"
PHOTO = "solvay_1927.jpg"


def describe_clip(path: Path, networks: Sequence[SupportsPredict], flip: bool) -> list[str]:
    """Return one line per person of the clip, from left to right, and a verdict."""
    run = process_video(path, None, FacePipeline(networks, replace(VIDEO_PIPELINE, flip=flip)))
    shown: dict[int, Counter[str]] = defaultdict(Counter)
    likeliest: dict[int, Counter[str]] = defaultdict(Counter)
    lefts: dict[int, list[int]] = defaultdict(list)
    for face in (face for frame in run.frames for face in frame.faces):
        if face.person_id is not None and face.gender is not None:
            shown[face.person_id][face.gender.label] += 1
            likeliest[face.person_id][face.gender.top_label] += 1
            lefts[face.person_id].append(face.xyxy[0])
    people = sorted(shown, key=lambda person: sum(lefts[person]) / len(lefts[person]))
    lines = [
        f"  person {person}: shown {_count(shown[person])}; likeliest {_count(likeliest[person])}"
        for person in people
    ]
    changed = sum(len(set(shown[person]) - {UNDECIDED}) > 1 for person in people)
    always = sum(UNDECIDED not in shown[person] for person in people)
    genders = Counter(
        max(likeliest[person], key=likeliest[person].__getitem__) for person in people
    )
    return [
        *lines,
        f"  {len(people)} people (3 expected), {changed} of them were given two genders, {always} "
        f"were never undecided; likeliest {_count(genders)} (2 woman, 1 man expected)",
    ]


def describe_photo(path: Path, networks: Sequence[SupportsPredict], flip: bool) -> list[str]:
    """Return what is said of Marie Curie, which men are mislabelled, and the expressions."""
    pipeline = FacePipeline(networks, replace(PHOTO_PIPELINE, flip=flip))
    faces = analyse_photo(decode_image(path.read_bytes(), path.name), pipeline).faces
    names = recognise_solvay([face.xyxy for face in faces]) or (None,) * len(faces)
    curie = [face for face, name in zip(faces, names, strict=True) if name == MARIE_CURIE]
    men = [
        (name, f) for name, f in zip(names, faces, strict=True) if name not in (None, MARIE_CURIE)
    ]
    genders = [(name, _gender(face)) for name, face in men]
    expressions = [face.expression for face in faces if face.expression is not None]
    near = sum(e.top_label == "neutral" or _second(e) == "neutral" for e in expressions)
    return [
        f"  {len(faces)} faces found (29 expected), {sum(n is not None for n in names)} recognised",
        f"  {MARIE_CURIE}: {', '.join(_tell(_gender(face)) for face in curie) or 'not found'}",
        f"  men shown as women: {_name(n for n, g in genders if g.label == 'woman')}",
        f"  men more likely women, undecided or not: "
        f"{_name(n for n, g in genders if g.top_label == 'woman')}",
        f"  men undecided: {_name(n for n, g in genders if g.label == UNDECIDED)}",
        f"  expressions shown: {_count(Counter(e.label for e in expressions))}",
        f"  likeliest expressions: {_count(Counter(e.top_label for e in expressions))}",
        f"  Neutral likeliest or second: {near} of {len(expressions)}",
    ]


def _gender(face: Face) -> Prediction:
    if face.gender is None:
        raise ValueError("no gender network")
    return face.gender


def _second(prediction: Prediction) -> str:
    return sorted(prediction.labels, key=prediction.probability)[-2]


def _tell(prediction: Prediction) -> str:
    return f"{prediction.label} (likeliest {prediction.top_label} {prediction.probs.max():.0%})"


def _count(counts: Counter[str]) -> str:
    return ", ".join(f"{label} {num}" for label, num in counts.most_common())


def _name(names: Iterable[str | None]) -> str:
    told = [name for name in names if name is not None]
    return f"{len(told)} ({', '.join(told)})" if told else "none"


def main() -> int:
    """Print both and return the exit code."""
    parser = argparse.ArgumentParser(description="Ask networks about people everybody knows.")
    parser.add_argument("--expression-model", default="expression_model1", metavar="NAME")
    parser.add_argument("--gender-model", default=GENDER_MODEL, metavar="NAME")
    parser.add_argument("--media", type=Path, default=MEDIA_DIR)
    parser.add_argument("--flip", action="store_true", help="average in the mirror images")
    args = parser.parse_args()
    names = (args.expression_model, args.gender_model)
    try:
        networks = [load_classifier(find_bundle(name)) for name in names]
        print(PHOTO, *describe_photo(args.media / PHOTO, networks, args.flip), sep="\n")
        print(CLIP, *describe_clip(args.media / CLIP, networks[1:], args.flip), sep="\n")
    except (FaceCoreError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
