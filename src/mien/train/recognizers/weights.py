"""Reads checkpoints of recognizers: finds the weights in the file, recognizes the backbone by their names and shapes.

Weights may be in a dict of other things, and their names may begin with `module.`, `net.`, `model.` or anything else.
Builds and trains nothing; torch_file opens the file without running code.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from mien.errors import CheckpointError
from mien.train.recognizers.backbones.backbone import Backbone, BackboneInput, Colour, WeightLayout
from mien.train.recognizers.backbones.registry import BACKBONES, build
from mien.train.run.torch_file import load_file, require_numbers

State = dict[str, Tensor]

MAX_DEPTH = 8
"""Dicts within dicts that are looked into; a file may nest them without end."""

SETTINGS = "model.yaml"
"""CVLface's settings, which it saves next to the weights."""

FIRST_DEVIATION = 0.02
"""Standard deviation of weights that nobody has trained."""

COUNTER = "num_batches_tracked"
"""The ending of the names of counters of batches."""

STATISTICS = ("running_mean", "running_var", COUNTER)
"""Endings of names that are not parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognizedBackbone:
    """Weights, and the backbone that they belong to.

    Attributes:
        backbone: a name of BACKBONES.
        embedding: numbers of an embedding.
        state: the weights, by the backbone's own names.
        prefix: what the names in the file began with.
        spec: how crops enter, as the layout's authors trained it.
        note: how the colour order is known.
        other: other things in the file.
    """

    backbone: str
    embedding: int
    state: State
    prefix: str
    spec: BackboneInput
    note: str
    other: tuple[str, ...]

    @property
    def parameters(self) -> int:
        """Number of weights, without statistics."""
        return sum(value.numel() for name, value in self.state.items() if not name.endswith(STATISTICS))

    def network(self, dropout: float = 0.0) -> Backbone:
        """Build the backbone with these weights."""
        backbone = build(self.backbone, self.embedding, dropout)
        backbone.load_state_dict(self.state)
        backbone.spec = self.spec
        return backbone


@dataclass(frozen=True, slots=True)
class _Marked:
    """Weights that have the mark of a layout, what their names began with, and the key of the file they are under."""

    mark: str
    prefix: str
    state: State
    key: str


@dataclass(frozen=True, slots=True)
class _Difference:
    """How weights differ from what a backbone has; without missing, reshaped and extra ones they fit."""

    missing: tuple[str, ...]
    reshaped: tuple[str, ...]
    extra: tuple[str, ...]
    left: tuple[str, ...]

    @property
    def count(self) -> int:
        """Number of weights that differ."""
        return len(self.missing) + len(self.reshaped) + len(self.extra)


def read_weights(path: Path) -> RecognizedBackbone:
    """Open a checkpoint and recognize its backbone.

    Raises:
        CheckpointError: not a file of torch, one with more than weights, or a network that mien does not know.
    """
    content = load_file(path)
    if set(content) == {"state", "param_groups"}:
        raise CheckpointError(f"{path} is the state of an optimizer, without weights: use the file of the network")
    marked = min(_marked(content), key=lambda one: -len(one.state), default=None)
    if marked is None:
        raise CheckpointError(
            f"{path} has no backbone that mien knows ({', '.join(BACKBONES)}); its names begin with "
            f"{', '.join(map(str, list(content)[:3])) or 'nothing'}"
        )
    name, backbone, left = _nearest(marked, path)
    expected = backbone.state_dict()
    found = {key: marked.state[key] for key in expected if key in marked.state}
    require_numbers(found, path)
    state = {key: found[key] if key in found else _absent(value) for key, value in expected.items()}
    spec, note = backbone.spec, BACKBONES[name].layout.origin
    if (colour := _stated_colour(path)) is not None:
        spec, note = spec.with_colour(colour), f"trained by CVLface: {colour}, as its {SETTINGS} says"
    if isinstance(own := content.get("pixels"), dict):
        spec, note = _own_spec(own, path), "trained by mien, whose checkpoint says so"
    return RecognizedBackbone(
        backbone=name,
        embedding=backbone.embedding,
        state=state,
        prefix=marked.prefix,
        spec=spec,
        note=note,
        other=(*(str(k) for k in content if k != marked.key and not isinstance(content[k], Tensor)), *left),
    )


def _absent(value: Tensor) -> Tensor:
    """Instead of a weight that a file may lack: a counter of nothing, or small numbers to learn from."""
    if not value.is_floating_point():
        return torch.zeros(value.shape, dtype=value.dtype)
    return torch.randn(value.shape, generator=torch.Generator().manual_seed(0)) * FIRST_DEVIATION


def _stated_colour(path: Path) -> Colour | None:
    """The channel order that CVLface's settings next to its weights state; None without such settings."""
    for folder in (path.parent, path.parent / "pretrained_model"):
        file = folder / SETTINGS
        if file.is_file():
            text = file.read_text(encoding="utf-8", errors="replace")
            found = re.search(r"""^color_space:\s*['"]?(RGB|BGR)['"]?\s*$""", text, re.MULTILINE)
            return None if found is None else ("RGB" if found[1] == "RGB" else "BGR")
    return None


def _own_spec(saved: dict[str, Any], path: Path) -> BackboneInput:
    try:
        return BackboneInput(**saved)
    except (ValidationError, TypeError) as reason:
        raise CheckpointError(
            f"{path} is damaged where it says how crops enter the network; copy it again"
        ) from reason


def _marked(content: Mapping[str, object], under: str = "", depth: int = 0) -> Iterator[_Marked]:
    """Every backbone in a nest of dicts; `under` is the key of the outermost one, empty at the top."""
    tensors = {key: value for key, value in content.items() if isinstance(key, str) and isinstance(value, Tensor)}
    for mark in dict.fromkeys(kind.layout.mark for kind in BACKBONES.values()):
        for key in tensors:
            if key == mark or key.endswith(f".{mark}"):
                prefix = key[: -len(mark)]
                own = {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
                yield _Marked(mark, prefix, own, under)
    for key, value in content.items():
        if isinstance(value, Mapping) and depth < MAX_DEPTH:
            yield from _marked(value, under or str(key), depth + 1)


def _nearest(marked: _Marked, path: Path) -> tuple[str, Backbone, tuple[str, ...]]:
    """The backbone whose weights these are: its name, itself without memory, and what else was saved next to it.

    Raises:
        CheckpointError: none has all of the weights, in their shapes, and no others.
    """
    candidates = {name: kind for name, kind in BACKBONES.items() if kind.layout.mark == marked.mark}
    sizes = {name: _rows(marked.state, kind.layout.output) for name, kind in candidates.items()}
    if not any(sizes.values()):
        output = next(iter(candidates.values())).layout.output
        raise CheckpointError(f"{path} lacks {output}, so it is not a whole backbone; save all of its state_dict")
    best: tuple[_Difference, str, Backbone] | None = None
    for name, kind in candidates.items():
        if not sizes[name]:
            continue
        with torch.device("meta"):
            backbone = build(name, sizes[name])
        difference = _compare(marked.state, backbone, kind.layout)
        if not difference.count:
            return name, backbone, difference.left
        if best is None or difference.count < best[0].count:
            best = difference, name, backbone
    assert best is not None
    raise CheckpointError(f"{path} {_describe(best[0], best[1], marked.state, best[2])}")


def _rows(state: State, output: str) -> int:
    """Numbers of an embedding, by the weight that makes it; 0 where there is none."""
    weight = state.get(output)
    return 0 if weight is None or weight.dim() == 0 else int(weight.shape[0])


def _compare(state: State, backbone: Backbone, layout: WeightLayout) -> _Difference:
    """How weights differ from a backbone's.

    Counters of batches may be missing: torch before 0.4.1 had none, and nothing is computed with them. Weights of
    parts that the backbone does not have, such as the classifier that it was trained with, are left, unless they
    mean another network.
    """
    expected = backbone.state_dict()
    parts = {key.split(".")[0] for key in expected}
    extra = [key for key in state if key not in expected]
    return _Difference(
        missing=tuple(
            key for key in expected if key not in state and not key.endswith(COUNTER) and key not in layout.spare
        ),
        reshaped=tuple(k for k, value in expected.items() if k in state and state[k].shape != value.shape),
        extra=tuple(key for key in extra if layout.whole or key.split(".")[0] in parts),
        left=tuple(key for key in extra if not layout.whole and key.split(".")[0] not in parts),
    )


def _describe(difference: _Difference, name: str, state: State, backbone: Backbone) -> str:
    missing, reshaped, extra = difference.missing, difference.reshaped, difference.extra
    if missing:
        first = f"lacks {missing[0]}"
    elif reshaped:
        there, here = tuple(state[reshaped[0]].shape), tuple(backbone.state_dict()[reshaped[0]].shape)
        first = f"has {reshaped[0]} of shape {there} where {here} belongs"
    else:
        first = f"has {extra[0]}, which {name} does not have"
    return (
        f"looks like {name} but {first} ({len(missing)} missing, {len(reshaped)} of another shape, {len(extra)} too "
        "many): it is another architecture"
    )
