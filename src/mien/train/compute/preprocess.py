"""Pixels into a network: bytes in RGB to the floats that it takes. Crops and scales no image."""

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
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
    mean, scale = _constant(spec.mean, device), _constant(spec.scale, device)
    ready = ((pixels.float() - mean) / scale).permute(0, 3, 1, 2)
    return ready if channels_last else ready.contiguous()


@lru_cache
def _constant(values: tuple[float, ...], device: torch.device) -> Tensor:
    """Numbers on a device, sent there once: a copy of its own in every step would make the host wait."""
    with torch.inference_mode(False):
        return torch.tensor(values, device=device)


def send(values: NDArray[Any], device: torch.device) -> Tensor:
    """Send numbers to a device, without waiting until they are there."""
    tensor = torch.from_numpy(np.ascontiguousarray(values))
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor


def read_back(values: Tensor) -> list[float]:
    """Read a few numbers of a device, which waits until all work before them is done; a step does so once."""
    numbers: list[float] = values.tolist()
    return numbers
