"""TinyFace as published: small faces in three folders, and two MATLAB lists that say who is in two of them.

    Testing_Set/Probe/*.jpg, Gallery_Match/*.jpg, Gallery_Distractor/*.jpg
    Testing_Set/probe_img_ID_pairs.mat            probe_set (names), probe_ids
    Testing_Set/gallery_match_img_ID_pairs.mat    gallery_set (names), gallery_ids

Where a folder `aligned...` with the same three folders is there, as AdaFace publishes crops (validation_lq), its
images are taken as aligned. Of distractors it is not known who they are. Source: Cheng, Zhu and Gong, Low-Resolution
Face Recognition, ACCV 2018.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mien.data.matlab import read_matlab
from mien.data.sample import Problem, Sample
from mien.data.sources.source import Rows, Source
from mien.data.sources.text import ImageFinder
from mien.errors import ManifestError
from mien.image import has_image_suffix

PROBES, GALLERY, DISTRACTORS = "Probe", "Gallery_Match", "Gallery_Distractor"
LISTS = {
    PROBES: ("probe_img_ID_pairs.mat", "probe_set", "probe_ids"),
    GALLERY: ("gallery_match_img_ID_pairs.mat", "gallery_set", "gallery_ids"),
}
"""For each folder whose people are known: its list, and the list's fields for names and people."""


def recognizes(path: Path) -> bool:
    """Whether both lists are there."""
    return _lists(path) is not None


def read(path: Path) -> Rows:
    """The probes, the gallery and the distractors."""
    folder = _lists(path)
    if folder is None:
        raise ManifestError(
            f"{path} has no Testing_Set with probe_img_ID_pairs.mat and gallery_match_img_ID_pairs.mat"
        )
    images, aligned = _images(path, folder)
    contents = read_matlab([folder / name for name, _, _ in LISTS.values()])
    for (role, (name, names, people)), content in zip(LISTS.items(), contents, strict=True):
        yield from _listed(images / role, folder / name, content.get(names), content.get(people), aligned=aligned)
    distractors = images / DISTRACTORS
    if not distractors.is_dir():
        yield Problem(str(distractors), "there are no distractors; published ranks are with them")
        return
    for file in sorted(distractors.iterdir()):
        if has_image_suffix(file):
            yield Sample(file, "", aligned=aligned)


def _lists(path: Path) -> Path | None:
    """The folder with both lists."""
    if not path.is_dir():
        return None
    places = (path, path / "Testing_Set", *sorted(path.glob("*/Testing_Set")))
    return next((one for one in places if all((one / name).is_file() for name, _, _ in LISTS.values())), None)


def _images(path: Path, lists: Path) -> tuple[Path, bool]:
    """The folder of the three folders, and whether its images are aligned crops."""
    aligned = [one for one in sorted(path.glob("aligned*")) if (one / PROBES).is_dir()]
    return (aligned[0], True) if aligned else (lists, False)


def _listed(folder: Path, file: Path, names: object, people: object, *, aligned: bool) -> Iterator[Sample | Problem]:
    if not isinstance(names, np.ndarray) or not isinstance(people, np.ndarray) or names.size != people.size:
        raise ManifestError(f"{file} should have as many names as people; fetch it again")
    finder = ImageFinder(folder)
    for name, person in zip(names.reshape(-1), people.reshape(-1), strict=True):
        written = str(np.asarray(name).reshape(-1)[0]) if np.size(name) else ""
        place = finder.find(written)
        if place is None:
            yield Problem(str(file), finder.missing(written))
        else:
            yield Sample(place, str(int(person)), aligned=aligned)


SOURCE = Source(
    name="tinyface",
    summary="TinyFace: probes, gallery and distractors",
    note="people by the published .mat lists; images of a folder `aligned...` are taken as crops; `mien evaluate "
    "tinyface` searches the gallery with its distractors",
    recognizes=recognizes,
    read=read,
    is_protocol=True,
)
