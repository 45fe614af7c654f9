"""What a check of a pack finds, each fault by its own test of bytes."""

import hashlib
import json
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from mien.data.pack import Pack
from mien.data.pack_check import check_pack
from mien.data.shards import encode_crop
from mien.progress import Progress

MakePack = Callable[[Path, int, int], Pack]


def seal(folder: Path) -> None:
    """Give pack.json the sha256 that the first shard has now."""
    about = json.loads((folder / "pack.json").read_text())
    about["shards"][0]["sha256"] = hashlib.sha256((folder / "shard-00000.bin").read_bytes()).hexdigest()
    (folder / "pack.json").write_text(json.dumps(about))


def replace_crop(folder: Path, data: bytes, *, checksum: bool) -> None:
    """Put other bytes in the place of the first crop, with their checksum or the old one."""
    table = pyarrow.parquet.read_table(folder / "shard-00000.parquet")
    content = (folder / "shard-00000.bin").read_bytes()
    row = table.to_pylist()[0]
    assert len(data) <= row["length"]
    (folder / "shard-00000.bin").write_bytes(data.ljust(row["length"], b"\0") + content[row["length"] :])
    if checksum:
        rows = table.to_pylist()
        rows[0] |= {"length": len(data), "crc32": zlib.crc32(data)}
        pyarrow.parquet.write_table(pa.Table.from_pylist(rows, table.schema), folder / "shard-00000.parquet")


def test_a_whole_pack_has_no_problem_and_every_crop_is_read(tmp_path: Path, make_pack: MakePack) -> None:
    points: list[Progress] = []
    assert check_pack(make_pack(tmp_path / "p", 6, 2), on_progress=points.append) == ()
    assert [(point.done, point.total) for point in points] == [(n, 6) for n in range(1, 7)]


def test_a_byte_between_shards_sums_is_found_by_the_shards_sha256_alone(tmp_path: Path, make_pack: MakePack) -> None:
    """Bytes after the last crop belong to no crop, so only the sum of the shard sees them."""
    pack = make_pack(tmp_path / "p", 6, 2)
    with (tmp_path / "p" / "shard-00000.bin").open("ab") as stream:
        stream.write(b"x")
    (problem,) = check_pack(pack)
    assert problem.where == "shard-00000.bin" and "its sha256 is not the one in pack.json" in problem.reason


def test_a_crop_that_was_exchanged_is_found_by_its_checksum(tmp_path: Path, make_pack: MakePack) -> None:
    """The shard was sealed again after the change, so only the sum of the crop sees it."""
    make_pack(tmp_path / "p", 6, 2)
    replace_crop(tmp_path / "p", encode_crop(np.full((16, 16, 3), 9, np.uint8), 50), checksum=False)
    seal(tmp_path / "p")
    (problem,) = check_pack(Pack(tmp_path / "p"))
    assert problem.where.startswith("shard-00000.bin at byte 0 (row 0, 0.jpg)")
    assert problem.reason == "the crop does not match its checksum"


def test_a_crop_that_is_not_an_image_or_of_another_size_is_found_by_decoding(
    tmp_path: Path, make_pack: MakePack
) -> None:
    for name, data, why in (
        ("a", b"not a JPEG", "the crop cannot be decoded"),
        ("b", encode_crop(np.full((8, 16, 3), 0, np.uint8), 50), "the crop has 16x8 pixels"),
    ):
        make_pack(tmp_path / name, 6, 2)
        replace_crop(tmp_path / name, data, checksum=True)
        seal(tmp_path / name)
        (problem,) = check_pack(Pack(tmp_path / name))
        assert why in problem.reason
