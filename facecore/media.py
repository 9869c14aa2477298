"""Photos and videos in and out: one place to import from."""

from facecore.errors import BrokenVideoError
from facecore.images import decode_image, encode_image, example_image
from facecore.limits import DEFAULT_LIMITS, MediaLimits, safe_name
from facecore.video import VideoFrame, VideoInfo, iter_frames, read_video_info
from facecore.video_writer import VideoWriter

__all__ = [
    "DEFAULT_LIMITS",
    "BrokenVideoError",
    "MediaLimits",
    "VideoFrame",
    "VideoInfo",
    "VideoWriter",
    "decode_image",
    "encode_image",
    "example_image",
    "iter_frames",
    "read_video_info",
    "safe_name",
]
