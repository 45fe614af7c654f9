"""Finds where the first NaN or infinity of a step appeared: weights, centres, a layer's output, or a gradient.

Changes nothing.
"""

import torch
from torch import Tensor, nn

from mien.train.compute.preprocess import prepare
from mien.train.recognizers.dataset import CropBatch
from mien.train.recognizers.embed import embed
from mien.train.recognizers.step import Learner


def first_fault(learner: Learner, batch: CropBatch, precision: str, device: torch.device) -> str:
    """Describe where the first NaN or infinity appeared, as a part of a sentence."""
    backbone = learner.backbone
    for name, parameter in backbone.named_parameters():
        if not bool(torch.isfinite(parameter).all()):
            return f"the weights of {name} are not finite"
    if not bool(torch.isfinite(learner.head.weight).all()):
        return "the class centres are not finite"
    if layer := _first_faulty_layer(backbone, prepare(batch.crops, backbone.spec, device), precision):
        return f"the first layer whose output is not finite is {layer}"
    faulty = [n for n, p in backbone.named_parameters() if p.grad is not None and not torch.isfinite(p.grad).all()]
    if faulty:
        return (
            f"the outputs are finite, and the gradient of {faulty[-1]} is the first in the backward pass that is not"
        )
    return "the network's outputs are finite; the head's loss or the gradient of its centres is not"


def _first_faulty_layer(backbone: nn.Module, pixels: Tensor, precision: str) -> str:
    """The name of the first layer whose output is not finite; empty if all are."""
    found: list[str] = []

    def watch(name: str) -> object:
        def hook(module: nn.Module, inputs: object, output: object) -> None:
            if not found and isinstance(output, Tensor) and not bool(torch.isfinite(output).all()):
                found.append(name)

        return hook

    leaves = [(name, module) for name, module in backbone.named_modules() if not list(module.children())]
    handles = [module.register_forward_hook(watch(name)) for name, module in leaves]
    try:
        with torch.no_grad():
            embed(backbone, pixels, precision, pixels.device)
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else ""
