"""Packs without some of their crops. Copies what is kept, byte for byte, and accounts for every row.

Does not decide which crops go; who does gives a reason for each.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mien.data.pack import Pack
from mien.data.shards import Shard, ShardWriter
from mien.errors import OutputError
from mien.progress import OnProgress, Progress, no_progress
from mien.spreadsheets import write_csv
from mien.whole_files import whole_folder, write_whole_text

LABEL = "wrong label"
"""The status of a row whose crop was left out; its detail is the reason."""

WRITTEN = ("row", "status", "detail", "sha256", "offset", "length", "crc32")
LISTED = ["row", "path", "subject", "status", "detail"]
CHUNK = 32


def clean_pack(
    pack: Pack,
    out: Path,
    reasons: Mapping[int, str],
    how: Mapping[str, Any],
    *,
    on_progress: OnProgress = no_progress,
) -> dict[str, int]:
    """Copy a pack without some crops.

    Args:
        pack: what is copied.
        out: the new pack's folder; complete or absent.
        reasons: for each crop that is left out, by its number in the pack, why.
        how: what decided, for pack.json.
        on_progress: called after each shard.

    Returns:
        Number of rows of each status.

    Raises:
        OutputError: there is something in the folder already.
        ManifestError: the pack is damaged.

    Example:
        >>> from mien.data.pack import Pack
        >>> counts = mien.clean_pack(Pack(Path("pack")), Path("clean"), {0: "somebody else"}, {"by": "eye"})
        >>> counts["written"], counts["wrong label"]
        (31, 1)
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out} is there already; choose a different --out, or remove it")
    counts: Counter[str] = Counter()
    with whole_folder(out) as scratch:
        shards: list[Shard] = []
        listed: list[list[object]] = []
        first = 0
        for shard in pack.shards:
            made, rows = _copy(pack, shard, first, reasons, scratch)
            shards.append(made)
            counts.update(str(row["status"]) for row in rows)
            listed += [[row[name] for name in LISTED] for row in rows if row["status"] != "written"]
            first += shard.records
            on_progress(Progress(stage="writing", done=first, total=len(pack)))
        write_csv(scratch / "rejected.csv", LISTED, listed)
        about = {
            **pack.about,
            "counts": dict(counts),
            "cleaned": dict(how),
            "shards": [asdict(one) for one in shards],
        }
        write_whole_text(scratch / "pack.json", json.dumps(about, indent=1))
    return dict(counts)


def _copy(
    pack: Pack, shard: Shard, first: int, reasons: Mapping[int, str], folder: Path
) -> tuple[Shard, list[dict[str, Any]]]:
    """Write a shard again; its rows with what has become of them."""
    table = pack.index(shard)
    rows = table.to_pylist()
    writer, number = ShardWriter(folder, shard.name), first
    try:
        for start in range(0, len(rows), CHUNK):
            results = []
            for row in rows[start : start + CHUNK]:
                data = b""
                if row["status"] == "written":
                    if number in reasons:
                        row |= {"status": LABEL, "detail": reasons[number]}
                    else:
                        data = pack.encoded(number)
                    number += 1
                results.append((row["row"], row["status"], row["detail"], row["sha256"], data))
            writer.add(results)
        return writer.finish(table.drop_columns(list(WRITTEN))), rows
    finally:
        writer.close()
