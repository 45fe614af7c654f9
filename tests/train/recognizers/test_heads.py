"""Each head against its equation, number by number, and at the edges."""

from itertools import pairwise
from math import acos, cos, pi, sin

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.train.compute.distributed import World  # noqa: E402
from mien.train.recognizers import heads  # noqa: E402
from mien.train.recognizers.heads import HEADS  # noqa: E402
from mien.train.recognizers.partial_fc import PartialFC  # noqa: E402

COSINES = np.linspace(-0.999, 0.999, 41)


def apply(function: object, *numbers: float) -> list[float]:
    return function(torch.tensor(COSINES), *numbers).tolist()  # type: ignore[operator]


def test_arcface_adds_the_margin_to_the_angle() -> None:
    margin = 0.5
    for cosine, found in zip(COSINES, apply(heads.arcface, margin), strict=True):
        angle = acos(cosine)
        wanted = cos(angle + margin) if angle + margin < pi else cosine - margin * sin(pi - margin)
        assert found == pytest.approx(wanted, abs=1e-6)


def test_straight_through_has_arcface_values_and_the_cosines_gradient() -> None:
    cosine = torch.tensor(COSINES, requires_grad=True)
    out = heads.arcface_straight_through(cosine, 0.5)
    out.sum().backward()
    assert out.tolist() == pytest.approx([cos(acos(c) + 0.5) for c in COSINES], abs=1e-6)
    assert cosine.grad.tolist() == [1.0] * len(COSINES)


def test_arcface_gradient_is_exact() -> None:
    cosine = torch.tensor(COSINES, requires_grad=True)
    heads.arcface(cosine, 0.5).sum().backward()
    wanted = [sin(acos(c) + 0.5) / sin(acos(c)) if acos(c) + 0.5 < pi else 1.0 for c in COSINES]
    assert cosine.grad.tolist() == pytest.approx(wanted, rel=1e-4)


def test_combined_is_arcface_and_cosface_in_its_corners() -> None:
    inside = [acos(c) + 0.5 < pi for c in COSINES]
    both = zip(apply(heads.combined, 1.0, 0.5, 0.0), apply(heads.arcface, 0.5), inside, strict=True)
    assert all(a == pytest.approx(b, abs=1e-5) for a, b, within in both if within)
    assert apply(heads.combined, 1.0, 0.0, 0.4) == pytest.approx(apply(heads.cosface, 0.4), abs=1e-5)


def test_combined_falls_with_the_angle_all_the_way() -> None:
    values = apply(heads.combined, 1.35, 0.4, 0.1)
    assert all(a < b for a, b in pairwise(values))


def test_curricularface_weighs_hard_negatives_only() -> None:
    generator = np.random.default_rng(0)
    cosines, target, margin, t = generator.uniform(-1, 1, (6, 9)), generator.uniform(-1, 1, 6), 0.5, 0.3
    found = heads.curricular_others(torch.tensor(cosines), torch.tensor(target), margin, t)
    changed = 0
    for row in range(6):
        limit = cos(acos(target[row]) + margin)
        for column in range(9):
            cosine = cosines[row, column]
            hard = cosine > limit
            changed += hard
            assert float(found[row, column]) == pytest.approx(cosine * (t + cosine) if hard else cosine, abs=1e-6)
    assert 0 < changed < 54


def test_curriculum_moves_before_it_is_used() -> None:
    head = heads.CurricularFace()
    head.watch(torch.tensor([0.2, 0.6]), torch.ones(2))
    assert float(head.curriculum) == pytest.approx(0.01 * 0.4)
    head.watch(torch.tensor([0.5, 0.5]), torch.ones(2))
    assert float(head.curriculum) == pytest.approx(0.01 * 0.5 + 0.99 * 0.004)
    again = heads.CurricularFace()
    again.restore(head.state())
    assert again.curriculum == head.curriculum


def test_adaface_margins_follow_the_norm() -> None:
    head = heads.AdaFace()
    norms = torch.tensor([5.0, 20.0, 60.0, 500.0])
    cosine = torch.tensor([0.3, -0.2, 0.7, 0.1])
    head.watch(cosine, norms)
    safe = [min(max(float(n), 1e-3), 100.0) for n in norms]
    mean = 0.01 * np.mean(safe) + 0.99 * 20
    deviation = 0.01 * np.std(safe, ddof=1) + 0.99 * 100
    found = head.of_target(cosine, torch.arange(4))
    for index, value in enumerate(safe):
        quality = min(1.0, max(-1.0, (value - mean) / (deviation + 1e-3) * 0.333))
        angle = min(max(acos(float(cosine[index])) - 0.4 * quality, 1e-3), pi - 1e-3)
        assert float(found[index]) == pytest.approx(cos(angle) - (0.4 + 0.4 * quality), abs=1e-5)


@pytest.mark.parametrize("name", ["arcface", "cosface", "combined", "curricularface", "adaface"])
def test_margins_make_the_task_harder_and_keep_the_order(name: str) -> None:
    head = HEADS[name]()
    cosine = torch.linspace(-0.95, 0.99, 60)
    head.watch(cosine, torch.full((60,), 20.0))
    out = head.of_target(cosine, torch.arange(60))
    assert (out < cosine).all()
    inside = out[cosine > -0.8]
    assert (inside[1:] > inside[:-1]).all()


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("cosine", [1.0, -1.0])
def test_extreme_cosines_give_finite_losses_and_gradients(name: str, cosine: float) -> None:
    head = PartialFC(HEADS[name](), 5, 4, World(), seed=1)
    labels = torch.tensor([0, 1, 2])
    head.weight[:3] = torch.eye(4)[:3, None]
    embeddings = (torch.eye(4)[:3] * cosine * 7).requires_grad_()
    head.choose(labels.numpy(), 0)
    loss = head.loss(embeddings, labels.numpy())
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(embeddings.grad).all()
    assert head.gradient is not None and torch.isfinite(head.gradient).all()


@pytest.mark.parametrize("name", HEADS)
def test_gradients_agree_with_finite_differences(name: str) -> None:
    torch.manual_seed(2)
    head = PartialFC(HEADS[name](), 7, 6, World(), seed=4)
    head.weight = torch.randn_like(head.weight)
    labels = torch.tensor([1, 5, 6, 1])
    x = torch.randn(4, 6)
    state = head.head.state()

    def loss(values: torch.Tensor) -> torch.Tensor:
        if state:
            head.head.restore(state)
        head.choose(labels.numpy(), 0)
        return head.loss(values, labels.numpy())

    leaf = x.clone().requires_grad_()
    loss(leaf).backward()
    # AdaFace treats the norms, and CurricularFace what is hard, as given; so directions keep the norms.
    for _ in range(5):
        direction = torch.randn(4, 6)
        direction -= (direction * x).sum(1, keepdim=True) / x.square().sum(1, keepdim=True) * x
        if not head.head.normalized:
            direction = torch.randn(4, 6)
        step = 2e-3
        with torch.no_grad():
            slope = (loss(x + step * direction) - loss(x - step * direction)) / (2 * step)
        assert float((leaf.grad * direction).sum()) == pytest.approx(float(slope), rel=3e-2, abs=5e-2)


def test_the_head_is_float32_under_bfloat16() -> None:
    head = PartialFC(HEADS["arcface"](), 50, 32, World(), seed=1)
    labels = torch.arange(8)
    x = torch.randn(8, 32)
    head.choose(labels.numpy(), 0)
    plain = head.loss(x, labels.numpy())
    with torch.autocast("cpu", torch.bfloat16):
        head.choose(labels.numpy(), 0)
        under = head.loss(x, labels.numpy())
    assert under.dtype == torch.float32
    assert torch.equal(plain, under)


@pytest.mark.parametrize(
    "name", ["arcface", "cosface", "combined", "curricularface", "adaface", "sub-center-arcface"]
)
def test_a_class_that_is_too_near_does_not_count_for_a_sample(name: str) -> None:
    cosines, target = torch.tensor([[0.1, 0.5, 0.39], [-0.6, 0.41, 0.9]]), torch.tensor([0.1, 0.9])
    kept = HEADS[name](filter=0.4).of_others(cosines, target)
    assert torch.equal(kept, HEADS[name]().of_others(torch.tensor([[0.1, 0, 0.39], [-0.6, 0, 0]]), target))
    assert torch.equal(HEADS[name]().of_others(cosines, target), HEADS[name](filter=0.99).of_others(cosines, target))


def test_filtered_classes_push_nobody_away_and_the_own_class_is_never_filtered() -> None:
    generator = torch.Generator().manual_seed(1)
    embeddings, other = torch.randn(2, 6, generator=generator), torch.randn(6, generator=generator)

    def trained(limit: float) -> tuple[PartialFC, float]:
        head = PartialFC(HEADS["arcface"](scale=8.0, margin=0.1, filter=limit), 4, 6, World(), seed=1)
        with torch.no_grad():
            head.weight[2, 0] = embeddings[0] + 0.3 * other
            head.weight[3, 0] = embeddings[1] + 0.3 * other
        labels = torch.tensor([0, 3])
        head.choose(labels, 0)
        loss = head.loss(embeddings, labels)
        loss.backward()
        return head, float(loss.detach())

    head, loss = trained(0.3)
    units = torch.nn.functional.normalize(head.weight[:, 0])
    expected = []
    for row, label in enumerate((0, 3)):
        cosines = (units @ torch.nn.functional.normalize(embeddings[row], dim=0)).tolist()
        logits = [8 * (0.0 if cosine > 0.3 else cosine) for cosine in cosines]
        logits[label] = 8 * cos(acos(min(1.0, cosines[label])) + 0.1)
        expected.append(np.log(np.sum(np.exp(logits))) - logits[label])
    assert loss == pytest.approx(np.mean(expected), rel=1e-3)
    pushed = trained(0.0)[0].gradient
    assert head.gradient is not None and pushed is not None
    assert float(head.gradient[2].norm()) < 0.01 * float(pushed[2].norm())
    assert float(head.gradient[3].norm()) > 0.5 * float(pushed[3].norm())
