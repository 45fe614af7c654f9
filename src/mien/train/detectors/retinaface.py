"""RetinaFace (Deng et al., CVPR 2020) in the layout of biubug6's Pytorch_Retinaface: its weights go in and out.

MobileNet-0.25 or ResNet-50, a feature pyramid, SSH context modules, and linear heads with two square anchors on each
of three strides. Names of the parameters are the layout's, with its mixed capitals. Trained with the multi-box loss
of the same code: softmax over background and face with seven hard negatives per positive, smooth L1 on boxes and
landmarks relative to the anchors.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from mien.detect.retinaface import RETINAFACE
from mien.train.detectors.assign import by_overlap
from mien.train.detectors.losses import covered, hard_negatives
from mien.train.detectors.network import DetectorNetwork, LossSums, Outputs, Target

STRIDES = (8, 16, 32)
SIDES = ((16, 32), (64, 128), (256, 512))
"""Sides of the anchors of each stride, in pixels."""
VARIANCES = (0.1, 0.2)
"""Units of centres and of sizes, as shares of an anchor (the authors' code)."""
MATCHED = 0.35
"""Minimum IoU at which an anchor answers for a face (the authors' code)."""
NEGATIVES = 7
"""Hard negatives per positive (the authors' code)."""
IGNORED = 0.5
"""An anchor learns nothing when this share of it is in a face that is ignored."""


def _bn(before: int, after: int, stride: int = 1, leaky: float = 0.0, side: int = 3) -> nn.Sequential:
    layers = [*_bn_linear(before, after, stride, side), nn.LeakyReLU(leaky, inplace=True)]
    return nn.Sequential(*layers)


def _bn_linear(before: int, after: int, stride: int = 1, side: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, side, stride, side // 2, bias=False), nn.BatchNorm2d(after))


def _separable(before: int, after: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, before, 3, stride, 1, groups=before, bias=False),
        nn.BatchNorm2d(before),
        nn.LeakyReLU(0.1, inplace=True),
        nn.Conv2d(before, after, 1, bias=False),
        nn.BatchNorm2d(after),
        nn.LeakyReLU(0.1, inplace=True),
    )


class MobileNet(nn.Module):
    """MobileNet with a quarter of the width: features of strides 8, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stage1 = nn.Sequential(
            _bn(3, 8, 2, 0.1),
            _separable(8, 16, 1),
            _separable(16, 32, 2),
            _separable(32, 32, 1),
            _separable(32, 64, 2),
            _separable(64, 64, 1),
        )
        self.stage2 = nn.Sequential(_separable(64, 128, 2), *(_separable(128, 128, 1) for _ in range(5)))
        self.stage3 = nn.Sequential(_separable(128, 256, 2), _separable(256, 256, 1))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Three maps."""
        first = self.stage1(x)
        second = self.stage2(first)
        return [first, second, self.stage3(second)]


class ResNetBottleneck(nn.Module):
    """ResNet's block of 1x1, 3x3 and 1x1, stride in the middle."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * 4, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * 4)
        self.downsample: nn.Sequential | None = None
        if stride > 1 or before != width * 4:
            self.downsample = nn.Sequential(
                nn.Conv2d(before, width * 4, 1, stride, bias=False), nn.BatchNorm2d(width * 4)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same, or half."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(F.relu(self.bn2(self.conv2(y)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """ResNet-50 (He et al., CVPR 2016): features of strides 8, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            nn.Sequential(
                *(ResNetBottleneck(b, width, s) for b, s in [(before, stride), *[(4 * width, 1)] * (count - 1)])
            )
            for before, width, count, stride in (
                (64, 64, 3, 1),
                (256, 128, 4, 2),
                (512, 256, 6, 2),
                (1024, 512, 3, 2),
            )
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """Three maps."""
        x = self.layer1(F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1))
        first = self.layer2(x)
        second = self.layer3(first)
        return [first, second, self.layer4(second)]


class Pyramid(nn.Module):
    """Feature pyramid (Lin et al., CVPR 2017)."""

    def __init__(self, widths: Sequence[int], width: int) -> None:
        super().__init__()
        leaky = 0.1 if width <= 64 else 0.0
        self.output1, self.output2, self.output3 = (_bn(before, width, 1, leaky, 1) for before in widths)
        self.merge1, self.merge2 = (_bn(width, width, 1, leaky) for _ in range(2))

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Three maps of one width."""
        low, middle, high = self.output1(maps[0]), self.output2(maps[1]), self.output3(maps[2])
        middle = self.merge2(middle + F.interpolate(high, size=middle.shape[2:], mode="nearest"))
        low = self.merge1(low + F.interpolate(middle, size=low.shape[2:], mode="nearest"))
        return [low, middle, high]


class Context(nn.Module):
    """SSH's context module (Najibi et al., ICCV 2017)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        leaky = 0.1 if width <= 64 else 0.0
        self.conv3X3 = _bn_linear(width, width // 2)
        self.conv5X5_1 = _bn(width, width // 4, 1, leaky)
        self.conv5X5_2 = _bn_linear(width // 4, width // 4)
        self.conv7X7_2 = _bn(width // 4, width // 4, 1, leaky)
        self.conv7x7_3 = _bn_linear(width // 4, width // 4)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        inner = self.conv5X5_1(x)
        return F.relu(
            torch.cat([self.conv3X3(x), self.conv5X5_2(inner), self.conv7x7_3(self.conv7X7_2(inner))], dim=1)
        )


class Linear(nn.Module):
    """A head of one stride: two anchors per cell."""

    def __init__(self, width: int, numbers: int) -> None:
        super().__init__()
        self.conv1x1 = nn.Conv2d(width, 2 * numbers, 1)
        self._numbers = numbers

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, H * W * 2, numbers)."""
        found: Tensor = self.conv1x1(x)
        return found.permute(0, 2, 3, 1).reshape(x.shape[0], -1, self._numbers)


class RetinaFaceNetwork(DetectorNetwork):
    """The network; see the module."""

    outputs: ClassVar[tuple[str, ...]] = ("loc", "conf", "landms")
    family = RETINAFACE
    STAGES: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("body.stage1.", "body.conv1.", "body.bn1.", "body.layer1."),
        ("body.stage2.", "body.layer2.", "body.layer3."),
        ("body.stage3.", "body.layer4."),
        ("fpn.", "ssh", "ClassHead.", "BboxHead.", "LandmarkHead."),
    )

    def __init__(self, body: nn.Module, widths: Sequence[int], width: int) -> None:
        super().__init__()
        self.body = body
        self.fpn = Pyramid(widths, width)
        self.ssh1, self.ssh2, self.ssh3 = (Context(width) for _ in STRIDES)
        self.ClassHead, self.BboxHead, self.LandmarkHead = (
            nn.ModuleList(Linear(width, numbers) for _ in STRIDES) for numbers in (2, 4, 10)
        )

    def forward(self, x: Tensor) -> Outputs:
        """Boxes (N, A, 4), logits of background and face (N, A, 2), landmarks (N, A, 10)."""
        levels = self.fpn(self.body(x))
        levels = [module(level) for module, level in zip((self.ssh1, self.ssh2, self.ssh3), levels, strict=True)]
        loc, conf, points = (
            torch.cat([head(level) for head, level in zip(heads, levels, strict=True)], dim=1)
            for heads in (self.BboxHead, self.ClassHead, self.LandmarkHead)
        )
        return loc, conf, points

    def activated(self, outputs: Outputs) -> Outputs:
        """Probabilities of background and face."""
        return outputs[0], outputs[1].softmax(dim=2), outputs[2]

    def losses(self, outputs: Outputs, targets: Sequence[Target], width: int, height: int) -> LossSums:
        """The multi-box loss; all parts are divided by the number of anchors that answer for a face."""
        priors = priors_of(width, height, outputs[0].device)
        total, counts = torch.zeros(3, device=priors.device), torch.zeros(3, device=priors.device)
        for row, target in enumerate(targets):
            sums, count = _one(*(part[row].float() for part in outputs), priors=priors, target=target)
            total, counts = total + sums, counts + count
        return LossSums(total, counts)


def _one(loc: Tensor, conf: Tensor, points: Tensor, *, priors: Tensor, target: Target) -> tuple[Tensor, Tensor]:
    """Sums and counts of one input."""
    corners = torch.cat([priors[:, :2] - priors[:, 2:] / 2, priors[:, :2] + priors[:, 2:] / 2], dim=1)
    assigned = by_overlap(corners, target.boxes, MATCHED)
    positive = assigned >= 0
    allowed = torch.ones_like(positive)
    if len(target.ignored):
        allowed = covered(corners, target.ignored).max(dim=1).values < IGNORED
    crossed = F.cross_entropy(conf, positive.long(), reduction="none")
    negative = hard_negatives(crossed, positive, allowed, NEGATIVES)
    scored = crossed[positive | negative].sum()
    face, own = assigned[positive], priors[positive]
    boxes = target.boxes[face]
    middles, sizes = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    wanted = torch.cat(
        [(middles - own[:, :2]) / (VARIANCES[0] * own[:, 2:]), torch.log(sizes / own[:, 2:]) / VARIANCES[1]], dim=1
    )
    fitted = F.smooth_l1_loss(loc[positive], wanted, reduction="sum")
    places = (target.landmarks[face] - own[:, None, :2]) / (VARIANCES[0] * own[:, None, 2:])
    labelled = torch.isfinite(places).all(dim=2).all(dim=1)
    placed = F.smooth_l1_loss(points[positive][labelled], places[labelled].flatten(1), reduction="sum")
    count = torch.stack([positive.sum(), positive.sum(), labelled.sum()]).to(loc)
    return torch.stack([scored, fitted, placed]), count


@lru_cache(maxsize=32)
def priors_of(width: int, height: int, device: torch.device) -> Tensor:
    """(A, 4) centre x, centre y, width and height of the anchors of an input, in pixels."""
    levels = []
    for stride, sides in zip(STRIDES, SIDES, strict=True):
        rows, columns = -(-height // stride), -(-width // stride)
        y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        centres = (torch.stack([x, y], dim=2).float() + 0.5) * stride
        both = [torch.cat([centres, torch.full_like(centres, float(side))], dim=2) for side in sides]
        levels.append(torch.stack(both, dim=2).reshape(-1, 4))
    return torch.cat(levels).to(device)


def mobilenet() -> RetinaFaceNetwork:
    """The layout with MobileNet-0.25."""
    return RetinaFaceNetwork(MobileNet(), (64, 128, 256), 64)


def resnet() -> RetinaFaceNetwork:
    """The layout with ResNet-50."""
    return RetinaFaceNetwork(ResNet(), (512, 1024, 2048), 256)
