"""Whether a pack is as it was written: shards against their sha256, crops against their checksums, and decoded."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from mien.data.pack import Pack
from mien.data.shards import Shard, decode_crop, file_sha256
from mien.progress import OnProgress, Progress, no_progress


@dataclass(frozen=True, slots=True)
class PackProblem:
    """Something in a pack that is not as it was written."""

    where: str
    reason: str


def check_pack(pack: Pack, *, on_progress: OnProgress = no_progress) -> tuple[PackProblem, ...]:
    """Compare every shard with its sha256 and every crop with its checksum, and decode the crops.

    Raises:
        ManifestError: the table of a shard cannot be read.

    Example:
        >>> from mien.data.pack import Pack
        >>> mien.check_pack(Pack(Path("pack")))
        ()
    """
    problems: list[PackProblem] = []
    done = 0
    for shard in pack.shards:
        name = f"{shard.name}.bin"
        if file_sha256(pack.folder / name) != shard.sha256:
            problems.append(PackProblem(name, "its sha256 is not the one in pack.json; copy it again"))
        for reason in _crops(pack, shard):
            done += 1
            on_progress(Progress(stage="checking", done=done, total=len(pack)))
            if reason is not None:
                problems.append(reason)
    return tuple(problems)


def _crops(pack: Pack, shard: Shard) -> Iterator[PackProblem | None]:
    """For each crop of a shard what is wrong with it, or None."""
    name = f"{shard.name}.bin"
    with (pack.folder / name).open("rb") as stream:
        for row in pack.index(shard).to_pylist():
            if row["status"] != "written":
                continue
            stream.seek(row["offset"])
            reason = _fault(stream.read(row["length"]), row["crc32"], pack.size)
            where = f"{name} at byte {row['offset']} (row {row['row']}, {row['path']})"
            yield PackProblem(where, reason) if reason else None


def _fault(data: bytes, crc: int, size: int) -> str:
    if zlib.crc32(data) != crc:
        return "the crop does not match its checksum"
    try:
        shape = decode_crop(data).shape
    except ValueError as reason:
        return f"the crop cannot be decoded: {reason}"
    return "" if shape == (size, size, 3) else f"the crop has {shape[1]}x{shape[0]} pixels"
