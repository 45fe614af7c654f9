"""Lists of pairs to compare: LFW's pairs.txt and pairsDev*.txt, and CSV. Names samples, opens no image.

A CSV list has the columns a, b, mated (0 or 1) and, where there are folds, fold. A sample is named by its path as the
manifest has it, by its file's name without the ending, or by the manifest's column `name`.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.data.sources.text import lines
from mien.errors import ManifestError
from mien.whole_files import whole_file

MATED = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two samples, by name, whether they are mated, and the fold they belong to."""

    a: str
    b: str
    mated: bool
    fold: int = 0


def read_pairs(path: Path) -> list[Pair]:
    """Read a list of pairs.

    Raises:
        ManifestError: unreadable, empty, or a row that is not a pair.
    """
    rows = list(lines(path))
    if not rows:
        raise ManifestError(f"{path} is empty")
    pairs = _lfw(rows, path) if rows[0][1].split()[0].isdigit() else _csv(path)
    if not pairs:
        raise ManifestError(f"{path} holds no pairs")
    return pairs


def _lfw(rows: list[tuple[int, str]], path: Path) -> list[Pair]:
    """First line: folds and pairs of each kind in a fold, or that number alone; then mated and non-mated pairs."""
    head = [int(word) for word in rows[0][1].split() if word.isdigit()]
    folds, size = (head[0], head[1]) if len(head) == 2 else (1, head[0])
    if len(rows) - 1 != 2 * folds * size:
        raise ManifestError(f"{path} promises {2 * folds * size} pairs and has {len(rows) - 1}")
    return [_lfw_pair(path, number, line, index // (2 * size)) for index, (number, line) in enumerate(rows[1:])]


def _lfw_pair(path: Path, number: int, line: str, fold: int) -> Pair:
    words = line.split("\t") if "\t" in line else line.split()
    if len(words) == 3 and words[1].isdigit() and words[2].isdigit():
        return Pair(_stem(words[0], words[1]), _stem(words[0], words[2]), True, fold)
    if len(words) == 4 and words[1].isdigit() and words[3].isdigit():
        return Pair(_stem(words[0], words[1]), _stem(words[2], words[3]), False, fold)
    raise ManifestError(f"{path}, line {number}: '{line[:60]}' is not a pair")


def _stem(name: str, number: str) -> str:
    return f"{name}_{int(number):04d}"


def _csv(path: Path) -> list[Pair]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        reader = csv.DictReader(stream)
        missing = {"a", "b", "mated"} - set(reader.fieldnames or ())
        if missing:
            raise ManifestError(
                f"{path} lacks the column {' and '.join(sorted(missing))}; a list has a, b, mated, fold"
            )
        return [_csv_pair(path, number, row) for number, row in enumerate(reader, start=2)]


def _csv_pair(path: Path, number: int, row: dict[str, str]) -> Pair:
    mated = MATED.get((row["mated"] or "").strip().lower())
    fold = (row.get("fold") or "0").strip()
    if mated is None or not row["a"] or not row["b"] or not fold.isdigit():
        raise ManifestError(f"{path}, row {number}: a pair has a, b, mated (0 or 1) and perhaps a fold's number")
    return Pair(row["a"].strip(), row["b"].strip(), mated, int(fold))


def numbered_pairs(mated: Sequence[bool]) -> list[Pair]:
    """The pairs of a `.bin` set: images 000000 and 000001, 000002 and 000003 ..., in ten folds in their order."""
    size = max(1, len(mated) // 10)
    return [Pair(f"{2 * i:06d}", f"{2 * i + 1:06d}", bool(same), min(9, i // size)) for i, same in enumerate(mated)]


def write_pairs(pairs: Sequence[Pair], path: Path) -> None:
    """Write a list as CSV."""
    with whole_file(path) as scratch, scratch.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("a", "b", "mated", "fold"))
        writer.writerows((pair.a, pair.b, int(pair.mated), pair.fold) for pair in pairs)
