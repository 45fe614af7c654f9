"""Writes what became of an album: faces.csv for people, report.json for programs. Computes nothing."""

import json
from collections.abc import Iterator
from typing import Any

from mien.cluster.album import Album
from mien.messages import Message
from mien.scope.aspects import name_of
from mien.spreadsheets import write_csv
from mien.whole_files import write_whole_bytes, write_whole_text

CSV, SUMMARY, PAGE = "faces.csv", "report.json", "report.html"
FILES = (CSV, SUMMARY, PAGE)
"""All files of an album's groups, besides the folder of people."""
COLUMNS = (
    "image", "face", "x1", "y1", "x2", "y2", "person", "certainty", "score", "unit", "nearest other", "outside",
)  # fmt: skip
"""Columns of faces.csv."""


def write_files(album: Album, page: str) -> None:
    """Write the table, the page and the report; every file is complete, and private."""
    write_csv(album.out / CSV, COLUMNS, _rows(album), private=True)
    # A file name may hold bytes that are not UTF-8; they are written out.
    write_whole_bytes(album.out / PAGE, page.encode("utf-8", "backslashreplace"), private=True)
    # The report is written last: where it is, everything is complete.
    write_whole_text(album.out / SUMMARY, json.dumps(summary(album), indent=1), private=True)


def _rows(album: Album) -> Iterator[list[object]]:
    groups = album.grouping.groups
    for face, placed in zip(album.faces, album.grouping.faces, strict=True):
        yield [
            face.image,
            face.place + 1,
            *face.box,
            "" if placed.group is None else groups[placed.group].name,
            None if placed.certainty is None else round(placed.certainty, 3),
            None if placed.score is None else round(placed.score, 4),
            album.threshold.unit,
            "" if placed.nearest is None else groups[placed.nearest].name,
            ", ".join(_word(doubt.code) for doubt in placed.doubts),
        ]


def _word(code: str) -> str:
    name = name_of(code)
    return name.text("en") if isinstance(name, Message) else name


def summary(album: Album) -> dict[str, Any]:
    """The album as a whole: counts, how alike faces had to be, the groups, images that failed."""
    strict = album.grouping.strictness
    return {
        "counts": album.counts,
        "limits": {
            "unit": album.threshold.unit,
            "found": {"score": strict.found, "fmr": strict.found_fmr},
            "join": {"score": strict.join, "fmr": strict.join_fmr},
            "rate_for": album.group,
        },
        "groups": [as_json(album, place) for place in range(len(album.grouping.groups))],
        "failed_images": dict(album.failed),
        "made_with": dict(album.made_with),
    }


def as_json(album: Album, place: int) -> dict[str, Any]:
    """One group: its faces, the surest first, and a group that may be the same person."""
    groups, faces = album.grouping.groups, album.grouping.faces
    group = groups[place]
    return {
        "person": group.name,
        "certainty": round(group.certainty, 3),
        "perhaps": None if group.perhaps is None else groups[group.perhaps].name,
        "faces": [
            {
                "image": album.faces[face].image,
                "face": album.faces[face].place + 1,
                "box": album.faces[face].box,
                "certainty": round(faces[face].certainty or 0.0, 3),
                "outside": [doubt.code for doubt in faces[face].doubts],
            }
            for face in group.faces
        ],
    }
