"""IResNet (Duta et al., arXiv 2004.04989) in the layout and with the names of arcface_torch (Deng et al., CVPR 2019).

Block: BN, 3x3, BN, PReLU, 3x3 with the stride, BN, plus the input, through a 1x1 and BN where its shape changes; no
activation after the sum. All four stages halve the map: 112, 56, 28, 14, 7.
"""

from torch import Tensor, nn

from mien.train.recognizers.backbones.backbone import Backbone, WeightLayout, drawn
from mien.train.recognizers.backbones.prelu import PReLU

DEPTHS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 14, 3),
    100: (3, 13, 30, 3),
    152: (3, 8, 36, 3),
    200: (6, 26, 60, 6),
}
"""Blocks of each stage. arcface_torch has no 152; these counts are those of the other layouts."""

WIDTHS = (64, 128, 256, 512)
LAYOUT = WeightLayout("layer1.0.conv1.weight", "fc.weight", "trained by arcface_torch: RGB")
EPSILON = 1e-5
MAP = 7
"""Width and height of the last map for crops of 112 pixels."""


class IResNetBlock(nn.Module):
    """A residual block."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(before, eps=EPSILON)
        self.conv1 = nn.Conv2d(before, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width, eps=EPSILON)
        self.prelu = PReLU(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width, eps=EPSILON)
        self.downsample: nn.Module | None = None
        if stride != 1 or before != width:
            self.downsample = nn.Sequential(
                nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width, eps=EPSILON)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(N, before, H, W) to (N, width, H / stride, W / stride)."""
        inner = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        inner = self.bn3(self.conv2(inner))
        skip: Tensor = x if self.downsample is None else self.downsample(x)
        out: Tensor = skip + inner
        return out


class IResNet(Backbone):
    """IResNet; the embedding's BatchNorm keeps its weight at 1, as in arcface_torch."""

    STAGES = (
        ("conv1", "bn1", "prelu"),
        ("layer1",),
        ("layer2",),
        ("layer3",),
        ("layer4",),
        ("bn2", "fc", "features"),
    )

    def __init__(self, depths: tuple[int, int, int, int], embedding: int = 512, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = embedding
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64, eps=EPSILON)
        self.prelu = PReLU(64)
        before = 64
        for number, (depth, width) in enumerate(zip(depths, WIDTHS, strict=True), start=1):
            blocks = [
                IResNetBlock(before if index == 0 else width, width, 2 if index == 0 else 1) for index in range(depth)
            ]
            setattr(self, f"layer{number}", nn.Sequential(*blocks))
            before = width
        self.bn2 = nn.BatchNorm2d(before, eps=EPSILON)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(before * MAP * MAP, embedding)
        self.features = nn.BatchNorm1d(embedding, eps=EPSILON)
        self.features.weight.requires_grad = False
        for module in drawn(self):
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0, 0.1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 112, 112) to (N, embedding)."""
        x = self.prelu(self.bn1(self.conv1(x)))
        for number in range(1, 5):
            for block in getattr(self, f"layer{number}"):
                x = self.through(block, x)
        out: Tensor = self.features(self.fc(self.dropout(self.bn2(x).flatten(1))))
        return out
