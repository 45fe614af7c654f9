"""IJB-B and IJB-C as InsightFace publishes them: faces with five points and templates; see mien.data.ijb.

The published points align the faces, so nothing is detected. Template, media and the detector's score become columns;
`mien evaluate ijb` makes templates of them.
"""

from pathlib import Path

from mien.data.ijb import face_rows, find_lists, known_subjects
from mien.data.sample import Problem, Sample
from mien.data.sources.source import Rows, Source
from mien.data.sources.text import ImageFinder, numbers, reason_of
from mien.errors import ManifestError
from mien.types import floats


def recognizes(path: Path) -> bool:
    """Whether there is a list that gives each face its template and its media."""
    return find_lists(path) is not None


def read(path: Path) -> Rows:
    """Every face of the lists."""
    lists = find_lists(path)
    if lists is None:
        raise ManifestError(f"{path} has no list of faces with their templates (meta/ijbc_face_tid_mid.txt)")
    subjects, finder = known_subjects(lists), ImageFinder(lists.images)
    for row in face_rows(lists):
        if isinstance(row, Problem):
            yield row
            continue
        number, (name, *points, score), (_, template, media) = row
        where, file = f"{lists.points}, line {number}", finder.find(name)
        if file is None:
            yield Problem(where, finder.missing(name))
            continue
        if not template.isdecimal():
            yield Problem(where, f"the template '{template}' is not a number")
            continue
        try:
            values = numbers([*points, score], where)
        except ManifestError as fault:
            yield Problem(where, reason_of(fault, where))
            continue
        yield Sample(
            file,
            subjects.get(int(template), ""),
            landmarks=floats(values[:10]).reshape(5, 2),
            known={"template": template, "media": media, "detector_score": values[10]},
        )


SOURCE = Source(
    name="ijb",
    summary="IJB-B and IJB-C with InsightFace's lists",
    note="faces of loose_crop with the published five points; template, media and detector score become columns, and "
    "`mien evaluate ijb` reads the pairs and galleries of the same folder",
    recognizes=recognizes,
    read=read,
    is_protocol=True,
)
