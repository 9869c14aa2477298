"""The command line's photo and video commands: files in, annotated media, tables and JSON out."""

import argparse
import dataclasses
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from facecore import export
from facecore.annotation import AnnotationOptions, annotate
from facecore.cli_screen import is_read, print_document
from facecore.cli_threshold import read_thresholds
from facecore.detection import CASCADES, HaarOptions
from facecore.errors import FaceCoreError, UnreadableImageError, VideoWriteError
from facecore.labels import TASKS
from facecore.limits import fit_for_files, path_to_text, short_stem
from facecore.media import DEFAULT_LIMITS, decode_picture, describe_rest, encode_image
from facecore.pipeline import PHOTO_PIPELINE, VIDEO_PIPELINE, FacePipeline, PipelineOptions
from facecore.pipeline_every import DETECT_EVERY, describe_search
from facecore.registry import GENDER_MODEL, find_bundle, list_cards, load_card
from facecore.session import analyse_photo, process_video

HAAR_OPTIONS: dict[str, tuple[type, str]] = {
    "cascade": (str, "which of OpenCV's cascades searches"),
    "scale_factor": (float, "step between face sizes, 1.01-2; nearer to 1 finds more, slower"),
    "min_neighbors": (int, "hits that make a face, 0-50; more: fewer false and fewer faint ones"),
    "min_face_fraction": (float, "smallest face, as a fraction of the picture's shorter side"),
}
"""Fields of ``HaarOptions`` that the commands take: their type, and what they mean."""

Reader = Callable[[Path, str], dict[str, Any] | None]
"""Analyses a file, given the stem of its outputs' names; returns its entry in the JSON if there
shall be one: those of long videos are large."""


def run_photos(args: argparse.Namespace) -> bool:
    """Analyse the photos of ``args.paths``; return whether every one could be used."""
    return _run_files(args, _open_photo_reader(args))


def run_videos(args: argparse.Namespace) -> bool:
    """Analyse the videos of ``args.paths``; return whether every one could be used."""
    if args.end is not None and args.end <= args.start:
        args.parser.error("--end must lie after --start")
    return _run_files(args, _open_video_reader(args))


def _open_pipeline(args: argparse.Namespace, options: PipelineOptions) -> FacePipeline:
    changes = {name: getattr(args, name) for name in HAAR_OPTIONS}
    try:
        haar = dataclasses.replace(options.haar, **changes)
    except ValueError as error:
        args.parser.error(str(error))
    # TensorFlow takes seconds to import: a wrong option or model name is told before that.
    bundles = find_networks(args)
    from facecore.inference import configure_device, load_classifier

    configure_device()
    classifiers = [load_classifier(bundle) for bundle in bundles]
    options = dataclasses.replace(
        options, haar=haar, thresholds=read_thresholds(args), flip=args.flip
    )
    return FacePipeline(classifiers, options)


def add_detect_every_argument(parser: argparse.ArgumentParser) -> None:
    """Declare how often a video's faces are searched, and what that costs."""
    losses = " ".join(describe_search(every) for every in DETECT_EVERY if every > 1)
    parser.add_argument(
        "--detect-every",
        type=int,
        default=VIDEO_PIPELINE.detect_every,
        metavar="N",
        help="search faces in every N-th frame of a video only (default: %(default)s). "
        + losses.replace("%", "%%"),
    )


def add_haar_arguments(group: Any, haar: HaarOptions | None = None) -> None:
    """Declare how faces are searched, in a parser's group; None: whatever the files ask for."""
    for name, (kind, told) in HAAR_OPTIONS.items():
        default = getattr(haar, name, None)
        group.add_argument(
            f"--{name.replace('_', '-')}",
            type=kind,
            choices=sorted(CASCADES) if name == "cascade" else None,
            default=default,
            metavar=None if name == "cascade" else "N",
            help=told if default is None else f"{told} (default: {default})",
        )


def add_network_arguments(parser: argparse.ArgumentParser, default_expression: str) -> None:
    """Declare which networks a command asks, and how."""
    for task, name in (("expression", default_expression), ("gender", GENDER_MODEL)):
        parser.add_argument(
            f"--{task}-model",
            default=name,
            metavar="NAME",
            help="one that the models command lists (default: %(default)s)",
        )
    parser.add_argument(
        "--flip",
        action="store_true",
        help="average each face's answers with those for its mirror image; twice the network's "
        "time",
    )


def find_networks(args: argparse.Namespace) -> tuple[Path, ...]:
    """Return the bundles of both tasks, expression first; ends the program at a wrong task.

    Raises:
        ModelError: if one is missing or its card cannot be used.
    """
    bundles = []
    for task in TASKS:
        card = load_card(find_bundle(getattr(args, f"{task}_model")))
        if card.task != task:
            known = ", ".join(c.name for c in list_cards(task=task))
            args.parser.error(f"{card.name} is no {task} model; choose one of {known}")
        bundles.append(find_bundle(card.name))
    return tuple(bundles)


def _list_labels(pipeline: FacePipeline) -> export.Labels:
    """Return what the networks can answer, which files without faces do not tell."""
    return {network.card.task: network.card.labels for network in pipeline.classifiers}


def _open_photo_reader(args: argparse.Namespace) -> Reader:
    pipeline = _open_pipeline(args, PHOTO_PIPELINE)
    labels = _list_labels(pipeline)
    annotation = AnnotationOptions(hide_faces=args.hide_faces)

    def read(path: Path, stem: str) -> dict[str, Any] | None:
        picture = decode_picture(_read_bytes(path), path.name)
        name = path_to_text(path.name)
        if rest := describe_rest(picture):
            hint = " The video command takes animations saved as GIF."
            print(f"{name}: {rest}{hint if picture.is_animation else ''}", file=sys.stderr)
        frame_bgr = picture.bgr
        result = analyse_photo(frame_bgr, pipeline)
        text = export.photo_to_text(name, result, labels)
        if args.out:
            annotated = encode_image(annotate(frame_bgr, result, annotation), "png")
            write_file(args.out / f"{stem}_annotated.png", annotated)
            write_file(args.out / f"{stem}_faces.txt", text.encode())
            write_file(args.out / f"{stem}_faces.csv", export.photo_to_csv(name, result))
        _say(args, text)
        return export.photo_to_dict(path_to_text(path), result) if args.json else None

    return read


def _open_video_reader(args: argparse.Namespace) -> Reader:
    if args.detect_every < 1:
        args.parser.error("--detect-every must be 1 or more")
    options = dataclasses.replace(VIDEO_PIPELINE, detect_every=args.detect_every)
    pipeline = _open_pipeline(args, options)
    labels = _list_labels(pipeline)
    annotation = AnnotationOptions(hide_faces=args.hide_faces)

    def read(path: Path, stem: str) -> dict[str, Any] | None:
        # Absolute: the encoder takes "10:15_annotated.mp4" for an address of the protocol "10".
        target = (args.out / f"{stem}_annotated.mp4").absolute() if args.out else None
        name = path_to_text(path.name)
        with tqdm(desc=name, unit="frame", leave=False) as bar:

            def on_progress(done: int, total: int | None) -> None:
                bar.total = total
                bar.update(done - bar.n)

            run = process_video(
                path,
                target,
                pipeline,
                annotation,
                start_s=args.start,
                end_s=args.end,
                on_progress=on_progress,
            )
        if run.warning:
            print(run.warning, file=sys.stderr)
        text = export.video_to_text(name, run.summary, labels)
        if args.out:
            write_file(args.out / f"{stem}_people.txt", text.encode())
            write_file(args.out / f"{stem}_frames.csv", export.frames_to_csv(run.frames))
            write_file(args.out / f"{stem}_people.csv", export.people_to_csv(run.summary))
        _say(args, text)
        if run.video_error is not None:
            raise VideoWriteError(run.video_error)
        return export.video_to_dict(path_to_text(path), run) if args.json else None

    return read


def _read_bytes(path: Path) -> bytes:
    try:
        # One byte more than allowed is enough to be refused, however long the file is.
        with path.open("rb") as opened:
            return opened.read(DEFAULT_LIMITS.max_bytes + 1)
    except OSError as error:
        raise UnreadableImageError(
            f"{path_to_text(path)} cannot be read ({error.strerror}); name a photo that exists."
        ) from error


def _say(args: argparse.Namespace, text: str) -> None:
    if str(args.json) != "-":  # the screen belongs to the JSON then
        print(text, flush=True)


def _run_files(args: argparse.Namespace, read: Reader) -> bool:
    if args.out:
        _make_folder(args.out)
    results, errors = [], []
    for path, stem in _unique_stems([Path(p) for p in args.paths]):
        if not (args.out or args.json or is_read()):
            break  # nothing that is still to come would reach anybody
        try:
            entry = read(path, stem)
            if entry is not None:
                results.append(entry)
        except FaceCoreError as error:
            message = fit_for_files(str(error))
            errors.append({"source": path_to_text(path), "message": message})
            print(message, file=sys.stderr)
    if args.json:
        _write_document(args.json, export.to_json(results, errors))
    return not errors


def _unique_stems(paths: Sequence[Path]) -> list[tuple[Path, str]]:
    """Give each input an output name of its own, also where two inputs share a file name.

    Names that differ in capitals only count as shared: some file systems take them for one.
    """
    used: set[str] = set()
    named = []
    for path in paths:
        stem, number = short_stem(path), 1
        while stem.casefold() in used:
            number += 1
            stem = f"{short_stem(path)}-{number}"
        used.add(stem.casefold())
        named.append((path, stem))
    return named


def _write_document(path: Path, document: bytes) -> None:
    if str(path) == "-":
        print_document(document)
    else:
        write_file(path, document)


def write_file(path: Path, content: bytes) -> None:
    """Write a file, its folder too.

    Raises:
        FaceCoreError: if it cannot be written.
    """
    _make_folder(path.parent)
    with _told_in_a_sentence(path):
        if path.exists() and not path.is_file():  # a pipe or a terminal
            path.write_bytes(content)
            return
        # In one step: a program that is killed leaves no half file that looks whole. Another one
        # may be writing the same file.
        part = path.with_name(f"{short_stem(path)}.{secrets.token_hex(4)}.part")
        try:
            part.write_bytes(content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    with _told_in_a_sentence(folder):
        folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def _told_in_a_sentence(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FaceCoreError(
            f"{path_to_text(path)} cannot be written ({error.strerror}); choose another place or "
            "make room there."
        ) from error
