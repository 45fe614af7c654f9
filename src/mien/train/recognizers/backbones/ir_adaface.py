"""IR and IR-SE as AdaFace, CVLface and TFace have them, with their names of weights.

Unit: BN, 3x3, BN, PReLU, 3x3 with the stride, BN, optionally squeeze and excitation, plus the input as in ir: one
BatchNorm more than the units of CurricularFace. Of the depths 152 and 200, units are bottlenecks of four times the
width: BN, 1x1, BN, PReLU, 3x3, BN, PReLU, 1x1 with the stride, BN. AdaFace and CVLface call the depth 100 "101".
"""

from torch import nn

from mien.train.recognizers.backbones import ir
from mien.train.recognizers.backbones.backbone import BackboneInput, WeightLayout, draw_for_relu
from mien.train.recognizers.backbones.iresnet import WIDTHS
from mien.train.recognizers.backbones.prelu import PReLU

COUNTS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 14, 3),
    100: (3, 13, 30, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
}
"""Units of each stage."""

BOTTLENECK = 4
"""Width of a bottleneck's output over that of its 3x3."""

FIRST_BOTTLENECK = 152
"""The smallest depth whose units are bottlenecks."""

LAYOUT = WeightLayout(
    ir.LAYOUT.mark,
    ir.LAYOUT.output,
    "trained by AdaFace: BGR; TFace trained on RGB, and CVLface on what color_space in its model.yaml says",
)


class Unit(ir.Residual):
    """A residual unit with a BatchNorm after each convolution."""

    def __init__(self, before: int, width: int, stride: int, squeeze: bool) -> None:
        residual = nn.Sequential(
            nn.BatchNorm2d(before),
            nn.Conv2d(before, width, 3, 1, 1, bias=False),
            nn.BatchNorm2d(width),
            PReLU(width),
            nn.Conv2d(width, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width),
        )
        super().__init__(before, width, stride, _squeezed(residual, width, squeeze))


class BottleneckUnit(ir.Residual):
    """A residual unit that narrows, convolves and widens; the stride is at its end."""

    def __init__(self, before: int, width: int, stride: int, squeeze: bool) -> None:
        inside = width // BOTTLENECK
        residual = nn.Sequential(
            nn.BatchNorm2d(before),
            nn.Conv2d(before, inside, 1, bias=False),
            nn.BatchNorm2d(inside),
            PReLU(inside),
            nn.Conv2d(inside, inside, 3, 1, 1, bias=False),
            nn.BatchNorm2d(inside),
            PReLU(inside),
            nn.Conv2d(inside, width, 1, stride, bias=False),
            nn.BatchNorm2d(width),
        )
        super().__init__(before, width, stride, _squeezed(residual, width, squeeze))


def _squeezed(residual: nn.Sequential, width: int, squeeze: bool) -> nn.Sequential:
    if squeeze:
        residual.add_module("se_block", ir.Squeeze(width))
    return residual


class IRAdaFace(ir.ResidualBody):
    """IR or IR-SE with a BatchNorm after each convolution.

    Args:
        depth: 18, 34, 50, 100, 152 or 200.
        embedding: numbers of an embedding.
        dropout: before the embedding.
        squeeze: whether units have squeeze and excitation.
    """

    spec = BackboneInput(colour="BGR")

    def __init__(self, depth: int, embedding: int = 512, dropout: float = 0.4, *, squeeze: bool = False) -> None:
        deep = depth >= FIRST_BOTTLENECK
        kind = BottleneckUnit if deep else Unit
        super().__init__(
            lambda before, width, stride: kind(before, width, stride, squeeze),
            COUNTS[depth],
            [width * BOTTLENECK for width in WIDTHS] if deep else WIDTHS,
            embedding=embedding,
            dropout=dropout,
            affine=False,
        )
        draw_for_relu(self)
