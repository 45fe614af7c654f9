"""What a student learns of a teacher: its embeddings, and the relations between them. One function per equation.

A teacher's embeddings of other numbers than the student's are turned into its space: fewer along their principal
directions, more with zeros. Relations need no such turning. All work in float32 on embeddings of unit length.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from mien.train.compute.order import Indices
from mien.train.compute.preprocess import send
from mien.train.recognizers.attention_maps import AttentionTeacher
from mien.train.recognizers.dataset import CropBatch
from mien.train.recognizers.recipe import TeacherSettings
from mien.train.recognizers.teacher_cache import TaughtPack
from mien.types import Floats, floats

GROUP = 64
"""Crops whose relations are compared: the number of triplets grows with the cube of it."""

TINY = 1e-12
"""Minimum of a length that something is divided by."""

SHOWN = 20_000
"""Embeddings that principal directions are taken from, at even distances in each pack."""


def regression(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean of 1 - cos(student, teacher), half the squared distance of unit vectors (as Keras_insightface distils).

    Args:
        student: (N, D) of unit length.
        teacher: (N, D) of unit length, or shorter where it was turned into fewer numbers.
    """
    return (1 - (student * F.normalize(teacher)).sum(dim=1)).mean()


def relative_distances(embeddings: Tensor) -> Tensor:
    """(N, N) distances over their mean (Park et al., RKD, CVPR 2019, equations 3 and 4); the diagonal is 0."""
    squared = 2 - 2 * embeddings @ embeddings.T
    apart = ~torch.eye(len(embeddings), dtype=torch.bool, device=embeddings.device)
    distances = torch.where(apart, squared, 1.0).clamp(min=TINY).sqrt() * apart
    return distances / distances.sum().clamp(min=TINY) * apart.sum()


def relation_of_distances(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean Huber loss between the relative distances of all pairs (RKD, equation 5).

    Args:
        student: (N, D) of unit length.
        teacher: (N, E) of unit length.
    """
    count = len(student)
    loss = F.smooth_l1_loss(relative_distances(student), relative_distances(teacher), reduction="sum")
    return loss / (count * (count - 1))


def angles(embeddings: Tensor) -> Tensor:
    """(N, N, N) cosines of the angles at the first of three embeddings (RKD, equation 6), 0 with itself."""
    lines = F.normalize(embeddings[None] - embeddings[:, None], dim=2)
    return lines @ lines.transpose(1, 2)


def relation_of_angles(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean Huber loss between the angles of all triplets of different embeddings (RKD, equation 7).

    Args:
        student: (N, D) of unit length.
        teacher: (N, E) of unit length.
    """
    count = len(student)
    ours, theirs = angles(student), angles(teacher)
    # Triplets with a pair of equal places have the same angle in both: 0 or 1.
    same = torch.eye(count, dtype=torch.bool, device=student.device)
    differ = ~(same[None] | same[:, None] | same[:, :, None])
    return F.smooth_l1_loss(ours * differ, theirs * differ, reduction="sum") / differ.sum()


def principal_directions(embeddings: Floats, count: int) -> Floats:
    """(D, count) orthonormal directions that keep the most of the embeddings' squared length, strongest first.

    Not centred, so that cosines change as little as they can. Signs are chosen so that they do not depend on the
    machine.
    """
    moment = embeddings.astype(np.float64).T @ embeddings.astype(np.float64)
    _, vectors = np.linalg.eigh(moment)
    chosen = vectors[:, ::-1][:, :count]
    strongest = chosen[np.abs(chosen).argmax(axis=0), np.arange(chosen.shape[1])]
    return floats(chosen * np.sign(strongest))


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """What a teacher says of a part of a batch.

    Attributes:
        embeddings: (N, D) float32 of unit length.
        attention: (N, H W) for each stage that is compared.
    """

    embeddings: Tensor
    attention: tuple[Tensor, ...] = ()


@dataclass(slots=True, eq=False)
class Distiller:
    """A teacher's embeddings of a training's crops, and the student's loss against them.

    Attributes:
        settings: the weights of its parts.
        packs: the embeddings, one pack after the other.
        places: (N,) for each crop of the training, its place in the packs.
        turning: (D, size) from the teacher's embedding to the student's numbers.
        digest: of the teacher; a run goes on with the one that it began with.
        attention: the teacher's network, if the recipe compares attention maps.
    """

    settings: TeacherSettings
    packs: Sequence[TaughtPack]
    places: Indices
    turning: Tensor
    digest: str
    attention: AttentionTeacher | None = None

    def targets(self, batch: CropBatch, parts: int, precision: str) -> Sequence[Targets]:
        """What the teacher says of the parts of a batch, on the device where the student is."""
        embeddings = self._embeddings(batch.numbers).chunk(parts)
        if self.attention is None:
            return [Targets(one) for one in embeddings]
        maps = [one.chunk(parts) for one in self.attention.targets(batch.crops, precision)]
        return [Targets(one, tuple(attention)) for one, *attention in zip(embeddings, *maps, strict=True)]

    def _embeddings(self, numbers: Indices) -> Tensor:
        """The teacher's embeddings of some crops of the training: (N, D) float32 of unit length."""
        starts = np.cumsum([0, *(pack.rows for pack in self.packs)])
        places = self.places[numbers]
        which = np.searchsorted(starts, places, side="right") - 1
        rows = np.empty((len(places), self.packs[0].numbers), np.float32)
        for number, pack in enumerate(self.packs):
            rows[which == number] = pack.read(places[which == number] - starts[number])
        return F.normalize(send(rows, self.turning.device))

    def loss(self, embeddings: Tensor, targets: Targets) -> Tensor:
        """The student's loss against the teacher; attention is that of the student's last forward pass.

        Args:
            embeddings: (N, size) of the student, of any length.
            targets: of the same crops.
        """
        settings, teacher = self.settings, targets.embeddings
        with torch.autocast(embeddings.device.type, enabled=False):
            student = F.normalize(embeddings.float())
            total = torch.zeros((), device=student.device)
            if settings.embedding:
                total = total + settings.embedding * regression(student, teacher @ self.turning)
            if settings.distance:
                total = total + settings.distance * _in_groups(relation_of_distances, student, teacher)
            if settings.angle:
                total = total + settings.angle * _in_groups(relation_of_angles, student, teacher)
            if self.attention is not None:
                total = total + settings.attention * self.attention.loss(targets.attention)
            return total


def _in_groups(relation: Callable[[Tensor, Tensor], Tensor], student: Tensor, teacher: Tensor) -> Tensor:
    """The mean of a relation's loss over groups of a batch."""
    groups = zip(torch.split(student, GROUP), torch.split(teacher, GROUP), strict=True)
    losses = [relation(ours, theirs) for ours, theirs in groups if len(ours) > 2]
    return torch.stack(losses).mean() if losses else student.sum() * 0


def turning_of(packs: Sequence[TaughtPack], size: int) -> Tensor:
    """The turning from a teacher's embedding to `size` numbers: (D, size)."""
    numbers = packs[0].numbers
    if numbers <= size:
        return torch.eye(numbers, size)
    each = -(-SHOWN // len(packs))
    shown = np.concatenate([pack.read(np.arange(0, pack.rows, -(-pack.rows // each))) for pack in packs])
    return torch.from_numpy(principal_directions(shown, size))
