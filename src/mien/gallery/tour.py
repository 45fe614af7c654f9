"""The main job on two public-domain portraits that come with packages.

One of the two is enrolled, new images are made of both, and the gallery is asked who is in them; then the other is
enrolled and it is asked again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mien.data.sample import Sample
from mien.data.sample_people import PORTRAITS
from mien.gallery.enrolment import enrol_samples
from mien.gallery.gallery import Gallery
from mien.gallery.identification import IdentifiedImage, identify_images
from mien.image import read_image
from mien.models import store
from mien.models.defaults import DEFAULT_DETECTOR, DEFAULT_RECOGNIZER, package_file
from mien.output_names import OutputGuard
from mien.pipeline import open_pipeline
from mien.save_image import encode_to
from mien.settings import DEFAULTS
from mien.types import Box, Image, floats
from mien.units import Unit


@dataclass(frozen=True, slots=True)
class TourRound:
    """What the gallery said after somebody was enrolled.

    Attributes:
        newest: who was enrolled last.
        subjects: everybody who is enrolled.
        images: the decisions on every image.
        unit: of their scores.
    """

    newest: str
    subjects: tuple[str, ...]
    images: tuple[IdentifiedImage, ...]
    unit: Unit


def tour(folder: Path, on_round: Callable[[TourRound], None], *, overwrite: bool = False) -> tuple[TourRound, ...]:
    """Enrol two people one after the other, and identify new images of both each time.

    Args:
        folder: where images and gallery are written; those of an earlier tour are replaced.
        on_round: called after each enrolment.
        overwrite: replace also a gallery and images there that are not an earlier tour's.

    Raises:
        MissingExtraError: the packages with the portraits are not installed.
        OutputError: the folder holds a gallery or images of these names that are not an earlier tour's.

    Example:
        >>> rounds = mien.run_tour(Path("tour"), lambda found: None)
        >>> [found.newest for found in rounds]
        ['Eileen Collins', 'Grace Hopper']
    """
    portraits = {name: read_image(package_file(*where)) for name, where in PORTRAITS.items()}
    guard, gallery_file = OutputGuard(overwrite=overwrite), folder / "people.gallery"
    guard.check([gallery_file])
    enrolled = {
        name: _save(image, folder / "enrolled" / name / "portrait.png", guard) for name, image in portraits.items()
    }
    card, pipeline = (
        store.load(DEFAULT_RECOGNIZER).card,
        open_pipeline(DEFAULT_DETECTOR, DEFAULT_RECOGNIZER, many=True),
    )
    heads = [analysis.faces[0].box for analysis in pipeline.analyse(enrolled.values())]
    images = make_images(portraits, dict(zip(portraits, heads, strict=True)), folder / "images", guard)
    gallery = Gallery.create(_fresh(gallery_file), card)
    threshold = card.threshold(DEFAULTS.identification_fmr)
    rounds = []
    try:
        for name, file in enrolled.items():
            list(enrol_samples(gallery, [Sample(file, name)], pipeline, card))
            found = tuple(identify_images(gallery, images, pipeline, threshold, 2))
            rounds.append(TourRound(name, tuple(row.name for row in gallery.subjects()), found, card.unit))
            on_round(rounds[-1])
    finally:
        gallery.close()
        guard.record(gallery_file)
    return tuple(rounds)


def _save(image: Image, path: Path, guard: OutputGuard) -> Path:
    with guard.write(path) as scratch:
        encode_to(scratch, image)
    return path


def _fresh(path: Path) -> Path:
    """The path of a gallery, without an earlier one at it."""
    for stale in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        stale.unlink(missing_ok=True)
    return path


def make_images(portraits: dict[str, Image], heads: dict[str, Box], folder: Path, guard: OutputGuard) -> list[Path]:
    """New images of each portrait: cropped, turned, darkened, blurred, recompressed; and one of all together."""
    files = []
    for name, image in portraits.items():
        stem = name.lower().replace(" ", "-")
        for change, altered in _changes(image, heads[name]).items():
            files.append(_save(altered, folder / f"{stem}-{change}.png", guard))
        ok, squeezed = cv2.imencode(".jpg", _shrunk(image, 0.5)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 12])
        assert ok
        path = folder / f"{stem}-recompressed.jpg"
        with guard.write(path) as scratch:
            scratch.write_bytes(squeezed.tobytes())
        files.append(path)
    files.append(_save(_together(list(portraits.values())), folder / "group.png", guard))
    return files


def _changes(image: Image, head: Box) -> dict[str, Image]:
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 3), 18, 1.0)
    top, bottom = max(0, int(head.y1 - 0.08 * head.height)), min(height, int(head.y2 + 0.04 * head.height))
    left, right = max(0, int(head.x1 - 0.15 * head.width)), min(width, int(head.x2 + 0.15 * head.width))
    return {
        "cropped": image[top:bottom, left:right],
        "turned": np.asarray(cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8),
        "darkened": np.asarray(255 * (image / 255.0) ** 2.2 * 0.5, np.uint8),
        "blurred": np.asarray(cv2.GaussianBlur(image, (0, 0), head.height / 100), np.uint8),
    }


def _shrunk(image: Image, scale: float) -> Image:
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _together(images: list[Image]) -> Image:
    """The portraits at different sizes next to each other on a grey wall."""
    wall = np.full((720, 1280, 3), 150, np.uint8)
    wall += floats(np.linspace(0, 60, 1280)).astype(np.uint8)[None, :, None]
    left = 60
    for image, height in zip(images, (460, 620), strict=True):
        scaled = _shrunk(image, height / image.shape[0])
        wall[720 - height : 720, left : left + scaled.shape[1]] = scaled
        left += scaled.shape[1] + 120
    return wall
