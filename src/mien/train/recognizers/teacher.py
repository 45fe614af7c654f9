"""Teachers: any recognizer of the model store, or any checkpoint, as a function from the student's crops.

Brings crops into the teacher's pose and its embeddings to unit length. Knows no loss, and keeps nothing.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

from mien.align import align_face
from mien.data.shards import file_sha256
from mien.errors import CardError, RecipeError
from mien.models import store
from mien.models.network_file import FORMATS
from mien.recognize.recognizer import Recognizer
from mien.scores import normalize
from mien.templates import BoxTemplate, PointsTemplate, Template, make_template
from mien.train.exported import find_checkpoint
from mien.train.recognizers.backbones.backbone import Backbone
from mien.train.recognizers.embed import embedder
from mien.train.recognizers.weights import read_weights
from mien.types import Box, Face, Floats, Image

CHECKPOINTS = (".pt", ".pth", ".ckpt", ".bin", ".tar")
"""Endings of files of weights; a folder of a run or of a checkpoint is also taken."""

EmbedCrops = Callable[[Image], Floats]
"""From (N, size, size, 3) uint8 RGB crops of the student's pose to (N, D) float32 of unit length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Teacher:
    """A network whose embeddings a student learns.

    Attributes:
        name: as the recipe names it.
        digest: of its weights and of how crops enter it: two teachers with one digest give the same embeddings.
        open: loads the network and returns its function; only called where embeddings have to be made.
        network: loads the network itself, if its layers are known: that of a checkpoint.
    """

    name: str
    digest: str
    open: Callable[[], EmbedCrops]
    network: Callable[[], Backbone] | None = None


def open_teacher(name: str, size: int, template: str, device: torch.device) -> Teacher:
    """Find a teacher without loading its network.

    Args:
        name: a model of the store, the path of a model's card, a file of weights, or the folder of a run or of a
            checkpoint.
        size: width and height of the student's crops.
        template: their pose.
        device: on which a checkpoint computes; models of the store run on their engine.

    Raises:
        RecipeError: a model without a card, or one whose pose cannot be made of the student's crops.
        ModelError: no such model.
        CheckpointError: the checkpoint cannot be read.
    """
    path = Path(name)
    if path.suffix.lower() in FORMATS:
        raise RecipeError(
            f"teacher.model: {name} does not say how crops enter it: make a model of it with `mien models add {name} "
            "--name NAME`, then name the model"
        )
    run = path.is_dir() and not (path / store.CARD).is_file()
    if run or path.suffix.lower() in CHECKPOINTS:
        return _checkpoint(name, find_checkpoint(path), size, template, device)
    return _model(name, size, template)


def _model(name: str, size: int, template: str) -> Teacher:
    model = store.load(name)
    card = model.card
    if card.embedding is None or card.input.width is None:
        raise CardError(f"teacher.model: {name} is a {card.kind}; name a recognizer (see `mien models list`)")
    pose = _pose(name, make_template(card.embedding.template, card.input.width))
    posed = _posing(size, template, pose, card.input.width)

    @cache
    def opened() -> Recognizer:
        return Recognizer(model)

    return Teacher(
        name=name,
        digest=_digest(card.contract, size, template),
        open=lambda: lambda crops: normalize(opened().embed(posed(crops))),
    )


def _checkpoint(name: str, path: Path, size: int, template: str, device: torch.device) -> Teacher:
    file = path / "state.pt" if path.is_dir() else path
    found = read_weights(file)
    posed = _posing(size, template, make_template(found.spec.template, found.spec.size), found.spec.size)

    def opened() -> EmbedCrops:
        embed = embedder(found.network().to(device), device)
        return lambda crops: normalize(embed(posed(crops)))

    return Teacher(
        name=name,
        digest=_digest(file_sha256(file), found.spec.model_dump_json(), size, template),
        open=opened,
        network=found.network,
    )


def _digest(*parts: object) -> str:
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


def _pose(name: str, template: Template) -> PointsTemplate:
    if isinstance(template, BoxTemplate):
        raise RecipeError(f"teacher.model: {name} takes faces that are not aligned, which no crop of a pack is")
    return template


def _posing(size: int, template: str, pose: Template, wanted: int) -> Callable[[Image], Image]:
    """From the student's crops to the teacher's: as they are, or warped, as an image of a face would be."""
    own = make_template(template, size)
    assert isinstance(own, PointsTemplate) and isinstance(pose, PointsTemplate)
    if size == wanted and own.points.shape == pose.points.shape and np.allclose(own.points, pose.points, atol=1e-3):
        return lambda crops: crops
    if len(own.points) != 5:
        raise RecipeError(
            f"crops of the {template} pose do not say where five points of a face are, so they cannot be brought "
            "into the teacher's pose: take a teacher of the same pose, or a student of the arcface pose"
        )
    face = Face(Box(0, 0, size, size), 1.0, own.points)
    return lambda crops: np.stack([align_face(crop, face, pose, wanted) for crop in crops])
