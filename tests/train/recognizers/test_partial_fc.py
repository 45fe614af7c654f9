"""The sharded head against one softmax over all classes, written out plainly."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")
sys.path.insert(0, str(Path(__file__).parent))

import worker  # noqa: E402
from torch.nn import functional  # noqa: E402

from mien.train.compute.distributed import World, slice_of  # noqa: E402
from mien.train.recognizers.heads import HEADS, Head  # noqa: E402
from mien.train.recognizers.partial_fc import CentreUpdate, PartialFC, first_centres  # noqa: E402

WORKER = str(Path(__file__).parent / "worker.py")


def plain_logits(head: Head, x: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Scaled logits of one unsharded head."""
    rows = weight.flatten(0, 1)
    z = functional.normalize(x) @ functional.normalize(rows).T if head.normalized else x @ rows.T
    z = z.view(len(x), len(weight), -1).max(dim=2).values
    place = torch.arange(len(x))
    target = z[place, labels]
    head.watch(target.detach(), x.detach().norm(dim=1))
    z = head.of_others(z, target.detach())
    return head.scale * z.index_put((place, labels), head.of_target(target, place))


def plain_steps(name: str) -> dict[str, torch.Tensor]:
    """What torch's own cross entropy and SGD make of the worker's inputs."""
    head = HEADS[name]()
    weight = first_centres(0, worker.CLASSES, head.centres, worker.EMBEDDING, 3).requires_grad_()
    optimizer = torch.optim.SGD([weight], lr=0.1, momentum=0.9, weight_decay=5e-4)
    losses, gradients = [], []
    for step in range(worker.STEPS):
        x, labels = worker.inputs(step)
        x.requires_grad_()
        loss = functional.cross_entropy(plain_logits(head, x, weight, labels), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
        gradients.append(x.grad)
    return {"losses": torch.stack(losses), "gradients": torch.stack(gradients), "centres": weight.detach()}


@pytest.fixture(scope="module", params=[1, 2, 4])
def shards(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, together: Callable
) -> list[dict]:
    """What each of several processes got."""
    folder = tmp_path_factory.mktemp("shards")
    together([WORKER, str(folder)], request.param)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(request.param)]


@pytest.mark.parametrize("name", HEADS)
def test_any_number_of_processes_gives_the_loss_and_gradient_of_one_softmax(shards: list[dict], name: str) -> None:
    wanted = plain_steps(name)
    for found in shards:
        torch.testing.assert_close(found[name]["losses"], wanted["losses"], rtol=1e-5, atol=1e-5)
    gradients = torch.cat([found[name]["gradients"] for found in shards], dim=1)
    torch.testing.assert_close(gradients, wanted["gradients"], rtol=1e-5, atol=1e-5)
    centres = torch.cat([found[name]["centres"] for found in shards])
    torch.testing.assert_close(centres, wanted["centres"], rtol=1e-4, atol=1e-5)


def test_any_number_of_processes_draws_the_same_classes_and_makes_the_same_steps(shards: list[dict]) -> None:
    """Each process drew from its own classes, so a training with head.sample depended on their number."""
    alone = worker.run_head("arcface", World(), rate=0.6)
    for found in shards:
        torch.testing.assert_close(found["sampled"]["losses"], alone["losses"], rtol=1e-5, atol=1e-5)
    centres = torch.cat([found["sampled"]["centres"] for found in shards])
    torch.testing.assert_close(centres, alone["centres"], rtol=1e-4, atol=1e-5)
    every = first_centres(0, worker.CLASSES, 1, worker.EMBEDDING, 3)
    assert 0 < int((alone["centres"] == every).all(dim=2).sum()) < worker.CLASSES, "some classes never took part"


def test_synchronized_norms_are_one_norm(shards: list[dict]) -> None:
    torch.manual_seed(0)
    x = torch.randn(worker.BATCH, 5, 4, 3).requires_grad_()
    norm = torch.nn.BatchNorm2d(5)
    torch.nn.init.normal_(norm.weight)
    out = norm(x)
    (out * torch.arange(worker.BATCH).view(-1, 1, 1, 1)).sum().backward()
    torch.testing.assert_close(torch.cat([f["norm"]["out"] for f in shards]), out.detach(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(torch.cat([f["norm"]["gradient"] for f in shards]), x.grad, rtol=1e-4, atol=1e-4)
    for found in shards:
        torch.testing.assert_close(found["norm"]["mean"], norm.running_mean)
        torch.testing.assert_close(found["norm"]["variance"], norm.running_var)


def test_gradients_are_averaged_over_processes_with_a_static_graph_too(shards: list[dict]) -> None:
    torch.manual_seed(0)
    weight, x = torch.nn.Linear(6, 3, bias=False).weight, torch.randn(worker.BATCH, 6)
    (x @ weight.T).square().mean().backward()
    assert weight.grad is not None
    for found in shards:
        for gradient in found["exchange"].values():
            torch.testing.assert_close(gradient, weight.grad, rtol=1e-6, atol=1e-6)


def test_products_in_bfloat16_round_their_inputs_alone() -> None:
    torch.manual_seed(0)
    x, labels = torch.randn(8, 64), np.arange(8)
    found = {}
    for bf16 in (False, True):
        head = PartialFC(HEADS["cosface"](), 40, 64, World(), seed=1, bf16=bf16)
        leaf = x.clone().requires_grad_()
        head.choose(labels, 0)
        loss = head.loss(leaf, labels)
        loss.backward()
        found[bf16] = loss.detach(), leaf.grad, head.gradient
    for plain, rounded in zip(found[False], found[True], strict=True):
        assert plain is not None and rounded is not None and rounded.dtype == torch.float32
        assert 0 < float((plain - rounded).norm() / plain.norm()) < 1e-2


def test_rows_of_any_number_are_gathered_from_all_processes(shards: list[dict]) -> None:
    wanted = [[100.0 * rank + 3 * row + k for k in range(3)] for rank in range(len(shards)) for row in range(rank)]
    for found in shards:
        assert found["rows"].reshape(-1, 3).tolist() == wanted


def test_adamw_on_rows_is_torch_adamw() -> None:
    found = worker.run_head("arcface", World(), "adamw")
    head = HEADS["arcface"]()
    weight = first_centres(0, worker.CLASSES, 1, worker.EMBEDDING, 3).requires_grad_()
    optimizer = torch.optim.AdamW([weight], lr=0.1, betas=(0.9, 0.999), weight_decay=5e-4)
    for step in range(worker.STEPS):
        x, labels = worker.inputs(step)
        optimizer.zero_grad()
        functional.cross_entropy(plain_logits(head, x, weight, labels), labels).backward()
        optimizer.step()
    torch.testing.assert_close(found["centres"], weight.detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_only_sampled_rows_and_their_momentum_move(kind: str) -> None:
    head = PartialFC(HEADS["arcface"](), 100, 8, World(), rate=0.2, update=CentreUpdate(kind), seed=1)
    before, moments = head.weight.clone(), [moment.clone() for moment in head.moments]
    labels = np.array([3, 97, 3, 50])
    head.choose(labels, 0)
    chosen = head._index
    assert chosen is not None and len(chosen) == 20
    assert set(labels.tolist()) <= set(chosen.tolist())
    head.loss(torch.randn(4, 8, requires_grad=True), labels).backward()
    head.step(0.1)
    moved = (head.weight != before).flatten(1).any(dim=1)
    assert set(torch.nonzero(moved).flatten().tolist()) == set(chosen.tolist())
    for now, then in zip(head.moments, moments, strict=True):
        assert set(torch.nonzero((now != then).flatten(1).any(dim=1)).flatten().tolist()) == set(chosen.tolist())
    again = PartialFC(HEADS["arcface"](), 100, 8, World(), rate=0.2, update=CentreUpdate(kind), seed=1)
    again.choose(labels, 1)
    assert not torch.equal(again._index, chosen)


def test_more_shown_classes_than_the_rate_allows_all_take_part() -> None:
    head = PartialFC(HEADS["cosface"](), 50, 8, World(), rate=0.05, seed=1)
    labels = np.arange(12)
    head.choose(labels, 0)
    assert head._index is not None and head._index.tolist() == labels.tolist()
    assert torch.isfinite(head.loss(torch.randn(12, 8), labels))


def test_first_centres_do_not_depend_on_how_they_are_shared_out() -> None:
    whole = first_centres(0, 9000, 1, 4, 5)
    for size in (2, 3):
        parts = [first_centres(*slice_of(9000, rank, size), 1, 4, 5) for rank in range(size)]
        assert torch.equal(torch.cat(parts), whole)
    assert not torch.equal(first_centres(0, 10, 1, 4, 6), whole[:10])


@pytest.mark.parametrize("sizes", [(1, 3), (4, 1), (3, 2)])
def test_shards_are_cut_anew_for_another_number_of_processes(sizes: tuple[int, int]) -> None:
    old = [PartialFC(HEADS["arcface"](), 23, 4, World(rank, sizes[0]), seed=2) for rank in range(sizes[0])]
    for shard in old:
        shard.moments[0].copy_(shard.weight * 2)
    parts = [shard.state() for shard in old]
    new = [PartialFC(HEADS["arcface"](), 23, 4, World(rank, sizes[1]), seed=9) for rank in range(sizes[1])]
    for shard in new:
        shard.restore(parts)
    whole = torch.cat([shard.weight for shard in old])
    assert torch.equal(torch.cat([shard.weight for shard in new]), whole)
    assert torch.equal(torch.cat([shard.moments[0] for shard in new]), whole * 2)


def test_class_means_become_centres_of_unit_length() -> None:
    head = PartialFC(HEADS["arcface"](), 3, 64, World(), seed=1)
    random = head.weight[2, 0].clone()
    means = torch.zeros(3, 64)
    means[0, 5], means[1, 7] = 3.0, -0.2
    head.begin_at(means)
    torch.testing.assert_close(functional.normalize(head.weight[:2, 0]), functional.normalize(means[:2]))
    torch.testing.assert_close(head.weight[:2, 0].norm(dim=1), torch.ones(2))
    assert torch.equal(head.weight[2, 0], random)


def test_class_means_do_not_turn_away_in_the_first_steps() -> None:
    """At the length of random centres, about 0.1, the first steps turned them by tens of degrees."""
    generator = torch.Generator().manual_seed(4)
    means = functional.normalize(torch.randn(20, 64, generator=generator))
    turned = []
    for length in (1.0, 0.113):
        head = PartialFC(HEADS["arcface"](), 20, 64, World(), seed=1)
        head.begin_at(means)
        head.weight *= length
        for step in range(20):
            labels = torch.randint(0, 20, (16,), generator=generator)
            x = (means[labels] + 0.15 * torch.randn(16, 64, generator=generator)).requires_grad_()
            head.choose(labels, step)
            head.loss(x, labels).backward()
            head.step(0.001)
        cosines = (functional.normalize(head.weight[:, 0]) * means).sum(dim=1).clamp(-1, 1)
        turned.append(float(torch.rad2deg(cosines.acos()).mean()))
    assert turned[0] < 8 and turned[1] > 4 * turned[0]


def test_first_centres_have_the_deviation_of_arcface_torch() -> None:
    assert float(first_centres(0, 4096, 1, 16, 3).std()) == pytest.approx(0.01, rel=0.02)
