"""What a student learns of a teacher: each loss against plain loops, turning between sizes, and the weighted sum."""

import itertools
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

import torch.nn.functional as F  # noqa: E402, N812
from torch import Tensor  # noqa: E402

from mien.train.recognizers import distillation  # noqa: E402
from mien.train.recognizers.dataset import CropBatch  # noqa: E402
from mien.train.recognizers.distillation import (  # noqa: E402
    Distiller,
    principal_directions,
    regression,
    relation_of_angles,
    relation_of_distances,
    turning_of,
)
from mien.train.recognizers.recipe import TeacherSettings  # noqa: E402
from mien.train.recognizers.teacher_cache import TaughtPack  # noqa: E402


def unit(rows: int, numbers: int, seed: int) -> Tensor:
    return F.normalize(torch.randn(rows, numbers, generator=torch.Generator().manual_seed(seed), dtype=torch.float64))


def huber(difference: float) -> float:
    return 0.5 * difference**2 if abs(difference) <= 1 else abs(difference) - 0.5


def test_regression_is_half_the_squared_distance_of_unit_vectors() -> None:
    student, teacher = unit(7, 5, 1), unit(7, 5, 2)
    expected = np.mean([((s - t) ** 2).sum() / 2 for s, t in zip(student.numpy(), teacher.numpy(), strict=True)])
    assert float(regression(student, teacher)) == pytest.approx(expected)
    assert float(regression(student, student * 0.3)) == pytest.approx(0, abs=1e-12)


def test_the_relation_of_distances_is_the_mean_over_all_pairs() -> None:
    student, teacher = unit(6, 4, 1), unit(6, 9, 2)
    pairs = list(itertools.permutations(range(6), 2))

    def relative(embeddings: Tensor) -> dict[tuple[int, int], float]:
        apart = {(i, j): float((embeddings[i] - embeddings[j]).norm()) for i, j in pairs}
        mean = sum(apart.values()) / len(apart)
        return {pair: value / mean for pair, value in apart.items()}

    ours, theirs = relative(student), relative(teacher)
    expected = np.mean([huber(ours[pair] - theirs[pair]) for pair in pairs])
    assert float(relation_of_distances(student, teacher)) == pytest.approx(expected)


def test_the_relation_of_angles_is_the_mean_over_all_triplets_of_different_embeddings() -> None:
    student, teacher = unit(5, 4, 1), unit(5, 9, 2)

    def angle(embeddings: Tensor, i: int, j: int, k: int) -> float:
        first, second = embeddings[i] - embeddings[j], embeddings[k] - embeddings[j]
        return float(first @ second / first.norm() / second.norm())

    triplets = list(itertools.permutations(range(5), 3))
    expected = np.mean([huber(angle(student, *one) - angle(teacher, *one)) for one in triplets])
    assert float(relation_of_angles(student, teacher)) == pytest.approx(expected)


@pytest.mark.parametrize("relation", [relation_of_distances, relation_of_angles])
def test_a_student_that_is_its_turned_teacher_has_no_loss_and_a_finite_gradient(relation: object) -> None:
    teacher = unit(8, 6, 3)
    turned = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64)).Q
    student = (teacher @ turned).requires_grad_()
    loss = relation(student, teacher)  # type: ignore[operator]
    loss.backward()
    assert float(loss.detach()) == pytest.approx(0, abs=1e-12)
    assert student.grad is not None and torch.isfinite(student.grad).all()


def test_two_equal_embeddings_leave_the_gradient_finite() -> None:
    student = unit(4, 6, 3).float()
    student[1] = student[0]
    student.requires_grad_()
    (
        relation_of_distances(student, unit(4, 6, 4).float()) + relation_of_angles(student, unit(4, 6, 4).float())
    ).backward()
    assert student.grad is not None and torch.isfinite(student.grad).all()


def test_principal_directions_keep_the_most_and_their_signs_are_fixed() -> None:
    generator = np.random.default_rng(0)
    embeddings = (generator.normal(size=(400, 6)) * [9, 5, 3, 1, 0.1, 0.01]).astype(np.float32)
    directions = principal_directions(embeddings, 3)
    assert np.abs(directions.T @ directions - np.eye(3)).max() < 1e-6
    kept = np.square(embeddings @ directions).sum() / np.square(embeddings).sum()
    assert kept > 0.99
    for drawn in range(20):
        other = np.linalg.qr(np.random.default_rng(drawn).normal(size=(6, 3)))[0]
        assert np.square(embeddings @ other).sum() < np.square(embeddings @ directions).sum()
    assert (directions[np.abs(directions).argmax(axis=0), range(3)] > 0).all()


def batch(count: int) -> CropBatch:
    """The first crops of a training; nobody looks at their pixels."""
    numbers = np.arange(count)
    return CropBatch(0, np.zeros((count, 2, 2, 3), np.uint8), numbers, numbers, numbers)


def taught(rows: int, numbers: int, seed: int) -> TaughtPack:
    vectors = unit(rows, numbers, seed).numpy().astype(np.float16)
    return TaughtPack(Path("none"), rows, [vectors])


def test_a_teacher_of_more_numbers_is_turned_into_fewer_and_one_of_fewer_gets_zeros() -> None:
    pack = taught(50, 8, 5)
    turning = turning_of([pack], 12)
    assert turning.shape == (8, 12) and torch.equal(turning[:, :8], torch.eye(8))
    turning, vectors = turning_of([pack], 3), torch.from_numpy(pack.read(np.arange(50)))
    assert turning.shape == (8, 3)
    assert 3 / 8 < float((vectors @ turning).square().sum() / vectors.square().sum()) < 1


def test_targets_are_those_of_the_crops_that_take_part_over_several_packs() -> None:
    packs = [taught(4, 3, 1), taught(5, 3, 2)]
    places = np.array([8, 1, 4, 3])
    distiller = Distiller(TeacherSettings(model="x"), packs, places, torch.eye(3), "digest")
    parts = distiller.targets(batch(4), 2, "f32")
    targets = torch.cat([one.embeddings for one in parts])
    assert [len(one.embeddings) for one in parts] == [2, 2] and parts[0].attention == ()
    expected = [packs[1].parts[0][4], packs[0].parts[0][1], packs[1].parts[0][0], packs[0].parts[0][3]]
    assert torch.allclose(targets, torch.from_numpy(np.stack(expected).astype(np.float32)), atol=1e-3)
    assert torch.allclose(targets.norm(dim=1), torch.ones(4))


def test_the_loss_is_the_weighted_sum_and_relations_are_compared_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distillation, "GROUP", 5)
    settings = TeacherSettings(model="x", embedding=3.0, distance=5.0, angle=7.0)
    distiller = Distiller(settings, [taught(11, 4, 1)], np.arange(11), torch.eye(4), "digest")
    student, whole = unit(11, 4, 8).float() * 9, distiller.targets(batch(11), 1, "f32")[0]
    targets = whole.embeddings
    ours = F.normalize(student)
    groups = [slice(0, 5), slice(5, 10)]  # the last crop is alone and has no relation
    expected = 3 * regression(ours, targets)
    expected += 5 * torch.stack([relation_of_distances(ours[g], targets[g]) for g in groups]).mean()
    expected += 7 * torch.stack([relation_of_angles(ours[g], targets[g]) for g in groups]).mean()
    assert float(distiller.loss(student, whole)) == pytest.approx(float(expected), rel=1e-5)


def test_a_teacher_without_any_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="set embedding, distance, angle or attention above 0"):
        TeacherSettings(model="x", embedding=0)
