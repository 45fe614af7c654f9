"""Boxes: what is read is written again as it was, and tables that do not fit are refused."""

import struct
from pathlib import Path

import pytest

from mien.video.boxes import Box, Mp4Error, chunks_of, edits_of, parse_boxes, read_movie


def track(offsets: list[int], runs: list[tuple[int, int]], sizes: list[int]) -> Box:
    """A track with runs of samples: the first chunk and the samples per chunk of each."""
    rows = b"".join(struct.pack(">III", first, count, 1) for first, count in runs)
    table = (
        Box(b"stsc", struct.pack(">II", 0, len(runs)) + rows),
        Box(b"stsz", struct.pack(f">III{len(sizes)}I", 0, 0, len(sizes), *sizes)),
        Box(b"stco", struct.pack(f">II{len(offsets)}I", 0, len(offsets), *offsets)),
    )
    return Box(b"trak", (Box(b"mdia", (Box(b"minf", (Box(b"stbl", table),)),)),))


def test_a_tree_is_written_as_it_was_read() -> None:
    tree = Box(b"moov", (Box(b"mvhd", b"12345"), track([8], [(1, 1)], [3])))
    assert parse_boxes(tree.encode()) == (tree,)
    assert tree.need(b"trak", b"mdia", b"minf", b"stbl", b"stsc").data[4:8] == b"\0\0\0\1"
    assert tree.find(b"udta", b"meta") is None
    with pytest.raises(Mp4Error, match="there is no"):
        tree.need(b"udta")


def test_chunks_are_where_the_tables_say() -> None:
    """Two chunks of two samples, then one of one."""
    assert chunks_of(track([100, 200, 300], [(1, 2), (3, 1)], [1, 2, 3, 4, 5])) == [(100, 3), (200, 7), (300, 5)]


@pytest.mark.parametrize(
    ("offsets", "runs", "sizes"),
    [
        ([100], [(1, 2)], [1]),
        ([100, 200], [(2, 1)], [1, 2]),
        ([100], [(1, 1), (9, 1)], [1]),
        ([100], [], [1]),
        ([100, 200], [(1, 1), (2**32 - 1, 1)], [1, 2]),
    ],
)
def test_tables_that_do_not_fit_are_refused(
    offsets: list[int], runs: list[tuple[int, int]], sizes: list[int]
) -> None:
    with pytest.raises(Mp4Error, match=r"runs of samples"):
        chunks_of(track(offsets, runs, sizes))


def test_a_box_that_is_longer_than_its_parent_and_a_file_without_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Mp4Error, match="longer than what holds it"):
        parse_boxes(struct.pack(">I4s", 99, b"moov"))
    (tmp_path / "a.mp4").write_bytes(struct.pack(">I4s", 8, b"ftyp"))
    with pytest.raises(Mp4Error, match="no movie box"):
        read_movie(tmp_path / "a.mp4")


def test_edits_have_a_length_and_a_start() -> None:
    rows = struct.pack(">II", 0, 2) + struct.pack(">Iii", 500, -1, 1) + struct.pack(">Iii", 900, 20, 1)
    edited = Box(b"trak", (Box(b"edts", (Box(b"elst", rows),)),))
    assert edits_of(edited) == [(500, -1), (900, 20)] and edits_of(Box(b"trak", ())) == []
