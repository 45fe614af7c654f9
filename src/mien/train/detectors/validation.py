"""Sets that a detector is judged on while it is trained, by mien.evaluate's own rules. Computes no rate itself."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from mien.data.annotated import AnnotatedImage, read_annotated
from mien.detect import retinaface, scrfd
from mien.detect.one_stage import OVERLAP
from mien.detect.schedule import Candidates, Pass, join, make_views, settle
from mien.errors import ImageError
from mien.evaluate.detectors.figures import average_precision, recall_at
from mien.evaluate.detectors.matching import match
from mien.image import read_image
from mien.train.detectors.network import DetectorNetwork
from mien.train.detectors.recipe import Evaluate
from mien.train.preprocess import prepare
from mien.types import Faces, Image, floats

DECODERS = {"scrfd": scrfd.decode, "retinaface": retinaface.decode}
LEAST = 0.05
"""Least score that is looked at."""
FALSE_BOXES = 0.1
"""A picture, at which recall is told."""
TALL = 32
"""Pixels from which a face must be found; smaller ones are told apart."""


class DetectionValidation:
    """A set to evaluate on.

    Attributes:
        settings: what the recipe says of it.
        pictures: with their faces.
    """

    def __init__(self, settings: Evaluate) -> None:
        """Open it.

        Raises:
            ManifestError: it cannot be read.
        """
        self.settings = settings
        self.pictures: tuple[AnnotatedImage, ...] = read_annotated(settings.set, settings.split).images


def validate(one: DetectionValidation, network: DetectorNetwork, device: torch.device) -> tuple[dict[str, Any], str]:
    """Average precision and recall of a network on a set; gives what the log keeps, and a sentence."""
    was = network.training
    network.eval()
    pictures, faces = _detect(one, network, device)
    network.train(was)
    matched = match(pictures, faces)
    tall = matched.heights > TALL
    ap, tall_recall = average_precision(matched), recall_at(matched, FALSE_BOXES, tall)
    numbers = {
        "ap": ap,
        f"recall above {TALL} px": tall_recall,
        "recall": recall_at(matched, FALSE_BOXES, np.ones(len(tall), np.bool_)),
        "landmark error": float(np.nanmean(matched.errors)) if np.isfinite(matched.errors).any() else None,
    }
    name = one.settings.name
    told = (
        f"AP {ap:.3f}, {100 * tall_recall:.1f}% of faces above {TALL} pixels at {FALSE_BOXES} false boxes a picture"
    )
    return {f"{name}/{key}": value for key, value in numbers.items()}, told


def _detect(
    one: DetectionValidation, network: DetectorNetwork, device: torch.device
) -> tuple[list[AnnotatedImage], list[Faces]]:
    """The pictures that can be read, and the faces of each."""
    pictures, faces = [], []
    for picture in one.pictures:
        try:
            image = read_image(picture.path)
        except ImageError:
            continue
        pictures.append(picture)
        faces.append(detect(network, image, (Pass(one.settings.longest),), device))
    return pictures, faces


def detect(network: DetectorNetwork, image: Image, passes: Sequence[Pass], device: torch.device) -> Faces:
    """Faces of a picture by a network in training, as its exported file would find them."""
    return settle(join(list(_candidates(network, image, passes, device))), OVERLAP)


def _candidates(
    network: DetectorNetwork, image: Image, passes: Sequence[Pass], device: torch.device
) -> Iterator[Candidates]:
    for view in make_views(image, passes):
        with torch.inference_mode():
            found = network.activated(network(prepare(view.canvas[None], network.pixels, device)))
        height, width = view.canvas.shape[:2]
        outputs = [floats(part.float().cpu().numpy()) for part in found]
        yield DECODERS[network.family](outputs, width, height, LEAST).back(view)
