"""The table of foreign data sets that mien reads. A new one is a file next to this one and a line here."""

from pathlib import Path

from mien.data.pairs import Pair
from mien.data.sources import (
    celeba,
    deepglint,
    facescrub,
    fddb,
    folders,
    ijb,
    image_list,
    imglab,
    lfw,
    recordio_pack,
    retinaface,
    table,
    tinyface,
    verification_bin,
    vn_celeb,
    wider,
    yolo,
)
from mien.data.sources.source import Source
from mien.errors import ManifestError

# In the order in which they are tried: the general ones come last. Those that rename are never guessed.
SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        verification_bin.SOURCE,
        recordio_pack.SOURCE,
        ijb.SOURCE,
        tinyface.SOURCE,
        image_list.SOURCE,
        deepglint.SOURCE,
        celeba.WILD_SOURCE,
        celeba.ALIGNED_SOURCE,
        wider.SOURCE,
        retinaface.SOURCE,
        fddb.SOURCE,
        imglab.SOURCE,
        yolo.SOURCE,
        folders.GROUPS_SOURCE,
        lfw.SOURCE,
        facescrub.SOURCE,
        vn_celeb.SOURCE,
        folders.SOURCE,
        table.SOURCE,
    )
}


def recognize(path: Path) -> Source | None:
    """The first source that recognizes a path, or None."""
    return next((source for source in SOURCES.values() if source.recognizes(path)), None)


def find_source(path: Path, name: str | None = None) -> Source:
    """The source with this name, or the first that recognizes the path.

    Raises:
        ManifestError: no such path, no such source, or no source recognizes it.
    """
    if not path.exists():
        raise ManifestError(f"{path} does not exist")
    if name is not None and name not in SOURCES:
        raise ManifestError(f"there is no source '{name}'; --as takes {', '.join(SOURCES)}")
    found = recognize(path) if name is None else SOURCES[name]
    if found is None:
        raise ManifestError(
            f"{path} is not a data set that mien recognizes ({', '.join(SOURCES)}); say what it is with --as, "
            "or lay it out as FOLDER/subject/image.jpg"
        )
    return found


def own_pairs(path: Path) -> list[Pair] | None:
    """The pairs that a verification set brings itself; None for any other path.

    Raises:
        ManifestError: a verification set that cannot be read.
    """
    for source in SOURCES.values():
        if source.pairs is not None and source.recognizes(path):
            return source.pairs(path)
    return None
