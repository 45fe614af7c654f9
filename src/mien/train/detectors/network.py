"""What every detector in training is: pictures to outputs, outputs and targets to a loss. Knows no layout."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from mien.train.network import Colours, Staged

Outputs = tuple[Tensor, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """The faces of one input picture, in its pixels.

    Attributes:
        boxes: (G, 4) x1, y1, x2, y2.
        landmarks: (G, 5, 2), NaN where they are not known.
        ignored: (I, 4) boxes in which nothing is learned.
    """

    boxes: Tensor
    landmarks: Tensor
    ignored: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Sums of the parts of a loss over a batch, and what each is divided by; other processes' are added to both.

    Attributes:
        sums: (3,) of scores, boxes and landmarks.
        counts: (3,) likewise; no gradient.
    """

    sums: Tensor
    counts: Tensor


class DetectorNetwork(Staged):
    """A network from (N, 3, H, W) float pixels, prepared as `pixels` says, to the outputs that its decoder takes.

    In training and evaluation alike the scores come as logits; `activated` makes them what the exported file gives.
    """

    family: ClassVar[str]
    outputs: ClassVar[tuple[str, ...]]
    """Names of the outputs in their order."""
    pixels: Colours = Colours()

    @abstractmethod
    def forward(self, x: Tensor) -> Outputs:
        """(N, 3, H, W), sides multiples of 32, to the outputs, scores as logits."""

    @abstractmethod
    def activated(self, outputs: Outputs) -> Outputs:
        """The outputs as the file gives them."""

    @abstractmethod
    def losses(self, outputs: Outputs, targets: Sequence[Target], width: int, height: int) -> Parts:
        """The parts of the loss for inputs of a width and height."""
