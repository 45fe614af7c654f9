"""A single-stage detector like SCRFD: residual backbone, path aggregation, anchor centres on three strides.

After Guo et al. (arXiv 2105.04714): ATSS assigns, quality focal loss scores, DIoU loss fits boxes, and five landmarks
are regressed from the anchor's centre. The outputs are those of InsightFace's export, so mien.detect.scrfd decodes
both. The 2.5g and 10g sizes have the paper's widths and depths, and scrfd-500m-separable has backbone and head of its
0.5 GFLOP size, with separable convolutions. The 500m and the 1g are mien's own, with plain convolutions,
since those train and run faster on a processor (docs/log.md); the 1g has a convolution for the landmarks alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from mien.detect.scrfd import SCRFD
from mien.train.detectors.assign import Anchors, adaptive
from mien.train.detectors.losses import (
    covered,
    distance_iou,
    landmark_distance,
    paired_overlaps,
    quality_focal,
)
from mien.train.detectors.network import DetectorNetwork, LossSums, Outputs, Target

STRIDES = (8, 16, 32)
BASES = (16, 64, 256)
"""Sides of the smaller anchor of each stride; the other is twice as large."""
ANCHORS = 2
PRIOR = 0.01
"""The score that a new network gives everywhere (Lin et al., ICCV 2017, section 4.1)."""
IGNORED = 0.5
"""An anchor learns nothing when this share of it is in a face that is ignored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrfdShape:
    """Widths and depths.

    Attributes:
        stem: channels of the stem.
        planes: channels of the four stages.
        blocks: number of blocks of the four stages.
        neck: channels of the neck.
        head: channels of the head.
        deep: number of convolutions of the head.
        last: side of the kernels that give the outputs.
        points: number of convolutions of the head that only the landmarks have.
        separable: whether blocks and the head's convolutions are depthwise and then 1x1, without shortcuts.
    """

    stem: int
    planes: tuple[int, int, int, int]
    blocks: tuple[int, int, int, int]
    neck: int
    head: int
    deep: int = 2
    last: int = 3
    points: int = 0
    separable: bool = False


SHAPES = {
    "scrfd-500m": ScrfdShape(stem=16, planes=(16, 24, 40, 64), blocks=(1, 2, 2, 2), neck=16, head=32, last=1),
    "scrfd-500m-separable": ScrfdShape(
        stem=16, planes=(40, 72, 152, 288), blocks=(2, 3, 2, 6), neck=16, head=64, separable=True
    ),
    "scrfd-1g": ScrfdShape(stem=16, planes=(16, 24, 64, 96), blocks=(1, 2, 3, 3), neck=24, head=32, last=1, points=1),
    "scrfd-2.5g": ScrfdShape(stem=24, planes=(24, 48, 48, 80), blocks=(3, 5, 3, 2), neck=24, head=64),
    "scrfd-10g": ScrfdShape(stem=56, planes=(56, 88, 88, 224), blocks=(3, 4, 2, 3), neck=56, head=80, deep=3),
}


def _convolution(before: int, after: int, stride: int = 1, side: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, side, stride, side // 2, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)
    )


def _separable(before: int, after: int, stride: int = 1) -> nn.Sequential:
    """Depthwise, then 1x1 (Howard et al., arXiv 1704.04861, table 1)."""
    return nn.Sequential(
        nn.Conv2d(before, before, 3, stride, 1, groups=before, bias=False),
        nn.BatchNorm2d(before),
        nn.ReLU(inplace=True),
        *_convolution(before, after, side=1),
    )


class ScrfdBlock(nn.Module):
    """Two convolutions and a shortcut (He et al., CVPR 2016); the shortcut averages where it shrinks."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.first = _convolution(before, after, stride)
        self.second = nn.Sequential(nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after))
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or before != after:
            shrink = nn.AvgPool2d(2, 2) if stride > 1 else nn.Identity()
            self.shortcut = nn.Sequential(shrink, nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same, or half."""
        return F.relu(self.second(self.first(x)) + self.shortcut(x))


class ScrfdHead(nn.Module):
    """Scores, boxes and landmarks of one stride."""

    def __init__(self, shape: ScrfdShape) -> None:
        super().__init__()
        widths = [shape.neck] + [shape.head] * shape.deep
        layer = _separable if shape.separable else _convolution
        self.trunk = nn.Sequential(*(layer(a, b) for a, b in pairwise(widths)))
        self.score = nn.Conv2d(shape.head, ANCHORS, shape.last, padding=shape.last // 2)
        self.box = nn.Conv2d(shape.head, ANCHORS * 4, shape.last, padding=shape.last // 2)
        self.own = nn.Sequential(*(_convolution(shape.head, shape.head) for _ in range(shape.points)))
        self.points = nn.Conv2d(shape.head, ANCHORS * 10, shape.last, padding=shape.last // 2)
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Outputs:
        """(N, C, H, W) to (N, H * W * 2, 1), (.., 4) and (.., 10)."""
        x = self.trunk(x)
        return _flat(self.score(x), 1), _flat(self.box(x) * self.scale, 4), _flat(self.points(self.own(x)), 10)


def _flat(x: Tensor, width: int) -> Tensor:
    """(N, A * width, H, W) to (N, H * W * A, width)."""
    return x.permute(0, 2, 3, 1).reshape(x.shape[0], -1, width)


class ScrfdNetwork(DetectorNetwork):
    """The network; see the module."""

    outputs: ClassVar[tuple[str, ...]] = tuple(f"{part}_{s}" for part in ("score", "bbox", "kps") for s in STRIDES)
    family = SCRFD
    STAGES: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("stem.",),
        *((f"body.{number}.",) for number in range(4)),
        ("lateral.", "inner.", "down.", "outer.", "heads."),
    )

    def __init__(self, shape: ScrfdShape) -> None:
        super().__init__()
        half = max(8, shape.stem // 2)
        if shape.separable:
            self.stem = nn.Sequential(_convolution(3, shape.stem, 2), _separable(shape.stem, shape.stem))
        else:
            self.stem = nn.Sequential(_convolution(3, half, 2), _convolution(half, shape.stem), nn.MaxPool2d(2))
        block = _separable if shape.separable else ScrfdBlock
        stages, before = [], shape.stem
        for number, (width, blocks) in enumerate(zip(shape.planes, shape.blocks, strict=True)):
            # A pooling stem has reached stride 4 before the first stage.
            strides = [2 if number or shape.separable else 1] + [1] * (blocks - 1)
            widths = [before] + [width] * (blocks - 1)
            stages.append(nn.Sequential(*(block(b, width, s) for b, s in zip(widths, strides, strict=True))))
            before = width
        self.body = nn.ModuleList(stages)
        self.lateral = nn.ModuleList(nn.Conv2d(width, shape.neck, 1) for width in shape.planes[1:])
        self.inner = nn.ModuleList(_convolution(shape.neck, shape.neck) for _ in STRIDES)
        self.down = nn.ModuleList(_convolution(shape.neck, shape.neck, 2) for _ in STRIDES[1:])
        self.outer = nn.ModuleList(_convolution(shape.neck, shape.neck) for _ in STRIDES[1:])
        self.heads = nn.ModuleList(ScrfdHead(shape) for _ in STRIDES)
        self._initialize()

    def _initialize(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for head in self.heads:
            assert isinstance(head, ScrfdHead)
            for last in (head.score, head.box, head.points):
                nn.init.normal_(last.weight, std=0.01)
            nn.init.constant_(head.score.bias, -math.log((1 - PRIOR) / PRIOR))  # type: ignore[arg-type]
            # A box of an anchor's own size: two strides to each side.
            nn.init.constant_(head.box.bias, 2.0)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Outputs:
        """Nine outputs: logits, distances and offsets in strides, each for strides 8, 16 and 32."""
        x, features = self.stem(x), []
        for stage in self.body:
            x = stage(x)
            features.append(x)
        levels = [lateral(f) for lateral, f in zip(self.lateral, features[1:], strict=True)]
        for upper in (1, 0):
            levels[upper] = levels[upper] + F.interpolate(levels[upper + 1], scale_factor=2.0, mode="nearest")
        levels = [inner(level) for inner, level in zip(self.inner, levels, strict=True)]
        for lower, (down, outer) in enumerate(zip(self.down, self.outer, strict=True), start=1):
            levels[lower] = outer(levels[lower] + down(levels[lower - 1]))
        found = [head(level) for head, level in zip(self.heads, levels, strict=True)]
        return tuple(part for kind in zip(*found, strict=True) for part in kind)

    def activated(self, outputs: Outputs) -> Outputs:
        """Scores in 0..1."""
        return tuple(score.sigmoid() for score in outputs[:3]) + outputs[3:]

    def losses(self, outputs: Outputs, targets: Sequence[Target], width: int, height: int) -> LossSums:
        """Quality focal loss of all anchors; DIoU and landmark loss of those that answer for a face.

        As in the authors' code, a box counts by the score that its anchor gives now.
        """
        anchors = anchors_of(width, height, outputs[0].device)
        logits = torch.cat(outputs[:3], dim=1)[..., 0].float()
        stride = anchors.strides[None, :, None]
        sides = torch.cat(outputs[3:6], dim=1).float() * stride
        boxes = torch.cat([anchors.centres - sides[..., :2], anchors.centres + sides[..., 2:]], dim=2)
        offsets = torch.cat(outputs[6:], dim=1).float() * stride
        points = anchors.centres[None, :, None] + offsets.reshape(*offsets.shape[:2], 5, 2)
        faces = torch.cat([target.boxes for target in targets])
        with torch.no_grad():
            assigned = adaptive(anchors, faces, _inputs_of([target.boxes for target in targets]), len(targets))
            ignored = _ignored(anchors, [target.ignored for target in targets]) & (assigned < 0)
        row, anchor = torch.nonzero(assigned >= 0, as_tuple=True)
        face = assigned[row, anchor]
        wanted, places = faces[face], torch.cat([target.landmarks for target in targets])[face]
        own, own_points = boxes[row, anchor], points[row, anchor]
        quality = torch.zeros_like(logits)
        quality[row, anchor] = paired_overlaps(own.detach(), wanted).clamp(0, 1)
        scored = (quality_focal(logits, quality) * ~ignored).sum()
        weight = logits[row, anchor].detach().sigmoid()
        fitted = (distance_iou(own, wanted) * weight).sum()
        labelled = torch.isfinite(places).flatten(1).all(dim=1)
        size = (wanted[:, 2:] - wanted[:, :2]).prod(dim=1).sqrt()
        apart = landmark_distance(own_points[labelled], places[labelled], size[labelled])
        placed = (apart * weight[labelled]).sum()
        counts = torch.stack([logits.new_tensor(float(len(anchor))), weight.sum(), weight[labelled].sum()])
        return LossSums(torch.stack([scored, fitted, placed]), counts)


def _inputs_of(parts: Sequence[Tensor]) -> Tensor:
    """The input that each row of the parts belongs to, where the parts are put end to end."""
    counts = torch.tensor([len(part) for part in parts])
    return torch.arange(len(parts)).repeat_interleave(counts).to(parts[0].device)


def _ignored(anchors: Anchors, parts: Sequence[Tensor]) -> Tensor:
    """(N, A) whether so much of an anchor is in a face of its input that is ignored that it learns nothing."""
    found = torch.zeros(len(parts), len(anchors.boxes), dtype=torch.bool, device=anchors.boxes.device)
    anchor, face = torch.nonzero(covered(anchors.boxes, torch.cat(list(parts))) >= IGNORED, as_tuple=True)
    found[_inputs_of(parts)[face], anchor] = True
    return found


@lru_cache(maxsize=32)
def anchors_of(width: int, height: int, device: torch.device) -> Anchors:
    """The anchors of an input: two at each centre (column * stride, row * stride)."""
    centres, boxes, strides, levels = [], [], [], []
    for stride, base in zip(STRIDES, BASES, strict=True):
        y, x = torch.meshgrid(torch.arange(height // stride), torch.arange(width // stride), indexing="ij")
        middle = (torch.stack([x, y], dim=2).float() * stride).reshape(-1, 1, 2).expand(-1, ANCHORS, 2).reshape(-1, 2)
        half = torch.tensor([base / 2, float(base)]).repeat(len(middle) // ANCHORS)[:, None]
        centres.append(middle)
        boxes.append(torch.cat([middle - half, middle + half], dim=1))
        strides.append(torch.full((len(middle),), float(stride)))
        levels.append(len(middle))
    return Anchors(
        torch.cat(centres).to(device), torch.cat(boxes).to(device), torch.cat(strides).to(device), tuple(levels)
    )
