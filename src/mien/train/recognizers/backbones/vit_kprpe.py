"""Vision transformers with KP-RPE (Kim et al., CVPR 2024, arXiv 2403.14852) in CVLface's layout.

The attention's logits get a bias that depends on where the two patches are to each other, and on where the query's
patch is to the five landmarks: b[h, i, j] = f_h(p_i - landmarks)[bucket(i - j)]. f is linear, and one matrix has the
rows of all blocks and heads. Buckets are those of iRPE's product method (Wu et al., ICCV 2021, eq. 18). The network
finds the landmarks in the crop by itself (crop_landmarks.py), so it takes crops as every other network does.
"""

import math

import torch
from torch import Tensor, nn

from mien.errors import RecipeError
from mien.train.recognizers.backbones import vit
from mien.train.recognizers.backbones.backbone import WeightLayout
from mien.train.recognizers.backbones.crop_landmarks import CropLandmarks
from mien.train.recognizers.backbones.vit import SIDE, ViT, VitSize

LAYOUT = WeightLayout(
    vit.MARK,
    vit.OUTPUT,
    "trained by CVLface with landmarks that its DFA network finds in each crop, in place of which mien takes those "
    "of MTCNN's O-Net: RGB, unless color_space in its model.yaml says BGR",
    whole=True,
    spare=(vit.HIDDEN,),
)

SIZES = {name.replace("cvlface", "kprpe"): size for name, size in vit.CVLFACE_SIZES.items()}

RATIO = 1.9
"""CVLface's: distances up to it are buckets of their own, and distances of eight times as much end the last one."""

NEAR, LAST, FAR = RATIO, 2 * RATIO, 8 * RATIO
"""alpha, beta and gamma of iRPE's eq. 18."""

SPAN = 2 * int(LAST) + 1
"""Buckets of a direction."""

LANDMARKS = 5


def bucket(distance: int) -> int:
    """The bucket of a distance in patches along one direction, -3 to 3 (iRPE, eq. 18)."""
    size = abs(distance)
    if size <= NEAR:
        return distance
    steps = round(NEAR + math.log(size / NEAR) / math.log(FAR / NEAR) * (LAST - NEAR))
    return int(math.copysign(min(steps, int(LAST)), distance))


def buckets(side: int) -> Tensor:
    """The bucket of each pair of patches in a square of `side`: (patches, patches) int64, query by key."""
    reach = torch.tensor([bucket(distance) + int(LAST) for distance in range(1 - side, side)])
    place = torch.arange(side)
    apart = reach[place[:, None] - place[None, :] + side - 1]
    rows = apart[:, None, :, None].expand(side, side, side, side)
    columns = apart[None, :, None, :].expand(side, side, side, side)
    return (rows * SPAN + columns).reshape(side * side, side * side)


class PairBias(nn.Module):
    """The bias of each pair of patches, from one value for each bucket of the query."""

    _places: Tensor

    def __init__(self, side: int) -> None:
        super().__init__()
        own = torch.arange(side * side)[:, None] * SPAN * SPAN + buckets(side)
        self.register_buffer("_places", own.flatten(), persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        """(N, heads, patches, buckets) to (N, heads, patches, patches)."""
        heads, patches = values.shape[1:3]
        return values.flatten(2).index_select(2, self._places).reshape(-1, heads, patches, patches)


class ViTKPRPE(ViT):
    """A vision transformer that knows where the landmarks are.

    Args:
        size: one of SIZES.
        embedding: numbers of an embedding.
        dropout: of the patches' states at the input.
    """

    _grid: Tensor

    def __init__(self, size: VitSize, embedding: int = 512, dropout: float = 0.0) -> None:
        super().__init__(size, embedding, dropout)
        self._heads, side = size.heads, SIDE // size.patch
        self.keypoint_linear = nn.Linear(2 * LANDMARKS, SPAN * SPAN * size.heads * size.depth)
        nn.init.zeros_(self.keypoint_linear.weight)
        nn.init.zeros_(self.keypoint_linear.bias)
        self._pairs = PairBias(side)
        middles = (torch.arange(side) + 0.5) / side
        grid = torch.stack(torch.meshgrid(middles, middles, indexing="xy"), dim=-1).reshape(-1, 1, 2)
        self.register_buffer("_grid", grid, persistent=False)
        self._landmarks = CropLandmarks()
        # All blocks use it, so it belongs to the last stage.
        self._stages = (*self._stages[:-1], (*self._stages[-1], "keypoint_linear."))

    def regularize(self, masking: float | None, drop_path: float | None) -> None:
        """As in ViT; patches cannot be left out.

        Raises:
            RecipeError: masking is asked for.
        """
        if masking:
            raise RecipeError(
                "model.masking does not work with KP-RPE, whose bias is of all patches: set it to 0, or use a "
                "network without KP-RPE"
            )
        super().regularize(masking, drop_path)

    def forward(self, x: Tensor, landmarks: Tensor | None = None) -> Tensor:
        """Embed crops.

        Args:
            x: (N, 3, 112, 112) pixels.
            landmarks: (N, 5, 2) x, y as shares of the crop's side; None finds them in the crops.

        Returns:
            (N, embedding).
        """
        if landmarks is None:
            landmarks = self._landmarks(x.flip(1) if self.spec.colour == "BGR" else x)
        state = self.dropout(self.patch_embed(x) + self.pos_embed)
        return self._project(self._blocks(state, self._biases(landmarks)))

    def _biases(self, landmarks: Tensor) -> tuple[Tensor, ...]:
        """The bias of each block's attention: (N, heads, patches, patches)."""
        away = (self._grid - landmarks[:, None]).flatten(2)
        table = self.keypoint_linear(away).unflatten(2, (-1, self._heads, SPAN * SPAN))
        return tuple(self._pairs(values) for values in table.permute(2, 0, 3, 1, 4))
