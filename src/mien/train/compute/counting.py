"""What one input costs a network: operations and the numbers that its layers give. Plans turn these into time."""

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


def count_forward(network: nn.Module, side: int) -> tuple[int, int]:
    """Run one square input through a network without memory, and count.

    Args:
        network: on torch's meta device.
        side: of the input, in pixels.

    Returns:
        Floating point operations, two per multiplication; and numbers in the outputs of all layers.
    """
    numbers = 0

    def count(module: nn.Module, inputs: object, output: object) -> None:
        nonlocal numbers
        if isinstance(output, Tensor) and not list(module.children()):
            numbers += output.numel()

    handles = [module.register_forward_hook(count) for module in network.modules()]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 3, side, side, device="meta"))
    for handle in handles:
        handle.remove()
    return counter.get_total_flops(), numbers
