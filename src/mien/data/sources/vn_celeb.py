"""VN-Celeb and sets laid out like it: ROOT/1/0.png ... ROOT/1020/7.png, subjects that are numbers.

The numbers sort as numbers, and a subject is called `vn-celeb-NUMBER`, so that it meets no number of another set.
Folders of numbers can be anybody's, such as citizen numbers, so this source is never guessed: it is read where it is
named. Numbers keep all their digits: 007 and 7 are two subjects.
"""

from pathlib import Path

from mien.data.sample import Problem, Sample
from mien.data.sources.source import Rows, Source, is_named_only
from mien.data.sources.text import folders_in
from mien.image import find_images


def read(path: Path) -> Rows:
    """Every image of every numbered folder."""
    for folder in sorted(folders_in(path), key=_place):
        if not folder.name.isdecimal():
            yield Problem(str(folder), "the folder's name is not a number")
            continue
        files = find_images(folder)
        if not files:
            yield Problem(str(folder), "the folder holds no images")
        for file in files:
            yield Sample(file, f"vn-celeb-{folder.name}")


def _place(folder: Path) -> tuple[bool, int, str]:
    is_number = folder.name.isdecimal()
    return not is_number, int(folder.name) if is_number else 0, folder.name


SOURCE = Source(
    name="vn-celeb",
    summary="VN-Celeb's folders of numbered subjects",
    note="never guessed: say `--as vn-celeb`; subjects are called `vn-celeb-7`",
    recognizes=is_named_only,
    read=read,
)
