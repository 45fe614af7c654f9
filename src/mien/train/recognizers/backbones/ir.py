"""IR and IR-SE in the layouts of CurricularFace and of InsightFace_Pytorch (TreB1eN), with their names of weights.

Unit: BN, 3x3, PReLU, 3x3 with the stride, BN, optionally squeeze and excitation (Hu et al., CVPR 2018), plus the
input, subsampled, or through a 1x1 and BN where the width changes. It has one BatchNorm less than the units of
arcface_torch and of AdaFace (ir_adaface), so weights cannot be converted between them. TreB1eN and CurricularFace
differ only in the last BatchNorm: with a weight and a bias (TreB1eN), or without (CurricularFace).
"""

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

from torch import Tensor, nn

from mien.train.recognizers.backbones.backbone import Backbone, BackboneInput, WeightLayout
from mien.train.recognizers.backbones.iresnet import DEPTHS, MAP, WIDTHS
from mien.train.recognizers.backbones.prelu import PReLU

REDUCTION = 16

IR_DEPTHS = (50, 100, 152)
LAYOUT = WeightLayout(
    "body.0.res_layer.1.weight",
    "output_layer.3.weight",
    "trained by CurricularFace or face.evoLVe: RGB; weights of this layout trained by others may need BGR",
)
TREB1EN_LAYOUT = WeightLayout(
    LAYOUT.mark, LAYOUT.output, "trained by InsightFace_Pytorch on crops with red and blue swapped: BGR"
)

UnitMaker = Callable[[int, int, int], nn.Module]
"""From channels before, channels after and stride to a unit."""


class Squeeze(nn.Module):
    """Squeeze and excitation: each channel is scaled by a factor that follows from the means of all channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // REDUCTION, 1, bias=False)
        self.relu = nn.ReLU()
        self.fc2 = nn.Conv2d(channels // REDUCTION, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        weight: Tensor = self.fc2(self.relu(self.fc1(x.mean((2, 3), keepdim=True))))
        return x * weight.sigmoid()


class Residual(nn.Module):
    """The sum of a residual and the input, which is subsampled, or goes through a 1x1 where the width changes."""

    def __init__(self, before: int, width: int, stride: int, residual: nn.Sequential) -> None:
        super().__init__()
        self.res_layer = residual
        self.shortcut_layer: nn.Module = nn.MaxPool2d(1, stride)
        if before != width:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(N, before, H, W) to (N, width, H / stride, W / stride)."""
        out: Tensor = self.shortcut_layer(x) + self.res_layer(x)
        return out


class IRUnit(Residual):
    """A residual unit."""

    def __init__(self, before: int, width: int, stride: int, squeeze: bool) -> None:
        residual = nn.Sequential(
            nn.BatchNorm2d(before),
            nn.Conv2d(before, width, 3, 1, 1, bias=False),
            PReLU(width),
            nn.Conv2d(width, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width),
            *([Squeeze(width)] if squeeze else []),
        )
        super().__init__(before, width, stride, residual)


class ResidualBody(Backbone):
    """Input layer, a body of units in four stages, and output layer, as face.evoLVe named them.

    Args:
        make: makes a unit.
        counts: units of each stage.
        widths: channels of each stage.
        embedding: numbers of an embedding.
        dropout: before the embedding.
        affine: whether the embedding's BatchNorm has a weight and a bias.
    """

    def __init__(
        self,
        make: UnitMaker,
        counts: Sequence[int],
        widths: Sequence[int],
        *,
        embedding: int,
        dropout: float,
        affine: bool,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.input_layer = nn.Sequential(nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), PReLU(64))
        units, before = [], 64
        for count, width in zip(counts, widths, strict=True):
            for index in range(count):
                units.append(make(before, width, 2 if index == 0 else 1))
                before = width
        self.body = nn.Sequential(*units)
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(before),
            nn.Dropout(dropout),
            nn.Flatten(),
            nn.Linear(before * MAP * MAP, embedding),
            nn.BatchNorm1d(embedding, affine=affine),
        )
        self._stages = (
            ("input_layer.",),
            *(
                tuple(f"body.{number}." for number in range(first, last))
                for first, last in pairwise(accumulate(counts, initial=0))
            ),
            ("output_layer.",),
        )

    @property
    def STAGES(self) -> tuple[tuple[str, ...], ...]:  # type: ignore[override]  # noqa: N802 - depends on the depth
        """Input, the four stages of the body, output."""
        return self._stages

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 112, 112) to (N, embedding)."""
        x = self.input_layer(x)
        for unit in self.body:
            x = self.through(unit, x)
        out: Tensor = self.output_layer(x)
        return out


class IR(ResidualBody):
    """IR or IR-SE.

    Args:
        depth: 50, 100 or 152.
        embedding: numbers of an embedding.
        dropout: before the embedding.
        squeeze: whether units have squeeze and excitation.
        affine: whether the embedding's BatchNorm has a weight and a bias: TreB1eN's layout; else CurricularFace's.
    """

    def __init__(
        self, depth: int, embedding: int = 512, dropout: float = 0.4, *, squeeze: bool = False, affine: bool = False
    ) -> None:
        super().__init__(
            lambda before, width, stride: IRUnit(before, width, stride, squeeze),
            DEPTHS[depth],
            WIDTHS,
            embedding=embedding,
            dropout=dropout,
            affine=affine,
        )
        self.spec = BackboneInput(colour="BGR" if affine else "RGB")
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)
