"""Lists of pairs that people keep in spreadsheets: two columns of image files, and perhaps an id and a label.

Or they keep two folders, in which the images of a pair have one name.

Reads CSV with commas, semicolons or tabs, in UTF-8 or UTF-16, with or without a header. The columns are known by
their names, or by what is in them. Every row becomes a pair: one that cannot be compared carries its problem, so that
no row is lost. Opens no image.
"""

import codecs
import csv
import io
import os
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mien.data.stored_paths import stored_path
from mien.errors import ManifestError
from mien.image.formats import has_image_suffix

NAMES = (
    ("a", "b"),
    ("left", "right"),
    ("card", "selfie"),
    ("first", "second"),
    ("document", "selfie"),
    ("id_card", "selfie"),
    ("idcard", "selfie"),
    ("cccd", "selfie"),
    ("portrait", "selfie"),
    ("reference", "probe"),
    ("image1", "image2"),
    ("image_1", "image_2"),
    ("image_a", "image_b"),
    ("img1", "img2"),
    ("path1", "path2"),
    ("path_1", "path_2"),
    ("path_a", "path_b"),
    ("file1", "file2"),
    ("file_x", "file_y"),
    ("face1", "face2"),
    ("photo1", "photo2"),
)
"""Names of the two columns of images that are known; others are found by what is in them."""

IDS = ("id", "pair", "pair_id", "case", "case_id", "name", "number", "no", "stt", "key", "person", "subject")
"""Names of a column that says what a pair is called."""

LABEL_NAMES = ("label", "same", "mated", "is_same", "issame", "same_person", "match", "truth", "expected", "genuine")
"""Names of a column that says whether both images show one person."""

LABELS = {
    **dict.fromkeys(("1", "1.0", "true", "yes", "y", "same", "match", "mated", "genuine", "positive"), True),
    **dict.fromkeys(("0", "0.0", "-1", "false", "no", "n", "different", "no match", "non-mated", "impostor"), False),
    **dict.fromkeys(("nonmated", "non-match", "negative", "diff"), False),
}
"""Words for one person and for two."""

ROWS_SEEN = 50
"""Rows in which columns of images are looked for, where their names say nothing."""
LONGEST_CELL = 2**20
"""Characters of a cell; a longer one is a quotation mark that was never closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPair:
    """A row of the list.

    Attributes:
        row: its line in the file, where the header is line 1.
        id: what it is called; its number among the pairs where the list has no ids.
        a: the first image, as the list has it.
        b: the second image, as the list has it.
        first: the path of the first image; empty where the row has a problem.
        second: the path of the second image; empty where the row has a problem.
        label: whether both show one person; None where that is not known.
        problem: why the row cannot be compared; empty where it can.
    """

    row: int
    id: str
    a: str = ""
    b: str = ""
    first: str = ""
    second: str = ""
    label: bool | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PairList:
    """All rows of a list.

    Attributes:
        path: the file, or the folder of two folders.
        columns: the names of the two columns of images; as numbers from 1 where there is no header; or
            of the folders.
        pairs: in the order of the rows.
    """

    path: Path
    columns: tuple[str, str]
    pairs: tuple[AskedPair, ...]

    @property
    def images(self) -> list[str]:
        """The path of each image once, in the order in which they appear."""
        named = (path for pair in self.pairs for path in (pair.first, pair.second) if not pair.problem)
        return list(dict.fromkeys(named))


def read_pair_list(path: Path, columns: tuple[str, str] | None = None) -> PairList:
    """Read a list of pairs.

    Args:
        path: the list; its images are relative to its folder. Or a folder with two folders of images, such as cards/
            and selfies/, in which the images of a pair have one name.
        columns: the names of the two columns of images, or of the two folders; None finds them.

    Raises:
        ManifestError: it cannot be read as a table, it holds no pairs, or its columns of images are not known.
    """
    # Path.is_dir raises for names that no file can have.
    if os.path.isdir(path):  # noqa: PTH112
        return _folder_pairs(path, columns)
    rows = _rows(path)
    if not rows:
        raise ManifestError(f"{path} is empty; a list of pairs has one pair of images per row")
    layout = _layout(rows, path, columns)
    body = rows[1:] if layout.header else rows
    pairs = tuple(_pair(row, line, number, layout, path) for number, (line, row) in enumerate(body, start=1))
    if not pairs:
        raise ManifestError(f"{path} has a header and no rows; write one pair of images per row")
    return PairList(path, (layout.names[layout.a], layout.names[layout.b]), pairs)


def _folder_pairs(path: Path, columns: tuple[str, str] | None) -> PairList:
    """Pairs of images of one name in two folders; one without the other carries its problem."""
    inner = sorted(one for one in path.iterdir() if one.is_dir() and not one.name.startswith("."))
    sides = [path / name for name in columns] if columns else inner
    if len(sides) != 2 or not all(one.is_dir() for one in sides):
        raise ManifestError(
            f"{path} has {len(inner)} folders; a folder of pairs has two, such as cards and selfies, in which the "
            "images of a pair have one name"
        )
    found = [_images_in(side) for side in sides]
    pairs = []
    for row, name in enumerate(sorted(found[0].keys() | found[1].keys()), 1):
        images = [side.get(name, []) for side in found]
        a, b = (str(one[0].relative_to(path)) if one else "" for one in images)
        pair = AskedPair(row=row, id=name, a=a, b=b)
        wrong = [f"{side.name} has {len(one)}" for side, one in zip(sides, images, strict=True) if len(one) != 1]
        if wrong:
            problem = f"{path}, {name}: {' and '.join(wrong)} images of this name; a pair has one in each folder"
            pairs.append(replace(pair, problem=problem))
        else:
            pairs.append(replace(pair, first=str(images[0][0]), second=str(images[1][0])))
    if not pairs:
        raise ManifestError(f"{path} has no images in {sides[0].name} and {sides[1].name}")
    return PairList(path, (sides[0].name, sides[1].name), tuple(pairs))


def _images_in(folder: Path) -> dict[str, list[Path]]:
    """The images in a folder by their names without the suffix."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.absolute().iterdir()):
        if path.is_file() and has_image_suffix(path):
            found.setdefault(unicodedata.normalize("NFC", path.stem), []).append(path)
    return found


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """The rows that are not empty, with the line that each begins in."""
    text = _text(path)
    lines = text.splitlines()
    skipped = 0
    if lines and lines[0].lower().startswith("sep="):
        # Excel writes its delimiter so.
        skipped, text = 1, text.split("\n", 1)[1] if "\n" in text else ""
    first = next((line for line in text.splitlines() if line.strip()), "")
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(first))
    rows, start = [], skipped
    try:
        for row in reader:
            line, start = start + 1, skipped + reader.line_num
            cells = [cell.strip() for cell in row]
            if any(cells):
                rows.append((line, cells))
    except csv.Error as reason:
        raise ManifestError(
            f"{path}, line {start + 1}: the row cannot be read ({reason}); look for a quotation mark that is not "
            "closed"
        ) from reason
    return rows


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except IsADirectoryError:
        raise ManifestError(f"{path} is a folder; name a CSV file with one pair of images per row") from None
    except (OSError, ValueError) as reason:
        why = reason.strerror if isinstance(reason, OSError) else str(reason)
        raise ManifestError(f"{str(path)[:200]} cannot be read: {why}") from reason
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise ManifestError(f"{path} is a workbook, not CSV; save it as 'CSV UTF-8'")
    is_wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    coding, named = ("utf-16", "UTF-16") if is_wide else ("utf-8-sig", "UTF-8")
    try:
        text = data.decode(coding)
    except UnicodeDecodeError as reason:
        line = data[: reason.start].count(b"\n") + 1
        raise ManifestError(f"{path}, line {line} is not {named}; save the file as 'CSV UTF-8'") from reason
    if "\0" in text:
        raise ManifestError(f"{path} is not a text file, or it is UTF-16 without a mark; save it as 'CSV UTF-8'")
    return text


def _delimiter(line: str) -> str:
    """The delimiter that gives the first row the most cells."""
    return max(("\t", ";", ","), key=lambda mark: len(next(csv.reader([line], delimiter=mark), [])))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where things are in a row."""

    names: tuple[str, ...]
    header: bool
    a: int
    b: int
    id: int | None = None
    label: int | None = None


def _layout(rows: Sequence[tuple[int, list[str]]], path: Path, columns: tuple[str, str] | None) -> _Layout:
    first = rows[0][1]
    if columns is None and sum(map(_is_image, first)) >= 2:
        return _without_header(rows)
    names = tuple(_plain(name) for name in first)
    place = _asked(first, columns, path) if columns else _by_name(names) or _by_content(rows)
    if place is None:
        raise ManifestError(
            f"{path} has the columns {', '.join(first[:12])}, and it is not clear which two hold the images: "
            "name them with --columns A,B"
        )
    others = [number for number in range(len(names)) if number not in place]
    return _Layout(
        names=tuple(first),
        header=True,
        a=place[0],
        b=place[1],
        id=next((number for number in others if names[number] in IDS), None),
        label=next((number for number in others if names[number] in LABEL_NAMES), None),
    )


def _without_header(rows: Sequence[tuple[int, list[str]]]) -> _Layout:
    first = rows[0][1]
    a, b = [number for number, cell in enumerate(first) if _is_image(cell)][:2]
    others = [number for number in range(len(first)) if number not in (a, b)]
    label = next((n for n in others if _column_is(rows, n, lambda cell: cell.casefold() in LABELS)), None)
    return _Layout(
        names=tuple(str(number + 1) for number in range(len(first))),
        header=False,
        a=a,
        b=b,
        id=next((number for number in others if number != label), None),
        label=label,
    )


def _column_is(rows: Sequence[tuple[int, list[str]]], number: int, test: Callable[[str], bool]) -> bool:
    return all(number < len(row) and test(row[number]) for _, row in rows[:ROWS_SEEN])


def _asked(first: Sequence[str], columns: tuple[str, str], path: Path) -> tuple[int, int]:
    plain = [_plain(name) for name in first]
    for name in columns:
        if _plain(name) not in plain:
            raise ManifestError(f"{path} has no column '{name}'; it has {', '.join(first[:12])}")
    if _plain(columns[0]) == _plain(columns[1]):
        raise ManifestError(f"--columns names {columns[0]} twice; a pair has two images")
    return plain.index(_plain(columns[0])), plain.index(_plain(columns[1]))


def _by_name(names: Sequence[str]) -> tuple[int, int] | None:
    return next(((names.index(a), names.index(b)) for a, b in NAMES if a in names and b in names), None)


def _by_content(rows: Sequence[tuple[int, list[str]]]) -> tuple[int, int] | None:
    """The two columns that hold image files in most of the first rows."""
    width, seen = len(rows[0][1]), rows[1 : 1 + ROWS_SEEN]
    held = [sum(_is_image(row[number]) for _, row in seen if number < len(row)) for number in range(width)]
    found = [number for number, count in enumerate(held) if count and 2 * count >= len(seen)]
    return (found[0], found[1]) if len(found) == 2 else None


def _is_image(cell: str) -> bool:
    return has_image_suffix(Path(cell))


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip().casefold().replace(" ", "_").replace("-", "_")


def _pair(row: list[str], line: int, number: int, layout: _Layout, path: Path) -> AskedPair:
    cells = row + [""] * (len(layout.names) - len(row))
    word = "" if layout.label is None else cells[layout.label]
    pair = AskedPair(
        row=line,
        id=(cells[layout.id] if layout.id is not None else "") or str(number),
        a=cells[layout.a],
        b=cells[layout.b],
        label=LABELS.get(word.casefold()) if word else None,
    )
    problem = _problem(row, word, layout, pair)
    if problem:
        return replace(pair, problem=f"{path}, row {line}: {problem}")
    first, second = (_absolute(cell, path.parent) for cell in (pair.a, pair.b))
    return replace(pair, first=first, second=second)


def _problem(row: Sequence[str], word: str, layout: _Layout, pair: AskedPair) -> str:
    """Why a row is not a pair, without its place; empty where it is one."""
    extra = [cell for cell in row[len(layout.names) :] if cell]
    if extra:
        return (
            f"it has {len(row)} values and there are {len(layout.names)} columns; "
            "put quotation marks around a value that holds a delimiter"
        )
    missing = [layout.names[place] for place, cell in ((layout.a, pair.a), (layout.b, pair.b)) if not cell]
    if missing:
        return f"there is no image in the column {' and '.join(missing)}"
    if "\0" in stored_path(pair.a) + stored_path(pair.b):
        return "the name of an image holds a character that no file name has"
    if word and pair.label is None:
        return f"the label '{word[:40]}' is neither same nor different"
    return ""


def _absolute(cell: str, folder: Path) -> str:
    """The absolute path of a cell; backslashes of Windows are taken as slashes where no such file exists."""
    text = os.path.normpath(Path.cwd() / folder / stored_path(cell))
    if "\\" in cell and not os.path.lexists(text):
        return os.path.normpath(Path.cwd() / folder / stored_path(cell).replace("\\", "/"))
    return text
