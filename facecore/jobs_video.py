"""One uploaded video: analysed and drawn in background threads.

Its copy and its results lie in a private temporary folder that goes away with the job: when it is
cancelled or closed, when nothing refers to it any more, and at the latest when the program ends.
"""

import shutil
import weakref
from collections.abc import Hashable, Sequence
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from facecore.annotation import AnnotationOptions
from facecore.errors import StorageError
from facecore.jobs import BackgroundTask, JobState
from facecore.jobs_queue import TurnQueue
from facecore.limits import safe_name
from facecore.media import VideoInfo, read_video_info
from facecore.pipeline import FacePipeline, PipelineOptions, SupportsPredict
from facecore.progress import OnProgress
from facecore.results import FrameResult
from facecore.session import VideoRun, process_video
from facecore.session_drawing import draw_results
from facecore.temp_folders import TempFolder, cannot_store


def probe_video(name: str, data: BinaryIO) -> VideoInfo:
    """Return what a video file says about itself; nothing stays on the disk.

    Args:
        name: its name, for the error message.
        data: the file, open for reading; is rewound.

    Raises:
        MediaError: if it is no readable video or exceeds a limit.
        StorageError: if the file cannot be stored for that time.
    """
    with closing(TempFolder("probe")) as folder:
        return read_video_info(_save_copy(name, data, folder.path))


class VideoJob:
    """One video: analysed, drawn, and drawn again after people were renamed or removed.

    Args:
        name: the file's name, as shown to the user; never used as a path.
        data: the file, open for reading; a copy goes to the job's own folder.
        queue: where analyses wait for their turn; default: any number runs at the same time.
        owner: who the video belongs to, for a queue that is fair between owners.

    Raises:
        StorageError: if the copy cannot be stored.
    """

    def __init__(
        self,
        name: str,
        data: BinaryIO,
        queue: TurnQueue | None = None,
        owner: Hashable = None,
    ) -> None:
        self.name = name
        self._queue = queue
        self._owner = owner
        folder = TempFolder("video")
        self._folder = folder.path
        self._tasks: list[BackgroundTask[VideoRun] | BackgroundTask[Path]] = []
        self._finalizer = weakref.finalize(self, _discard, self._tasks, folder)
        try:
            self._source = _save_copy(name, data, self._folder)
        except StorageError:
            self.close()
            raise
        self._video = self._folder / "annotated-0.mp4"
        self._range_s: tuple[float, float | None] = (0.0, None)
        self.analysis: BackgroundTask[VideoRun] | None = None
        self.rendering: BackgroundTask[Path] | None = None

    def start(
        self,
        classifiers: Sequence[SupportsPredict],
        options: PipelineOptions,
        annotation: AnnotationOptions,
        start_s: float = 0.0,
        end_s: float | None = None,
    ) -> None:
        """Begin the analysis of ``start_s`` to ``end_s`` (default: the end) in the background.

        Raises:
            ValueError: if it was started before.
        """
        if self.analysis is not None:
            raise ValueError("this video's analysis was started before")
        source, target = self._source, self._video
        self._range_s = (start_s, end_s)

        def work(on_progress: OnProgress) -> VideoRun:
            # The cascade inside is not thread-safe: this thread gets a pipeline of its own.
            pipeline = FacePipeline(classifiers, options)
            return process_video(
                source,
                target,
                pipeline,
                annotation,
                start_s=start_s,
                end_s=end_s,
                on_progress=on_progress,
            )

        self.analysis = BackgroundTask(work, self._queue, self._owner)
        self._tasks.append(self.analysis)

    def start_rendering(self, frames: Sequence[FrameResult], annotation: AnnotationOptions) -> None:
        """Draw the video again in the background, from stored results; nothing is analysed anew.

        Args:
            frames: the analysis' results after the user's changes, one per frame of the clip.
            annotation: how to draw them.
        """
        if self.rendering is not None:
            self.rendering.cancel()
        for old in set(self._folder.glob("annotated-*.mp4")) - {self.video}:
            old.unlink(missing_ok=True)  # the session may end at this moment
        source, (start_s, end_s) = self._source, self._range_s
        target = self._folder / f"annotated-{len(self._tasks)}.mp4"

        def work(on_progress: OnProgress) -> Path:
            draw_results(source, target, frames, annotation, start_s, end_s, on_progress)
            return target

        task = BackgroundTask(work, self._queue, self._owner)
        self.rendering = task
        self._tasks.append(task)

    @property
    def state(self) -> JobState:
        """The state of the analysis; ``waiting`` before it is started."""
        return self.analysis.state if self.analysis is not None else "waiting"

    @property
    def run(self) -> VideoRun | None:
        """The results once the analysis is done."""
        return self.analysis.result if self.analysis is not None else None

    @property
    def error(self) -> str | None:
        """One sentence where the analysis failed."""
        return self.analysis.error if self.analysis is not None else None

    @property
    def closed(self) -> bool:
        """Whether the job was stopped for good and its files were deleted."""
        return not self._finalizer.alive

    @property
    def video(self) -> Path | None:
        """The newest finished annotated video; None before that, or where none could be written."""
        if self.run is None:
            return None
        for task in reversed(self._tasks):
            if task.state == "done" and isinstance(task.result, Path):
                return task.result
        return self._video if self.run.video_error is None else None

    def cancel(self) -> None:
        """Stop whatever runs: a drawing keeps the earlier video, an analysis leaves nothing."""
        if self.run is not None and self.rendering is not None:
            self.rendering.cancel()
        elif self.run is None:
            self.close()

    def close(self) -> None:
        """Stop everything and delete the folder, at once or when the thread has let go of it."""
        self._finalizer()


def _save_copy(name: str, data: BinaryIO, folder: Path) -> Path:
    # The copy keeps a harmless name: messages then speak of the user's file.
    shown = safe_name(name)
    path = folder / "upload" / (shown if shown.strip(".") else "video")
    data.seek(0)
    try:
        path.parent.mkdir()
        with path.open("wb") as copy:
            shutil.copyfileobj(data, copy)
    except OSError as error:
        raise cannot_store(error) from error
    return path


def _discard(
    tasks: Sequence[BackgroundTask[VideoRun] | BackgroundTask[Path]], folder: TempFolder
) -> None:
    for task in tasks:
        task.cancel(afterwards=folder.close)
    folder.close()  # now too: at the program's end no thread lives on to do it
