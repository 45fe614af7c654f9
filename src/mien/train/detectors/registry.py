"""The detectors that can be trained, by name, and whose weights a file holds. A new one is a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from mien.errors import CheckpointError
from mien.train.detectors.network import DetectorNetwork
from mien.train.detectors.retinaface import mobilenet, resnet
from mien.train.detectors.scrfd import SHAPES, ScrfdNetwork
from mien.train.torch_file import load_file

DETECTORS: dict[str, Callable[[], DetectorNetwork]] = {
    **{name: partial(ScrfdNetwork, shape) for name, shape in SHAPES.items()},
    "retinaface-mnet025": mobilenet,
    "retinaface-r50": resnet,
}

MARKS = {"body.stage1.0.0.weight": "retinaface-mnet025", "body.layer1.0.conv1.weight": "retinaface-r50"}
"""A name that each foreign layout has and no other."""

UNUSED = ("fc.", "body.fc.")
"""Beginnings of names that a classifier left in the file."""


@dataclass(frozen=True, slots=True, eq=False)
class Recognized:
    """Weights and the detector that they are of."""

    name: str
    state: Mapping[str, Tensor]

    def network(self) -> DetectorNetwork:
        """The detector with these weights."""
        network = DETECTORS[self.name]()
        network.load_state_dict(self.state)
        return network


def read_detector(path: Path) -> Recognized | None:
    """Weights of a detector: a checkpoint of mien, or a file of biubug6's RetinaFace. None where it is neither.

    Raises:
        CheckpointError: no file of torch, or weights that do not fit the layout that their names are of.
    """
    content = load_file(path / "state.pt" if path.is_dir() else path)
    name = content.get("detector")
    weights = content.get("weights" if name else "state_dict", content)
    if not isinstance(weights, Mapping):
        return None
    state = {
        key.removeprefix("module."): value
        for key, value in weights.items()
        if isinstance(key, str) and isinstance(value, Tensor)
    }
    if name is None:
        name = next((layout for mark, layout in MARKS.items() if mark in state), None)
        state = {key: value for key, value in state.items() if not key.startswith(UNUSED)}
    if not isinstance(name, str) or name not in DETECTORS:
        return None
    with torch.device("meta"):
        fits = {key: value.shape for key, value in DETECTORS[name]().state_dict().items()}
    wrong = [key for key in fits if key not in state or state[key].shape != fits[key]]
    if wrong or len(state) != len(fits):
        extra = next((key for key in state if key not in fits), "")
        raise CheckpointError(f"{path} looks like {name}, but {wrong[0] if wrong else extra} does not fit it")
    return Recognized(name, state)
