"""Folders of subjects: ROOT/subject/*.jpg, at any depth below the subject. Knows no annotations."""

from pathlib import Path

from mien.data.sample import Problem, Sample
from mien.data.sources.source import Rows, Source
from mien.data.sources.text import folders_in
from mien.image import find_images, has_image_suffix


def recognizes(path: Path) -> bool:
    """Whether there are folders with images."""
    return path.is_dir() and any(find_images(folder) for folder in folders_in(path)[:20])


def read(path: Path) -> Rows:
    """Every image of every folder, under the folder's name."""
    for subject in folders_in(path):
        files = find_images(subject)
        if not files:
            yield Problem(str(subject), "the folder holds no images")
        for file in files:
            yield Sample(file, subject.name)
    for file in sorted(path.iterdir()):
        if file.is_file() and has_image_suffix(file):
            yield Problem(str(file), "is not in a subject's folder")


SOURCE = Source(
    name="folders",
    summary="folders of subjects",
    note="ROOT/subject/*.jpg",
    recognizes=recognizes,
    read=read,
)
