"""Stages, precisions, and how a network is called."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.errors import RecipeError  # noqa: E402
from mien.train.compute.distributed import ALONE, World  # noqa: E402
from mien.train.compute.network import Staged, callable_network, computed_in, require_precision  # noqa: E402
from mien.train.recipe.settings import RunSettings  # noqa: E402


class Two(Staged):
    STAGES = (("first.", "early."), ("last.",))


def test_a_parameter_belongs_to_the_stage_of_its_prefix() -> None:
    network = Two()
    assert network.stages == 2
    assert [network.stage_of(name) for name in ("first.weight", "early.bias", "last.weight")] == [0, 0, 1]
    with pytest.raises(ValueError, match=r"other\.weight is in no stage of Two"):
        network.stage_of("other.weight")


def test_half_precision_is_only_for_gpus() -> None:
    with pytest.raises(RecipeError, match="take bf16"):
        require_precision(RunSettings(precision="fp16"), ALONE)
    require_precision(RunSettings(precision="fp16"), World(device=torch.device("cuda")))
    require_precision(RunSettings(precision="bf16"), ALONE)


@pytest.mark.parametrize(("precision", "kind"), [("f32", torch.float32), ("bf16", torch.bfloat16)])
def test_a_network_computes_in_the_recipes_precision(precision: str, kind: "torch.dtype") -> None:
    layer = torch.nn.Linear(3, 2)
    with computed_in(precision, torch.device("cpu")):
        assert layer(torch.zeros(1, 3)).dtype == kind
    assert callable_network(layer, RunSettings(), ALONE) is layer
