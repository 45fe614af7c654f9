"""Groups of parameters, and the scale of losses in half precision."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.train.compute.optimize import LossScale, gradient_norm, make_optimizer, set_rate  # noqa: E402
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


@pytest.mark.parametrize(("name", "key", "wanted"), [("sgd", "momentum", 0.7), ("adamw", "betas", (0.7, 0.999))])
def test_optimizers_take_the_recipes_numbers(name: str, key: str, wanted: object) -> None:
    settings = OptimizerSettings(name=name, rate=0.25, momentum=0.7, weight_decay=0.02)
    optimizer = make_optimizer(build("mobilefacenet", 32), settings)
    for group in optimizer.param_groups:
        assert group[key] == wanted and group["lr"] == 0.25 and group["weight_decay"] in {0.0, 0.02}
    set_rate(optimizer, 0.5)
    assert {group["lr"] for group in optimizer.param_groups} == {0.5}


def test_weights_decay_by_five_in_ten_thousand_with_momentum_unless_a_recipe_says_otherwise() -> None:
    settings = OptimizerSettings(rate=0.1)
    assert (settings.name, settings.momentum, settings.weight_decay, settings.clip) == ("sgd", 0.9, 5e-4, 5.0)
    assert settings.rate_batch == 512


def test_gradients_are_clipped_to_the_norm_that_a_recipe_gives() -> None:
    network = torch.nn.Linear(4, 1, bias=False)
    for clip, wanted in ((2.0, 2.0), (100.0, 10.0), (0.0, 10.0)):
        network.weight.grad = torch.full((1, 4), 5.0)
        assert float(gradient_norm(network, clip)) == pytest.approx(10)
        assert float(network.weight.grad.norm()) == pytest.approx(wanted, rel=1e-4)


def test_only_half_precision_scales_its_loss() -> None:
    assert LossScale.of("fp16") == LossScale(2.0**16, grows=True)
    assert LossScale.of("bf16") == LossScale.of("f32") == LossScale(1.0, grows=False)
    scale = LossScale(2.0**24, grows=True, good=99)
    scale.update(overflowed=False)
    assert scale.value == 2.0**24


def test_an_overflow_changes_nothing_and_another_fault_is_not_finite() -> None:
    scale = LossScale(1024.0, grows=True)
    assert scale.outcome(1.0, 2.0, good=True).finite and scale.value == 1024
    overflow = scale.outcome(1.0, float("inf"), good=False)
    assert overflow.overflowed and overflow.finite and scale.value == 512
    assert not scale.outcome(float("nan"), 2.0, good=False).finite
    assert not LossScale().outcome(1.0, float("inf"), good=False).finite
