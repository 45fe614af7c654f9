"""Groups of parameters, and the scale of losses in half precision."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.train.compute.optimize import LossScale, make_optimizer  # noqa: E402
from mien.train.recipe.settings import OptimizerSettings  # noqa: E402
from mien.train.recognizers.backbones.registry import build  # noqa: E402


def test_vectors_do_not_decay_and_early_stages_learn_less() -> None:
    backbone = build("mobilefacenet", 32)
    settings = OptimizerSettings(rate=0.1, weight_decay=5e-4)
    groups = make_optimizer(backbone, settings, 0.5).param_groups
    for group in groups:
        kinds = {parameter.ndim > 1 for parameter in group["params"]}
        assert kinds == {group["weight_decay"] > 0}
    assert sorted({group["share"] for group in groups}) == [0.5**i for i in (4, 3, 2, 1, 0)]
    assert sum(len(group["params"]) for group in groups) == len(list(backbone.parameters()))


def test_the_loss_scale_halves_on_overflow_and_doubles_after_a_while() -> None:
    scale = LossScale(1024.0, grows=True)
    scale.update(overflowed=True)
    assert scale.value == 512
    for _ in range(100):
        scale.update(overflowed=False)
    assert scale.value == 1024
    still = LossScale()
    still.update(overflowed=True)
    assert still.value == 1
