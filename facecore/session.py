"""A whole photo and a whole video: results, annotated picture, and one thumbnail per person."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from facecore.annotation import AnnotationOptions
from facecore.errors import VideoWriteError
from facecore.hiding import search_at_once
from facecore.media import (
    BrokenVideoError,
    VideoFrame,
    VideoInfo,
    iter_frames,
    read_video_info,
)
from facecore.pipeline import FacePipeline, FoundFaces
from facecore.preprocessing import UInt8Array
from facecore.progress import OnProgress
from facecore.results import FrameResult
from facecore.session_drawing import AnnotatedVideo, draw_results
from facecore.session_search import find_all
from facecore.session_thumbnails import ThumbnailKeeper
from facecore.stats import SessionSummary
from facecore.stats_clip import settle_clip, shows_other_words
from facecore.video_queue import in_groups, look_ahead

_SHORT_CLIP_FRAMES = 6  # too few to wait for somebody to be seen again
MOST_TOGETHER = 32
"""Frames that are classified in one go; more bring the networks little, and progress would jerk."""
_GROUP_BYTES = 50_000_000  # eight frames of 1920x1080; as many more are searched ahead


@dataclass(frozen=True, slots=True, eq=False)
class VideoRun:
    """What the analysis of a video gave.

    Args:
        info: the file's size, speed and length.
        frames: one result per analysed frame; nobody's gender changes between them.
        summary: the people and the totals, nobody renamed or removed.
        thumbnails: person_id -> the best face as uint8 array (h, w, 3), BGR, at most 128 px.
        warning: one sentence where only a part could be read, else None.
        video_error: one sentence where the annotated video could not be written, else None.
    """

    info: VideoInfo
    frames: tuple[FrameResult, ...]
    summary: SessionSummary
    thumbnails: dict[int, UInt8Array] = field(default_factory=dict)
    warning: str | None = None
    video_error: str | None = None


def analyse_photo(frame_bgr: UInt8Array, pipeline: FacePipeline) -> FrameResult:
    """Return a photo's faces in reading order; none is a normal result.

    Args:
        frame_bgr: uint8 array of shape (H, W, 3), BGR; is not changed.
        pipeline: made with ``PHOTO_PIPELINE`` or the like.
    """
    pipeline.reset()
    return pipeline.process(frame_bgr)


def process_video(
    source: Path,
    target: Path | None,
    pipeline: FacePipeline,
    annotation: AnnotationOptions | None = None,
    *,
    start_s: float = 0.0,
    end_s: float | None = None,
    on_progress: OnProgress | None = None,
) -> VideoRun:
    """Analyse a video frame by frame; no faces is a normal result.

    A person's gender is settled when all of the video was seen. Where it was drawn otherwise
    before, as "undecided", the annotated video is drawn again from the results.

    Frames are not kept for long: while the networks look at a group of them, the next group's faces
    are searched, a few are decoded ahead (``media.iter_frames``) and a few wait to be drawn and
    encoded. Groups of large frames are small, so that memory does not grow with their size.

    Args:
        source: the video file.
        target: where the annotated MP4 goes; None writes none.
        pipeline: made with ``VIDEO_PIPELINE`` or the like; is reset first. Where faces are to be
            hidden, it is made to search every whole frame.
        annotation: what is drawn; default: everything.
        start_s: the first moment to analyse, media time.
        end_s: the first moment no longer wanted; None: to the end.
        on_progress: called after each frame with the frames done and their expected number, if
            that is known, and once more from the first frame where the video is drawn again. What
            it raises ends the analysis, and no file is left.

    Returns:
        The results. Where the later part of a file is broken, those of the readable part, with
        a warning; where the annotated video could not be written, its ``video_error`` says why.

    Raises:
        UnreadableVideoError: if the file is no video or has no readable frame in this range.
        MediaTooLargeError: if it is over the limits.
    """
    if annotation is not None and annotation.hide_faces is not None:
        pipeline.options = search_at_once(pipeline.options)
    info = read_video_info(source)
    total = _expected_frames(info, start_s, end_s)
    pipeline.reset(min_hits=1 if total is not None and total <= _SHORT_CLIP_FRAMES else None)
    frames: list[FrameResult] = []
    thumbnails = ThumbnailKeeper()
    warning = None
    reached_s = start_s
    with ExitStack() as stack:
        drawn = None
        if target is not None:
            drawn = AnnotatedVideo(target, source, annotation, start_s, end_s)
            stack.enter_context(drawn)
        try:
            together = _frames_together(info)
            ahead = _find_ahead(stack, pipeline, iter_frames(source, start_s, end_s), together)
            for group in in_groups(ahead, together):
                results = pipeline.classify_all([found for _, found in group])
                for (frame, _), result in zip(group, results, strict=True):
                    told_s = frame.duration_s if frame.is_told else None
                    frames.append(replace(result, duration_s=told_s))
                    thumbnails.update(frame.bgr, result)
                    reached_s = frame.time_s + frame.duration_s
                    if drawn is not None:
                        drawn.add(frame, result)
                    if on_progress is not None:
                        on_progress(len(frames), total and max(total, len(frames)))
        except BrokenVideoError as error:
            warning = str(error)
    if on_progress is not None:
        on_progress(len(frames), len(frames))
    settled, summary = settle_clip(frames, reached_s - frames[0].time_s)
    video_error = drawn.error if drawn is not None else None
    if (
        target is not None
        and video_error is None
        and (annotation is None or annotation.show_labels)
        and shows_other_words(frames, settled)
    ):
        video_error = _draw_again(source, target, settled, annotation, start_s, end_s, on_progress)
    return VideoRun(info, settled, summary, thumbnails.crops, warning, video_error)


def _draw_again(
    source: Path,
    target: Path,
    frames: Sequence[FrameResult],
    annotation: AnnotationOptions | None,
    start_s: float,
    end_s: float | None,
    on_progress: OnProgress | None,
) -> str | None:
    """Put a video of the settled results in the first one's place; return why there is none."""
    try:
        draw_results(source, target, frames, annotation, start_s, end_s, on_progress)
    except BaseException as error:
        target.unlink(missing_ok=True)  # it tells something else than the results
        if isinstance(error, VideoWriteError):
            return str(error)
        raise
    return None


def _find_ahead(
    stack: ExitStack, pipeline: FacePipeline, frames: Iterator[VideoFrame], num_ahead: int
) -> Iterator[tuple[VideoFrame, FoundFaces]]:
    """Yield the frames with their faces; the next ones are searched while some are classified."""
    # Closed by hand: an exception's traceback would keep the file open.
    stack.enter_context(closing(cast(Generator[VideoFrame, None, None], frames)))
    found = stack.enter_context(closing(find_all(frames, pipeline)))
    return stack.enter_context(closing(look_ahead(found, num_ahead)))


def _frames_together(info: VideoInfo) -> int:
    """Return how many frames are classified in one go, as many as memory allows."""
    return max(1, min(MOST_TOGETHER, _GROUP_BYTES // (3 * info.width * info.height)))


def _expected_frames(info: VideoInfo, start_s: float, end_s: float | None) -> int | None:
    if info.num_frames is None:
        return None
    if not info.duration_s:
        return info.num_frames if start_s <= 0 and end_s is None else None
    wanted_s = min(info.duration_s, info.duration_s if end_s is None else end_s) - start_s
    return max(1, round(info.num_frames * wanted_s / info.duration_s))
