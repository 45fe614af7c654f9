"""What every detector in training is: images to outputs, outputs and targets to a loss. Knows no layout."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from mien.detect.one_stage import OneStageFamily
from mien.detect.schedule import Candidates
from mien.models.card import InputSpec
from mien.train.compute.network import Staged
from mien.types import Floats

Outputs = tuple[Tensor, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """The faces of one input, in its pixels.

    Attributes:
        boxes: (G, 4) x1, y1, x2, y2.
        landmarks: (G, 5, 2), NaN where they are not known.
        ignored: (I, 4) boxes in which nothing is learned.
    """

    boxes: Tensor
    landmarks: Tensor
    ignored: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class LossSums:
    """Sums of the parts of a loss over a batch, and what each is divided by; processes add up both.

    Attributes:
        sums: (3,) of scores, boxes and landmarks.
        counts: (3,) divisors of the sums; no gradient.
    """

    sums: Tensor
    counts: Tensor


class DetectorNetwork(Staged):
    """A network from (N, 3, H, W) float pixels, prepared as `spec` says, to the outputs that its family decodes.

    Scores come as logits, in training and in evaluation; `activated` makes them what the exported file gives.
    """

    outputs: ClassVar[tuple[str, ...]]
    """Names of the outputs in their order."""
    family: ClassVar[OneStageFamily]
    """The family that the exported file is of; it says how images enter and what the outputs mean."""

    @property
    def spec(self) -> InputSpec:
        """How images enter: as the family's authors trained."""
        assert self.family.input is not None
        return self.family.input

    @abstractmethod
    def forward(self, x: Tensor) -> Outputs:
        """(N, 3, H, W), sides multiples of 32, to the outputs, scores as logits."""

    @abstractmethod
    def activated(self, outputs: Outputs) -> Outputs:
        """The outputs as the exported file gives them."""

    def decode(self, outputs: Sequence[Floats], width: int, height: int, threshold: float) -> Candidates:
        """Turn the activated outputs of one input of a width and height into candidates above a score."""
        return self.family.decode(outputs, width, height, threshold)

    @abstractmethod
    def losses(self, outputs: Outputs, targets: Sequence[Target], width: int, height: int) -> LossSums:
        """Compute the parts of the loss for inputs of a width and height."""


@dataclass(frozen=True, slots=True)
class DetectorKind:
    """A detector: how it is built, and how foreign weights of it are recognized.

    Attributes:
        build: a new, initialized network.
        mark: the name of a weight that the foreign layout has and no other; None if there are no foreign weights.
        body_mark: the same for an ImageNet classifier with the detector's body; None if there is no such layout.
    """

    build: Callable[[], DetectorNetwork]
    mark: str | None = None
    body_mark: str | None = None
