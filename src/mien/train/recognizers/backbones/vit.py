"""Vision transformers (Dosovitskiy et al., ICLR 2021) as arcface_torch and CVLface have them, with their names.

No class token: the embedding is a projection of all patches' outputs in a row. In training, a share of the patches is
left out at random, and a learnt token stands where their outputs would be (masking as of He et al., CVPR 2022, with
no reconstruction). Blocks are skipped at random with a probability that rises from input to output (stochastic depth,
Huang et al., ECCV 2016).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from mien.train.recognizers.backbones.backbone import Backbone, WeightLayout, drawn

HIDDEN = "mask_token"
"""The weight that only training uses; CVLface saves none where it trained without masking."""

MARK, OUTPUT = "patch_embed.proj.weight", "feature.2.weight"
LAYOUT = WeightLayout(MARK, OUTPUT, "trained by arcface_torch: RGB", whole=True, spare=(HIDDEN,))
CVLFACE_LAYOUT = WeightLayout(
    MARK,
    OUTPUT,
    "trained by CVLface: RGB, unless color_space in its model.yaml says BGR",
    whole=True,
    spare=(HIDDEN,),
)

SIDE = 112
"""Width and height of the crops."""

EPSILON = 2e-5
"""Of the BatchNorms of the projection."""

DEVIATION = 0.02
"""Standard deviation of first weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VitSize:
    """A size of the network.

    Attributes:
        patch: width and height of a patch in pixels.
        width: numbers of a patch's state.
        depth: number of blocks.
        heads: of the attention.
        widening: width inside of a block's two linear layers, as a multiple of `width`.
        drop_path: probability of skipping the last block in training.
        masking: share of the patches that is left out in training.
    """

    patch: int = 9
    width: int
    depth: int
    heads: int = 8
    widening: int = 4
    drop_path: float = 0.1
    masking: float = 0.1

    @property
    def patches(self) -> int:
        """Number of patches of a crop."""
        return (SIDE // self.patch) ** 2


SIZES = {
    "vit-t": VitSize(width=256, depth=12),
    "vit-s": VitSize(width=512, depth=12),
    "vit-b": VitSize(width=512, depth=24),
    "vit-l": VitSize(width=768, depth=24, drop_path=0.05, masking=0.05),
}
"""arcface_torch's vit_t, vit_s, vit_b and vit_l_dp005_mask_005."""

CVLFACE_SIZES = {
    "vit-s-cvlface": VitSize(patch=8, width=512, depth=12, widening=5, masking=0.0),
    "vit-b-cvlface": VitSize(patch=8, width=512, depth=24, heads=16, widening=3, masking=0.0),
}


class Attention(nn.Module):
    """Self-attention in several heads; queries and keys have no bias."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.proj = nn.Linear(width, width)
        self._heads = heads

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """(N, patches, width) to the same; `bias`, (N, heads, patches, patches), is added to the logits."""
        rows, patches, width = x.shape
        parts = self.qkv(x).reshape(rows, patches, 3, self._heads, width // self._heads).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        out: Tensor = self.proj(mixed.transpose(1, 2).reshape(rows, patches, width))
        return out


class TwoLinear(nn.Module):
    """Two linear layers with ReLU6 between them."""

    def __init__(self, width: int, inside: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, inside)
        self.fc2 = nn.Linear(inside, width)

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) to the same."""
        out: Tensor = self.fc2(F.relu6(self.fc1(x)))
        return out


class DropPath(nn.Module):
    """Leaves out a residual in training, for each row by itself; the kept ones grow by what is missing."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """(N, ...) to the same."""
        if not self.training or not self.probability:
            return x
        keep = 1 - self.probability
        kept = torch.bernoulli(torch.full((len(x), *(1,) * (x.ndim - 1)), keep, dtype=x.dtype, device=x.device))
        return x * kept / keep


class Block(nn.Module):
    """Attention, then two linear layers; both are normalized before and added to their input."""

    def __init__(self, size: VitSize) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(size.width)
        self.attn = Attention(size.width, size.heads)
        self.norm2 = nn.LayerNorm(size.width)
        self.mlp = TwoLinear(size.width, size.widening * size.width)
        self.drop_path = DropPath(0.0)

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """(N, patches, width) to the same; `bias` as in Attention."""
        x = x + self.drop_path(self.attn(self.norm1(x), bias))
        out: Tensor = x + self.drop_path(self.mlp(self.norm2(x)))
        return out


class Patches(nn.Module):
    """Cuts crops into patches and projects each."""

    def __init__(self, patch: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, patch)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) to (N, patches, width), row by row."""
        out: Tensor = self.proj(x).flatten(2).transpose(1, 2)
        return out


class ViT(Backbone):
    """A vision transformer.

    Args:
        size: one of SIZES or CVLFACE_SIZES.
        embedding: numbers of an embedding.
        dropout: of the patches' states at the input.
    """

    def __init__(self, size: VitSize, embedding: int = 512, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding, self.masking = embedding, size.masking
        self.patch_embed = Patches(size.patch, size.width)
        self.pos_embed = nn.Parameter(torch.zeros(1, size.patches, size.width))
        self.mask_token = nn.Parameter(torch.zeros(1, 1, size.width))
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(size) for _ in range(size.depth))
        self.norm = nn.LayerNorm(size.width)
        self.feature = nn.Sequential(
            nn.Linear(size.width * size.patches, size.width, bias=False),
            nn.BatchNorm1d(size.width, eps=EPSILON),
            nn.Linear(size.width, embedding, bias=False),
            nn.BatchNorm1d(embedding, eps=EPSILON),
        )
        quarter = size.depth // 4
        self._stages = (
            ("patch_embed.", "pos_embed", HIDDEN),
            *(
                tuple(f"blocks.{number}." for number in range(first, first + quarter))
                for first in range(0, size.depth, quarter)
            ),
            ("norm.", "feature."),
        )
        self._draw()
        self.regularize(size.masking, size.drop_path)

    @property
    def STAGES(self) -> tuple[tuple[str, ...], ...]:  # type: ignore[override]  # noqa: N802 - depends on the depth
        """Input, four quarters of the blocks, output."""
        return self._stages

    def _draw(self) -> None:
        nn.init.trunc_normal_(self.pos_embed, std=DEVIATION)
        if not self.mask_token.is_meta:
            nn.init.normal_(self.mask_token, std=DEVIATION)
        for module in drawn(self):
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=DEVIATION)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def regularize(self, masking: float | None, drop_path: float | None) -> None:
        """Set the share of patches left out, and the probability of skipping the last block; None keeps them."""
        if masking is not None:
            self.masking = masking
            # A weight without a gradient would make several processes wait for it for ever.
            self.mask_token.requires_grad = masking > 0
        if drop_path is not None:
            for number, block in enumerate(self.blocks):
                assert isinstance(block, Block)
                block.drop_path.probability = drop_path * number / (len(self.blocks) - 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 112, 112) to (N, embedding)."""
        x = self.dropout(self.patch_embed(x) + self.pos_embed)
        shown = self._shown(x)
        if shown is None:
            return self._project(self._blocks(x))
        state = self._blocks(x.gather(1, shown))
        hidden = self.mask_token.to(state.dtype).expand_as(x)
        return self._project(hidden.scatter(1, shown, state))

    def _shown(self, x: Tensor) -> Tensor | None:
        """Which patches are shown in training, as (N, shown, width) numbers; None for all of them."""
        if not self.training or not self.masking:
            return None
        rows, patches, width = x.shape
        order = torch.rand(rows, patches, device=x.device).argsort(dim=1)
        return order[:, : int(patches * (1 - self.masking)), None].expand(-1, -1, width)

    def _blocks(self, x: Tensor, biases: Sequence[Tensor] = ()) -> Tensor:
        """Through all blocks; `biases` are those of their attentions, or none."""
        for number, block in enumerate(self.blocks):
            x = self.through(block, x, *biases[number : number + 1])
        out: Tensor = self.norm(x)
        return out

    def _project(self, x: Tensor) -> Tensor:
        out: Tensor = self.feature(x.flatten(1))
        return out
