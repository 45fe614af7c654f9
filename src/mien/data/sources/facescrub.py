"""FaceScrub: facescrub_actors.txt and facescrub_actresses.txt, and images as Name/Name_FACEID.jpg.

The lists have tabs and a header: name, image_id, face_id, url, bbox (x1,y1,x2,y2), sha256. A box belongs to the very
file that the list names; copies of the set were cropped or saved again, so it is used only where the sha256 agrees.
Images that are listed and missing are counted, as most addresses are dead.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mien.data.sample import Problem, Sample, Value
from mien.data.sources.source import Rows, Source
from mien.data.sources.text import find_file, lines, numbers, reason_of
from mien.errors import ManifestError
from mien.image import has_image_suffix
from mien.types import Box

LISTS = {"facescrub_actors.txt": "male", "facescrub_actresses.txt": "female"}
NUMBERED = re.compile(r"(.+)_(\d+)\.(jpe?g|png|gif)", re.IGNORECASE)
HEADER = ("name", "image_id", "face_id", "url", "bbox", "sha256")


@dataclass(frozen=True, slots=True)
class _Listed:
    where: str
    sex: str
    bbox: str
    sha256: str


def recognizes(path: Path) -> bool:
    """Whether the lists are there; folders of names alone can be anybody's, and `_` would become a blank."""
    return path.is_dir() and find_file(path, *LISTS) is not None


def _key(name: str) -> str:
    return name.replace("_", " ").strip()


def read(path: Path) -> Rows:
    """Every image that is there, with sex and box as far as the lists know them."""
    listed: dict[tuple[str, str], _Listed] = {}
    for name, sex in LISTS.items():
        found = find_file(path, name)
        if found is not None:
            yield from _read_list(found, sex, listed)
    for file in sorted(path.rglob("*")):
        named = NUMBERED.fullmatch(file.name)
        if named is None:
            continue
        entry = listed.pop((_key(named[1]), named[2]), None)
        if not has_image_suffix(file):
            yield Problem(str(file), f"is {file.suffix[1:].upper()}, which is not read; convert it to PNG")
            continue
        yield _sample(file, _key(named[1]), entry)
    for (name, face), entry in sorted(listed.items()):
        yield Problem(entry.where, f"no image {name.replace(' ', '_')}_{face} is here")


def _read_list(path: Path, sex: str, listed: dict[tuple[str, str], _Listed]) -> Iterator[Problem]:
    for number, line in lines(path):
        words = line.split("\t")
        if number == 1 and words[0] == HEADER[0]:
            continue
        if len(words) != len(HEADER):
            yield Problem(f"{path}, line {number}", f"has {len(words)} fields separated by tabs, not {len(HEADER)}")
            continue
        listed[_key(words[0]), words[2]] = _Listed(f"{path}, line {number}", sex, words[4], words[5])


def _sample(file: Path, subject: str, entry: _Listed | None) -> Sample | Problem:
    if entry is None:
        return Sample(file, subject)
    known: dict[str, Value] = {"sex": entry.sex}
    try:
        if hashlib.sha256(file.read_bytes()).hexdigest() != entry.sha256.strip():
            return Sample(file, subject, known=known)
        values = numbers(entry.bbox.split(","), entry.where)
    except ManifestError as fault:
        return Problem(entry.where, f"its box is not known: {reason_of(fault, entry.where)}")
    except OSError as reason:
        return Problem(str(file), f"cannot be read: {reason.strerror or reason}")
    if len(values) != 4 or values[2] <= values[0] or values[3] <= values[1]:
        return Problem(entry.where, f"'{entry.bbox[:40]}' is not a box x1,y1,x2,y2")
    return Sample(file, subject, box=Box(*values), known=known)


SOURCE = Source(
    name="facescrub",
    summary="FaceScrub",
    note="lists, and Name/Name_ID.jpg; a box is used only where the file's sha256 is the list's; missing images are "
    "counted",
    recognizes=recognizes,
    read=read,
)
