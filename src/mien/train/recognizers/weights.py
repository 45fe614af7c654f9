"""Reads checkpoints of recognizers: finds the weights in the file, recognizes the backbone by their names and shapes.

Weights may be in a dict of other things, and their names may begin with `module.`, `net.`, `model.` or anything else.
Builds and trains nothing; torch_file opens the file without running code.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from mien.errors import CheckpointError
from mien.train.recognizers.backbones.backbone import Backbone, BackboneInput
from mien.train.recognizers.backbones.registry import BACKBONES, build
from mien.train.run.torch_file import load_file

State = dict[str, Tensor]

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
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
    """Weights that have the mark of a layout, and what their names began with."""

    mark: str
    prefix: str
    state: State


@dataclass(frozen=True, slots=True)
class _Difference:
    """How weights differ from what a backbone has; empty if they fit."""

    missing: tuple[str, ...]
    reshaped: tuple[str, ...]
    extra: tuple[str, ...]

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
    marked = min(_marked(content), key=lambda one: -len(one.state), default=None)
    if marked is None:
        raise CheckpointError(
            f"{path} has no backbone that mien knows ({', '.join(BACKBONES)}); its names begin with "
            f"{', '.join(map(str, list(content)[:3])) or 'nothing'}"
        )
    name, backbone = _nearest(marked, path)
    spec, note = backbone.spec, BACKBONES[name].layout.origin
    if isinstance(own := content.get("pixels"), dict):
        spec, note = BackboneInput(**own), "trained by mien, whose checkpoint says so"
    return RecognizedBackbone(
        backbone=name,
        embedding=backbone.embedding,
        state=marked.state,
        prefix=marked.prefix,
        spec=spec,
        note=note,
        other=tuple(key for key in content if isinstance(key, str) and not isinstance(content[key], Tensor)),
    )


def _marked(content: Mapping[str, object]) -> Iterator[_Marked]:
    """Every backbone in a nest of dicts."""
    tensors = {key: value for key, value in content.items() if isinstance(value, Tensor)}
    for mark in dict.fromkeys(kind.layout.mark for kind in BACKBONES.values()):
        for key in tensors:
            if key == mark or key.endswith(f".{mark}"):
                prefix = key[: -len(mark)]
                own = {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
                yield _Marked(mark, prefix, own)
    for value in content.values():
        if isinstance(value, Mapping):
            yield from _marked(value)


def _nearest(marked: _Marked, path: Path) -> tuple[str, Backbone]:
    """The name of the backbone whose weights these are, and the backbone without memory.

    Raises:
        CheckpointError: none has all of the weights, in their shapes, and no others.
    """
    candidates = {name: kind for name, kind in BACKBONES.items() if kind.layout.mark == marked.mark}
    output = next(iter(candidates.values())).layout.output
    if output not in marked.state:
        raise CheckpointError(f"{path} lacks {output}, so it is not a whole backbone; save all of its state_dict")
    best: tuple[_Difference, str, Backbone] | None = None
    for name in candidates:
        with torch.device("meta"):
            backbone = build(name, int(marked.state[output].shape[0]))
        difference = _compare(marked.state, backbone)
        if not difference.count:
            return name, backbone
        if best is None or difference.count < best[0].count:
            best = difference, name, backbone
    assert best is not None
    raise CheckpointError(f"{path} {_describe(best[0], best[1], marked.state, best[2])}")


def _compare(state: State, backbone: Backbone) -> _Difference:
    expected = backbone.state_dict()
    return _Difference(
        missing=tuple(key for key in expected if key not in state),
        reshaped=tuple(k for k, value in expected.items() if k in state and state[k].shape != value.shape),
        extra=tuple(key for key in state if key not in expected),
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
