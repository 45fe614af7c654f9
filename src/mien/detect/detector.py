"""What a detector is, and what a family of detectors is: the two interfaces of this room. Opens nothing itself.

A family is one object that says everything about a kind of detector; mien.detect.families lists them all.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from mien.models.card import InputSpec
from mien.models.options import EngineOptions
from mien.models.store import Model
from mien.types import Faces, Image


class Detector(Protocol):
    """Finds faces.

    Attributes:
        name: for reports.
        longest: an image larger than this along its longer side is shrunk by the detector anyway, so it
            may be decoded that small.
        min_score: of a face, where no other is asked for.
    """

    name: str
    longest: int
    min_score: float

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        """Find the faces of each image.

        Args:
            images: (H, W, 3) uint8 RGB each, of any sizes.

        Returns:
            For each image its faces, best first, in that image's pixels; an empty tuple where there is none.
        """
        ...


@runtime_checkable
class SubjectDetector(Detector, Protocol):
    """Finds the face that an image was taken of with less work than all faces."""

    def detect_subjects(self, images: Sequence[Image]) -> list[Faces]:
        """Find the most prominent face of each image, and whether others are about as prominent.

        Args:
            images: as for `detect`.

        Returns:
            What `detect` returns, without some of the faces that are too small to count; see mien.detect.prominence.
        """
        ...


OutputShapes = Sequence[Sequence[int | None]]
"""The shape of each output of a network; None is a side of any length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorFamily:
    """A kind of detector.

    Attributes:
        name: as cards and `--detector` give it.
        about: what it is, in one line.
        min_score: of a face, where no other is asked for.
        legacy: kept for comparison; newer families find more.
    """

    name: str
    about: str
    min_score: float
    legacy: bool = False

    @property
    def label(self) -> str:
        """What lists say of it."""
        return f"{self.about} (legacy)" if self.legacy else self.about


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFamily(DetectorFamily, ABC):
    """A kind of detector whose networks have cards.

    Attributes:
        input: colour order, mean and scale with which the authors trained; None where no single file is imported.
    """

    input: InputSpec | None = None

    def recognizes(self, outputs: OutputShapes) -> bool:
        """Whether a network with these outputs is of this family."""
        return False

    @abstractmethod
    def open(self, model: Model, options: EngineOptions, min_score: float | None = None) -> Detector:
        """Open a model of this family.

        Args:
            model: its card and files.
            options: of the engine.
            min_score: of a face; None takes the family's.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltInFamily(DetectorFamily):
    """A detector that comes with a package and needs no card.

    Attributes:
        opener: called with the engine's options and the minimum score of a face, or None for the family's.
        weights: where its weights are.
        licence: of the weights.
    """

    opener: Callable[[EngineOptions, float | None], Detector]
    weights: str
    licence: str
