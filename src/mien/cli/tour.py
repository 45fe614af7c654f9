"""mien tour: the main job on two public-domain portraits that come with packages.

Eileen Collins (NASA, in scikit-image) and Grace Hopper (US Navy, in matplotlib). One is enrolled, new pictures are
made of both, and the gallery is asked who is in them; then the other is enrolled and it is asked again.
"""

import time
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from mien.cli import options
from mien.cli.identify import add_rows, as_json, draw
from mien.cli.tables import Table
from mien.cli.terminal import emit, err, show
from mien.data.sample import Sample
from mien.gallery.decide import DEFAULT_IDENTIFICATION_FMR
from mien.gallery.gallery import Gallery
from mien.image import read_image
from mien.models import store
from mien.models.card import ModelCard
from mien.models.defaults import DEFAULT_DETECTOR, DEFAULT_RECOGNIZER, package_file
from mien.pipeline import Pipeline, open_pipeline
from mien.save_image import save_image
from mien.types import Box, Image, floats

PORTRAITS = {
    "Eileen Collins": ("scikit-image", "skimage/data/astronaut.png"),
    "Grace Hopper": ("matplotlib", "matplotlib/mpl-data/sample_data/grace_hopper.jpg"),
}


def tour(
    folder: Annotated[Path, typer.Option("--out", help="Where pictures and gallery go.")] = Path("mien-tour"),
    json: options.Json = False,
) -> int:
    """Enrol, identify and draw on two sample portraits: see it work.

    Example:

      mien tour
    """
    started = time.monotonic()
    portraits = {name: read_image(package_file(*where)) for name, where in PORTRAITS.items()}
    enrolled = {
        name: save_image(image, folder / "enrolled" / name / "portrait.png") for name, image in portraits.items()
    }
    model, pipeline = store.load(DEFAULT_RECOGNIZER), open_pipeline(DEFAULT_DETECTOR, DEFAULT_RECOGNIZER, many=True)
    heads = [analysis.faces[0].box for analysis in pipeline.analyse(enrolled.values())]
    pictures = make_pictures(portraits, dict(zip(portraits, heads, strict=True)), folder / "pictures")
    path = folder / "people.gallery"
    for stale in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        stale.unlink(missing_ok=True)
    gallery = Gallery.create(path, model.card)
    for round_number, (name, file) in enumerate(enrolled.items(), start=1):
        sample = Sample(file, name)
        analysis = next(pipeline.analyse([file], cutouts=True))
        gallery.enrol([(sample, analysis)], model.card)
        _ask(gallery, pipeline, model.card, pictures, folder / f"annotated-{round_number}", name, json)
    gallery.close()
    _farewell(folder, time.monotonic() - started)
    return 0


def _ask(
    gallery: Gallery, pipeline: Pipeline, card: ModelCard, pictures: list[Path], folder: Path, newest: str, json: bool
) -> None:
    threshold = card.threshold(DEFAULT_IDENTIFICATION_FMR)
    everybody = " and ".join(row.name for row in gallery.subjects())
    table = Table("picture", "face at", "decision", card.unit, "candidates", title=f"In the gallery: {everybody}")
    for analysis in pipeline.analyse(pictures):
        found = gallery.identify(analysis.embeddings, threshold, 2) if analysis.faces else []
        draw(analysis, found, folder / f"{Path(analysis.name).stem}.jpg")
        if json:
            emit({"enrolled": newest, **as_json(analysis, found)})
        add_rows(table, Path(analysis.name).stem, analysis, found)
    if not json:
        show(table)


def _farewell(folder: Path, seconds: float) -> None:
    err.print(
        f"Done in {seconds:.1f} s. Annotated pictures: {folder / 'annotated-1'} and {folder / 'annotated-2'}, "
        f"the group in {folder / 'annotated-2' / 'group.jpg'}.\n"
        "Now with your own photographs, one folder a person:\n"
        "    scripts/run enrol people.gallery FOLDER\n"
        "    scripts/run identify people.gallery PHOTO --out annotated\n"
        "    scripts/run compare PHOTO PHOTO\n"
        "    scripts/run --help",
    )


def make_pictures(portraits: dict[str, Image], heads: dict[str, Box], folder: Path) -> list[Path]:
    """New pictures of each portrait: cropped, turned, darkened, blurred, recompressed; and one of all together."""
    files = []
    for name, image in portraits.items():
        stem = name.lower().replace(" ", "-")
        for change, altered in _changes(image, heads[name]).items():
            files.append(save_image(altered, folder / f"{stem}-{change}.png"))
        ok, squeezed = cv2.imencode(".jpg", _shrunk(image, 0.5)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 12])
        assert ok
        path = folder / f"{stem}-recompressed.jpg"
        path.write_bytes(squeezed.tobytes())
        files.append(path)
    files.append(save_image(_together(list(portraits.values())), folder / "group.png"))
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
        "blurred": np.asarray(cv2.GaussianBlur(image, (0, 0), max(height, width) / 250), np.uint8),
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
