"""Makes an 8-bit copy of a detector with one network, on photographs with faces. Only when it is asked for.

The copy is another model: a file, a card and a golden vector of its own. It is kept only if it finds the faces of the
original. Its average precision is for the user to measure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.detect.families import network_families
from mien.detect.one_stage import OneStageFamily
from mien.detect.schedule import Candidates, ScaledView, make_fixed_views, make_views, settle_views
from mien.errors import CardError
from mien.geometry import corners, iou
from mien.image import read_photo
from mien.library.quantized_card import card_of_copy
from mien.models.card import InputSpec, ModelCard
from mien.models.int8 import quantize_network
from mien.models.session import Session, open_unchecked, read_verified
from mien.models.store import Model
from mien.progress import OnProgress, no_progress, report_progress
from mien.types import Faces, Image

MIN_IMAGES, MAX_IMAGES = 16, 64
"""Photographs below which the ranges of activations are a guess, and photographs that are enough."""
LONGEST = 640
"""Photographs are shrunk to this longer side: the ranges do not depend on it, and the time does."""
SAME_FACE = 0.7
"""Minimum IoU of a face of the copy with that of the original."""
MIN_AGREEMENT = 0.97
"""Minimum share of faces that both find, of those that either finds; below it the copy is another detector."""
MAX_SHIFT = 0.02
"""Maximum mean distance of the landmarks of such faces, over the height of the face."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How nearly a copy finds what the original finds.

    Attributes:
        faces: of the original.
        share: of the faces of either that both find.
        shift: mean distance of their landmarks, over the height of the face.
    """

    faces: int
    share: float
    shift: float

    @property
    def is_near(self) -> bool:
        """Whether the copy may take the original's place; without a face nothing is known."""
        return self.faces > 0 and self.share >= MIN_AGREEMENT and self.shift <= MAX_SHIFT

    def __str__(self) -> str:
        return (
            f"{self.share:.1%} of the faces that it or the original finds are found by both ({self.faces} faces), "
            f"landmarks differ by {self.shift:.2%} of the height of the face"
        )


def quantize_detector(
    model: Model, images: Sequence[Path], name: str, on_progress: OnProgress = no_progress
) -> tuple[ModelCard, dict[str, bytes]]:
    """Quantize weights and activations of a detector to 8 bits.

    Args:
        model: a detector with one network.
        images: files; the first 64 of them set the ranges of activations.
        name: of the copy.
        on_progress: called after each image.

    Returns:
        The copy's card, and its file, for the store.

    Raises:
        CardError: too few images, a detector of several networks, or no copy is near enough to the original.
        ImageError: a file cannot be read.
        MissingExtraError: ONNX Runtime is not installed.
    """
    family = network_families().get(model.card.family)
    if not isinstance(family, OneStageFamily):
        raise CardError(f"{model.card.name} has several networks; only detectors with one are quantized")
    if len(images) < MIN_IMAGES:
        raise CardError(
            f"{len(images)} photographs are too few to measure ranges on; choose a folder with {MIN_IMAGES} or more"
        )
    files = report_progress(iter(images[:MAX_IMAGES]), "reading", min(len(images), MAX_IMAGES), on_progress)
    views = [_views(read_photo(path, longest=LONGEST).image, family, model.card.input) for path in files]
    return _quantize_on(model, family, views, name)


def _quantize_on(
    model: Model, family: OneStageFamily, views: Sequence[Sequence[ScaledView]], name: str
) -> tuple[ModelCard, dict[str, bytes]]:
    card, original = model.card, read_verified(model.card, model.folder, "model")
    before = _faces(open_unchecked(original, card.input), family, views)

    def agreement_of(data: bytes) -> Agreement:
        return agreement(before, _faces(open_unchecked(data, card.input), family, views))

    canvases: list[Image] = [view.canvas for own in views for view in own]
    data, left_out = quantize_network(original, card.input, canvases, lambda small: agreement_of(small).is_near)
    reached = agreement_of(data)
    if not reached.is_near:
        raise CardError(
            f"no 8-bit copy of {card.name} is near enough: {reached} with {left_out} tensors left in float32; "
            f"{MIN_AGREEMENT:.0%} and {MAX_SHIFT:.0%} are needed. Take {card.name} as it is, or choose photographs "
            "with more faces"
        )
    golden = card.golden["model"]
    copy = card_of_copy(card, name, data, str(reached), left_out, golden.width, golden.height)
    return copy, {"model": data}


def _views(image: Image, family: OneStageFamily, spec: InputSpec) -> list[ScaledView]:
    if spec.width and spec.height:
        return make_fixed_views(image, spec.width, spec.height, family.passes)
    return make_views(image, family.passes)


def _faces(session: Session, family: OneStageFamily, views: Sequence[Sequence[ScaledView]]) -> list[Faces]:
    """What a network finds in each image, in all of its views."""

    def look(view: ScaledView) -> Candidates:
        height, width = view.canvas.shape[:2]
        return family.decode(session.run(view.canvas[None]), width, height, family.min_score)

    return [settle_views([look(view) for view in own], own, family.overlap) for own in views]


def agreement(before: Sequence[Faces], after: Sequence[Faces]) -> Agreement:
    """Compare the faces that two detectors find in the same images.

    Args:
        before: the faces of each image, by the original.
        after: by the copy.
    """
    both, shifts = 0, []
    for one, other in zip(before, after, strict=True):
        if not one or not other:
            continue
        overlap = iou(corners(face.box for face in one), corners(face.box for face in other))
        for place, face in enumerate(one):
            nearest = int(np.argmax(overlap[place]))
            if overlap[place, nearest] >= SAME_FACE and int(np.argmax(overlap[:, nearest])) == place:
                both += 1
                apart = np.linalg.norm(face.landmarks - other[nearest].landmarks, axis=1).mean()
                shifts.append(float(apart) / max(face.box.height, 1e-6))
    faces = sum(map(len, before))
    either = faces + sum(map(len, after)) - both
    return Agreement(faces, both / max(either, 1), float(np.mean(shifts)) if shifts else 0.0)
