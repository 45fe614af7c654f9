"""Reads weights of detectors: mien's own checkpoints, and files of the foreign layouts in the table.

Also the body of an ImageNet classifier, from which a RetinaFace starts: torchvision's resnet50, and MobileNet-0.25
of Pytorch_Retinaface.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from mien.errors import CheckpointError
from mien.train.detectors.network import DetectorNetwork
from mien.train.detectors.registry import DETECTORS
from mien.train.run.torch_file import load_file, require_numbers

UNUSED = ("fc.", "body.fc.")
"""Beginnings of names that a classifier left in the file."""


@dataclass(frozen=True, slots=True, eq=False)
class RecognizedDetector:
    """Weights, and the detector that they belong to.

    Attributes:
        name: of DETECTORS.
        state: the weights, by the network's own names.
    """

    name: str
    state: Mapping[str, Tensor]

    def network(self) -> DetectorNetwork:
        """Build the detector with these weights."""
        network = DETECTORS[self.name].build()
        network.load_state_dict(self.state)
        return network


def read_detector(path: Path) -> RecognizedDetector | None:
    """Read weights of a detector: a checkpoint of mien, or a file of a foreign layout; None if it is neither.

    Raises:
        CheckpointError: not a file of torch, or weights that do not fit the layout that their names belong to.
    """
    content = load_file(path / "state.pt" if path.is_dir() else path)
    name, state = content.get("detector"), _tensors(content)
    if name is None:
        name = next((layout for layout, kind in DETECTORS.items() if kind.mark in state), None)
        state = {key: value for key, value in state.items() if not key.startswith(UNUSED)}
    if not isinstance(name, str) or name not in DETECTORS:
        return None
    state = _with_counters(name, state)
    _require_fit(path, name, state)
    require_numbers(state, path)
    return RecognizedDetector(name, state)


def read_body(path: Path, name: str) -> dict[str, Tensor] | None:
    """Read the body of a detector from a classifier of ImageNet, by the detector's names; None if it is not one.

    Raises:
        CheckpointError: not a file of torch, or weights that do not fit the body.
    """
    mark, state = DETECTORS[name].body_mark, _tensors(load_file(path))
    if mark is None or mark not in state:
        return None
    own = {f"body.{key}": value for key, value in state.items() if not key.startswith(UNUSED)}
    own = {key: value for key, value in _with_counters(name, own).items() if key.startswith("body.")}
    _require_fit(path, name, own, "body.")
    require_numbers(own, path)
    return own


def _tensors(content: Mapping[str, object]) -> dict[str, Tensor]:
    """The weights of a file by their names."""
    weights = content.get("weights" if content.get("detector") else "state_dict", content)
    if not isinstance(weights, Mapping):
        return {}
    return {
        key.removeprefix("module."): value
        for key, value in weights.items()
        if isinstance(key, str) and isinstance(value, Tensor)
    }


def _with_counters(name: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights with the counters of batches, which torch before 0.4.1 did not save and no layer uses."""
    with torch.device("meta"):
        expected = DETECTORS[name].build().state_dict()
    counters = [key for key in expected if key.endswith("num_batches_tracked") and key not in state]
    return {**state, **{key: torch.zeros((), dtype=torch.long) for key in counters}}


def _require_fit(path: Path, name: str, state: Mapping[str, Tensor], under: str = "") -> None:
    with torch.device("meta"):
        expected = DETECTORS[name].build().state_dict().items()
    fits = {key: value.shape for key, value in expected if key.startswith(under)}
    wrong = [key for key in fits if key not in state or state[key].shape != fits[key]]
    if wrong or len(state) != len(fits):
        extra = next((key for key in state if key not in fits), "")
        raise CheckpointError(f"{path} looks like {name}, but {wrong[0] if wrong else extra} does not fit it")
