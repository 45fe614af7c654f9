"""The lists of IJB-B and IJB-C as InsightFace publishes them: the templates of faces, their pairs and galleries.

    IJBC/loose_crop/1.jpg                     the faces, cut out with a margin
    IJBC/meta/ijbc_name_5pts_score.txt        1.jpg x y x y x y x y x y score
    IJBC/meta/ijbc_face_tid_mid.txt           1.jpg template media
    IJBC/meta/ijbc_template_pair_label.txt    template template 1
    IJBC/meta/ijbc_1N_gallery_G1.csv          TEMPLATE_ID,SUBJECT_ID,... a row for each image; IJB-B has S1 and S2
    IJBC/meta/ijbc_1N_probe_mixed.csv         the same, for what searches

Source: insightface, recognition/_evaluation_/ijb (ijb_11.py, ijb_1n.py, ijb_evals.py). Opens no image.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.data.sample import Problem
from mien.errors import ManifestError

FACES = "_face_tid_mid.txt"
POINTS = "_name_5pts_score.txt"
PAIRS = "_template_pair_label.txt"
GALLERIES = ("G1", "G2", "S1", "S2")
PROBES = "_1N_probe_mixed.csv"
IMAGES = "loose_crop"


@dataclass(frozen=True, slots=True, kw_only=True)
class IjbLists:
    """Where the lists of a set are.

    Attributes:
        name: ijbb or ijbc.
        images: the folder of the faces.
        faces: which face belongs to which template.
        points: the five points of each face, and the detector's score.
        pairs: pairs of templates, or None.
        galleries: lists of enrolled templates, by their names.
        probes: the list of templates that search, or None.
    """

    name: str
    images: Path
    faces: Path
    points: Path
    pairs: Path | None
    galleries: tuple[tuple[str, Path], ...]
    probes: Path | None


@dataclass(frozen=True, slots=True, eq=False)
class TemplatePairs:
    """Pairs of templates: (P, 2) int64 numbers of templates, and (P,) bool whether they are mated."""

    templates: NDArray[np.int64]
    mated: NDArray[np.bool_]


def find_lists(path: Path) -> IjbLists | None:
    """The lists in a folder or in its only folder that has some; None where there are none."""
    if not path.is_dir():
        return None
    for meta in (path / "meta", *sorted(path.glob("*/meta")), path):
        for faces in sorted(meta.glob(f"*{FACES}")):
            return _lists(meta, faces.name.removesuffix(FACES))
    return None


def _lists(meta: Path, name: str) -> IjbLists:
    root = meta.parent if meta.name == "meta" else meta
    files = {code: meta / f"{name}_1N_gallery_{code}.csv" for code in GALLERIES}
    pairs, probes = meta / f"{name}{PAIRS}", meta / f"{name}{PROBES}"
    return IjbLists(
        name=name,
        images=root / IMAGES,
        faces=meta / f"{name}{FACES}",
        points=meta / f"{name}{POINTS}",
        pairs=pairs if pairs.is_file() else None,
        galleries=tuple((code, file) for code, file in files.items() if file.is_file()),
        probes=probes if probes.is_file() else None,
    )


def read_template_pairs(path: Path) -> TemplatePairs:
    """Read a list of pairs of templates; IJB-C's has 15,658,489.

    Raises:
        ManifestError: unreadable, or a line that is not two numbers and 0 or 1.
    """
    found = np.column_stack(list(_columns(path, ("a", "b", "label"), " ", skip=0).values()))
    wrong = np.flatnonzero((found[:, 2] != 0) & (found[:, 2] != 1))
    if len(wrong):
        raise ManifestError(f"{path}, line {wrong[0] + 1}: the label is {found[wrong[0], 2]}; it should be 1 or 0")
    return TemplatePairs(found[:, :2], found[:, 2] == 1)


def read_template_subjects(path: Path) -> dict[int, int]:
    """The subject of each template of a gallery or of the probes.

    Raises:
        ManifestError: unreadable, without the columns TEMPLATE_ID and SUBJECT_ID, or a template of two subjects.
    """
    found = _columns(path, ("TEMPLATE_ID", "SUBJECT_ID"), ",", skip=1)
    subjects: dict[int, int] = {}
    for template, subject in zip(*(column.tolist() for column in found.values()), strict=True):
        if subjects.setdefault(template, subject) != subject:
            raise ManifestError(
                f"{path}: template {template} belongs to the subjects {subjects[template]} and {subject}"
            )
    return subjects


def known_subjects(lists: IjbLists) -> dict[int, str]:
    """The subject of each template: by the lists of galleries and probes, else as far as mated pairs show it."""
    files = [file for _, file in lists.galleries] + ([lists.probes] if lists.probes else [])
    found: dict[int, str] = {}
    for file in files:
        for template, subject in read_template_subjects(file).items():
            if found.setdefault(template, str(subject)) != str(subject):
                raise ManifestError(f"{file}: template {template} has another subject than in the other lists")
    if lists.pairs is not None:
        pairs = read_template_pairs(lists.pairs)
        found |= {one: name for one, name in _joined(pairs).items() if one not in found}
    return found


def _joined(pairs: TemplatePairs) -> dict[int, str]:
    """People as the mated pairs join their templates; each is called by its lowest template."""
    root: dict[int, int] = {}

    def find(one: int) -> int:
        while root.setdefault(one, one) != one:
            root[one] = one = root[root[one]]
        return one

    for a, b in pairs.templates[pairs.mated].tolist():
        low, high = sorted((find(a), find(b)))
        root[high] = low
    return {one: f"person of template {find(one)}" for one in list(root)}


def _columns(path: Path, names: tuple[str, ...], separator: str, *, skip: int) -> dict[str, NDArray[np.int64]]:
    """Columns of whole numbers, of a table without a header (then all of its columns), or by its header."""
    import pyarrow as pa
    import pyarrow.csv

    reading = pyarrow.csv.ReadOptions(column_names=None if skip else list(names))
    types = dict.fromkeys(names, pa.int64())
    converting = pyarrow.csv.ConvertOptions(column_types=types, include_columns=list(names) if skip else [])
    damaged: list[str] = []

    def note(row: pyarrow.csv.InvalidRow) -> str:
        damaged.append(str(row.text)[:60])
        return "error"

    parsing = pyarrow.csv.ParseOptions(delimiter=separator, invalid_row_handler=note)
    try:
        table = pyarrow.csv.read_csv(path, reading, parsing, converting)
    except OSError as reason:
        raise ManifestError(f"{path} cannot be read: {reason.strerror or reason}") from reason
    except (pa.ArrowException, KeyError) as reason:
        what = f"the row '{damaged[0]}'" if damaged else str(reason).splitlines()[0]
        raise ManifestError(f"{path} should have whole numbers as {', '.join(names)}: {what}") from reason
    if any(table.column(name).null_count for name in names):
        raise ManifestError(f"{path} should have whole numbers as {', '.join(names)}: a value is missing")
    return {name: table.column(name).to_numpy() for name in names}


def face_rows(lists: IjbLists) -> Iterator[tuple[int, list[str], list[str]] | Problem]:
    """The lines of both lists of faces: number, name with points and score, name with template and media.

    Raises:
        ManifestError: a list is missing or unreadable.
    """
    from itertools import zip_longest

    from mien.data.sources.text import lines

    both = zip_longest(lines(lists.points), lines(lists.faces))
    for points, face in both:
        if points is None or face is None:
            longer, number = (lists.faces, face) if points is None else (lists.points, points)
            yield Problem(
                f"{longer}, line {number[0] if number else 0}", "the other list of faces ends before this line"
            )
            return
        words, roles = points[1].split(), face[1].split()
        where = f"{lists.points}, line {points[0]}"
        if len(words) != 12:
            yield Problem(where, f"{len(words)} values; a name, 10 coordinates and a score are expected")
        elif len(roles) != 3 or roles[0] != words[0]:
            yield Problem(where, f"it is about {words[0]}, and {lists.faces.name} has '{face[1][:60]}' there")
        else:
            yield points[0], words, roles
