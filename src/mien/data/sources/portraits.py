"""The layout of adult and child portraits: ROOT/adults/identity/*.jpg and ROOT/children/identity/*.jpg.

The age group is the upper folder's name; `adult` and `child` in the singular are read too. An identity name may stand
in both folders: those are two age groups of one subject only if the names are equal on purpose, so it is reported.
"""

from pathlib import Path

from mien.data.sample import Problem, Sample
from mien.data.sources.source import Rows, Source
from mien.data.sources.text import folders_in
from mien.image import find_images

GROUPS = {"adults": "adult", "adult": "adult", "children": "child", "child": "child"}


def recognizes(path: Path) -> bool:
    """Whether the folder holds an adults' and a children's folder."""
    return path.is_dir() and {GROUPS.get(folder.name.lower()) for folder in folders_in(path)} >= {"adult", "child"}


def read(path: Path) -> Rows:
    """Every image, with its age group."""
    seen: dict[str, str] = {}
    for folder in folders_in(path):
        group = GROUPS.get(folder.name.lower())
        if group is None:
            yield Problem(str(folder), "is neither adults nor children")
            continue
        for identity in folders_in(folder):
            if seen.setdefault(identity.name, group) != group:
                yield Problem(str(identity), f"the identity {identity.name} is under adults and under children")
            files = find_images(identity)
            if not files:
                yield Problem(str(identity), "the folder holds no images")
            for file in files:
                yield Sample(file, identity.name, known={"age_group": group})


SOURCE = Source(
    name="portraits",
    summary="adults and children",
    note="ROOT/adults/ID, ROOT/children/ID; the age group becomes a column, and so a stratum",
    recognizes=recognizes,
    read=read,
)
