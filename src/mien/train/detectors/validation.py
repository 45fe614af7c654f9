"""Sets that a detector is evaluated on while it is trained, with the metrics of mien.evaluate."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from mien.data.annotated import AnnotatedImage, read_annotated
from mien.detect.schedule import Candidates, Pass, ScaledView, make_views, settle_views
from mien.evaluate.detectors.figures import average_precision, recall_at
from mien.evaluate.detectors.matching import match
from mien.image import read_image
from mien.train.compute.preprocess import prepare
from mien.train.detectors.network import DetectorNetwork
from mien.train.detectors.recipe import DetectorEvaluate
from mien.types import Faces, Image, floats

MIN_SCORE = 0.05
"""Candidates with a lower score are dropped."""
FALSE_BOXES = 0.1
"""False boxes per image at which recall is reported."""
TALL = 32
"""Height in pixels above which faces are also reported on their own."""
TALL_RECALL = f"recall above {TALL} px"
"""The name of their recall in logs and reports."""


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


def validate(one: DetectionValidation, network: DetectorNetwork, device: torch.device) -> tuple[dict[str, Any], str]:
    """Measure average precision and recall of a network on a set; returns numbers for the log, and a sentence."""
    was = network.training
    network.eval()
    images, faces = _detect(one, network, device)
    network.train(was)
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


def _detect(
    one: DetectionValidation, network: DetectorNetwork, device: torch.device
) -> tuple[list[AnnotatedImage], list[Faces]]:
    """The images that can be read, and the faces of each."""
    images, faces = [], []
    for image in one.images:
        try:
            pixels = read_image(image.path)
        except Exception:  # noqa: BLE001, S112 - an image that cannot be read cannot validate
            continue
        images.append(image)
        faces.append(detect(network, pixels, (Pass(one.settings.longest),), device))
    return images, faces


def detect(network: DetectorNetwork, image: Image, passes: Sequence[Pass], device: torch.device) -> Faces:
    """Find the faces of an image with a network in training, as its exported file would."""
    views = make_views(image, passes)
    found = [_candidates(network, view, device) for view in views]
    return settle_views(found, views, network.family.overlap)


def _candidates(network: DetectorNetwork, view: ScaledView, device: torch.device) -> Candidates:
    with torch.inference_mode():
        found = network.activated(network(prepare(view.canvas[None], network.spec, device)))
    height, width = view.canvas.shape[:2]
    outputs = [floats(part.float().cpu().numpy()) for part in found]
    return network.decode(outputs, width, height, MIN_SCORE)
