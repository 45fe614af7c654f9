"""Which anchor answers for which face. Pure functions of boxes; no network, no loss."""

from dataclasses import dataclass

import torch
from torch import Tensor

from mien.train.detectors.losses import overlaps, paired_overlaps

NEAREST = 9
"""Candidates per level (Zhang et al., CVPR 2020, section 3.3)."""


@dataclass(frozen=True, slots=True, eq=False)
class Anchors:
    """The anchors of an input.

    Attributes:
        centres: (A, 2) x, y in pixels.
        boxes: (A, 4) x1, y1, x2, y2.
        strides: (A,) pixels between neighbours.
        levels: number of anchors of each level.
    """

    centres: Tensor
    boxes: Tensor
    strides: Tensor
    levels: tuple[int, ...]


def adaptive(anchors: Anchors, faces: Tensor, rows: Tensor, inputs: int) -> Tensor:
    """Adaptive training sample selection (ATSS; Zhang et al., CVPR 2020, algorithm 1), for a whole batch at once.

    The nearest anchors of each level to a face's centre are candidates. Those whose IoU reaches mean plus standard
    deviation of all candidates' IoU, and whose centre is in the face, answer for it. A face without any, such as one
    smaller than a stride, gets its best candidate. An anchor of two faces takes the one that it overlaps more.

    Args:
        anchors: of every input.
        faces: (G, 4) boxes of all inputs, end to end.
        rows: (G,) the input of each face.
        inputs: number of inputs.

    Returns:
        (inputs, A) number of the face among all, or -1.
    """
    count, device = len(anchors.centres), faces.device
    if not len(faces):
        return torch.full((inputs, count), -1, dtype=torch.long, device=device)
    candidates = _nearest(torch.cdist(anchors.centres, (faces[:, :2] + faces[:, 2:]) / 2), anchors.levels)
    columns = torch.arange(len(faces), device=device).expand_as(candidates)
    own = paired_overlaps(anchors.boxes[candidates].flatten(0, 1), faces.repeat(len(candidates), 1))
    own = own.view_as(candidates)
    threshold = own.mean(dim=0) + (own.std(dim=0) if len(own) > 1 else 0)
    centres = anchors.centres[candidates]
    inside = ((centres > faces[None, :, :2]) & (centres < faces[None, :, 2:])).all(dim=2)
    chosen = (own >= threshold) & inside
    chosen[own.argmax(dim=0), columns[0]] |= ~chosen.any(dim=0)
    overlap, face = own[chosen], columns[chosen]
    place = rows[face] * count + candidates[chosen]
    best = torch.full((inputs * count,), -1.0, device=device).scatter_reduce(0, place, overlap, "amax")
    wins = overlap == best[place]
    nobody = torch.full((inputs * count,), len(faces), dtype=torch.long, device=device)
    assigned = nobody.scatter_reduce(0, place[wins], face[wins], "amin")
    return torch.where(assigned < len(faces), assigned, -1).view(inputs, count)


def _nearest(far: Tensor, levels: tuple[int, ...]) -> Tensor:
    parts, first = [], 0
    for count in levels:
        parts.append(far[first : first + count].topk(min(NEAREST, count), dim=0, largest=False).indices + first)
        first += count
    return torch.cat(parts)


def by_overlap(priors: Tensor, faces: Tensor, min_overlap: float) -> Tensor:
    """SSD's matching (Liu et al., ECCV 2016, section 2.2): every prior with enough IoU, and each face's best.

    Args:
        priors: (A, 4) boxes.
        faces: (G, 4) boxes.
        min_overlap: minimum IoU at which a prior answers for the face that it overlaps most.

    Returns:
        (A,) index of the face, or -1.
    """
    if not len(faces):
        return torch.full((len(priors),), -1, dtype=torch.long, device=priors.device)
    shared = overlaps(priors, faces)
    value, assigned = shared.max(dim=1)
    assigned = torch.where(value >= min_overlap, assigned, -1)
    best_value, best = shared.max(dim=0)
    # As in the reference, a face that no prior overlaps by a fifth is not forced upon one.
    forced = best_value >= 0.2
    assigned[best[forced]] = torch.nonzero(forced).flatten()
    return assigned
