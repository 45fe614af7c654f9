"""Pixels into a network: bytes in RGB to the floats that it takes. Crops and scales no image."""

import numpy as np
import torch
from torch import Tensor

from mien.train.network import Colours
from mien.types import Image


def prepare(crops: Image, pixels: Colours, device: torch.device, *, channels_last: bool = True) -> Tensor:
    """Crops as a network's input.

    Args:
        crops: (N, size, size, 3) uint8 RGB.
        pixels: colour order, mean and scale.
        device: where the input is needed; pixels travel as bytes.
        channels_last: keep the memory order of the crops, which convolutions like; else channels first.

    Returns:
        (N, 3, size, size) float32.
    """
    bytes_ = torch.from_numpy(np.ascontiguousarray(crops)).to(device, non_blocking=True)
    if pixels.colour == "BGR":
        bytes_ = bytes_.flip(3)
    mean, scale = (torch.tensor(values, device=device) for values in (pixels.mean, pixels.scale))
    ready = ((bytes_.float() - mean) / scale).permute(0, 3, 1, 2)
    return ready if channels_last else ready.contiguous()
