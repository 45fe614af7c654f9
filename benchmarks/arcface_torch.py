"""The peer of the training benchmarks: arcface_torch's backbone, head and step, written out as publicly defined.

What was made to run: no NCCL and no CUDA (one process, gradients where they are), no DistributedDataParallel, no
GradScaler, and a cross entropy for one process. Kept: float32, contiguous memory, torch's own PReLU, straight-through
ArcFace, the head's dense gradient, clipping of the backbone at norm 5, one SGD over both. On a GPU, backbone and the
head's product run under autocast, as with fp16 there, in bfloat16, which needs no scaler.
"""

import torch
from torch import nn
from torch.nn import functional

DEPTHS = {18: (2, 2, 2, 2), 50: (3, 4, 14, 3), 100: (3, 13, 30, 3)}


def conv(before: int, after: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)


class BasicBlock(nn.Module):
    def __init__(self, before: int, planes: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(before, eps=1e-5)
        self.conv1 = conv(before, planes)
        self.bn2 = nn.BatchNorm2d(planes, eps=1e-5)
        self.prelu = nn.PReLU(planes)
        self.conv2 = conv(planes, planes, stride=stride)
        self.bn3 = nn.BatchNorm2d(planes, eps=1e-5)
        self.downsample = (
            nn.Sequential(conv(before, planes, 1, stride), nn.BatchNorm2d(planes)) if stride > 1 else None
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.bn3(self.conv2(self.prelu(self.bn2(self.conv1(self.bn1(x))))))
        return out + (x if self.downsample is None else self.downsample(x))


class Backbone(nn.Module):
    def __init__(self, depth: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv(3, 64), nn.BatchNorm2d(64), nn.PReLU(64))
        blocks, before = [], 64
        for planes, count in zip((64, 128, 256, 512), DEPTHS[depth], strict=True):
            for index in range(count):
                blocks.append(BasicBlock(before, planes, 2 if index == 0 else 1))
                before = planes
        self.blocks = nn.Sequential(*blocks)
        self.bn2 = nn.BatchNorm2d(512)
        self.fc = nn.Linear(512 * 49, 512)
        self.features = nn.BatchNorm1d(512)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.features(self.fc(torch.flatten(self.bn2(self.blocks(self.stem(x))), 1)))


class Softmax(torch.autograd.Function):
    """DistCrossEntropyFunc on one process."""

    @staticmethod
    def forward(ctx, logits, label):  # noqa: ANN001, ANN205
        logits.sub_(logits.max(dim=1, keepdim=True)[0]).exp_()
        logits.div_(logits.sum(dim=1, keepdim=True))
        ctx.save_for_backward(logits, label)
        return logits.gather(1, label[:, None]).clamp_min(1e-30).log().mean() * -1

    @staticmethod
    def backward(ctx, gradient):  # noqa: ANN001, ANN205
        logits, label = ctx.saved_tensors
        one_hot = torch.zeros_like(logits)
        one_hot.scatter_(1, label[:, None], 1)
        return (logits - one_hot) / len(logits) * gradient, None


class PartialFC(nn.Module):
    """PartialFC_V2 with the margin (1, 0.5, 0), on one process."""

    def __init__(self, classes: int, rate: float, embedding: int = 512, device: str = "cpu") -> None:
        super().__init__()
        self.device = device
        self.rate, self.number = rate, int(rate * classes)
        self.weight = nn.Parameter(torch.normal(0, 0.01, (classes, embedding)))

    def forward(self, x: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        weight = self.weight
        if self.rate < 1:
            positive = torch.unique(label, sorted=True)
            chances = torch.rand(len(self.weight), device=label.device)
            chances[positive] = 2.0
            index = chances.topk(self.number)[1].sort()[0]
            label = torch.searchsorted(index, label)
            weight = self.weight[index]
        with torch.autocast(self.device, torch.bfloat16, enabled=self.device == "cuda"):
            logits = functional.linear(functional.normalize(x), functional.normalize(weight))
        logits = logits.float().clamp(-1, 1)
        place = torch.arange(len(label), device=label.device)
        with torch.no_grad():
            target = logits[place, label].arccos()
            logits.arccos_()
            logits[place, label] = target + 0.5
            logits.cos_()
        return Softmax.apply(logits * 64, label)


class Peer:
    """Its step: forward, loss, backward, clip, SGD."""

    def __init__(self, depth: int | None, classes: int, rate: float = 1.0, device: str = "cpu") -> None:
        self.device = device
        self.backbone = (Backbone(depth) if depth else nn.Identity()).to(device)
        self.head = PartialFC(classes, rate, device=device).to(device)
        parameters = [*self.backbone.parameters(), *self.head.parameters()]
        self.optimizer = torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=5e-4)

    def step(self, x: torch.Tensor, label: torch.Tensor) -> float:
        with torch.autocast(self.device, torch.bfloat16, enabled=self.device == "cuda"):
            embeddings = self.backbone(x)
        loss = self.head(embeddings.float(), label)
        loss.backward()
        if list(self.backbone.parameters()):
            nn.utils.clip_grad_norm_(self.backbone.parameters(), 5)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return float(loss.detach())
