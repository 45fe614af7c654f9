"""IR and IR-SE in the layouts of InsightFace_Pytorch (TreB1eN) and of CurricularFace, with their names of weights.

Unit: BN, 3x3, PReLU, 3x3 with the stride, BN, optionally squeeze and excitation (Hu et al., CVPR 2018), plus the
input, subsampled, or through a 1x1 and BN where the width changes. It has one BatchNorm less than arcface_torch's
block, so weights of the two cannot be converted. TreB1eN and CurricularFace differ only in the last BatchNorm: with a
weight and a bias (TreB1eN), or without (CurricularFace).
"""

from itertools import pairwise

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


class IRUnit(nn.Module):
    """A residual unit."""

    def __init__(self, before: int, width: int, stride: int, squeeze: bool) -> None:
        super().__init__()
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(before),
            nn.Conv2d(before, width, 3, 1, 1, bias=False),
            PReLU(width),
            nn.Conv2d(width, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width),
            *([Squeeze(width)] if squeeze else []),
        )
        self.shortcut_layer: nn.Module = nn.MaxPool2d(1, stride)
        if before != width:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(N, before, H, W) to (N, width, H / stride, W / stride)."""
        out: Tensor = self.shortcut_layer(x) + self.res_layer(x)
        return out


class IR(Backbone):
    """IR or IR-SE.

    Args:
        depth: 50, 100 or 152.
        squeeze: whether units have squeeze and excitation.
        affine: whether the embedding's BatchNorm has a weight and a bias: TreB1eN's layout; else CurricularFace's.
    """

    def __init__(
        self, depth: int, embedding: int = 512, dropout: float = 0.4, *, squeeze: bool = False, affine: bool = False
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.spec = BackboneInput(colour="BGR" if affine else "RGB")
        self.input_layer = nn.Sequential(nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), PReLU(64))
        units, before = [], 64
        for count, width in zip(DEPTHS[depth], WIDTHS, strict=True):
            for index in range(count):
                units.append(IRUnit(before, width, 2 if index == 0 else 1, squeeze))
                before = width
        self.body = nn.Sequential(*units)
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(before),
            nn.Dropout(dropout),
            nn.Flatten(),
            nn.Linear(before * MAP * MAP, embedding),
            nn.BatchNorm1d(embedding, affine=affine),
        )
        firsts = [sum(DEPTHS[depth][:stage]) for stage in range(5)]
        self._stages = (
            ("input_layer.",),
            *(tuple(f"body.{number}." for number in range(first, last)) for first, last in pairwise(firsts)),
            ("output_layer.",),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)

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
