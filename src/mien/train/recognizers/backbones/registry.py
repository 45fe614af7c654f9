"""The backbones by name. A new one is a class in a file of its own and a line here."""

from difflib import get_close_matches
from functools import partial

import torch

from mien.errors import RecipeError
from mien.train.recognizers.backbones.backbone import Backbone, Build, Pixels
from mien.train.recognizers.backbones.dlib_resnet import DlibResNet
from mien.train.recognizers.backbones.ir import IR
from mien.train.recognizers.backbones.iresnet import DEPTHS, IResNet
from mien.train.recognizers.backbones.mobilefacenet import MobileFaceNet, MobileFaceNetXiaoccer

BACKBONES: dict[str, Build] = {
    **{f"iresnet{depth}": partial(IResNet, blocks) for depth, blocks in DEPTHS.items()},
    **{f"ir{depth}": partial(IR, depth) for depth in (50, 100, 152)},
    **{f"ir-se{depth}": partial(IR, depth, squeeze=True) for depth in (50, 100, 152)},
    **{f"ir{depth}-treb1en": partial(IR, depth, affine=True) for depth in (50, 100, 152)},
    **{f"ir-se{depth}-treb1en": partial(IR, depth, squeeze=True, affine=True) for depth in (50, 100, 152)},
    "mobilefacenet": MobileFaceNet,
    "mobilefacenet-xiaoccer": MobileFaceNetXiaoccer,
    "dlib-resnet": DlibResNet,
}
"""`ir` is CurricularFace's layout; iresnet is arcface_torch's."""


def build(name: str, embedding: int, dropout: float = 0.0) -> Backbone:
    """A new backbone with random weights.

    Raises:
        RecipeError: no backbone of this name.
    """
    if name not in BACKBONES:
        near = get_close_matches(name, BACKBONES, 1)
        raise RecipeError(
            f"no backbone '{name}'{f'; did you mean {near[0]}?' if near else ''} There are {', '.join(BACKBONES)}"
        )
    return BACKBONES[name](embedding, dropout)


def pixels_of(name: str) -> Pixels:
    """How crops enter a backbone, as its layout's authors trained it.

    Raises:
        RecipeError: no backbone of this name.
    """
    with torch.device("meta"):
        return build(name, 512).pixels
