"""Stages, precisions, and how a network is called."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.errors import RecipeError  # noqa: E402
from mien.train.compute.distributed import ALONE, World  # noqa: E402
from mien.train.compute.network import Staged, callable_network, compiled, computed_in, require_precision  # noqa: E402
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


def test_only_gpus_exchange_gradients_in_bfloat16() -> None:
    with pytest.raises(RecipeError, match=r'only GPUs exchange: take "f32"'):
        callable_network(torch.nn.Linear(3, 2), RunSettings(exchange="bf16"), World(0, 2))


def test_a_static_graph_and_parts_of_a_batch_exclude_each_other() -> None:
    with pytest.raises(RecipeError, match=r"run\.static_graph .* run\.accumulate .* leave one of them out"):
        callable_network(torch.nn.Linear(3, 2), RunSettings(static_graph=True, accumulate=2), ALONE)


# The compiler's own imports warn.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_compiled_network_is_called_as_such_and_trains_the_same_weights() -> None:
    layer = torch.nn.Linear(3, 2)
    model = compiled(layer, "default")
    assert model is not layer
    assert [id(one) for one in model.parameters()] == [id(one) for one in layer.parameters()]
