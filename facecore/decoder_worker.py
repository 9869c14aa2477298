"""What runs inside a decoder process: reads one file at a time and hands over what it holds.

Started by ``facecore.decoder_process`` as ``python -m facecore.decoder_worker SOCKET MEMORY``. It
ends with the server, even a killed one, and has no rights it does not need.
"""

import contextlib
import gc
import io
import json
import mmap
import os
import queue
import resource
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import av
import numpy as np

from facecore.audio import AudioTrack
from facecore.decoder_process import DATA_MARK
from facecore.errors import BrokenVideoError, MediaError
from facecore.images import decode_picture
from facecore.limits import DECODER_MEMORY_BYTES, MediaLimits
from facecore.memory import give_back_memory
from facecore.preprocessing import UInt8Array
from facecore.video import VideoFrame, iter_frames, read_video_info

_ALIVE_EVERY_S = 1.0
_SLOT_BYTES = 48_000_000  # shared by the frames on their way
_MIN_SLOTS, _MAX_SLOTS = 2, 6
_CHUNK_BYTES = 65_536
# An MP4 that can be read while it is written, in pieces of a second.
_PIECEWISE = {
    "movflags": "empty_moov+delay_moov+default_base_moof",
    "frag_duration": "1000000",
}


class _Worker:
    def __init__(self, connection: Connection, memory_fd: int) -> None:
        self._connection = connection
        self._memory_fd = memory_fd
        self._inbox: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._last_sign_s = 0.0

    def run(self) -> None:
        gc.freeze()  # what was loaded until now stays: no collection has to go through it again
        threading.Thread(target=self._listen, daemon=True).start()
        works: dict[str, Callable[..., None]] = {
            "picture": self._read_picture,
            "info": self._read_info,
            "frames": self._read_frames,
            "sound": self._read_sound,
        }
        self._send(ready=True)
        while True:
            request = self._inbox.get()
            if "do" not in request:
                continue  # frees a place of the last video's frames
            try:
                works[request.pop("do")](**request)
            except MediaError as error:
                read = error.frames_read if isinstance(error, BrokenVideoError) else 0
                self._send(end=True, error=type(error).__name__, text=str(error), frames_read=read)
            except MemoryError:
                self._send(end=True, error="memory")
            # PyAV's containers, streams and decoders hold each other, and with them FFmpeg's
            # pictures; to Python they are few and small objects, which it would not collect soon.
            gc.collect()
            give_back_memory()

    def report_defect(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Say where an unexpected exception came from, but not its words: they may quote data."""
        place = traceback.extract_tb(trace)[-1]
        self._send(defect=f"{kind.__name__} in {Path(place.filename).name}:{place.lineno}")

    def _listen(self) -> None:
        """Put what the server says into the inbox; end with the server."""
        while True:
            try:
                self._inbox.put(json.loads(self._connection.recv_bytes()))
            except (EOFError, OSError):
                os._exit(0)

    def _send(self, **message: Any) -> None:
        self._connection.send_bytes(json.dumps(message).encode())

    def _alive(self) -> None:
        """Say now and then that the work goes on, where nothing else is to be said."""
        if time.monotonic() - self._last_sign_s > _ALIVE_EVERY_S:
            self._last_sign_s = time.monotonic()
            self._send(alive=True)

    def _map(self, num_bytes: int) -> UInt8Array:
        return np.frombuffer(mmap.mmap(self._memory_fd, num_bytes), dtype=np.uint8)

    def _ask_for_memory(self, num_bytes: int, **message: Any) -> UInt8Array:
        """Have the server make room, which checks that it is not too much, and return it."""
        self._send(need=num_bytes, **message)
        self._inbox.get()
        return self._map(num_bytes)

    def _read_picture(self, num_bytes: int, name: str, limits: dict[str, int]) -> None:
        data = self._map(num_bytes).tobytes() if num_bytes else b""
        picture = decode_picture(data, name, MediaLimits(**limits))
        del data
        memory = self._ask_for_memory(
            picture.bgr.nbytes,
            shape=picture.bgr.shape,
            number=picture.number,
            num_in_file=picture.num_in_file,
            is_animation=picture.is_animation,
        )
        memory.reshape(picture.bgr.shape)[:] = picture.bgr
        self._send(end=True)

    def _read_info(self, path: str, name: str | None, limits: dict[str, int]) -> None:
        info = read_video_info(Path(path), name, MediaLimits(**limits), on_step=self._alive)
        self._send(end=True, info=asdict(info))

    def _read_frames(
        self,
        path: str,
        start_s: float,
        end_s: float | None,
        name: str | None,
        limits: dict[str, int],
    ) -> None:
        memory: UInt8Array | None = None
        frames = iter_frames(
            Path(path), start_s, end_s, name, MediaLimits(**limits), on_step=self._alive
        )
        with contextlib.closing(cast(Generator[VideoFrame, None, None], frames)):
            for frame in frames:
                if memory is None:
                    num_slots = _SLOT_BYTES // frame.bgr.nbytes
                    num_slots = min(max(num_slots, _MIN_SLOTS), _MAX_SLOTS)
                    memory = self._ask_for_memory(
                        num_slots * frame.bgr.nbytes, shape=(num_slots, *frame.bgr.shape)
                    ).reshape(num_slots, *frame.bgr.shape)
                    free = list(range(num_slots))
                slot = free.pop() if free else self._inbox.get()["free"]
                memory[slot] = frame.bgr
                self._send(
                    slot=slot,
                    time_s=frame.time_s,
                    index=frame.index,
                    duration_s=frame.duration_s,
                    is_told=frame.is_told,
                )
        self._send(end=True)

    def _read_sound(self, path: str, start_s: float) -> None:
        chunks = _Chunks(self._connection)
        with av.open(chunks, "w", format="mp4", options=_PIECEWISE) as target:
            track = AudioTrack.open(Path(path), target, start_s)
            if track is not None:
                target.start_encoding()
                track.mux_until(float("inf"))
                track.finish()
        self._send(end=True)


class _Chunks(io.RawIOBase):
    """A file that PyAV writes to and the server reads from."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        whole = bytes(data)
        for start in range(0, len(whole), _CHUNK_BYTES):
            self._connection.send_bytes(DATA_MARK + whole[start : start + _CHUNK_BYTES])
        return len(whole)


def _drop_rights() -> None:
    """Bound the memory, write no file and no core dump, be the first to go when memory is short."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    bounds = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_AS: DECODER_MEMORY_BYTES,
    }
    for kind, bound in bounds.items():
        # Some systems know a limit by name only.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (bound, bound))


if __name__ == "__main__":
    _drop_rights()
    _worker = _Worker(Connection(int(sys.argv[1])), int(sys.argv[2]))
    sys.excepthook = _worker.report_defect
    _worker.run()
