"""VN-Celeb and sets laid out like it: ROOT/1/0.png ... ROOT/1020/7.png, subjects that are numbers.

The numbers sort as numbers, and a subject is called `vn-celeb-NUMBER`, so that it meets no number of another set.
"""

from pathlib import Path

from mien.data.sample import Problem, Sample
from mien.data.sources.source import Rows, Source
from mien.data.sources.text import folders_in, holds_images
from mien.image import find_images


def recognizes(path: Path) -> bool:
    """Whether all folders are named by numbers and hold images directly."""
    folders = folders_in(path) if path.is_dir() else []
    return (
        bool(folders)
        and all(folder.name.isdecimal() for folder in folders)
        and any(holds_images(folder) for folder in folders[:20])
    )


def read(path: Path) -> Rows:
    """Every image of every numbered folder."""
    for folder in sorted(folders_in(path), key=lambda each: (not each.name.isdecimal(), each.name.zfill(12))):
        if not folder.name.isdecimal():
            yield Problem(str(folder), "the folder's name is not a number")
            continue
        files = find_images(folder)
        if not files:
            yield Problem(str(folder), "the folder holds no images")
        for file in files:
            yield Sample(file, f"vn-celeb-{int(folder.name)}")


SOURCE = Source(
    name="vn-celeb",
    summary="folders of numbered subjects",
    note="subjects are called `vn-celeb-7`",
    recognizes=recognizes,
    read=read,
)
