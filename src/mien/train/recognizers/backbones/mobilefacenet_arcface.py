"""MobileFaceNet as arcface_torch has it, in two sizes and with its names of weights.

The same chain as mobilefacenet at twice the width outside of the depthwise convolutions (four times in the large one,
which also has twice as many residuals), and a second convolution in groups of 64.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from mien.train.recognizers.backbones.backbone import Backbone, WeightLayout, draw_for_relu
from mien.train.recognizers.backbones.prelu import PReLU

LAYOUT = WeightLayout("conv_sep.layers.0.weight", "features.layers.2.weight", "trained by arcface_torch: RGB")

HEAD = 512
"""Channels of the last map."""


@dataclass(frozen=True, slots=True)
class MobileSize:
    """A size of the network.

    Attributes:
        scale: width outside of the depthwise convolutions, as a multiple of 64 at the input.
        residuals: number of inverted residuals at each resolution; with one at the first, a plain convolution is
            there instead.
    """

    scale: int
    residuals: tuple[int, int, int, int]


SIZES = {"": MobileSize(2, (1, 4, 6, 2)), "-large": MobileSize(4, (2, 8, 12, 4))}
"""Sizes by the ending of their names: arcface_torch's mbf and mbf_large."""


class _Layers(nn.Module):
    """Layers in a row, under the name that arcface_torch gives them."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Through all layers."""
        out: Tensor = self.layers(x)
        return out


def _convolution(
    before: int, after: int, kernel: int = 1, stride: int = 1, *, groups: int = 1, linear: bool = False
) -> _Layers:
    """A convolution with BatchNorm and, unless linear, PReLU; only kernels of 3 pad."""
    convolution = nn.Conv2d(before, after, kernel, stride, 1 if kernel == 3 else 0, groups=groups, bias=False)
    return _Layers(convolution, nn.BatchNorm2d(after), *([] if linear else [PReLU(after)]))


class ArcInverted(_Layers):
    """An inverted residual: widen, depthwise 3x3, narrow."""

    def __init__(self, before: int, after: int, inside: int, stride: int, *, residual: bool) -> None:
        super().__init__(
            _convolution(before, inside),
            _convolution(inside, inside, 3, stride, groups=inside),
            _convolution(inside, after, linear=True),
        )
        self._residual = residual

    def forward(self, x: Tensor) -> Tensor:
        """(N, before, H, W) to (N, after, H / stride, W / stride)."""
        out = super().forward(x)
        return x + out if self._residual else out


def _chain(width: int, inside: int, count: int) -> _Layers:
    """Inverted residuals of one width."""
    return _Layers(*(ArcInverted(width, width, inside, 1, residual=True) for _ in range(count)))


class MobileFaceNetArcFace(Backbone):
    """MobileFaceNet in arcface_torch's layout.

    Args:
        size: one of SIZES.
        embedding: numbers of an embedding.
        dropout: before the embedding.
    """

    STAGES = (
        ("layers.0.", "layers.1."),
        ("layers.2.", "layers.3."),
        ("layers.4.", "layers.5."),
        ("layers.6.", "layers.7."),
        ("conv_sep.", "features."),
    )

    def __init__(self, size: MobileSize, embedding: int = 512, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = embedding
        narrow, wide = 64 * size.scale, 128 * size.scale
        first, second, third, fourth = size.residuals
        self.layers = nn.ModuleList(
            [
                _convolution(3, narrow, 3, 2),
                _convolution(narrow, narrow, 3, groups=64) if first == 1 else _chain(narrow, 128, first),
                ArcInverted(narrow, narrow, 128, 2, residual=False),
                _chain(narrow, 128, second),
                ArcInverted(narrow, wide, 256, 2, residual=False),
                _chain(wide, 256, third),
                ArcInverted(wide, wide, 512, 2, residual=False),
                _chain(wide, 256, fourth),
            ]
        )
        self.conv_sep = _convolution(wide, HEAD)
        self.features = _Layers(
            _convolution(HEAD, HEAD, 7, groups=HEAD, linear=True),
            nn.Flatten(),
            nn.Linear(HEAD, embedding, bias=False),
            nn.BatchNorm1d(embedding),
        )
        self.dropout = nn.Dropout(dropout)
        draw_for_relu(self)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 112, 112) to (N, embedding)."""
        for part in self.layers:
            x = self.through(part, x)
        out: Tensor = self.features(self.dropout(self.conv_sep(x)))
        return out
