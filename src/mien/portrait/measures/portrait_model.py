"""What an open model for portraits is, and what a family of them is. The table of families is in portrait_models."""

from collections.abc import Callable
from dataclasses import dataclass

from mien.models.card import PortraitModelSpec
from mien.models.session import Session
from mien.portrait.measures.face_chip import FaceChip
from mien.types import Floats


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PortraitModel:
    """An open model for portraits."""

    name: str
    family: str
    spec: PortraitModelSpec
    width: int
    height: int
    session: Session


Findings = dict[str, Floats]
"""What models say of one face, by name; see FaceChip.extra."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortraitFamily:
    """Everything about one family of models for portraits.

    Attributes:
        gives: what it finds, in a few words.
        outputs: what its numbers may mean, the usual one first.
        crops: how it may get the face, the usual one first; see face_crops.
        read: runs a model of the family on a face.
        margin: the usual crop's side over that of the face's box, or over the width of an eye.
        several: whether several models of the family are averaged; else there is one at most.
    """

    gives: str
    outputs: tuple[str, ...]
    crops: tuple[str, ...]
    read: Callable[[FaceChip, PortraitModel], Findings]
    margin: float = 1.5
    several: bool = False
