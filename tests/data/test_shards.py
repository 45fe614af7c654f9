"""Shards: what is written, what survives a kill, and how crops are encoded."""

import hashlib
import json
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import simplejpeg

from mien.data.shards import ShardWriter, decode_crop, describe_shard, encode_crop
from mien.types import Image

TABLE = pa.table({"path": ["a", "b", "c"], "subject": ["An", "Bo", "An"], "sha256": ["old", "old", "old"]})


def test_a_shard_describes_every_row(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path, "s")
    writer.add([(7, "written", "", "sa", b"first"), (3, "no face", "why", "sb", b"")])
    writer.add([(5, "written", "", "sc", b"second")])
    shard = writer.finish(TABLE)
    assert (tmp_path / "s.bin").read_bytes() == b"firstsecond"
    assert (shard.name, shard.records, shard.bytes) == ("s", 2, 11)
    assert shard.sha256 == hashlib.sha256(b"firstsecond").hexdigest() and describe_shard(tmp_path, "s") == shard
    rows = pyarrow.parquet.read_table(tmp_path / "s.parquet").to_pylist()
    assert [
        (r["row"], r["status"], r["detail"], r["sha256"], r["offset"], r["length"], r["crc32"]) for r in rows
    ] == [
        (7, "written", "", "sa", 0, 5, zlib.crc32(b"first")),
        (3, "no face", "why", "sb", None, None, None),
        (5, "written", "", "sc", 5, 6, zlib.crc32(b"second")),
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.bin", "s.parquet"]


def test_what_a_kill_left_half_written_is_dropped(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path, "s")
    writer.add([(0, "written", "", "sa", b"first")])
    writer.add([(1, "written", "", "sb", b"second")])
    writer.close()
    # The line of the second chunk is on disk, and its bytes are not; a third line is cut off.
    with (tmp_path / "s.bin.part").open("r+b") as stream:
        stream.truncate(8)
    with (tmp_path / "s.rows.part").open("ab") as stream:
        stream.write(json.dumps({"end": 99, "rows": []}).encode())
    again = ShardWriter(tmp_path, "s")
    assert again.chunks == 1 and [row[0] for row in again.outcomes] == [0]
    again.add([(1, "written", "", "sb", b"second")])
    again.finish(TABLE.slice(0, 2))
    assert (tmp_path / "s.bin").read_bytes() == b"firstsecond"


def test_crops_keep_their_colours_at_the_quality_that_is_asked_for(hopper: Image) -> None:
    crop = np.ascontiguousarray(hopper[80:192, 150:262])
    worse, better = encode_crop(crop, 40), encode_crop(crop, 95)
    assert len(worse) < len(better) / 2
    assert simplejpeg.decode_jpeg_header(better)[3] == "444", "colours are at full resolution"
    far, near = (np.abs(decode_crop(data).astype(int) - crop).mean() for data in (worse, better))
    assert near < 2.5 < far
