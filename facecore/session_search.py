"""Faces of a whole video: some frames are searched, those between them are filled in afterwards."""

from collections.abc import Generator, Iterable

from facecore.media import VideoFrame
from facecore.pipeline import FacePipeline, FoundFaces
from facecore.pipeline_between import LONGEST_STEP_S

_MOST_WAITING = 7  # frames between two searches, however close they are: each is kept until then
_TICK_S = 1e-3  # times are rounded


def find_all(
    frames: Iterable[VideoFrame], pipeline: FacePipeline
) -> Generator[tuple[VideoFrame, FoundFaces], None, None]:
    """Yield all frames with their faces, in order.

    Every ``detect_every``-th frame is searched, and each frame while somebody is new or missing,
    or where frames are far apart. A frame between two of these waits for the second.

    Args:
        frames: those of a video, in order.
        pipeline: has been reset.

    Raises:
        Exception: that of the frames, after those before.
    """
    waiting: list[VideoFrame] = []
    last: FoundFaces | None = None
    coming = iter(frames)
    while True:
        try:
            frame = next(coming, None)
        except Exception:  # what came before is whole: it is told first
            yield from ((left, _find(left, pipeline)) for left in waiting)
            raise
        if frame is None:
            break
        if last is not None:
            if waiting and not _is_step(last, frame, frame.time_s):
                for left in waiting:
                    last = _find(left, pipeline)
                    yield left, last
                waiting = []
            if _may_wait(frame, len(waiting), last, pipeline):
                waiting.append(frame)
                continue
        found = _find(frame, pipeline)
        if last is not None:
            for left in waiting:
                yield left, pipeline.find_between(left.bgr, left.time_s, left.index, (last, found))
        waiting = []
        yield frame, found
        last = found
    yield from ((left, _find(left, pipeline)) for left in waiting)


def _find(frame: VideoFrame, pipeline: FacePipeline) -> FoundFaces:
    held_s = frame.duration_s if frame.is_told else 0.0
    return pipeline.find(frame.bgr, frame.time_s, frame.index, held_s)


def _may_wait(
    frame: VideoFrame, num_waiting: int, last: FoundFaces, pipeline: FacePipeline
) -> bool:
    return (
        num_waiting < min(pipeline.options.detect_every - 1, _MOST_WAITING)
        and pipeline.may_skip
        and _is_step(last, frame, frame.time_s + frame.duration_s)
    )


def _is_step(last: FoundFaces, frame: VideoFrame, until_s: float) -> bool:
    """Tell whether a frame has the last one's size and only a short time passes until then."""
    is_near = until_s - last.time_s <= LONGEST_STEP_S + _TICK_S
    return is_near and frame.bgr.shape == last.frame_bgr.shape
