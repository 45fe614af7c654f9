"""Vision transformers with KP-RPE (Kim et al., CVPR 2024, arXiv 2403.14852) in CVLface's layout.

The attention's logits get a bias that depends on where the two patches are to each other, and on where the query's
patch is to the five landmarks: b[h, i, j] = f_h(p_i - landmarks)[bucket(i - j)]. f is linear, and one matrix has the
rows of all blocks and heads. Buckets are those of iRPE's product method (Wu et al., ICCV 2021, eq. 18). Finds no
landmarks: without any, they are where alignment puts them.
"""

import math

import torch
from torch import Tensor, nn

from mien.errors import RecipeError
from mien.templates import arcface_template
from mien.train.recognizers.backbones import vit
from mien.train.recognizers.backbones.backbone import WeightLayout
from mien.train.recognizers.backbones.vit import SIDE, ViT, VitSize

LAYOUT = WeightLayout(
    vit.MARK,
    vit.OUTPUT,
    "trained by CVLface with each face's landmarks, in place of which mien takes those that alignment aims at: RGB, "
    "unless color_space in its model.yaml says BGR",
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


class ViTKPRPE(ViT):
    """A vision transformer that knows where the landmarks are.

    Args:
        size: one of SIZES.
        embedding: numbers of an embedding.
        dropout: of the patches' states at the input.
    """

    _buckets: Tensor
    _grid: Tensor
    _pose: Tensor

    def __init__(self, size: VitSize, embedding: int = 512, dropout: float = 0.0) -> None:
        super().__init__(size, embedding, dropout)
        self._heads, side = size.heads, SIDE // size.patch
        self.keypoint_linear = nn.Linear(2 * LANDMARKS, SPAN * SPAN * size.heads * size.depth)
        nn.init.zeros_(self.keypoint_linear.weight)
        nn.init.zeros_(self.keypoint_linear.bias)
        self.register_buffer("_buckets", buckets(side), persistent=False)
        middles = (torch.arange(side) + 0.5) / side
        grid = torch.stack(torch.meshgrid(middles, middles, indexing="xy"), dim=-1).reshape(-1, 1, 2)
        self.register_buffer("_grid", grid, persistent=False)
        pose = torch.tensor([(arcface_template(SIDE).points / SIDE).tolist()])
        self.register_buffer("_pose", pose, persistent=False)
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
            landmarks: (N, 5, 2) x, y as shares of the crop's side; None takes the pose that alignment aims at.

        Returns:
            (N, embedding).
        """
        state = self.dropout(self.patch_embed(x) + self.pos_embed)
        return self._project(self._blocks(state, self._biases(self._pose if landmarks is None else landmarks)))

    def _biases(self, landmarks: Tensor) -> tuple[Tensor, ...]:
        """The bias of each block's attention: (N, heads, patches, patches)."""
        away = (self._grid - landmarks[:, None]).flatten(2)
        table = self.keypoint_linear(away).unflatten(2, (-1, self._heads, SPAN * SPAN))
        rows = table.permute(2, 0, 3, 1, 4)
        return tuple(row.gather(3, self._buckets.expand(*row.shape[:2], -1, -1)) for row in rows)
