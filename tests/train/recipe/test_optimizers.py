"""The rules for sampled rows against torch's own optimizers, and a made-up optimizer."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import shortest_recipe  # noqa: E402

from mien.errors import RecipeError  # noqa: E402
from mien.train.compute.distributed import ALONE  # noqa: E402
from mien.train.kinds import parse_recipe  # noqa: E402
from mien.train.recipe.optimizers import (  # noqa: E402
    OPTIMIZERS,
    OptimizerKind,
    Rows,
    update_rows_sgd,
    update_rows_sgd_fused,
)
from mien.train.recognizers.heads import ArcFace  # noqa: E402
from mien.train.recognizers.partial_fc import CentreUpdate, PartialFC  # noqa: E402


def test_the_kernel_of_gpus_makes_the_step_of_processors() -> None:
    torch.manual_seed(0)
    weight, moment = torch.randn(6, 1, 4), torch.randn(6, 1, 4)
    plain = Rows(weight.clone(), [moment.clone()], torch.empty(0))
    fused = Rows(weight.clone(), [moment.clone()], torch.empty(0))
    settings = CentreUpdate(momentum=0.8, weight_decay=0.02)
    for _ in range(3):
        gradient = torch.randn(6, 1, 4)
        update_rows_sgd(plain, gradient, 0.1, settings)
        update_rows_sgd_fused(fused, gradient, 0.1, settings)
    torch.testing.assert_close(fused.weight, plain.weight)
    torch.testing.assert_close(fused.moments[0], plain.moments[0])
    assert not torch.equal(plain.weight, weight)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_rows_move_as_torch_moves_them(name: str) -> None:
    kind, update = OPTIMIZERS[name], CentreUpdate(name, momentum=0.7, weight_decay=0.03)
    torch.manual_seed(0)
    weight = torch.randn(5, 1, 4)
    theirs = weight.clone().requires_grad_()
    optimizer = kind.make([{"params": [theirs], "weight_decay": 0.03}], 0.1, 0.7)
    counts = torch.zeros(5 if kind.counts else 0)
    rows = Rows(weight, [torch.zeros_like(weight) for _ in range(kind.moments)], counts)
    for _ in range(4):
        gradient = torch.randn(5, 1, 4)
        theirs.grad = gradient.clone()
        optimizer.step()
        kind.update_rows(rows, gradient, 0.1, update)
        torch.testing.assert_close(rows.weight, theirs.detach(), rtol=1e-4, atol=1e-5)


def test_a_made_up_optimizer_is_two_functions_and_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(groups: list, rate: float, momentum: float) -> torch.optim.Optimizer:
        return torch.optim.SGD(groups, lr=rate)

    def jump(rows: Rows, gradient: torch.Tensor, rate: float, settings: object) -> None:
        rows.weight.add_(7)

    monkeypatch.setitem(OPTIMIZERS, "jump", OptimizerKind(make, jump, moments=0))
    assert parse_recipe(shortest_recipe(optimizer={"name": "jump", "rate": 1}), "r").optimizer.name == "jump"
    with pytest.raises(RecipeError, match=r"optimizer\.name: there is no optimizer 'jmp'; did you mean jump\?"):
        parse_recipe(shortest_recipe(optimizer={"name": "jmp", "rate": 1}), "r")
    head = PartialFC(ArcFace(), 6, 4, ALONE, update=CentreUpdate("jump"))
    before, labels = head.weight.clone(), torch.tensor([1, 2])
    head.choose(labels.numpy(), 0)
    head.loss(torch.randn(2, 4, requires_grad=True), labels.numpy()).backward()
    head.step(0.1)
    torch.testing.assert_close(head.weight, before + 7)
