"""The foreign data sets that mien reads, by name. A new one is a file beside this one and a line here."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mien.data.sample import Problem, Sample
from mien.data.sources import (
    celeba,
    deepglint,
    facescrub,
    fddb,
    folders,
    image_list,
    imglab,
    lfw,
    portraits,
    recordio_pack,
    retinaface,
    table,
    verification_bin,
    vn_celeb,
    wider,
)
from mien.errors import ManifestError


@dataclass(frozen=True, slots=True)
class Source:
    """A foreign format.

    Attributes:
        summary: what it is, for people.
        recognizes: whether a path looks like one; opens no image.
        read: its samples and problems, in a stable order.
    """

    summary: str
    recognizes: Callable[[Path], bool]
    read: Callable[[Path], Iterator[Sample | Problem]]


# In the order in which they are tried: the general ones come last.
SOURCES = {
    "bin": Source("verification pairs in a .bin file", verification_bin.recognizes, verification_bin.read),
    "recordio": Source("a RecordIO pack of aligned crops", recordio_pack.recognizes, recordio_pack.read),
    "lst": Source("an image list of face2rec2.py", image_list.recognizes, image_list.read),
    "deepglint": Source("DeepGlint's images with _lmk files", deepglint.recognizes, deepglint.read),
    "celeba": Source("CelebA, images in the wild", celeba.recognizes_wild, celeba.read_wild),
    "celeba-aligned": Source("CelebA, aligned images", celeba.recognizes_aligned, celeba.read_aligned),
    "wider": Source("WIDER FACE", wider.recognizes, wider.read),
    "retinaface": Source("detection boxes with landmarks", retinaface.recognizes, retinaface.read),
    "fddb": Source("FDDB's ellipses", fddb.recognizes, fddb.read),
    "imglab": Source("boxes in dlib's XML", imglab.recognizes, imglab.read),
    "lfw": Source("Labeled Faces in the Wild", lfw.recognizes, lfw.read),
    "facescrub": Source("FaceScrub", facescrub.recognizes, facescrub.read),
    "portraits": Source("adults and children", portraits.recognizes, portraits.read),
    "vn-celeb": Source("folders of numbered subjects", vn_celeb.recognizes, vn_celeb.read),
    "folders": Source("folders of subjects", folders.recognizes, folders.read),
    "table": Source("a CSV or Parquet table", table.recognizes, table.read),
}


def find_source(path: Path, name: str | None = None) -> tuple[str, Source]:
    """The source of this name, or the first that recognizes the path.

    Raises:
        ManifestError: no such path, no such source, or none that knows it.
    """
    if not path.exists():
        raise ManifestError(f"{path} does not exist")
    if name is not None:
        if name not in SOURCES:
            raise ManifestError(f"there is no source '{name}'; --as takes {', '.join(SOURCES)}")
        return name, SOURCES[name]
    for found, source in SOURCES.items():
        if source.recognizes(path):
            return found, source
    raise ManifestError(
        f"{path} is none of the data sets that mien knows ({', '.join(SOURCES)}); say what it is with --as, "
        "or lay it out as FOLDER/subject/image.jpg"
    )
