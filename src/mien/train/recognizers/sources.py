"""One data set of crops: a pack, a folder of subjects with aligned crops, or a manifest of aligned crops.

Says how a crop is read and whose it is. Knows no order and aligns nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.data.encoded import read_encoded
from mien.data.manifest_io import read_samples
from mien.data.pack import Pack, is_pack
from mien.data.sample import Sample
from mien.errors import ManifestError, RecipeError
from mien.image import decode, find_images
from mien.train.order import Indices
from mien.types import Image


@dataclass(frozen=True, slots=True)
class CropSource:
    """One data set: how to read a crop, and whose it is."""

    where: str
    subjects: tuple[str, ...]
    labels: Indices
    read: Callable[[int], Image]
    name: Callable[[int], str]
    packed: bool


def open_source(path: Path, size: int, template: str) -> CropSource:
    """Open a pack, a folder of subjects with aligned crops, or a manifest of aligned crops.

    Raises:
        ManifestError: none of these, or crops of another size or pose.
        RecipeError: a subject's folder without images.
    """
    if is_pack(path):
        pack = Pack(path)
        require_pose(pack, size, template)
        return CropSource(
            str(path), tuple(pack.subjects), pack.labels, pack.read, lambda index: f"crop {index} of {path}", True
        )
    if (path / "plan.json").is_file():
        Pack(path)  # An unfinished pack says so itself.
    if path.is_dir():
        _require_images(path)
    samples = read_samples(path)
    if not samples:
        raise ManifestError(f"{path} holds no images")
    nameless = next((sample for sample in samples if not sample.subject), None)
    if nameless is not None:
        raise RecipeError(f"{nameless.name} has no subject, and training needs one for every crop")
    names, labels = np.unique([sample.subject for sample in samples], return_inverse=True)
    return CropSource(
        str(path),
        tuple(names.tolist()),
        labels.astype(np.int64),
        lambda index: _read(samples[index], size),
        lambda index: samples[index].name,
        False,
    )


def require_pose(pack: Pack, size: int, template: str) -> None:
    """Refuse a pack whose crops a network cannot take.

    Raises:
        RecipeError: another size or pose.
    """
    if (pack.size, pack.template) != (size, template):
        raise RecipeError(
            f"{pack.folder} holds {pack.template} crops of {pack.size} pixels, the network takes {template} crops "
            f"of {size}: prepare a pack with --template {template} --size {size}"
        )


def _require_images(folder: Path) -> None:
    for subject in sorted(child for child in folder.iterdir() if child.is_dir()):
        if not find_images(subject):
            raise RecipeError(f"the class {subject} has no images: add some, or remove the folder")


def _read(sample: Sample, size: int) -> Image:
    image = decode(read_encoded(sample), sample.name).image
    if image.shape[:2] != (size, size):
        raise RecipeError(
            f"{sample.name} has {image.shape[1]}x{image.shape[0]} pixels, and aligned crops of {size}x{size} are "
            "needed: make a pack with `mien data prepare`"
        )
    return image
