"""Where a student and its teacher look: attention maps between their stages (Zagoruyko and Komodakis, ICLR 2017).

A map has no channels, so networks of any widths are compared, and nothing has to be learned for the comparison. Only
stages whose maps have the same width and height in both networks are. The teacher sees the same crops as the student,
after augmentation. Knows no loss of embeddings.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from mien.errors import RecipeError
from mien.train.compute.network import computed_in
from mien.train.compute.preprocess import prepare
from mien.train.recognizers.backbones.backbone import Backbone
from mien.types import Image

Size = tuple[int, int]
"""Height and width of a map."""


def attention(features: Tensor) -> Tensor:
    """The squares of all channels added up, as a vector of unit length (equation 1, p = 2; then equation 2).

    Args:
        features: (N, C, H, W).

    Returns:
        (N, H W) float32.
    """
    return F.normalize(features.float().square().sum(dim=1).flatten(1))


def attention_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared distance of attention vectors, as in equation 2 with the square that the authors' code has."""
    return (student - teacher).square().sum(dim=1).mean()


class StageMaps:
    """Keeps what the stages of a network gave in its last forward pass, by the size of the map; the last counts."""

    def __init__(self, network: Backbone) -> None:
        self._found: dict[Size, Tensor] = {}
        for prefixes in network.STAGES[:-1]:
            # A stage's prefixes go from its input to its output.
            end = network.get_submodule(prefixes[-1].rstrip("."))
            # Some networks call the blocks of a stage one by one, and not the stage.
            last = end[-1] if isinstance(end, nn.Sequential) else end
            last.register_forward_hook(self._keep)

    def _keep(self, module: nn.Module, given: tuple[Tensor, ...], out: Tensor) -> None:
        if isinstance(out, Tensor) and out.ndim == 4:
            self._found[out.shape[2], out.shape[3]] = out

    def take(self) -> dict[Size, Tensor]:
        """The maps of the last forward pass; afterwards there are none, so that no graph is kept alive."""
        found, self._found = self._found, {}
        return found


class AttentionTeacher:
    """A teacher's network next to the student's, and the stages that can be compared.

    Attributes:
        sizes: the sizes of maps that both have, from input to output.
    """

    def __init__(self, student: Backbone, teacher: Backbone, device: torch.device) -> None:
        """
        Raises:
            RecipeError: the networks have no maps of the same size.
        """
        self._device, self._teacher = device, teacher.to(device).eval().requires_grad_(False)
        self._student_maps, self._teacher_maps = StageMaps(student), StageMaps(self._teacher)
        blank = torch.zeros(1, student.spec.size, student.spec.size, 3, dtype=torch.uint8)
        was = student.training
        with torch.no_grad():
            student.eval()(prepare(blank, student.spec, device))
            self._teacher(prepare(blank, self._teacher.spec, device))
        student.train(was)
        theirs = self._teacher_maps.take()
        self.sizes = tuple(size for size in self._student_maps.take() if size in theirs)
        if not self.sizes:
            raise RecipeError(
                "teacher.attention: the stages of student and teacher have no maps of the same size; set it to 0"
            )

    def targets(self, crops: Image | Tensor, precision: str) -> tuple[Tensor, ...]:
        """The teacher's attention on crops as the student sees them: (N, H W) for each size."""
        with torch.no_grad(), computed_in(precision, self._device):
            self._teacher(prepare(crops, self._teacher.spec, self._device))
            found = self._teacher_maps.take()
        return tuple(attention(found[size]) for size in self.sizes)

    def loss(self, targets: tuple[Tensor, ...]) -> Tensor:
        """The loss of the student's last forward pass against targets of the same crops, added up over the sizes."""
        found = self._student_maps.take()
        losses = [attention_loss(attention(found[size]), one) for size, one in zip(self.sizes, targets, strict=True)]
        return torch.stack(losses).sum()
