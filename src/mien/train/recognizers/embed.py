"""Embeddings out of a backbone: with gradients for a step, or as a function of crops. Trains nothing."""

import torch
from torch import Tensor, nn

from mien.evaluate.in_memory import Embed
from mien.train.compute.network import computed_in
from mien.train.compute.preprocess import prepare
from mien.train.recognizers.backbones.backbone import Backbone
from mien.types import Floats, Image, floats


def embed(model: nn.Module, pixels: Tensor, precision: str, device: torch.device) -> Tensor:
    """Embed prepared pixels: (N, D) float32, computed in the recipe's precision, with gradients."""
    with computed_in(precision, device):
        embeddings: Tensor = model(pixels)
    return embeddings.float()


def embedder(backbone: Backbone, device: torch.device, precision: str = "f32") -> Embed:
    """Make a network in training a function of crops, with its statistics at rest.

    Args:
        backbone: each module is back in the mode that it was in after each call.
        device: where it is.
        precision: of a recipe, in which it is computed.
    """

    def embed_crops(crops: Image) -> Floats:
        was = [(module, module.training) for module in backbone.modules()]
        backbone.eval()
        with torch.inference_mode(), computed_in(precision, device):
            out = backbone(prepare(crops, backbone.spec, device))
        for module, training in was:
            module.training = training
        return floats(out.float().cpu().numpy())

    return embed_crops
