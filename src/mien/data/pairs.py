"""Lists of pairs to compare: LFW's pairs.txt, CSV with a header, and `path path 1`. Names samples, opens no image.

A CSV list has two columns of images (a and b, or file_x and file_y as deepface writes them, and other usual names),
one that says whether they are mated (1, yes, true, same or 0, no, false, different), and perhaps one for the fold.
A sample is named by its path as the manifest has it, by its file's name without the ending, or by the manifest's
column `name`. A row that is not a pair is a problem, and loses no other row.
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.data.sample import Problem
from mien.data.tables import SEPARATORS, CsvText, read_csv_text, read_text
from mien.errors import ManifestError
from mien.image import has_image_suffix
from mien.whole_files import whole_file

MATED = {
    **dict.fromkeys(("1", "1.0", "true", "yes", "same", "match", "mated"), True),
    **dict.fromkeys(("0", "0.0", "-1", "false", "no", "different", "nomatch", "non-mated"), False),
}
COLUMNS = {
    "a": ("a", "filex", "file1", "image1", "img1", "path1", "imagea", "patha", "left", "photo1", "1"),
    "b": ("b", "filey", "file2", "image2", "img2", "path2", "imageb", "pathb", "right", "photo2", "2"),
    "mated": ("mated", "decision", "label", "same", "issame", "match", "ismatch", "actual", "target"),
    "fold": ("fold",),
}
"""How lists call their columns, in small letters and without blanks, `_` and `-`."""

OnProblem = Callable[[Problem], None]
Row = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two samples, by name, whether they are mated, and the fold they belong to."""

    a: str
    b: str
    mated: bool
    fold: int = 0


def read_pairs(path: Path, on_problem: OnProblem | None = None) -> list[Pair]:
    """Read a list of pairs.

    Args:
        path: the list.
        on_problem: called for each row that is not a pair; None refuses the list.

    Raises:
        ManifestError: unreadable, empty, without a pair, or, where nobody asks for such rows, a row that is not a
            pair.
    """
    rows = [(number, line.strip("\r")) for number, line in enumerate(read_text(path).split("\n"), 1) if line.strip()]
    if not rows:
        raise ManifestError(f"{path} is empty")
    pairs = []
    for found in _read(path, rows):
        if isinstance(found, Pair):
            pairs.append(found)
        elif on_problem is None:
            raise ManifestError(f"{found.where}: {found.reason}")
        else:
            on_problem(found)
    if not pairs:
        raise ManifestError(f"{path} holds no pairs")
    return pairs


def _read(path: Path, rows: list[Row]) -> Iterator[Pair | Problem]:
    words = rows[0][1].split()
    if all(word.isdecimal() for word in words) and len(words) <= 2:
        return _lfw(rows, path)
    text = read_csv_text(path)
    names = [_plain(name) for name in text.names]
    if names[:3] == ["name", "imagenum1", "imagenum2"]:
        return _kaggle(rows[1:], path)
    places = {
        name: next((names.index(one) for one in known if one in names), None) for name, known in COLUMNS.items()
    }
    if None not in (places["a"], places["b"], places["mated"]):
        return _csv(path, text, {name: place for name, place in places.items() if place is not None})
    if _bare_pair(rows[0][1]) is not None or any(has_image_suffix(Path(word)) for word in words):
        return (_bare_pair(line) or Problem(f"{path}, line {n}", _NOT_A_PAIR.format(line[:60])) for n, line in rows)
    missing = " and ".join(name for name in ("a", "b", "mated") if places[name] is None)
    raise ManifestError(f"{path} lacks the column {missing}; a list has a, b, mated, fold, or lines of `path path 1`")


_NOT_A_PAIR = "'{}' is not a pair"


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).casefold()


def _lfw(rows: list[Row], path: Path) -> Iterator[Pair | Problem]:
    """First line: folds and pairs of each kind in a fold, or that number alone; then mated and non-mated pairs."""
    head = [int(word) for word in rows[0][1].split()]
    folds, size = (head[0], head[1]) if len(head) == 2 else (1, head[0])
    if len(rows) - 1 != 2 * folds * size:
        yield Problem(str(path), f"promises {2 * folds * size} pairs and has {len(rows) - 1}")
    for index, (number, line) in enumerate(rows[1:]):
        fold = min(index // max(1, 2 * size), max(0, folds - 1))
        yield _lfw_pair(line.split("\t") if "\t" in line else line.split(), line, f"{path}, line {number}", fold)


def _lfw_pair(words: Sequence[str], line: str, where: str, fold: int = 0) -> Pair | Problem:
    if len(words) == 3 and words[1].isdecimal() and words[2].isdecimal():
        return Pair(_stem(words[0], words[1]), _stem(words[0], words[2]), True, fold)
    if len(words) == 4 and words[1].isdecimal() and words[3].isdecimal():
        return Pair(_stem(words[0], words[1]), _stem(words[2], words[3]), False, fold)
    return Problem(where, _NOT_A_PAIR.format(line[:60]))


def _stem(name: str, number: str) -> str:
    return f"{name}_{int(number):04d}"


def _kaggle(rows: list[Row], path: Path) -> Iterator[Pair | Problem]:
    """LFW's pairs as CSV: name,1,2 is mated and name,1,name,2 is not; an empty field may end a row."""
    for number, line in rows:
        words = [word.strip() for word in line.rstrip(", ").split(",")]
        yield _lfw_pair(words, line, f"{path}, line {number}")


def _csv(path: Path, text: CsvText, places: dict[str, int]) -> Iterator[Pair | Problem]:
    reader = csv.reader(text.rows.splitlines(), delimiter=text.separator)
    for number, row in enumerate(reader, start=text.first):
        if any(row):
            value = {name: row[place].strip() if place < len(row) else "" for name, place in places.items()}
            yield _csv_pair(value, f"{path}, row {number}")


def _csv_pair(value: dict[str, str], where: str) -> Pair | Problem:
    mated, fold = MATED.get(value["mated"].casefold()), value.get("fold") or "0"
    if mated is None or not value["a"] or not value["b"] or not fold.isdecimal():
        return Problem(where, "a pair has a, b, mated (0 or 1) and perhaps a fold's number")
    return Pair(value["a"], value["b"], mated, int(fold))


def _bare_pair(line: str) -> Pair | None:
    """A line without a header: two names and whether they are mated, in this order or with that first."""
    separator = next((one for one in SEPARATORS if one in line), None)
    words = [word.strip() for word in (line.split(separator) if separator else line.split())]
    for (a, b), said in ((words[:2], words[-1]), (words[1:3], words[0])) if len(words) == 3 else ():
        mated = MATED.get(said.casefold())
        if mated is not None and a and b:
            return Pair(a, b, mated)
    return _pair_with_blanks(line) if separator is None and len(words) > 3 else None


def _pair_with_blanks(line: str) -> Pair | None:
    """Two files whose names hold blanks: the first name ends where the first ending of an image does."""
    body, said = line.strip().rsplit(None, 1)
    mated = MATED.get(said.casefold())
    words = re.split(r"(\s+)", body)
    for end in range(1, len(words), 2):
        a, b = "".join(words[:end]), "".join(words[end + 1 :])
        if mated is not None and has_image_suffix(Path(a)) and has_image_suffix(Path(b)):
            return Pair(a, b, mated)
    return None


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
