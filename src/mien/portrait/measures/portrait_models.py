"""Runs the models that a user has added for portraits on one face: landmarks, pose, parsing, quality.

Owns how a face is cut for each and how its outputs become points, angles, classes and a number, by the [expert] part
of its card. Compares nothing with a limit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.align import align
from mien.errors import CardError
from mien.models import store
from mien.models.card import PortraitModelSpec
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.models.session import Session
from mien.portrait.measures.face_chip import CHIP, FaceChip
from mien.templates import arcface_template
from mien.types import Box, Floats, Image, floats


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PortraitModel:
    """An open model for portraits."""

    name: str
    family: str
    spec: PortraitModelSpec
    width: int
    height: int
    session: Session


def open_portrait_models(names: Sequence[str], options: EngineOptions = DEFAULT_OPTIONS) -> tuple[PortraitModel, ...]:
    """Open models by their names in the store, or the paths of their cards.

    Raises:
        CardError: a model that is not a portrait model or takes any size, or two of one family.
    """
    found: dict[str, PortraitModel] = {}
    for name in names:
        model = store.load(name)
        card = model.card
        if card.expert is None or card.input.width is None or card.input.height is None:
            raise CardError(f"{card.name} is a {card.kind}; portraits take models added with --expert")
        if card.family in found:
            raise CardError(f"{card.name} and {found[card.family].name} both give {card.family}; name one of them")
        session = model.session(options=options)
        found[card.family] = PortraitModel(
            name=card.name,
            family=card.family,
            spec=card.expert,
            width=card.input.width,
            height=card.input.height,
            session=session,
        )
    return tuple(found.values())


def run_portrait_models(chip: FaceChip, models: Sequence[PortraitModel]) -> FaceChip:
    """The chip with what the networks say of its face."""
    if not models:
        return chip
    return replace(chip, extra={model.family: READERS[model.family](chip, model) for model in models})


def _crop(chip: FaceChip, model: PortraitModel) -> tuple[Image, Floats]:
    """The crop of the face that a network takes, and the (2, 3) way from it back to the image's pixels."""
    image, size = chip.portrait.image, (model.width, model.height)
    if model.spec.crop == "aligned":
        crop = align(image, chip.portrait.face.landmarks, arcface_template(model.width), model.width)
        return crop, floats(np.eye(2, 3))
    box: Box = chip.portrait.face.box
    side = max(box.width, box.height) * model.spec.margin
    left, top = (box.x1 + box.x2 - side) / 2, (box.y1 + box.y2 - side) / 2
    scale = np.array([side / size[0], side / size[1]])
    back = np.array([[scale[0], 0, left], [0, scale[1], top]])
    crop = cv2.warpAffine(image, cv2.invertAffineTransform(back), size, flags=cv2.INTER_LINEAR)
    return np.asarray(crop, np.uint8), floats(back)


def _landmarks(chip: FaceChip, model: PortraitModel) -> Floats:
    """(K, 2) points in pixels of the image."""
    crop, back = _crop(chip, model)
    points = model.session.run(crop[None])[0].reshape(-1, 2)
    size = floats([model.width, model.height])
    if model.spec.output == "signed":
        points = floats((points + 1) / 2 * size)
    elif model.spec.output == "unit":
        points = points * size
    return floats(points @ back[:, :2].T + back[:, 2])


def _pose(chip: FaceChip, model: PortraitModel) -> Floats:
    """Yaw, pitch and roll in degrees, with the signs of mien.portrait.measures.pose."""
    crop, _ = _crop(chip, model)
    outputs = model.session.run(crop[None])
    values: Floats
    if model.spec.output == "matrix":
        values = angles_of(outputs[0].reshape(3, 3))
    else:
        values = floats([float(v) for output in outputs for v in output.reshape(-1)][:3])
        if model.spec.output == "radians":
            values = floats(np.rad2deg(values))
    return floats(values * floats(model.spec.signs))


def angles_of(matrix: NDArray[Any]) -> Floats:
    """Yaw, pitch and roll in degrees of a rotation that turns by yaw, then pitch, then roll; see pose.rotation."""
    pitch = np.arcsin(np.clip(matrix[2, 1], -1, 1))
    yaw = np.arctan2(matrix[2, 0], matrix[2, 2])
    roll = np.arctan2(-matrix[0, 1], matrix[1, 1])
    return floats(np.rad2deg([yaw, pitch, roll]))


def _parsing(chip: FaceChip, model: PortraitModel) -> Floats:
    """(224, 224) classes over the chip."""
    image_to_chip = cv2.invertAffineTransform(chip.back)
    crop, back = _crop(chip, model)
    scores = model.session.run(crop[None])[0]
    classes = scores.reshape(scores.shape[-3:]).argmax(axis=0).astype(np.float32)
    step = floats([model.width / classes.shape[1], model.height / classes.shape[0]])
    whole = np.vstack([back, [0, 0, 1]]) @ np.diag([float(step[0]), float(step[1]), 1.0])
    matrix = (np.vstack([image_to_chip, [0, 0, 1]]) @ whole)[:2]
    return floats(cv2.warpAffine(classes, matrix, (CHIP, CHIP), flags=cv2.INTER_NEAREST))


def _quality(chip: FaceChip, model: PortraitModel) -> Floats:
    """One number, 0 to 100 between the card's low and high."""
    crop, _ = _crop(chip, model)
    value = model.session.run(crop[None])[0].reshape(-1)[:1]
    low, high = model.spec.low, model.spec.high
    return floats(np.clip((value - low) / (high - low) * 100, 0, 100))


READERS: dict[str, Callable[[FaceChip, PortraitModel], Floats]] = {
    "landmarks": _landmarks,
    "pose": _pose,
    "parsing": _parsing,
    "quality": _quality,
}
"""How the outputs of each family are read."""
