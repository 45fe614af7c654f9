"""Attention maps: the formula by plain loops, which stages are compared, and a training that follows them."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import losses_of, recognizer_recipe  # noqa: E402

from mien.errors import RecipeError  # noqa: E402
from mien.train.loop import train  # noqa: E402
from mien.train.recognizers.attention_maps import AttentionTeacher, attention, attention_loss  # noqa: E402
from mien.train.recognizers.backbones.registry import build  # noqa: E402

CPU = torch.device("cpu")


def test_attention_is_the_unit_vector_of_squares_over_channels() -> None:
    features = torch.randn(2, 3, 2, 4, generator=torch.Generator().manual_seed(0))
    for row, found in enumerate(attention(features)):
        squares = [sum(float(features[row, c, y, x]) ** 2 for c in range(3)) for y in range(2) for x in range(4)]
        length = sum(value**2 for value in squares) ** 0.5
        assert found.tolist() == pytest.approx([value / length for value in squares], rel=1e-5)


def test_the_loss_is_the_mean_squared_distance_of_the_vectors() -> None:
    one, other = torch.tensor([[1.0, 0.0], [0.6, 0.8]]), torch.tensor([[0.0, 1.0], [0.6, 0.8]])
    assert float(attention_loss(one, other)) == pytest.approx(1.0)


def test_stages_with_maps_of_one_size_are_compared_whatever_their_widths() -> None:
    torch.manual_seed(1)
    student, teacher = build("mobilefacenet", 32), build("iresnet18", 64)
    both = AttentionTeacher(student, teacher, CPU)
    assert both.sizes == ((56, 56), (28, 28), (14, 14), (7, 7)) and student.training
    crops = np.random.default_rng(0).integers(0, 255, (3, 112, 112, 3)).astype(np.uint8)
    targets = both.targets(crops, "f32")
    assert [tuple(one.shape) for one in targets] == [(3, 3136), (3, 784), (3, 196), (3, 49)]


def test_a_student_that_is_its_teacher_has_no_loss_and_a_gradient_reaches_every_stage() -> None:
    torch.manual_seed(1)
    student, other = build("mobilefacenet", 32).eval(), build("mobilefacenet", 32)
    crops = np.random.default_rng(0).integers(0, 255, (2, 112, 112, 3)).astype(np.uint8)
    from mien.train.compute.preprocess import prepare

    twin = build("mobilefacenet", 32)
    twin.load_state_dict(student.state_dict())
    same = AttentionTeacher(student, twin, CPU)
    student(prepare(crops, student.spec, CPU))
    assert float(same.loss(same.targets(crops, "f32")).detach()) == pytest.approx(0, abs=1e-9)
    student = build("mobilefacenet", 32)
    both = AttentionTeacher(student, other, CPU)
    student(prepare(crops, student.spec, CPU))
    both.loss(both.targets(crops, "f32")).backward()
    reached = {student.stage_of(name) for name, one in student.named_parameters() if one.grad is not None}
    assert reached == {0, 1, 2, 3}


def test_networks_without_maps_of_one_size_are_refused() -> None:
    with pytest.raises(RecipeError, match="no maps of the same size"):
        AttentionTeacher(build("mobilefacenet", 32), build("mobilefacenet-xiaoccer", 32), CPU)


def test_a_training_compares_attention_and_says_what_it_cannot_compare(face_pack: Path, tmp_path: Path) -> None:
    torch.manual_seed(5)
    torch.save(build("mobilefacenet", 32).state_dict(), tmp_path / "teacher.pth")
    teacher = {"model": str(tmp_path / "teacher.pth"), "head": 0.0, "embedding": 0.0, "attention": 10.0}
    recipe = recognizer_recipe(face_pack, teacher=teacher, schedule={"steps": 3}, run={"accumulate": 2})
    train(recipe, tmp_path / "run")
    losses = losses_of(tmp_path / "run")
    assert np.isfinite(losses).all() and losses[-1] < losses[0]
    hidden = recognizer_recipe(face_pack, teacher=teacher, run={"recompute": True})
    with pytest.raises(RecipeError, match=r"run.recompute = false"):
        train(hidden, tmp_path / "hidden")
    model = recognizer_recipe(face_pack, teacher=teacher | {"model": "dlib-resnet"})
    with pytest.raises(RecipeError, match="only a checkpoint shows them"):
        train(model, tmp_path / "model")
