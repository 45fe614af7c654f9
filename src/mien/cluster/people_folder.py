"""The folder of people for enrolment: one folder per group with its faces, to be named by the user.

`mien enrol GALLERY OUT/people` takes it as it is. Owns the names of the files, and the refusal to remove a folder
that somebody has changed. Reads no model.
"""

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from mien.cluster.faces import AlbumFace
from mien.cluster.grouping import Grouping
from mien.data.work_folder import FOLDER
from mien.errors import ResumeError
from mien.whole_files import make_folder, whole_folder, write_whole_text

PEOPLE = "people"
LISTING = "people.json"
"""In the folder of the work: the files of the people folder as they were written."""
LONGEST = 120
"""Bytes of an image's name in the name of a face; file systems allow 255."""


def write_people(out: Path, grouping: Grouping, faces: Iterable[tuple[int, AlbumFace]]) -> None:
    """Write the faces of each group, the surest with the lowest numbers; the folder is complete or absent.

    Args:
        out: the output folder; its folder `people` must not exist.
        grouping: where each face went.
        faces: all faces with their places and small images, in any order.
    """
    names = {face: (group.name, rank) for group in grouping.groups for rank, face in enumerate(group.faces, start=1)}
    listing: dict[str, int] = {}
    with whole_folder(out / PEOPLE, private=True) as scratch:
        for place, face in faces:
            if place in names:
                person, rank = names[place]
                name = f"{rank:04d}-{_short(Path(face.image).stem)}-{face.place + 1}.jpg"
                folder = make_folder(scratch / person, private=True)
                _write(folder / name, face.jpeg)
                listing[f"{person}/{name}"] = len(face.jpeg)
        listed = json.dumps({os.fsencode(name).decode("utf-8", "backslashreplace"): n for name, n in listing.items()})
        write_whole_text(out / FOLDER / LISTING, listed, private=True)


def remove_people(out: Path) -> None:
    """Remove the folder of people, if it is as it was written.

    Raises:
        ResumeError: somebody has changed it.
    """
    folder = out / PEOPLE
    if not folder.exists():
        return
    try:
        written = json.loads((out / FOLDER / LISTING).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        written = None
    if written != _listed(folder):
        raise ResumeError(
            f"{folder} is not as it was written: move it away, so that nothing of yours is lost, and run this again"
        )
    shutil.rmtree(folder)


def _listed(folder: Path) -> dict[str, int]:
    files = (path for path in folder.rglob("*") if not path.is_dir())
    return {
        os.fsencode(path.relative_to(folder)).decode("utf-8", "backslashreplace"): path.lstat().st_size
        for path in files
    }


def _write(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(data)


def _short(stem: str) -> str:
    """The beginning of an image's name, cut between letters."""
    return os.fsencode(stem)[:LONGEST].decode("utf-8", "ignore") or "image"
