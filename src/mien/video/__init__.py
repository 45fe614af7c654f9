"""Videos and cameras: frames with their times, and copies that last as long as the original. Detects nothing.

`reading` gives frames in order, `live` the newest ones of cameras and streams, `writing` writes them as MP4 with
their own times and with the original's sound, `containers` distinguishes the kinds of video files, `matroska` counts
frames, and `mp4`, `boxes` and `frame_size` change what OpenCV's writer leaves wrong.
"""

from mien.video.containers import container_of
from mien.video.live import LiveSource, SourceState, end_of_live, is_live, shown_name
from mien.video.reading import CAMERA, SUFFIXES, Frame, Video, is_video
from mien.video.writing import VideoCopy, write_video

__all__ = [
    "CAMERA",
    "SUFFIXES",
    "Frame",
    "LiveSource",
    "SourceState",
    "Video",
    "VideoCopy",
    "container_of",
    "end_of_live",
    "is_live",
    "is_video",
    "shown_name",
    "write_video",
]
