"""The backbones by name: how each is built, and how its weights are recognized. Recipes and export use this table.

A new backbone is a class in a file of its own, with its layout, and a line here.
"""

from functools import partial

import torch

from mien.train.recipe.registry import look_up
from mien.train.recognizers.backbones import dlib_resnet, ir, iresnet, mobilefacenet
from mien.train.recognizers.backbones.backbone import Backbone, BackboneInput, BackboneKind

BACKBONES: dict[str, BackboneKind] = {
    **{
        f"iresnet{depth}": BackboneKind(partial(iresnet.IResNet, blocks), iresnet.LAYOUT)
        for depth, blocks in iresnet.DEPTHS.items()
    },
    **{
        f"ir{'-se' if squeeze else ''}{depth}{'-treb1en' if affine else ''}": BackboneKind(
            partial(ir.IR, depth, squeeze=squeeze, affine=affine), ir.TREB1EN_LAYOUT if affine else ir.LAYOUT
        )
        for affine in (False, True)
        for squeeze in (False, True)
        for depth in ir.IR_DEPTHS
    },
    "mobilefacenet": BackboneKind(mobilefacenet.MobileFaceNet, mobilefacenet.LAYOUT),
    "mobilefacenet-xiaoccer": BackboneKind(mobilefacenet.MobileFaceNetXiaoccer, mobilefacenet.XIAOCCER_LAYOUT),
    "dlib-resnet": BackboneKind(dlib_resnet.DlibResNet, dlib_resnet.LAYOUT),
}
"""`ir` is CurricularFace's layout; iresnet is arcface_torch's."""


def build(name: str, embedding: int, dropout: float = 0.0) -> Backbone:
    """Build a backbone with random weights.

    Raises:
        RecipeError: there is no backbone of this name.
    """
    return look_up(BACKBONES, "backbone", name).build(embedding, dropout)


def spec_of(name: str) -> BackboneInput:
    """How crops enter a backbone, as its layout's authors trained it.

    Raises:
        RecipeError: there is no backbone of this name.
    """
    with torch.device("meta"):
        return build(name, 512).spec
