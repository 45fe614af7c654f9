"""The backbones by name: how each is built, and how its weights are recognized. Recipes and export use this table.

A new backbone is a class in a file of its own, with its layout, and a line here.
"""

from functools import partial

import torch

from mien.train.recipe.registry import look_up
from mien.train.recognizers.backbones import (
    dlib_resnet,
    edgeface,
    ir,
    ir_adaface,
    iresnet,
    mobilefacenet,
    mobilefacenet_arcface,
    vit,
    vit_kprpe,
)
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
    **{
        f"ir{'-se' if squeeze else ''}{depth}-adaface": BackboneKind(
            partial(ir_adaface.IRAdaFace, depth, squeeze=squeeze), ir_adaface.LAYOUT
        )
        for squeeze in (False, True)
        for depth in ir_adaface.COUNTS
    },
    "mobilefacenet": BackboneKind(mobilefacenet.MobileFaceNet, mobilefacenet.LAYOUT),
    "mobilefacenet-xiaoccer": BackboneKind(mobilefacenet.MobileFaceNetXiaoccer, mobilefacenet.XIAOCCER_LAYOUT),
    **{
        f"mobilefacenet{ending}-arcface": BackboneKind(
            partial(mobilefacenet_arcface.MobileFaceNetArcFace, size), mobilefacenet_arcface.LAYOUT
        )
        for ending, size in mobilefacenet_arcface.SIZES.items()
    },
    **{name: BackboneKind(partial(vit.ViT, size), vit.LAYOUT) for name, size in vit.SIZES.items()},
    **{name: BackboneKind(partial(vit.ViT, size), vit.CVLFACE_LAYOUT) for name, size in vit.CVLFACE_SIZES.items()},
    **{
        name: BackboneKind(partial(vit_kprpe.ViTKPRPE, size), vit_kprpe.LAYOUT)
        for name, size in vit_kprpe.SIZES.items()
    },
    **{
        name: BackboneKind(
            partial(edgeface.EdgeFace, size), edgeface.LAYOUT if size.rank is not None else edgeface.FULL_LAYOUT
        )
        for name, size in edgeface.SIZES.items()
    },
    "dlib-resnet": BackboneKind(dlib_resnet.DlibResNet, dlib_resnet.LAYOUT),
}
"""`ir` is CurricularFace's layout, iresnet is arcface_torch's; others have whose they are in their names."""


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
