"""Taking a video's sound along: copied where an MP4 can hold it, else encoded again as AAC."""

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import av
import av.error

from facecore.video_file import iter_packets, open_container

_AAC_RATES = (48_000, 44_100, 32_000, 24_000, 22_050, 16_000)
_LOWEST_MP3_RATE = 16_000  # an MP4 cannot name slower ones, which belong to MPEG 2.5


class AudioTrack:
    """The sound of a source, fed into a new container bit by bit.

    Args:
        source: the open source container.
        stream: its sound track.
        target: the container that is written.
        start_s: the source's media time that becomes zero.
    """

    def __init__(self, source: Any, stream: Any, target: Any, start_s: float) -> None:
        self._source = source
        self._target = target
        context = stream.codec_context
        # Sound counts from the same moment as the pictures, so that both stay together.
        video = next(iter(source.streams.video), None)
        origin_s = 0.0
        if video is not None and video.start_time is not None:
            origin_s = float(video.start_time * video.time_base)
        self._zero_s = origin_s + start_s
        self._copies = _fits_mp4(context)
        self._encoder: Any = None
        self._resampler: Any = None
        if self._copies:
            self._output = target.add_stream_from_template(stream)
        else:
            rate = context.sample_rate if context.sample_rate in _AAC_RATES else _AAC_RATES[0]
            layout = "mono" if context.channels == 1 else "stereo"
            self._output = target.add_stream("aac", rate=rate, layout=layout)
            self._encoder = self._output.codec_context
            self._resampler = av.AudioResampler(
                format="fltp", layout=layout, rate=rate, frame_size=1024
            )
        if start_s > 0:
            # In a damaged file that cannot be searched, all that comes before is read and left out.
            with contextlib.suppress(av.error.FFmpegError):
                source.seek(int(max(0.0, self._zero_s - 0.2) * av.time_base))
        self._pieces = self._read_copied(stream) if self._copies else self._read_encoded(stream)
        self._last_dts = -(1 << 62)
        self._held: tuple[float, Any] | None = None

    @classmethod
    def open(cls, path: Path, target: Any, start_s: float) -> Self | None:
        """Open a video's sound, or return None where it has none that can be read."""
        source = open_container(path)
        streams = [s for s in source.streams.audio if s.codec_context is not None]
        if not streams:
            source.close()
            return None
        return cls(source, streams[0], target, start_s)

    def mux_until(self, time_s: float) -> None:
        """Write the sound up to a moment of the new video."""
        while True:
            self._held = self._held or next(self._pieces, None)
            if self._held is None or self._held[0] >= time_s:
                return
            self._mux(self._held[1])
            self._held = None

    def finish(self) -> None:
        """Write what the encoder still holds, and close the source."""
        if self._encoder is not None:
            self._mux(None)
        self.close()

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _packets(self, stream: Any) -> Iterator[tuple[float, Any]]:
        packets = iter_packets(self._source, stream)
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError:
                return  # the pictures' reader says that the file is damaged
            if packet is None:
                return
            if packet.size > 0 and packet.pts is not None:
                yield float(packet.pts * packet.time_base) - self._zero_s, packet

    def _read_copied(self, stream: Any) -> Iterator[tuple[float, Any]]:
        zero = None
        for time_s, packet in self._packets(stream):
            if time_s < 0:
                continue
            if zero is None:
                zero = round(self._zero_s / packet.time_base)
            packet.pts -= zero
            packet.dts = packet.pts
            yield time_s, packet

    def _read_encoded(self, stream: Any) -> Iterator[tuple[float, Any]]:
        for _, packet in self._packets(stream):
            try:
                frames = stream.codec_context.decode(packet)
            except av.error.FFmpegError:
                continue  # a damaged moment of sound is left silent
            for frame in frames:
                if frame.pts is None:
                    continue
                rate = frame.sample_rate
                frame.pts = round((float(frame.pts * frame.time_base) - self._zero_s) * rate)
                frame.time_base = Fraction(1, rate)
                for ready in self._resample(frame):
                    if ready.pts >= 0:
                        yield float(ready.pts * ready.time_base), ready

    def _resample(self, frame: Any) -> list[Any]:
        try:
            return list(self._resampler.resample(frame))
        except (av.error.FFmpegError, ValueError):
            return []  # damage can make a moment of sound look like another kind; left silent

    def _mux(self, piece: Any) -> None:
        for packet in [piece] if self._copies else self._encoder.encode(piece):
            # Sound whose times run backwards cannot be written; damaged files have such moments.
            if packet.dts is not None and packet.dts > self._last_dts:
                self._last_dts = packet.dts
                packet.stream = self._output
                self._target.mux(packet)


def _fits_mp4(context: Any) -> bool:
    """Return whether sound can be put into an MP4 as it is."""
    codec = context.codec.canonical_name
    if codec == "mp3":
        return bool(context.sample_rate >= _LOWEST_MP3_RATE)
    # AAC without a header of its own (from MPEG-TS) does not fit.
    return codec == "aac" and bool(context.extradata)
