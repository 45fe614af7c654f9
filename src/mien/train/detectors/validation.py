"""Sets that a detector is evaluated on while it is trained, with the metrics of mien.evaluate."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mien.data.annotated import AnnotatedImage, read_annotated
from mien.detect.schedule import Candidates, Pass, ScaledView, look_at, make_views, settle_views
from mien.evaluate.detectors.figures import average_precision, recall_at
from mien.evaluate.detectors.matching import match
from mien.image import read_image
from mien.train.compute.distributed import World
from mien.train.compute.network import computed_in
from mien.train.compute.preprocess import prepare
from mien.train.detectors.network import DetectorNetwork
from mien.train.detectors.recipe import DetectorEvaluate
from mien.types import Box, Face, Faces, Image, floats

MIN_SCORE = 0.05
"""Candidates with a lower score are dropped."""
FALSE_BOXES = 0.1
"""False boxes per image at which recall is reported."""
TALL = 32
"""Height in pixels above which faces are also reported on their own."""
TALL_RECALL = f"recall above {TALL} px"
"""The name of their recall in logs and reports."""
READ, FACE = 0.0, 1.0
"""First column of a row that says that an image could be read, and of one with a face."""


class DetectionValidation:
    """A set to evaluate on.

    Attributes:
        settings: of the recipe.
        images: with their faces.
    """

    def __init__(self, settings: DetectorEvaluate) -> None:
        """Open it.

        Raises:
            ManifestError: it cannot be read.
        """
        self.settings = settings
        self.images: tuple[AnnotatedImage, ...] = read_annotated(settings.set, settings.split).images


def validate(
    one: DetectionValidation, network: DetectorNetwork, world: World, precision: str = "f32"
) -> tuple[dict[str, Any], str]:
    """Measure average precision and recall of a network on a set; returns numbers for the log, and a sentence.

    Each process detects on a share of the images. The first one measures; the others return nothing.
    """
    was = network.training
    network.eval()
    # Statistics of BatchNorms differ between processes; a checkpoint has those of the first.
    world.take_from_first(network.buffers())
    with computed_in(precision, world.device):
        found = world.gather_rows(_detect(one, network, world))
    network.train(was)
    if world.rank > 0:
        return {}, ""
    images, faces = _by_image(one, found)
    matched = match(images, faces)
    tall = matched.heights > TALL
    ap, tall_recall = average_precision(matched), recall_at(matched, FALSE_BOXES, tall)
    numbers = {
        "ap": ap,
        TALL_RECALL: tall_recall,
        "recall": recall_at(matched, FALSE_BOXES, np.ones(len(tall), np.bool_)),
        "landmark error": float(np.nanmean(matched.errors)) if np.isfinite(matched.errors).any() else None,
    }
    name = one.settings.name
    sentence = (
        f"AP {ap:.3f}, {100 * tall_recall:.1f}% of faces above {TALL} pixels at {FALSE_BOXES} false boxes per image"
    )
    return {f"{name}/{key}": value for key, value in numbers.items()}, sentence


def _detect(one: DetectionValidation, network: DetectorNetwork, world: World) -> NDArray[np.float64]:
    """This process's share: a row per image that can be read and per face; see _by_image."""
    rows = []
    for number in range(*world.slice_of(len(one.images))):
        try:
            pixels = read_image(one.images[number].path)
        except Exception:  # noqa: BLE001, S112 - an image that cannot be read cannot validate
            continue
        rows.append([READ, number, *[0.0] * 15])
        for face in detect(network, pixels, (Pass(one.settings.longest),), world.device):
            box = face.box
            points = face.landmarks.ravel().tolist()
            rows.append([FACE, number, box.x1, box.y1, box.x2, box.y2, face.score, *points])
    return np.array(rows, np.float64).reshape(-1, 17)


def _by_image(one: DetectionValidation, rows: NDArray[np.float64]) -> tuple[list[AnnotatedImage], list[Faces]]:
    """The images that could be read, and the faces of each."""
    faces: dict[int, list[Face]] = {}
    for kind, number, *values in rows.tolist():
        own = faces.setdefault(int(number), [])
        if kind == FACE:
            own.append(Face(Box(*values[:4]), values[4], floats(values[5:]).reshape(5, 2)))
    return [one.images[number] for number in faces], [tuple(own) for own in faces.values()]


def detect(network: DetectorNetwork, image: Image, passes: Sequence[Pass], device: torch.device) -> Faces:
    """Find the faces of an image with a network in training, as its exported file would."""
    views = make_views(image, passes)
    found = look_at(image, views, lambda view: _candidates(network, view, device), network.family.min_score)
    return settle_views(found, views, network.family.overlap)


def _candidates(network: DetectorNetwork, view: ScaledView, device: torch.device) -> Candidates:
    with torch.inference_mode():
        raw = network(prepare(view.canvas[None], network.spec, device))
        # Scores are made of logits in full precision, so that fewer of them tie.
        found = network.activated(tuple(part.float() for part in raw))
    height, width = view.canvas.shape[:2]
    outputs = [floats(part.cpu().numpy()) for part in found]
    return network.decode(outputs, width, height, MIN_SCORE)
