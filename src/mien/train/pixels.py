"""Crops into a backbone, and embeddings out of it, as a function of crops. Trains nothing."""

import numpy as np
import torch
from torch import Tensor

from mien.evaluate.in_memory import Embed
from mien.train.backbones.backbone import Backbone
from mien.train.network import Colours
from mien.types import Floats, Image, floats


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


def embedder(backbone: Backbone, device: torch.device) -> Embed:
    """A network in training as a function of crops, in float32, with its statistics at rest.

    Args:
        backbone: left as it was found after each call.
        device: where it is.
    """

    def embed(crops: Image) -> Floats:
        was = [(module, module.training) for module in backbone.modules()]
        backbone.eval()
        with torch.inference_mode():
            out = backbone(prepare(crops, backbone.pixels, device))
        for module, training in was:
            module.training = training
        return floats(out.float().cpu().numpy())

    return embed
