"""EdgeFace (George et al., IEEE T-BIOM 2024, arXiv 2307.01838): EdgeNeXt with linear layers of low rank, for devices.

The layout is that of otroshi/edgeface, whose names are timm's EdgeNeXt (Maaz et al., arXiv 2206.10589). Convolution
blocks are a wide depthwise convolution and two linear layers over channels. The last block of each later stage mixes
channels instead of places: its attention is between channels, over all places.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from mien.train.recognizers.backbones.backbone import Backbone, WeightLayout, drawn

LAYOUT = WeightLayout(
    "model.stages.1.blocks.0.conv_dw.weight",
    "model.head.fc.linear2.weight",
    "trained by EdgeFace's authors: RGB; their weights may not be used commercially",
    whole=True,
)
FULL_LAYOUT = WeightLayout(LAYOUT.mark, "model.head.fc.weight", LAYOUT.origin, whole=True)

SIDE = 112
KERNELS = (3, 5, 7, 9)
"""Of the depthwise convolutions of each stage."""

GLOBAL = (0, 2, 3, 4)
"""Groups of channels in the last block of each stage; 0 has a convolution block there, too."""

PLACED = 1
"""The stage whose attention knows where places are."""

WIDENING, EPSILON, FIRST_SCALE = 4, 1e-6, 1e-6
WAVES, TEMPERATURE = 32, 10_000
"""Numbers of the code of a coordinate, and the longest wavelength's growth (Vaswani et al., NeurIPS 2017)."""


@dataclass(frozen=True, slots=True)
class EdgeSize:
    """A size of the network.

    Attributes:
        widths: channels of each stage.
        depths: blocks of each stage.
        heads: of the attention.
        rank: of linear layers, as a share of their smaller side; None has whole ones.
    """

    widths: tuple[int, int, int, int]
    depths: tuple[int, int, int, int]
    heads: int
    rank: float | None = None


SIZES = {
    "edgeface-xxs": EdgeSize((24, 48, 88, 168), (2, 2, 6, 2), 4),
    "edgeface-xs": EdgeSize((32, 64, 100, 192), (3, 3, 9, 3), 4, 0.6),
    "edgeface-s": EdgeSize((48, 96, 160, 304), (3, 3, 9, 3), 8, 0.5),
    "edgeface-base": EdgeSize((80, 160, 288, 584), (3, 3, 9, 3), 8),
}
"""edgeface_xxs, edgeface_xs_gamma_06, edgeface_s_gamma_05 and edgeface_base."""


class LowRank(nn.Module):
    """A linear layer whose matrix is a product of two thin ones (the paper's LoRaLin)."""

    def __init__(self, before: int, after: int, rank: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(before, rank, bias=False)
        self.linear2 = nn.Linear(rank, after)

    def forward(self, x: Tensor) -> Tensor:
        """(..., before) to (..., after)."""
        out: Tensor = self.linear2(self.linear1(x))
        return out


def _linear(before: int, after: int, share: float | None) -> nn.Module:
    if share is None:
        return nn.Linear(before, after)
    return LowRank(before, after, max(2, int(min(before, after) * share)))


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of a map."""

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=EPSILON)

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        return super().forward(input.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Mixed(nn.Module):
    """Two linear layers over channels with GELU between them."""

    def __init__(self, width: int, share: float | None) -> None:
        super().__init__()
        self.fc1 = _linear(width, WIDENING * width, share)
        self.fc2 = _linear(WIDENING * width, width, share)

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) to the same."""
        out: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


class ConvolutionBlock(nn.Module):
    """A depthwise convolution and two linear layers over channels, added to the input."""

    def __init__(self, width: int, kernel: int, share: float | None) -> None:
        super().__init__()
        self.conv_dw = nn.Conv2d(width, width, kernel, 1, kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        self.mlp = Mixed(width, share)
        self.gamma = nn.Parameter(torch.full((width,), FIRST_SCALE))

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) to the same."""
        inner = self.norm(self.conv_dw(x).permute(0, 2, 3, 1))
        out: Tensor = x + (self.gamma * self.mlp(inner)).permute(0, 3, 1, 2)
        return out


def place_codes(side: int) -> Tensor:
    """Sines and cosines of row and column of each place of a map: (1, 2 WAVES, side, side)."""
    turns = torch.arange(1, side + 1) / (side + EPSILON) * 2 * math.pi
    waves = TEMPERATURE ** (2 * torch.div(torch.arange(WAVES), 2, rounding_mode="floor") / WAVES)
    angles = turns[:, None] / waves
    code = torch.stack((angles[:, 0::2].sin(), angles[:, 1::2].cos()), dim=2).flatten(1).T
    rows = code[:, :, None].expand(WAVES, side, side)
    columns = code[:, None, :].expand(WAVES, side, side)
    return torch.cat((rows, columns))[None]


class Places(nn.Module):
    """What is added to a map so that its places differ."""

    def __init__(self, width: int, side: int) -> None:
        super().__init__()
        self.token_projection = nn.Conv2d(2 * WAVES, width, 1)
        self.register_buffer("_codes", place_codes(side), persistent=False)

    def forward(self) -> Tensor:
        """(1, H W, width)."""
        out: Tensor = self.token_projection(self._codes).flatten(2).transpose(1, 2)
        return out


class ChannelAttention(nn.Module):
    """Attention between channels (XCiT, El-Nouby et al., NeurIPS 2021, eq. 2): its map is (width, width) a head."""

    def __init__(self, width: int, heads: int, share: float | None) -> None:
        super().__init__()
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv = _linear(width, 3 * width, share)
        self.proj = _linear(width, width, share)
        self._heads = heads

    def forward(self, x: Tensor) -> Tensor:
        """(N, places, width) to the same."""
        rows, places, width = x.shape
        parts = self.qkv(x).reshape(rows, places, 3, self._heads, width // self._heads).permute(2, 0, 3, 4, 1)
        query, key, value = parts.unbind(0)
        logits = F.normalize(query, dim=-1) @ F.normalize(key, dim=-1).transpose(-2, -1) * self.temperature
        mixed = logits.softmax(dim=-1) @ value
        out: Tensor = self.proj(mixed.permute(0, 3, 1, 2).reshape(rows, places, width))
        return out


class ChannelBlock(nn.Module):
    """A cascade of depthwise convolutions over groups of channels, attention between channels, two linear layers."""

    def __init__(self, width: int, groups: int, heads: int, share: float | None, places: int | None) -> None:
        super().__init__()
        each = -(-width // groups)
        self.convs = nn.ModuleList(nn.Conv2d(each, each, 3, 1, 1, groups=each) for _ in range(groups - 1))
        self.pos_embd = None if places is None else Places(width, places)
        self.norm_xca = nn.LayerNorm(width, eps=EPSILON)
        self.gamma_xca = nn.Parameter(torch.full((width,), FIRST_SCALE))
        self.xca = ChannelAttention(width, heads, share)
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        self.mlp = Mixed(width, share)
        self.gamma = nn.Parameter(torch.full((width,), FIRST_SCALE))
        self._each = each

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) to the same."""
        height, width = x.shape[2:]
        inner = self._cascade(x).flatten(2).transpose(1, 2)
        if self.pos_embd is not None:
            inner = inner + self.pos_embd()
        inner = inner + self.gamma_xca * self.xca(self.norm_xca(inner))
        inner = self.gamma * self.mlp(self.norm(inner))
        out: Tensor = x + inner.transpose(1, 2).unflatten(2, (height, width))
        return out

    def _cascade(self, x: Tensor) -> Tensor:
        """Each group but the last is convolved together with what the group before it became."""
        *groups, last = torch.split(x, self._each, dim=1)
        done: list[Tensor] = []
        for group, convolution in zip(groups, self.convs, strict=True):
            done.append(convolution(group + done[-1] if done else group))
        return torch.cat((*done, last), dim=1)


class Stage(nn.Module):
    """Blocks at one resolution, after halving the map."""

    def __init__(self, size: EdgeSize, number: int) -> None:
        super().__init__()
        width, depth = size.widths[number], size.depths[number]
        self.downsample: nn.Module = nn.Identity()
        if number:
            before = size.widths[number - 1]
            self.downsample = nn.Sequential(ChannelNorm(before), nn.Conv2d(before, width, 2, 2))
        side = SIDE // 4 // 2**number
        blocks: list[nn.Module] = [ConvolutionBlock(width, KERNELS[number], size.rank) for _ in range(depth)]
        if GLOBAL[number]:
            places = side if number == PLACED else None
            blocks[-1] = ChannelBlock(width, GLOBAL[number], size.heads, size.rank, places)
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        """(N, before, H, W) to (N, width, H / 2, W / 2); the first stage keeps the resolution."""
        out: Tensor = self.blocks(self.downsample(x))
        return out


class Head(nn.Module):
    """Mean over places, norm, and the embedding."""

    def __init__(self, width: int, embedding: int, share: float | None, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        self.drop = nn.Dropout(dropout)
        self.fc = _linear(width, embedding, share)

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) to (N, embedding)."""
        out: Tensor = self.fc(self.drop(self.norm(x.mean((2, 3)))))
        return out


class EdgeNeXt(nn.Module):
    """The parts by timm's names; EdgeFace calls them."""

    def __init__(self, size: EdgeSize, embedding: int, dropout: float) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, size.widths[0], 4, 4), ChannelNorm(size.widths[0]))
        self.stages = nn.Sequential(*(Stage(size, number) for number in range(4)))
        self.head = Head(size.widths[-1], embedding, size.rank, dropout)


class EdgeFace(Backbone):
    """EdgeFace.

    Args:
        size: one of SIZES.
        embedding: numbers of an embedding.
        dropout: of the pooled features.
    """

    STAGES = (
        ("model.stem.", "model.stages.0."),
        ("model.stages.1.",),
        ("model.stages.2.",),
        ("model.stages.3.",),
        ("model.head.",),
    )

    def __init__(self, size: EdgeSize, embedding: int = 512, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = embedding
        self.model = EdgeNeXt(size, embedding, dropout)
        for module in drawn(self):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 112, 112) to (N, embedding)."""
        x = self.model.stem(x)
        for stage in self.model.stages:
            x = self.through(stage, x)
        out: Tensor = self.model.head(x)
        return out
