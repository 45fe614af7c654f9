"""MobileFaceNet (Chen et al., CCBR 2018), in the layouts of InsightFace_Pytorch (TreB1eN) and of Xiaoccer.

Both are chains of inverted residuals that end in a depthwise convolution as wide as the map. Xiaoccer's takes crops
of 112x96, which are the middle 96 columns of the 112x112 crops that all others take; the network cuts them out.
"""

from torch import Tensor, nn

from mien.train.recognizers.backbones.backbone import Backbone, BackboneInput, WeightLayout
from mien.train.recognizers.backbones.prelu import PReLU

LAYOUT = WeightLayout(
    "conv_23.conv.conv.weight",
    "linear.weight",
    "trained by InsightFace_Pytorch on crops with red and blue swapped: BGR",
)
XIAOCCER_LAYOUT = WeightLayout("blocks.0.conv.0.weight", "linear1.conv.weight", "trained by Xiaoccer: RGB")


class MobileConvolution(nn.Module):
    """A convolution with BatchNorm and, unless linear, PReLU (TreB1eN's Conv_block and Linear_block)."""

    def __init__(
        self, before: int, after: int, kernel: int = 1, stride: int = 1, *, groups: int = 1, linear: bool = False
    ) -> None:
        super().__init__()
        padding = 0 if kernel in (1, 7) else 1
        self.conv = nn.Conv2d(before, after, kernel, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(after)
        if not linear:
            self.prelu = PReLU(after)
        self._linear = linear

    def forward(self, x: Tensor) -> Tensor:
        """(N, before, H, W) to (N, after, H', W')."""
        out: Tensor = self.bn(self.conv(x))
        return out if self._linear else self.prelu(out)


class Inverted(nn.Module):
    """An inverted residual: widen, depthwise 3x3, narrow (TreB1eN's Depth_Wise)."""

    def __init__(self, before: int, after: int, inside: int, stride: int, *, residual: bool) -> None:
        super().__init__()
        self.conv = MobileConvolution(before, inside)
        self.conv_dw = MobileConvolution(inside, inside, 3, stride, groups=inside)
        self.project = MobileConvolution(inside, after, linear=True)
        self._residual = residual

    def forward(self, x: Tensor) -> Tensor:
        """(N, before, H, W) to (N, after, H / stride, W / stride)."""
        out: Tensor = self.project(self.conv_dw(self.conv(x)))
        return x + out if self._residual else out


class Chain(nn.Module):
    """Inverted residuals of one width (TreB1eN's Residual)."""

    def __init__(self, width: int, inside: int, count: int) -> None:
        super().__init__()
        self.model = nn.Sequential(*(Inverted(width, width, inside, 1, residual=True) for _ in range(count)))

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) to the same."""
        out: Tensor = self.model(x)
        return out


class MobileFaceNet(Backbone):
    """MobileFaceNet in TreB1eN's layout; its weights take BGR."""

    STAGES = (
        ("conv1.", "conv2_dw."),
        ("conv_23.", "conv_3."),
        ("conv_34.", "conv_4."),
        ("conv_45.", "conv_5."),
        ("conv_6_sep.", "conv_6_dw.", "linear.", "bn."),
    )
    spec = BackboneInput(colour="BGR")

    def __init__(self, embedding: int = 512, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = embedding
        self.conv1 = MobileConvolution(3, 64, 3, 2)
        self.conv2_dw = MobileConvolution(64, 64, 3, groups=64)
        self.conv_23 = Inverted(64, 64, 128, 2, residual=False)
        self.conv_3 = Chain(64, 128, 4)
        self.conv_34 = Inverted(64, 128, 256, 2, residual=False)
        self.conv_4 = Chain(128, 256, 6)
        self.conv_45 = Inverted(128, 128, 512, 2, residual=False)
        self.conv_5 = Chain(128, 256, 2)
        self.conv_6_sep = MobileConvolution(128, 512)
        self.conv_6_dw = MobileConvolution(512, 512, 7, groups=512, linear=True)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(512, embedding, bias=False)
        self.bn = nn.BatchNorm1d(embedding)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 112, 112) to (N, embedding)."""
        x = self.conv2_dw(self.conv1(x))
        for part in (self.conv_23, self.conv_3, self.conv_34, self.conv_4, self.conv_45, self.conv_5):
            x = self.through(part, x)
        x = self.conv_6_dw(self.conv_6_sep(x)).flatten(1)
        out: Tensor = self.bn(self.linear(self.dropout(x)))
        return out


BOTTLENECKS = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))
"""Xiaoccer's table: widening, width, count, stride of the first."""


class XiaoccerBottleneck(nn.Module):
    """An inverted residual in one Sequential."""

    def __init__(self, before: int, after: int, stride: int, widening: int) -> None:
        super().__init__()
        inside = before * widening
        self.conv = nn.Sequential(
            nn.Conv2d(before, inside, 1, bias=False),
            nn.BatchNorm2d(inside),
            PReLU(inside),
            nn.Conv2d(inside, inside, 3, stride, 1, groups=inside, bias=False),
            nn.BatchNorm2d(inside),
            PReLU(inside),
            nn.Conv2d(inside, after, 1, bias=False),
            nn.BatchNorm2d(after),
        )
        self._residual = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        """(N, before, H, W) to (N, after, H / stride, W / stride)."""
        out: Tensor = self.conv(x)
        return x + out if self._residual else out


class _Wide(MobileConvolution):
    """A depthwise convolution over a map of 7 rows and 6 columns."""

    def __init__(self, width: int) -> None:
        super().__init__(width, width, linear=True)
        self.conv = nn.Conv2d(width, width, (7, 6), groups=width, bias=False)


class MobileFaceNetXiaoccer(Backbone):
    """MobileFaceNet in Xiaoccer's layout, for (x - 127.5) / 128 in RGB; embedding 128 by default."""

    STAGES = (
        ("conv1.", "dw_conv1."),
        tuple(f"blocks.{number}." for number in range(5)),
        tuple(f"blocks.{number}." for number in range(5, 12)),
        tuple(f"blocks.{number}." for number in range(12, 15)),
        ("conv2.", "linear7.", "linear1."),
    )
    spec = BackboneInput(scale=(128.0, 128.0, 128.0))

    def __init__(self, embedding: int = 128, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = embedding
        self.conv1 = MobileConvolution(3, 64, 3, 2)
        self.dw_conv1 = MobileConvolution(64, 64, 3, groups=64)
        blocks, before = [], 64
        for widening, width, count, stride in BOTTLENECKS:
            for index in range(count):
                blocks.append(XiaoccerBottleneck(before, width, stride if index == 0 else 1, widening))
                before = width
        self.blocks = nn.Sequential(*blocks)
        self.conv2 = MobileConvolution(128, 512)
        self.linear7 = _Wide(512)
        self.dropout = nn.Dropout(dropout)
        self.linear1 = MobileConvolution(512, embedding, linear=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 112, 112) to (N, embedding)."""
        x = self.dw_conv1(self.conv1(x[..., 8:104]))
        for block in self.blocks:
            x = self.through(block, x)
        out: Tensor = self.linear1(self.dropout(self.linear7(self.conv2(x)))).flatten(1)
        return out
