"""Reads other people's checkpoints: finds the weights in the file, recognizes the network by their names and shapes.

Files are opened with torch's weights_only reader, which runs no code. Weights may lie in a dict of other things, and
their names may begin with `module.`, `net.`, `model.` or anything else.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from mien.errors import CheckpointError
from mien.train.recognizers.backbones.backbone import Backbone, Pixels
from mien.train.recognizers.backbones.iresnet import DEPTHS
from mien.train.recognizers.backbones.registry import build
from mien.train.torch_file import load_file

MARKS = {
    "layer1.0.conv1.weight": "iresnet",
    "body.0.res_layer.1.weight": "ir",
    "conv_23.conv.conv.weight": "mobilefacenet",
    "blocks.0.conv.0.weight": "mobilefacenet-xiaoccer",
    "blocks.0.conv1.bias": "dlib-resnet",
}
"""A name that each layout has and no other."""

OUTPUTS = {
    "iresnet": "fc.weight",
    "ir": "output_layer.3.weight",
    "mobilefacenet": "linear.weight",
    "mobilefacenet-xiaoccer": "linear1.conv.weight",
    "dlib-resnet": "fc.weight",
}
"""The weight whose rows are the embedding's numbers."""

DOUBTS = {
    "ir": "trained by CurricularFace or face.evoLVe: RGB; weights of this layout trained by others may want BGR",
    "ir-treb1en": "trained by InsightFace_Pytorch on crops whose red and blue were swapped: BGR",
    "mobilefacenet": "trained by InsightFace_Pytorch on crops whose red and blue were swapped: BGR",
    "iresnet": "trained by arcface_torch: RGB",
    "mobilefacenet-xiaoccer": "trained by Xiaoccer: RGB",
    "dlib-resnet": "trained by dlib: RGB",
}

State = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Recognized:
    """Weights and the network that they are of.

    Attributes:
        backbone: a name of mien.train.recognizers.backbones.registry.
        embedding: numbers of an embedding.
        state: the weights, by the backbone's own names.
        prefix: what the names in the file began with.
        pixels: how crops enter, as the layout's authors trained it.
        note: where the colour order is known from.
        other: other things in the file.
    """

    backbone: str
    embedding: int
    state: State
    prefix: str
    pixels: Pixels
    note: str
    other: tuple[str, ...]

    @property
    def parameters(self) -> int:
        """Numbers in the weights, without statistics."""
        return sum(value.numel() for name, value in self.state.items() if not name.endswith(STATISTICS))

    def network(self, dropout: float = 0.0) -> Backbone:
        """The backbone with these weights."""
        backbone = build(self.backbone, self.embedding, dropout)
        backbone.load_state_dict(self.state)
        backbone.pixels = self.pixels
        return backbone


STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def read_weights(path: Path) -> Recognized:
    """Open a checkpoint and recognize its network.

    Raises:
        CheckpointError: no file of torch, one that holds more than weights, or a network that mien does not know.
    """
    content = load_file(path)
    found = next(iter(sorted(_marked(content), key=lambda one: -len(one[2]))), None)
    if found is None:
        raise CheckpointError(
            f"{path} holds no backbone that mien knows (IResNet, IR, IR-SE, MobileFaceNet); its names begin with "
            f"{', '.join(map(str, list(content)[:3])) or 'nothing'}"
        )
    layout, prefix, state = found
    name, embedding = _network(layout, state, path)
    pixels = _fitting(name, embedding, state, path).pixels
    note = DOUBTS["ir-treb1en" if name.startswith("ir") and name.endswith("treb1en") else layout]
    if isinstance(own := content.get("pixels"), dict):
        pixels, note = Pixels(**own), "trained by mien, whose checkpoint says so"
    other = tuple(key for key in content if isinstance(key, str) and not isinstance(content[key], Tensor))
    return Recognized(name, embedding, state, prefix, pixels, note, other)


def _marked(content: Mapping[str, object]) -> Iterator[tuple[str, str, State]]:
    """Every backbone in a nest of dicts: its layout, the prefix of its names, its weights."""
    tensors = {key: value for key, value in content.items() if isinstance(value, Tensor)}
    for mark, layout in MARKS.items():
        for key in tensors:
            if key == mark or key.endswith(f".{mark}"):
                prefix = key[: -len(mark)]
                own = {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
                yield layout, prefix, own
    for value in content.values():
        if isinstance(value, Mapping):
            yield from _marked(value)


def _network(layout: str, state: State, path: Path) -> tuple[str, int]:
    """The backbone's name and its embedding's size, from names and shapes."""
    output = OUTPUTS[layout]
    if output not in state:
        raise CheckpointError(f"{path} lacks {output}, so it is no whole backbone; save all of its state_dict")
    embedding = int(state[output].shape[0])
    if layout == "iresnet":
        depths = tuple(
            1 + max((int(k.split(".")[1]) for k in state if k.startswith(f"layer{i}.")), default=-1)
            for i in range(1, 5)
        )
        known = {blocks: depth for depth, blocks in DEPTHS.items()}
        if depths not in known:
            raise CheckpointError(f"{path} is an IResNet of {depths} blocks, and mien knows {sorted(DEPTHS)}")
        return f"iresnet{known[depths]}", embedding
    if layout == "ir":
        units = 1 + max(int(k.split(".")[1]) for k in state if k.startswith("body."))
        known_units = {sum(DEPTHS[depth]): depth for depth in (50, 100, 152)}
        if units not in known_units:
            raise CheckpointError(f"{path} is an IR of {units} units, and mien knows {sorted(known_units)}")
        squeeze = "-se" if "body.0.res_layer.5.fc1.weight" in state else ""
        return f"ir{squeeze}{known_units[units]}{'-treb1en' if 'output_layer.4.weight' in state else ''}", embedding
    return layout, embedding


def _fitting(name: str, embedding: int, state: State, path: Path) -> Backbone:
    """The backbone, without memory, whose weights these are: all of them, in their shapes, and none left over."""
    with torch.device("meta"):
        backbone = build(name, embedding)
    expected = backbone.state_dict()
    missing = [key for key in expected if key not in state]
    wrong = [key for key, value in expected.items() if key in state and state[key].shape != value.shape]
    extra = [key for key in state if key not in expected]
    if missing or wrong or extra:
        if missing:
            first = f"lacks {missing[0]}"
        elif wrong:
            shapes = tuple(state[wrong[0]].shape), tuple(expected[wrong[0]].shape)
            first = f"has {wrong[0]} of shape {shapes[0]} where {shapes[1]} belongs"
        else:
            first = f"has {extra[0]}, which {name} has not"
        raise CheckpointError(
            f"{path} looks like {name} but {first} ({len(missing)} missing, {len(wrong)} of another shape, "
            f"{len(extra)} too many): it is another architecture"
        )
    return backbone
