"""dlib's metric ResNet with 29 convolutions (dlib's examples/dnn_face_recognition_ex.cpp), for fine-tuning.

Its affine layers, which are BatchNorms at rest, are folded into the convolutions, so it has no statistics and gives
the same embeddings in training as in use. Crops have 150 pixels and dlib's pose, embeddings 128 numbers.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from mien.models.dlib_resnet import BLOCKS, Layers
from mien.train.recognizers.backbones.backbone import Backbone, BackboneInput, WeightLayout

LAYOUT = WeightLayout("blocks.0.conv1.bias", "fc.weight", "trained by dlib: RGB")


class DlibBlock(nn.Module):
    """A residual block; the smaller map and the fewer channels of its sum are padded with zeros, as dlib does."""

    def __init__(self, before: int, width: int, down: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, 2 if down else 1, 0 if down else 1)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1)
        self._down, self._more = down, width - before

    def forward(self, x: Tensor) -> Tensor:
        """(N, before, H, W) to (N, width, H', W')."""
        inner: Tensor = self.conv2(F.relu(self.conv1(x)))
        if self._down:
            x = F.avg_pool2d(x, 2, 2)
            inner = F.pad(inner, (0, x.shape[3] - inner.shape[3], 0, x.shape[2] - inner.shape[2]))
            x = F.pad(x, (0, 0, 0, 0, 0, self._more))
        return F.relu(inner + x)


class DlibResNet(Backbone):
    """dlib's ResNet; `dropout` acts on the pooled features."""

    STAGES = (
        ("stem.",),
        tuple(f"blocks.{number}." for number in range(3)),
        tuple(f"blocks.{number}." for number in range(3, 7)),
        tuple(f"blocks.{number}." for number in range(7, 10)),
        tuple(f"blocks.{number}." for number in range(10, 14)),
        ("fc.",),
    )
    spec = BackboneInput(mean=(122.782, 117.001, 104.298), scale=(256.0, 256.0, 256.0), template="dlib", size=150)

    def __init__(self, embedding: int = 128, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = embedding
        self.stem = nn.Conv2d(3, 32, 7, 2)
        widths = [32, *(width for width, _ in BLOCKS)]
        self.blocks = nn.Sequential(
            *(DlibBlock(before, width, down) for before, (width, down) in zip(widths, BLOCKS, strict=False))
        )
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(256, embedding, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 150, 150) to (N, embedding)."""
        x = F.max_pool2d(F.relu(self.stem(x)), 3, 2)
        for block in self.blocks:
            x = self.through(block, x)
        out: Tensor = self.fc(self.dropout(x.mean((2, 3))))
        return out


def state_of(layers: Layers) -> dict[str, Tensor]:
    """Convert dlib's weights into this network's state."""
    names = ["stem", *(f"blocks.{block}.conv{index}" for block in range(len(BLOCKS)) for index in (1, 2))]
    state = {"fc.weight": torch.from_numpy(layers.matrix.T.copy())}
    for name, layer in zip(names, layers.convolutions, strict=True):
        state[f"{name}.weight"] = torch.from_numpy(layer.weight)
        state[f"{name}.bias"] = torch.from_numpy(layer.bias)
    return state
