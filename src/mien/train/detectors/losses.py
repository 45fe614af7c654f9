"""The losses of detectors, each a function of predictions and targets. Assigns nothing.

Boxes are x1, y1, x2, y2.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor


def overlaps(a: Tensor, b: Tensor) -> Tensor:
    """IoU of every box of (N, 4) with every box of (M, 4): (N, M)."""
    low = torch.maximum(a[:, None, :2], b[None, :, :2])
    high = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(dim=2)
    return shared / (area(a)[:, None] + area(b)[None] - shared).clamp(min=1e-9)


def covered(a: Tensor, b: Tensor) -> Tensor:
    """The share of each box of (N, 4) that is in each box of (M, 4): (N, M)."""
    low = torch.maximum(a[:, None, :2], b[None, :, :2])
    high = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    return (high - low).clamp(min=0).prod(dim=2) / area(a)[:, None].clamp(min=1e-9)


def area(boxes: Tensor) -> Tensor:
    """(N,) areas."""
    return (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(dim=1)


def paired_overlaps(a: Tensor, b: Tensor) -> Tensor:
    """IoU of each box of (N, 4) with the box of the same row: (N,)."""
    low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    shared = (high - low).clamp(min=0).prod(dim=1)
    return shared / (area(a) + area(b) - shared).clamp(min=1e-9)


def quality_focal(logits: Tensor, quality: Tensor, beta: float = 2.0) -> Tensor:
    """Quality focal loss (Li et al., Generalized Focal Loss, NeurIPS 2020, equation 2).

    Args:
        logits: (N,).
        quality: (N,) in 0..1: the IoU that each should predict; 0 where there is no face.
        beta: how much less nearly right predictions count.

    Returns:
        (N,) losses.
    """
    cross = F.binary_cross_entropy_with_logits(logits, quality, reduction="none")
    return (logits.sigmoid() - quality).abs() ** beta * cross


def distance_iou(predicted: Tensor, wanted: Tensor) -> Tensor:
    """DIoU loss (Zheng et al., AAAI 2020, equation 7): 1 - IoU + (distance of centres / enclosing diagonal)^2.

    Args:
        predicted: (N, 4) boxes.
        wanted: (N, 4) boxes.

    Returns:
        (N,) losses.
    """
    low, high = torch.minimum(predicted[:, :2], wanted[:, :2]), torch.maximum(predicted[:, 2:], wanted[:, 2:])
    diagonal = (high - low).square().sum(dim=1).clamp(min=1e-9)
    apart = (predicted[:, :2] + predicted[:, 2:] - wanted[:, :2] - wanted[:, 2:]) / 2
    return 1 - paired_overlaps(predicted, wanted) + apart.square().sum(dim=1) / diagonal


def landmark_distance(predicted: Tensor, wanted: Tensor, sizes: Tensor) -> Tensor:
    """Mean absolute distance of five points in x and y, as a share of the face's size.

    Args:
        predicted: (N, 5, 2) pixels.
        wanted: (N, 5, 2) pixels.
        sizes: (N,) square roots of the boxes' areas.

    Returns:
        (N,) losses.
    """
    return (predicted - wanted).abs().mean(dim=(1, 2)) / sizes.clamp(min=1)


def hard_negatives(losses: Tensor, positive: Tensor, allowed: Tensor, ratio: int) -> Tensor:
    """The negatives with the greatest losses, `ratio` per positive (SSD, Liu et al., ECCV 2016, section 2.2).

    Args:
        losses: (A,) of every anchor as a negative.
        positive: (A,) bool.
        allowed: (A,) bool, whether an anchor may count as a negative.
        ratio: negatives per positive; without a positive, as many as for one.

    Returns:
        (A,) bool.
    """
    candidates = allowed & ~positive
    count = min(int(candidates.sum()), ratio * max(1, int(positive.sum())))
    chosen = torch.zeros_like(positive)
    if count:
        best = losses.detach().masked_fill(~candidates, -1).topk(count).indices
        chosen[best] = True
    return chosen
