"""Finds the five landmarks in aligned crops, by MTCNN's O-Net (Zhang et al., IEEE SPL 23(10), 2016), in torch.

Networks whose attention knows the landmarks find them here, in training and in use: crops of RecordIO files and of
packs have none, and what alignment aimed at is not where a badly aligned face is. CVLface does the same with a
network of its own (DFA). O-Net's numbers are constants: they learn nothing, are not in checkpoints, and are written
into the network's ONNX file. Finds no faces.
"""

from contextlib import nullcontext
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from mien.align import TYPICAL_BOX
from mien.models.defaults import DEFAULTS, read_weights
from mien.types import Floats, floats

SIDE = 112
"""Width and height of the crops, in ArcFace's pose."""

PATCH = 48
"""Width and height of what O-Net sees."""

SPREAD = 128.0
"""Divides pixels for O-Net, after 127.5 is taken off."""

CONVOLUTIONS = ((32, 3, 3), (64, 32, 3), (64, 64, 3), (128, 64, 2))
"""Outputs, inputs and kernel of each."""

HIDDEN, INSIDE = 256, 3 * 3 * 128
"""Outputs and inputs of the dense layer, whose inputs are flattened as (width, height, channel)."""

POINTS = 10


def window() -> tuple[float, float, float]:
    """The square around MTCNN's usual box in a crop: left, top and side in pixels."""
    x, y, width, height = TYPICAL_BOX
    side = max(width, height)
    return x - side / 2, y - side / 2, side


def averaging(start: float, side: float) -> Floats:
    """Means over areas along one direction: (PATCH, SIDE); row i has the share of each pixel in cell i.

    Cells reach from `start` to `start + side` in pixels. What leaves the crop counts as 0, which is grey.
    """
    edges = start + side / PATCH * np.arange(PATCH + 1)
    pixels = np.arange(SIDE)
    low, high = np.maximum(edges[:-1, None], pixels), np.minimum(edges[1:, None], pixels + 1)
    return floats(np.maximum(high - low, 0) * PATCH / side)


class CropLandmarks(nn.Module):
    """Five landmarks of each crop, as shares of its side. Has no parameters, and nothing in its state."""

    columns: Tensor
    rows: Tensor
    hidden: Tensor
    hidden_bias: Tensor
    hidden_slope: Tensor
    points: Tensor
    points_bias: Tensor

    def __init__(self) -> None:
        super().__init__()
        shapes: dict[str, tuple[int, ...]] = {"rows": (PATCH, SIDE), "columns": (PATCH, SIDE)}
        for number, (outputs, inputs, kernel) in enumerate(CONVOLUTIONS):
            shapes |= {f"kernel{number}": (outputs, inputs, kernel, kernel)}
            shapes |= {f"bias{number}": (outputs,), f"slope{number}": (outputs,)}
        shapes |= {"hidden": (HIDDEN, INSIDE), "hidden_bias": (HIDDEN,), "hidden_slope": (HIDDEN,)}
        shapes |= {"points": (POINTS, HIDDEN), "points_bias": (POINTS,)}
        for name, shape in shapes.items():
            self.register_buffer(name, torch.empty(shape), persistent=False)
        if not self.rows.is_meta:  # a network without memory has nothing to read
            self._read()

    def _read(self) -> None:
        left, top, side = window()
        values = {"rows": averaging(top, side), "columns": averaging(left, side), **read_onet()}
        for name, value in values.items():
            self.get_buffer(name).copy_(torch.from_numpy(value).reshape(self.get_buffer(name).shape))

    def forward(self, pixels: Tensor) -> Tensor:
        """Find the landmarks, without a gradient and in float32 whatever the network computes in.

        Args:
            pixels: (N, 3, 112, 112) RGB in ArcFace's pose, less 127.5 and divided by 127.5.

        Returns:
            (N, 5, 2) x, y as shares of the crop's side, in the viewer's order.
        """
        # Autocast knows no meta device, on which plans are made.
        exact = nullcontext() if pixels.is_meta else torch.autocast(pixels.device.type, enabled=False)
        with torch.no_grad(), exact:
            return self._find(pixels.float() * (127.5 / SPREAD))

    def _find(self, pixels: Tensor) -> Tensor:
        x = self.rows @ pixels @ self.columns.T
        x = F.max_pool2d(self._convolution(x, 0), 3, 2, ceil_mode=True)
        x = F.max_pool2d(self._convolution(x, 1), 3, 2)
        x = F.max_pool2d(self._convolution(x, 2), 2, 2, ceil_mode=True)
        x = self._convolution(x, 3).permute(0, 3, 2, 1).flatten(1)
        x = F.prelu(F.linear(x, self.hidden, self.hidden_bias), self.hidden_slope)
        shares = F.linear(x, self.points, self.points_bias).reshape(-1, 2, 5).transpose(1, 2)
        left, top, side = window()
        points: Tensor = (shares * side + shares.new_tensor([left, top])) / SIDE
        return points

    def _convolution(self, x: Tensor, number: int) -> Tensor:
        kernel, bias, slope = (self.get_buffer(f"{kind}{number}") for kind in ("kernel", "bias", "slope"))
        return F.prelu(F.conv2d(x, kernel, bias), slope)


@cache
def read_onet() -> dict[str, Floats]:
    """O-Net's numbers by the names of CropLandmarks, from the package that mien's default detector comes from.

    Raises:
        MissingExtraError: the package is not installed.
        CardError: the package holds other weights than those that were measured.
    """
    from mien.models.mtcnn_nets import read_arrays

    default = DEFAULTS["mtcnn"]
    layers = iter(read_arrays(read_weights(default.package, default.parts["onet"])))
    found: dict[str, Floats] = {}
    for number in range(len(CONVOLUTIONS)):
        found[f"kernel{number}"] = next(layers).transpose(3, 2, 0, 1)
        found |= {f"bias{number}": next(layers), f"slope{number}": next(layers)}
    found |= {"hidden": next(layers).T, "hidden_bias": next(layers), "hidden_slope": next(layers)}
    for _ in range(2):
        next(layers)  # the box is not needed
    found |= {"points": next(layers).T, "points_bias": next(layers)}
    return {name: np.array(value, np.float32).reshape(-1) for name, value in found.items()}
