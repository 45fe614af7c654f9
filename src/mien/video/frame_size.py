"""The size of frames in the header of MPEG-4 video. Changes nothing else, and no frame.

OpenCV writes frames with even sides only. A frame with an odd side is written with one more column or row, which the
header then leaves out: frames are coded in squares of 16 pixels, so their data stay the same.

After ISO/IEC 14496-2, 6.2.3 (Video Object Layer).
"""

import re
from dataclasses import dataclass

RECTANGLE = 0
"""Shape of a video whose frames are rectangles."""


@dataclass(slots=True)
class _Bits:
    data: bytes
    at: int

    def take(self, count: int) -> int:
        end = self.at + count
        if end > 8 * len(self.data):
            raise ValueError("the header of the video is too short")
        first, last = self.at // 8, -(-end // 8)
        value = int.from_bytes(self.data[first:last], "big") >> (8 * last - end)
        self.at = end
        return value & ((1 << count) - 1)


def with_frame_size(data: bytes, stored: tuple[int, ...], wanted: tuple[int, int]) -> bytes:
    """Exchange the width and height in the video header that is somewhere in some bytes.

    Raises:
        ValueError: there is no such header, or it does not have the stored size.
    """
    start = re.search(rb"\x00\x00\x01[\x20-\x2f]", data)
    if start is None:
        raise ValueError("there is no header of MPEG-4 video")
    bits = _Bits(data, 8 * start.end())
    places = _places(bits)
    value = int.from_bytes(data, "big")
    for place, old, new in zip(places, stored, wanted, strict=True):
        bits.at = place
        if bits.take(13) != old or new >= 1 << 13:
            raise ValueError("the header of the video has another size")
        shift = 8 * len(data) - place - 13
        value = value & ~(((1 << 13) - 1) << shift) | new << shift
    return value.to_bytes(len(data), "big")


def _places(bits: _Bits) -> tuple[int, int]:
    """Where width and height are, in bits."""
    bits.take(1 + 8)
    if bits.take(1):
        bits.take(4 + 3)
    if bits.take(4) == 15:
        bits.take(8 + 8)
    if bits.take(1):
        bits.take(2 + 1)
        if bits.take(1):
            bits.take(79)
    if bits.take(2) != RECTANGLE:
        raise ValueError("the frames of the video are not rectangles")
    bits.take(1)
    resolution = bits.take(16)
    bits.take(1)
    if bits.take(1):
        bits.take(max(1, (resolution - 1).bit_length()))
    bits.take(1)
    width = bits.at
    bits.take(13 + 1)
    return width, bits.at
