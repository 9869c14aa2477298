"""Photos and videos in and out: one place to import from. Files are read in another process."""

from facecore.decoder import decode_image, decode_picture, iter_frames, read_video_info
from facecore.errors import BrokenVideoError
from facecore.images import DecodedPicture, describe_rest, encode_image, example_image
from facecore.limits import DEFAULT_LIMITS, MediaLimits, safe_name
from facecore.video import VideoFrame, VideoInfo
from facecore.video_writer import VideoWriter

__all__ = [
    "DEFAULT_LIMITS",
    "BrokenVideoError",
    "DecodedPicture",
    "MediaLimits",
    "VideoFrame",
    "VideoInfo",
    "VideoWriter",
    "decode_image",
    "decode_picture",
    "describe_rest",
    "encode_image",
    "example_image",
    "iter_frames",
    "read_video_info",
    "safe_name",
]
