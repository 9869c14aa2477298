"""Makes small real video files of every kind that the tests of video reading need."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

TICK = Fraction(1, 90_000)
_OPTIONS = {
    "libx264": {"bf": "0", "g": "5", "preset": "ultrafast"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "threads": "1"},
}


def draw_frame(index, size_wh=(160, 120)):
    """A frame whose upper left quarter is red and whose brightness tells its number."""
    width, height = size_wh
    frame = np.full((height, width, 3), 40 + (index * 5) % 160, np.uint8)
    frame[: height // 2, : width // 2] = (0, 0, 255)
    return frame


def make_video(
    path: Path,
    times_s=None,
    num_frames=20,
    fps=10,
    size_wh=(160, 120),
    codec="libx264",
    pix_fmt="yuv420p",
    rotation_deg=0,
    audio=None,
    audio_rate=48_000,
    container_options=None,
    codec_options=None,
    sample_aspect=None,
) -> Path:
    """Write a video; ``audio`` names a codec and adds a tone as long as the pictures."""
    times_s = times_s or [index / fps for index in range(num_frames)]
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(
            codec, rate=fps, options=codec_options or _OPTIONS.get(codec, {})
        )
        stream.width, stream.height, stream.pix_fmt = *size_wh, pix_fmt
        if sample_aspect:
            stream.codec_context.sample_aspect_ratio = Fraction(sample_aspect)
        if codec not in ("gif", "mpeg4", "mjpeg") and path.suffix != ".avi":
            stream.time_base = stream.codec_context.time_base = TICK
        base = stream.codec_context.time_base or Fraction(1, fps)
        if rotation_deg:
            stream.set_display_rotation(rotation_deg)
        sound = None
        if audio:
            sound = container.add_stream(audio, rate=audio_rate, layout="mono")
        for index, time_s in enumerate(times_s):
            frame = av.VideoFrame.from_ndarray(draw_frame(index, size_wh), format="bgr24")
            frame = frame.reformat(format=pix_fmt)
            frame.pts, frame.time_base = round(time_s / base), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound:
            add_tone(container, sound, times_s[-1] + 1 / fps, audio_rate)
    return path


def write_slides(path, shown_ms, frames=None):
    """Write a GIF whose frames are each shown for a time of their own, milliseconds."""
    frames = frames or [draw_frame(index) for index in range(len(shown_ms))]
    slides = [Image.fromarray(np.ascontiguousarray(frame[:, :, ::-1])) for frame in frames]
    slides[0].save(path, save_all=True, append_images=slides[1:], duration=shown_ms)
    return path


def add_tone(container, sound, duration_s, rate):
    size = sound.codec_context.frame_size or 1024
    kind = sound.codec_context.format.name
    for start in range(0, int(duration_s * rate), size):
        wave = np.sin(2 * np.pi * 440 * np.arange(start, start + size) / rate)
        frame = av.AudioFrame.from_ndarray(
            wave[None].astype(np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate, frame.pts = rate, start
        frame.time_base = Fraction(1, rate)
        if kind != "fltp":
            frame = av.AudioResampler(format=kind, layout="mono", rate=rate).resample(frame)[0]
        container.mux(sound.encode(frame))
    container.mux(sound.encode(None))


def audio_span(path):
    """The codec, start and end of a file's sound in seconds."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        frames = list(container.decode(stream))
        last = frames[-1]
        return stream.codec_context.name, frames[0].time, last.time + last.samples / last.rate


def empty_a_sample(path, track, number):
    """Give an MP4 or MOV a sample of no bytes; the one before it takes its bytes over."""
    data = bytearray(path.read_bytes())
    table = -1
    for _ in range(track + 1):
        table = data.index(b"stsz", table + 1)
    place = table + 16 + 4 * (number - 1)
    before, empty = struct.unpack_from(">II", data, place)
    struct.pack_into(">II", data, place, before + empty, 0)
    path.write_bytes(data)
