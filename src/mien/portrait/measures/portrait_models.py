"""The families of models for portraits, and opening and running those that a user has added.

A family is one entry of the table: what it finds, what its outputs may mean, how it may get the face, and the
function that runs it. `mien models add --expert` and its help derive from the table. Compares nothing with a limit.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mien.errors import CardError
from mien.models import store
from mien.models.card import ModelCard
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.portrait.measures import readers
from mien.portrait.measures.face_chip import FaceChip
from mien.portrait.measures.portrait_model import Findings, PortraitFamily, PortraitModel
from mien.types import floats

PORTRAIT_FAMILIES: dict[str, PortraitFamily] = {
    "landmarks": PortraitFamily(
        gives="68, 98 or 106 landmarks",
        outputs=("unit", "signed", "pixels"),
        crops=("box", "upright"),
        read=readers.landmarks,
    ),
    "mesh": PortraitFamily(
        gives="468 landmarks in three dimensions",
        outputs=("pixels",),
        crops=("upright",),
        read=readers.mesh,
    ),
    "iris": PortraitFamily(
        gives="the iris of each eye",
        outputs=("pixels",),
        crops=("eyes",),
        read=readers.iris,
        margin=2.3,
    ),
    "eyes": PortraitFamily(
        gives="whether each eye is open",
        outputs=("classes",),
        crops=("eyes",),
        read=readers.eyes,
        margin=2.0,
    ),
    "pose": PortraitFamily(
        gives="yaw, pitch and roll",
        outputs=("degrees", "radians", "matrix"),
        crops=("box", "upright", "aligned"),
        read=readers.pose,
    ),
    "parsing": PortraitFamily(
        gives="the 19 classes of CelebAMask-HQ",
        outputs=("classes",),
        crops=("box", "upright"),
        read=readers.parsing,
    ),
    "quality": PortraitFamily(
        gives="an overall quality",
        outputs=("score",),
        crops=("box", "aligned", "upright"),
        read=readers.quality,
    ),
    "liveness": PortraitFamily(
        gives="whether the face is a living one, as MiniFASNet gives it",
        outputs=("scores", "shares"),
        crops=("inside", "box"),
        read=readers.liveness,
        margin=2.7,
        several=True,
    ),
}
"""By name, in the order in which they are run: the mesh places the eyes for those that take eyes."""


def family_of(card: ModelCard) -> PortraitFamily:
    """The family of a model for portraits.

    Raises:
        CardError: it is not a model for portraits, or of a family, crop or output that mien does not know.
    """
    if card.expert is None or card.input.width is None or card.input.height is None:
        raise CardError(f"{card.name} is a {card.kind}; portraits take models added with --expert")
    if card.family not in PORTRAIT_FAMILIES:
        raise CardError(f"{card.name} is of family {card.family}; portraits take {', '.join(PORTRAIT_FAMILIES)}")
    family = PORTRAIT_FAMILIES[card.family]
    for given, known, what in (
        (card.expert.crop, family.crops, "crop"),
        (card.expert.output, family.outputs, "output"),
    ):
        if given not in known:
            raise CardError(f"{card.name}: {what} of {card.family} is {', '.join(known)}, not {given}")
    return family


def open_portrait_models(names: Sequence[str], options: EngineOptions = DEFAULT_OPTIONS) -> tuple[PortraitModel, ...]:
    """Open models by their names in the store, or the paths of their cards, in the order of the table.

    Raises:
        CardError: a model that is not a portrait model, or two of one family that takes one.
    """
    found: list[PortraitModel] = []
    for name in dict.fromkeys(names):
        model = store.load(name)
        card, family = model.card, family_of(model.card)
        other = next((one.name for one in found if one.family == card.family), None)
        if other is not None and not family.several:
            raise CardError(f"{card.name} and {other} both give {card.family}; name one of them")
        spec, width, height = card.expert, card.input.width, card.input.height
        assert spec is not None and width is not None and height is not None
        session = model.session(options=options)
        found.append(
            PortraitModel(name=card.name, family=card.family, spec=spec, width=width, height=height, session=session)
        )
    order = list(PORTRAIT_FAMILIES)
    return tuple(sorted(found, key=lambda one: order.index(one.family)))


def run_portrait_models(chip: FaceChip, models: Sequence[PortraitModel]) -> FaceChip:
    """The chip with what the networks say of its face; several models of a family are averaged.

    Args:
        chip: of one face.
        models: in the order of the table, since some families read what others found.
    """
    for family in dict.fromkeys(model.family for model in models):
        read = PORTRAIT_FAMILIES[family].read
        findings = [read(chip, model) for model in models if model.family == family]
        chip = replace(chip, extra=chip.extra | _mean(findings))
    return chip


def _mean(findings: Sequence[Findings]) -> Findings:
    return {name: floats(np.mean([one[name] for one in findings], axis=0)) for name in findings[0]}
