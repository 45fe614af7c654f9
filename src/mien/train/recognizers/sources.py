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
from mien.train.compute.order import Indices
from mien.train.run.digests import pack_digest, table_digest
from mien.types import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class CropSource:
    """One data set.

    Attributes:
        subjects: names of its classes.
        labels: (N,) class of each crop, an index into `subjects`.
        read: reads a crop by its index: (size, size, 3) uint8 RGB.
        name: what to call a crop in messages.
        packed: whether crops with near indices are near on the disk, in a random order of subjects.
        digest: the same for the same data under another path.
    """

    subjects: tuple[str, ...]
    labels: Indices
    read: Callable[[int], Image]
    name: Callable[[int], str]
    packed: bool
    digest: str


def open_source(path: Path, size: int, template: str) -> CropSource:
    """Open a pack, a folder of subjects with aligned crops, or a manifest of aligned crops.

    Raises:
        ManifestError: it is not one of these.
        RecipeError: it does not exist, crops of another size or pose, a crop without a subject, or a subject without
            crops.
    """
    if not path.exists():
        raise RecipeError(
            f"{path} does not exist: prepare a pack there with `mien data prepare`, or name yours in data.sets, such "
            "as --set 'data.sets=[\"PACK\"]'"
        )
    if is_pack(path):
        return _open_pack(path, size, template)
    if (path / "plan.json").is_file():
        Pack(path)  # Raises an error that says that the pack is not finished.
    if path.is_dir():
        _require_images(path)
    samples = read_samples(path)
    if not samples:
        raise ManifestError(f"{path} has no images")
    nameless = next((sample for sample in samples if not sample.subject), None)
    if nameless is not None:
        raise RecipeError(f"{nameless.name} has no subject, and training needs one for every crop")
    names, labels = np.unique([sample.subject for sample in samples], return_inverse=True)
    return CropSource(
        subjects=tuple(names.tolist()),
        labels=labels.astype(np.int64),
        read=lambda index: _read(samples[index], size),
        name=lambda index: samples[index].name,
        packed=False,
        digest=table_digest(names.tolist(), labels.astype(np.int64)),
    )


def _open_pack(path: Path, size: int, template: str) -> CropSource:
    pack = Pack(path)
    require_pose(pack, size, template)
    return CropSource(
        subjects=tuple(pack.subjects),
        labels=pack.labels,
        read=pack.read,
        name=lambda index: f"crop {index} of {path}",
        packed=True,
        digest=pack_digest(path),
    )


def require_pose(pack: Pack, size: int, template: str) -> None:
    """Refuse a pack whose crops a network cannot take.

    Raises:
        RecipeError: another size or pose.
    """
    if (pack.size, pack.template) != (size, template):
        raise RecipeError(
            f"{pack.folder} has {pack.template} crops of {pack.size} pixels, the network takes {template} crops "
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
            f"{sample.name} is {image.shape[1]}x{image.shape[0]} pixels, and aligned crops of {size}x{size} are "
            "needed: make a pack with `mien data prepare`"
        )
    return image
