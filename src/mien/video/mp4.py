"""MP4 and QuickTime files: what one says of itself, and a written one put right.

OpenCV writes MP4 files of a constant rate, with even sides and without sound. `finish` gives such a file the frames'
own times and size, and copies sound out of another MP4 file as it is stored. Decodes and encodes nothing. Refuses
files in fragments, whose tables are spread over the file.

After ISO/IEC 14496-12 (boxes) and 14496-14 (MP4).
"""

import struct
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mien.video.boxes import (
    Box,
    Mp4Error,
    chunks_of,
    count_samples,
    duration_of,
    edits_of,
    handler_of,
    numbers_at,
    read_movie,
    scale_of,
    top_boxes,
    tracks_of,
)
from mien.video.frame_size import with_frame_size

TICKS = 90_000
"""Per second, in which the times of frames are written: enough to distinguish all usual rates (MPEG's own)."""
MEDIA_HEAD = 16
"""Bytes before the data of a large media box."""
PIECE = 1 << 20
"""Bytes that are copied at once."""


def is_cut(path: Path) -> bool:
    """Whether a box of the file goes on after the file's end."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        return any(end > size for _, _, end in top_boxes(stream, size))


def has_sound(path: Path) -> bool | None:
    """Whether a file has a track of sound; None where its tables cannot be read."""
    try:
        return any(handler_of(track) == b"soun" for track in tracks_of(read_movie(path)[0]))
    except (OSError, Mp4Error):
        return None


def shows_all_frames(path: Path) -> bool:
    """Whether the header's count of frames is that of the frames that are shown.

    Not so in files in fragments, and where an edit list shows a part of the track, as phones write it when a video is
    trimmed.
    """
    try:
        movie = read_movie(path)[0]
        track = next(one for one in tracks_of(movie) if handler_of(one) == b"vide")
        shown = sum(length for length, start in edits_of(track) if start >= 0) / scale_of(movie.need(b"mvhd"))
        header = track.need(b"mdia", b"mdhd")
        return movie.find(b"mvex") is None and (not shown or shown > 0.98 * duration_of(header) / scale_of(header))
    except (OSError, Mp4Error, StopIteration):
        return False


def count_frames(path: Path) -> int:
    """Frames of the first video track whose data are in the file.

    Raises:
        Mp4Error: the file is not complete.
    """
    if is_cut(path):
        raise Mp4Error("the file is cut short")
    track = next((one for one in tracks_of(read_movie(path)[0]) if handler_of(one) == b"vide"), None)
    if track is None:
        raise Mp4Error("there is no track of video")
    size = path.stat().st_size
    if any(start + length > size for start, length in chunks_of(track)):
        raise Mp4Error("data of frames are missing")
    return count_samples(track)


def finish(
    path: Path, times: Sequence[float], seconds: float, *, width: int, height: int, sound: Path | None = None
) -> int:
    """Give a file that OpenCV wrote the times and the size of its frames, and the sound of another file.

    Args:
        path: the file; it is changed in place.
        times: of the frames, in seconds, growing, from 0.
        seconds: how long the video is.
        width: of the frames in pixels; at most one less than the file has.
        height: of the frames in pixels; at most one less than the file has.
        sound: an MP4 file whose sound is copied; None copies none.

    Returns:
        How many tracks of sound were copied.

    Raises:
        Mp4Error: the file, or the sound, is not as it has to be; then the file is as it was.
        OSError: it cannot be read or written.
    """
    movie, start = read_movie(path)
    videos = [one for one in tracks_of(movie) if handler_of(one) == b"vide"]
    if len(videos) != 1:
        raise Mp4Error("there is not one track of video")
    source = read_movie(sound)[0] if sound is not None else None
    delay = _delay(source) if source is not None else 0.0
    video = _with_times(_with_size(videos[0], width, height), times, seconds, delay)
    lengths, tracks, runs, at = [seconds + delay], list[Box](), list[list[tuple[int, int]]](), start
    if source is not None and sound is not None:
        scale, size = TICKS / scale_of(source.need(b"mvhd")), sound.stat().st_size
        for number, track in enumerate((one for one in tracks_of(source) if handler_of(one) == b"soun"), start=2):
            chunks = chunks_of(track)
            if any(place + length > size for place, length in chunks):
                raise Mp4Error("data of the sound are missing")
            ends = np.cumsum([at + MEDIA_HEAD, *(length for _, length in chunks)]).tolist()
            tracks.append(_moved(track, ends[:-1], number, scale))
            runs.append(chunks)
            lengths.append(duration_of(tracks[-1].need(b"tkhd")) / TICKS)
            at = ends[-1]
    header = _movie_header(movie.need(b"mvhd").data, max(lengths), len(tracks) + 2)
    tables = Box(b"moov", (header, video, *tracks, *movie.without(b"mvhd", b"trak").boxes)).encode()
    # Nothing is changed before all of it is known to be possible.
    with path.open("r+b") as out:
        out.seek(start)
        out.truncate()
        for chunks in runs:
            assert sound is not None
            _copy(sound, out, chunks)
        out.write(tables)
    return len(tracks)


def _edit_list(edits: Sequence[tuple[int, int]]) -> Box:
    rows = b"".join(struct.pack(">QqI", length, start, 1 << 16) for length, start in edits)
    return Box(b"edts", (Box(b"elst", struct.pack(">II", 1 << 24, len(edits)) + rows),))


def _delay(movie: Box) -> float:
    """Seconds from the start of a movie to its first frame."""
    video = next((one for one in tracks_of(movie) if handler_of(one) == b"vide"), None)
    edits = edits_of(video) if video is not None else []
    pauses = [length for at, (length, start) in enumerate(edits) if all(s < 0 for _, s in edits[: at + 1])]
    return sum(pauses) / scale_of(movie.need(b"mvhd"))


def _with_size(track: Box, width: int, height: int) -> Box:
    """A track of video whose frames have a size that is smaller by at most a row and a column."""
    description = track.need(b"mdia", b"minf", b"stbl", b"stsd")
    header = bytearray(track.need(b"tkhd").data)
    header[-8:] = struct.pack(">II", width << 16, height << 16)
    entry = bytearray(description.data)
    # After the count of entries: size and kind of the first, and 24 bytes that are not the frame's size.
    stored = numbers_at(bytes(entry), ">HH", 8 + 8 + 24)
    if stored == (width, height):
        return track
    struct.pack_into(">HH", entry, 8 + 8 + 24, width, height)
    try:
        changed = with_frame_size(bytes(entry), stored, (width, height))
    except ValueError as reason:
        raise Mp4Error(str(reason)) from reason
    track = track.with_box([b"mdia", b"minf", b"stbl", b"stsd"], Box(b"stsd", changed))
    return track.with_box([b"tkhd"], Box(b"tkhd", bytes(header)))


def _with_times(track: Box, times: Sequence[float], seconds: float, delay: float) -> Box:
    if count_samples(track) != len(times):
        raise Mp4Error("some frames were not written")
    ticks = [round(time * TICKS) for time in (*times, seconds)]
    steps = [max(1, after - before) for before, after in pairwise(ticks)]
    runs: list[list[int]] = []
    for step in steps:
        if runs and runs[-1][1] == step:
            runs[-1][0] += 1
        else:
            runs.append([1, step])
    rows = b"".join(struct.pack(">II", *run) for run in runs)
    length, language = sum(steps), track.need(b"mdia", b"mdhd").data[-4:]
    media = struct.pack(">IQQIQ", 1 << 24, 0, 0, TICKS, length) + language
    edits = [(round(delay * TICKS), -1)] * (delay > 0) + [(length, 0)]
    track = track.with_box(
        [b"mdia", b"minf", b"stbl", b"stts"], Box(b"stts", struct.pack(">II", 0, len(runs)) + rows)
    )
    track = track.with_box([b"mdia", b"mdhd"], Box(b"mdhd", media))
    track = track.with_box([b"tkhd"], _track_header(track.need(b"tkhd").data, 1, length + round(delay * TICKS)))
    return track.with_box([b"edts"], _edit_list(edits))


def _track_header(data: bytes, number: int, length: int) -> Box:
    if len(data) < 84:
        raise Mp4Error("the header of a track is too short")
    flags = int.from_bytes(data[1:4], "big")
    head = struct.pack(">IQQIIQ", 1 << 24 | flags, 0, 0, number, 0, length)
    return Box(b"tkhd", head + data[-60:])


def _movie_header(data: bytes, seconds: float, following: int) -> Box:
    head = struct.pack(">IQQIQ", 1 << 24, 0, 0, TICKS, round(seconds * TICKS))
    return Box(b"mvhd", head + data[-80:-4] + struct.pack(">I", following))


def _moved(track: Box, offsets: Sequence[int], number: int, scale: float) -> Box:
    """A track of sound whose samples are elsewhere, in a movie of other ticks."""
    table = struct.pack(">II", 0, len(offsets)) + struct.pack(f">{len(offsets)}Q", *offsets)
    path = [b"mdia", b"minf", b"stbl"]
    stored = track.need(*path).without(b"stco", b"co64")
    track = track.without(b"tref").with_box(path, replace(stored, content=(*stored.boxes, Box(b"co64", table))))
    header = track.need(b"tkhd")
    track = track.with_box([b"tkhd"], _track_header(header.data, number, round(duration_of(header) * scale)))
    edits = [(round(length * scale), start) for length, start in edits_of(track)]
    return track.with_box([b"edts"], _edit_list(edits)) if edits else track


def _copy(source: Path, out: BinaryIO, chunks: Sequence[tuple[int, int]]) -> None:
    """Copy runs of samples, one after the other, into a media box of their own."""
    out.write(struct.pack(">I4sQ", 1, b"mdat", MEDIA_HEAD + sum(length for _, length in chunks)))
    with source.open("rb") as stream:
        for start, length in chunks:
            stream.seek(start)
            for done in range(0, length, PIECE):
                out.write(stream.read(min(PIECE, length - done)))
