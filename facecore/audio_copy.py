"""The sound of an uploaded video in a new one: prepared by a decoder process, copied here."""

from pathlib import Path
from typing import Any, Self

import av
import av.error

from facecore.decoder import SoundStream


class CopiedSound:
    """The sound of a source, fed into a new container bit by bit.

    Args:
        stream: the prepared sound.
        source: the same, opened.
        target: the container that is written.
    """

    def __init__(self, stream: SoundStream, source: Any, target: Any) -> None:
        self._stream = stream
        self._source = source
        self._target = target
        track = source.streams.audio[0]
        self._output = target.add_stream_from_template(track)
        self._packets = source.demux(track)
        self._held: Any = None

    @classmethod
    def open(cls, path: Path, target: Any, start_s: float) -> Self | None:
        """Open a video's sound, or return None where it has none that can be read.

        Args:
            path: the video.
            target: the container that is written.
            start_s: the video's media time that becomes zero.
        """
        stream = SoundStream(path, start_s)
        try:
            # No decoder: the packets are only passed on.
            source = av.open(stream, format="mp4", container_options={"codec_whitelist": "none"})
            return cls(stream, source, target)
        except av.error.FFmpegError:
            stream.close()
            return None

    def mux_until(self, time_s: float) -> None:
        """Write the sound up to a moment of the new video."""
        while (packet := self._held or self._next()) is not None:
            if float(packet.pts * packet.time_base) >= time_s:
                self._held = packet
                return
            self._held = None
            packet.stream = self._output
            self._target.mux(packet)

    def close(self) -> None:
        """Close the source and let its process go."""
        self._source.close()
        self._stream.close()

    def _next(self) -> Any:
        try:
            packet = next(self._packets, None)
        except av.error.FFmpegError:
            return None  # the pictures' reader says that the file is damaged
        return packet if packet is not None and packet.size and packet.pts is not None else None
