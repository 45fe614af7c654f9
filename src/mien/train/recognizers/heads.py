"""Heads: what a margin loss does to the cosines between embeddings and class centres. One function per equation.

All work in float32 on cosines, and change either the target's cosine or the others'. Scaling, softmax and the centres
are in mien.train.recognizers.partial_fc. A target's cosine is (N,): one for each sample, of its own class. In the
equations theta is the angle between an embedding and the centre of its class.
"""

from dataclasses import dataclass, field
from math import cos, pi, sin
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from typing_extensions import override

TINY = 1e-9
"""Minimum of a squared sine under a root, where the derivative would be infinite."""

EDGE = 1e-7
"""How far an angle's cosine stays from -1 and 1, where the arc cosine has no derivative."""

ADAFACE_EDGE = 1e-3
"""How far AdaFace's angle stays from 0 and pi (the authors' code)."""

Positive = Annotated[float, Field(gt=0)]
Margin = Annotated[float, Field(ge=0)]
Momentum = Annotated[float, Field(gt=0, le=1)]


def arcface(cosine: Tensor, margin: float) -> Tensor:
    """cos(theta + m), with its exact gradient (Deng et al., ArcFace, CVPR 2019, equation 3).

    Where theta + m would pass pi, and the cosine would rise again, the target is cos(theta) - m sin(pi - m) (the
    authors' code).

    Args:
        cosine: (N,) cos(theta).
        margin: radians.
    """
    sine = (1 - cosine.square()).clamp(min=TINY).sqrt()
    return torch.where(
        cosine > cos(pi - margin), cosine * cos(margin) - sine * sin(margin), cosine - margin * sin(pi - margin)
    )


def arcface_straight_through(cosine: Tensor, margin: float) -> Tensor:
    """cos(theta + m) with the gradient of cos(theta), as arcface_torch computes it: no fallback beyond pi.

    Args:
        cosine: (N,) cos(theta).
        margin: radians.
    """
    with torch.no_grad():
        change = torch.cos(torch.arccos(cosine.clamp(-1, 1)) + margin) - cosine
    return cosine + change


def cosface(cosine: Tensor, margin: float) -> Tensor:
    """cos(theta) - m (Wang et al., CosFace, CVPR 2018, equation 4).

    Args:
        cosine: (N,) cos(theta).
        margin: on the scale of the cosine.
    """
    return cosine - margin


def combined(cosine: Tensor, factor: float, margin: float, shift: float) -> Tensor:
    """cos(m1 theta + m2) - m3 (Deng et al., ArcFace, CVPR 2019, equation 4).

    Where m1 theta + m2 would pass pi, the target goes on falling as cos(theta) does, without a step.

    Args:
        cosine: (N,) cos(theta).
        factor: m1.
        margin: m2, radians.
        shift: m3, on the scale of the cosine.
    """
    edge = cos(max(0.0, min(pi, (pi - margin) / factor)))
    inside = cosine.clamp(max(edge, -1 + EDGE), 1 - EDGE)
    angled = torch.cos(factor * torch.arccos(inside) + margin)
    return torch.where(cosine > edge, angled, cosine - edge - 1) - shift


def curricular_others(cosines: Tensor, target: Tensor, margin: float, curriculum: Tensor | float) -> Tensor:
    """N(t, cos_j): cos_j, or cos_j (t + cos_j) where j is harder than the target with its margin.

    Huang et al., CurricularFace, CVPR 2020, equation 6. What is hard is judged by cos(theta + m) without a fallback,
    as in the authors' code.

    Args:
        cosines: (N, C) of all classes.
        target: (N,) cos(theta), of all samples, whichever rank holds the class.
        margin: radians.
        curriculum: t.
    """
    with torch.no_grad():
        sine = (1 - target.square()).clamp(min=0).sqrt()
        hard = cosines > (target * cos(margin) - sine * sin(margin))[:, None]
    return torch.where(hard, cosines * (curriculum + cosines), cosines)


def adaface(cosine: Tensor, quality: Tensor, margin: float) -> Tensor:
    """cos(theta + g_angle) - g_add, margins that follow the image's quality.

    g_angle = -m q and g_add = m q + m (Kim et al., AdaFace, CVPR 2022, equations 12 to 14).

    Args:
        cosine: (N,) cos(theta).
        quality: (N,) q, the normalized norm of the embedding, -1 to 1.
        margin: m.
    """
    angle = torch.arccos(cosine.clamp(-1 + EDGE, 1 - EDGE)) - margin * quality
    return torch.cos(angle.clamp(ADAFACE_EDGE, pi - ADAFACE_EDGE)) - margin * (1 + quality)


def without_conflicts(cosines: Tensor, limit: float) -> Tensor:
    """Cosines of other classes, 0 where one is above a limit: inter-class filtering (arcface_torch).

    A sample that is so near to another class is more likely of that person, under a wrong label, than a hard
    impostor; it is not pushed away from there.

    Args:
        cosines: (N, C) of all classes.
        limit: cosine; arcface_torch takes 0.4 on noisy sets.
    """
    return torch.where(cosines > limit, 0.0, cosines)


def _running(value: float) -> Tensor:
    """A running mean in double precision; it moves to the device of the batches, so that no step has to read it."""
    return torch.tensor(value, dtype=torch.float64)


@dataclass(slots=True)
class Head:
    """A head: softmax over cosines, unless a subclass changes them. Its init fields are keys of a recipe's [head].

    Attributes:
        scale: multiplies the cosines (s).
        margin: m; in radians where it is added to an angle.
        normalized: whether logits are cosines; inner products otherwise.
        centres: number of centres per class; the nearest counts.
        filter: cosine to another class above which that class does not count for a sample; 0 filters nothing.
    """

    scale: Positive = 1.0
    margin: Margin = 0.0
    normalized: bool = field(default=True, init=False)
    centres: Annotated[int, Field(ge=1)] = 1
    filter: Annotated[float, Field(ge=0, lt=1)] = 0.0

    def watch(self, target: Tensor, norms: Tensor) -> None:
        """Look at a batch before its logits are asked for.

        Args:
            target: (N,) cosines of all samples of the global batch, equal on all ranks.
            norms: (N,) lengths of their embeddings.
        """

    def of_target(self, cosine: Tensor, rows: Tensor) -> Tensor:
        """The target's logits, unscaled.

        Args:
            cosine: (N,) of all samples of the global batch; those whose class another rank holds are not used.
            rows: (N,) their places in the global batch.
        """
        return cosine

    def of_others(self, cosines: Tensor, target: Tensor) -> Tensor:
        """(N, C) logits of all classes, unscaled; the targets' places are overwritten afterwards."""
        return without_conflicts(cosines, self.filter) if self.filter else cosines

    def state(self) -> dict[str, float]:
        """What goes into a checkpoint."""
        return {}

    def restore(self, state: dict[str, float]) -> None:
        """Continue with what a checkpoint kept."""


@dataclass(slots=True)
class Softmax(Head):
    """Inner products, no margin, no normalization, and so no filter."""

    normalized: bool = field(default=False, init=False)
    filter: float = field(default=0.0, init=False)


@dataclass(slots=True)
class ArcFace(Head):
    """ArcFace; `exact` takes its true gradient, else arcface_torch's straight-through form."""

    scale: Positive = 64.0
    margin: Margin = 0.5
    exact: bool = True

    @override
    def of_target(self, cosine: Tensor, rows: Tensor) -> Tensor:
        return arcface(cosine, self.margin) if self.exact else arcface_straight_through(cosine, self.margin)


@dataclass(slots=True)
class SubCenterArcFace(ArcFace):
    """ArcFace with several centres per class, of which the nearest counts (Deng et al., ECCV 2020, equation 3)."""

    centres: Annotated[int, Field(ge=1)] = 3


@dataclass(slots=True)
class CosFace(Head):
    """CosFace: the margin is taken from the cosine."""

    scale: Positive = 64.0
    margin: Margin = 0.35

    @override
    def of_target(self, cosine: Tensor, rows: Tensor) -> Tensor:
        return cosface(cosine, self.margin)


@dataclass(slots=True)
class Combined(Head):
    """cos(m1 theta + m2) - m3; `margin` is m2."""

    scale: Positive = 64.0
    margin: Margin = 0.3
    factor: Positive = 1.0
    shift: float = 0.2

    @override
    def of_target(self, cosine: Tensor, rows: Tensor) -> Tensor:
        return combined(cosine, self.factor, self.margin, self.shift)


@dataclass(slots=True)
class CurricularFace(Head):
    """CurricularFace; t is a running mean of the target's cosine over the global batch, updated before it is used."""

    scale: Positive = 64.0
    margin: Margin = 0.5
    momentum: Momentum = 0.01
    curriculum: Tensor = field(default_factory=lambda: _running(0.0), init=False)

    @override
    def watch(self, target: Tensor, norms: Tensor) -> None:
        self.curriculum = self.momentum * target.mean().double() + (1 - self.momentum) * self.curriculum

    @override
    def of_target(self, cosine: Tensor, rows: Tensor) -> Tensor:
        return arcface(cosine, self.margin)

    @override
    def of_others(self, cosines: Tensor, target: Tensor) -> Tensor:
        others = Head.of_others(self, cosines, target)
        return curricular_others(others, target, self.margin, self.curriculum)

    @override
    def state(self) -> dict[str, float]:
        return {"curriculum": float(self.curriculum)}

    @override
    def restore(self, state: dict[str, float]) -> None:
        self.curriculum = _running(state["curriculum"])


@dataclass(slots=True)
class AdaFace(Head):
    """AdaFace; mean and deviation of the norms are running means that start at 20 and 100 (the authors' code)."""

    scale: Positive = 64.0
    margin: Margin = 0.4
    concentration: Positive = 0.333
    momentum: Momentum = 0.01
    mean: Tensor = field(default_factory=lambda: _running(20.0), init=False)
    deviation: Tensor = field(default_factory=lambda: _running(100.0), init=False)
    quality: Tensor | None = field(default=None, init=False)

    @override
    def watch(self, target: Tensor, norms: Tensor) -> None:
        safe = norms.detach().clamp(1e-3, 100)
        keep = 1 - self.momentum
        self.mean = self.momentum * safe.mean().double() + keep * self.mean
        self.deviation = self.momentum * safe.std().double() + keep * self.deviation
        self.quality = ((safe - self.mean) / (self.deviation + 1e-3) * self.concentration).clamp(-1, 1)

    @override
    def of_target(self, cosine: Tensor, rows: Tensor) -> Tensor:
        if self.quality is None:
            raise ValueError("call watch with the batch before its logits are asked for")
        return adaface(cosine, self.quality[rows], self.margin)

    @override
    def state(self) -> dict[str, float]:
        return {"mean": float(self.mean), "deviation": float(self.deviation)}

    @override
    def restore(self, state: dict[str, float]) -> None:
        self.mean, self.deviation = _running(state["mean"]), _running(state["deviation"])


HEADS: dict[str, type[Head]] = {
    "softmax": Softmax,
    "arcface": ArcFace,
    "cosface": CosFace,
    "combined": Combined,
    "curricularface": CurricularFace,
    "adaface": AdaFace,
    "sub-center-arcface": SubCenterArcFace,
}
"""A new head is one class and one line; its init fields become keys of a recipe's [head]."""
