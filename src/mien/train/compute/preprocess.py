"""Pixels into a network: bytes in RGB to the floats that it takes. Crops and scales no image."""

import numpy as np
import torch
from torch import Tensor

from mien.models.card import InputSpec
from mien.types import Image


def prepare(images: Image | Tensor, spec: InputSpec, device: torch.device, *, channels_last: bool = True) -> Tensor:
    """Turn images into a network's input.

    Args:
        images: (N, H, W, 3) uint8 RGB.
        spec: colour order, mean and scale.
        device: where the input is needed; pixels travel there as bytes.
        channels_last: keep the images' memory order, which convolutions like; else channels first.

    Returns:
        (N, 3, H, W) float32.
    """
    if not isinstance(images, Tensor):
        images = torch.from_numpy(np.ascontiguousarray(images))
    pixels = images.to(device, non_blocking=True)
    if spec.colour == "BGR":
        pixels = pixels.flip(3)
    mean, scale = (torch.tensor(values, device=device) for values in (spec.mean, spec.scale))
    ready = ((pixels.float() - mean) / scale).permute(0, 3, 1, 2)
    return ready if channels_last else ready.contiguous()
