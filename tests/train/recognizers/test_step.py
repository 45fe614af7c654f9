"""One step: precisions, memory savers, heads, and labels that no class has."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import losses_of, recognizer_recipe, tuning_recipe  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from mien.errors import RecipeError  # noqa: E402
from mien.train.compute import optimize  # noqa: E402
from mien.train.compute.distributed import ALONE  # noqa: E402
from mien.train.compute.optimize import LossScale, Outcome  # noqa: E402
from mien.train.loop import train  # noqa: E402
from mien.train.recognizers import task as recognition  # noqa: E402
from mien.train.recognizers.backbones.registry import build  # noqa: E402
from mien.train.recognizers.data import open_dataset  # noqa: E402
from mien.train.recognizers.dataset import CropBatch  # noqa: E402
from mien.train.recognizers.heads import HEADS  # noqa: E402
from mien.train.recognizers.initialize import prepare_training  # noqa: E402
from mien.train.recognizers.recipe import RecognizerRecipe  # noqa: E402
from mien.train.recognizers.step import Learner, make_step  # noqa: E402


@pytest.mark.parametrize(
    "head", ["softmax", "cosface", "combined", "curricularface", "adaface", "sub-center-arcface"]
)
def test_every_head_trains_with_sampled_classes(
    face_pack: Path, tmp_path: Path, tiny: dict[str, Any], head: str
) -> None:
    settings = {"name": head, "sample": 0.9, "scale": 16.0, "margin": 0.1}
    recipe = recognizer_recipe(face_pack, model=tiny, head=settings, schedule={"steps": 2})
    train(recipe, tmp_path / "run")
    assert np.isfinite(losses_of(tmp_path / "run")).all()


@pytest.mark.parametrize(
    "settings",
    [
        {"run": {"precision": "bf16"}},
        {"run": {"accumulate": 2, "recompute": True, "channels_last": False}},
        {"optimizer": {"name": "adamw", "rate": 1e-3}},
    ],
)
def test_precisions_and_memory_savers_train(
    face_pack: Path, tmp_path: Path, tiny: dict[str, Any], settings: dict[str, Any]
) -> None:
    train(recognizer_recipe(face_pack, model=tiny, **settings, schedule={"steps": 18}), tmp_path / "run")
    losses = losses_of(tmp_path / "run")
    assert np.isfinite(losses).all()
    assert np.mean(losses[-6:]) < np.mean(losses[:6]), "an epoch has six steps"


@pytest.mark.slow
def test_a_scaled_loss_makes_the_same_step(
    face_pack: Path, tmp_path: Path, tiny: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recognizer_recipe(face_pack, model=tiny, schedule={"steps": 2})
    train(recipe, tmp_path / "plain")
    monkeypatch.setattr(LossScale, "of", classmethod(lambda kind, precision: kind(1024.0, grows=True)))
    train(recipe, tmp_path / "scaled")
    assert losses_of(tmp_path / "scaled") == pytest.approx(losses_of(tmp_path / "plain"), rel=1e-4)


def test_half_precision_is_refused_on_a_processor(face_pack: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="take bf16"):
        train(recognizer_recipe(face_pack, run={"precision": "fp16"}), tmp_path / "run")


class Waits(TorchDispatchMode):
    """Counts operations whose result the host has to know, which on a GPU waits for all work before them."""

    KINDS = ("_local_scalar_dense", "nonzero", "_unique2", "unique_dim", "masked_select", "equal", "is_nonzero")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        masks = name == "index" and any(one is not None and one.dtype == torch.bool for one in args[1])
        if name in self.KINDS or masks:
            self.found.append(name)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(("head", "sample"), [("arcface", 1.0), *((name, 0.5) for name in HEADS)])
def test_the_host_waits_for_the_device_once_a_step(
    face_pack: Path, monkeypatch: pytest.MonkeyPatch, tiny: dict[str, Any], head: str, sample: float
) -> None:
    model = tiny if sample < 1 else {}
    settings = {"name": head, "sample": sample, "scale": 16.0, "margin": 0.1}
    recipe = recognizer_recipe(face_pack, model=model, head=settings)
    crops = open_dataset(recipe)
    learner = prepare_training(recipe, crops, ALONE)
    images, labels = np.stack([crops.read(number) for number in range(8)]), crops.labels[:8]
    reads: list[int] = []

    def read(values: torch.Tensor) -> list[float]:
        reads.append(values.numel())
        return [float(value) for value in values.detach().numpy()]

    monkeypatch.setattr(optimize, "read_back", read)
    make_step(learner, CropBatch(0, images, labels, np.arange(8), labels), 0.01, recipe, ALONE)
    reads.clear()
    with Waits() as waits, monkeypatch.context() as patch:
        # Each would copy from memory that is not pinned.
        patch.setattr(torch, "tensor", lambda *arguments, **more: pytest.fail("a number was sent to the device"))
        make_step(learner, CropBatch(1, images, labels, np.arange(8), labels), 0.01, recipe, ALONE)
    assert reads == [4], "loss, norm, and the two flags of the processes"
    assert waits.found == []


def test_a_wait_is_seen() -> None:
    with Waits() as waits:
        values = torch.ones(3)
        assert float(values.sum()) == 3
        assert len(values[values > 0]) == 3
    assert waits.found == ["_local_scalar_dense", "index"]


def test_labels_out_of_range_are_refused(face_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = recognition.open_dataset

    def faulty(*arguments: Any) -> Any:
        crops = real(*arguments)
        crops.labels = crops.labels + 1
        return crops

    monkeypatch.setattr(recognition, "open_dataset", faulty)
    with pytest.raises(RecipeError, match=r"label of \d to 8 is out of range for 8 classes"):
        train(recognizer_recipe(face_pack), tmp_path / "run")


def first_step(recipe: RecognizerRecipe, change: Callable[[Learner], None] = lambda learner: None) -> Outcome:
    """The outcome of a recipe's first step."""
    crops = open_dataset(recipe)
    learner = prepare_training(recipe, crops, ALONE)
    change(learner)
    numbers = np.arange(8)
    images, labels = np.stack([crops.read(number) for number in range(8)]), crops.labels[:8]
    return make_step(learner, CropBatch(0, images, labels, numbers, labels), 0.0, recipe, ALONE)


def test_the_anchor_weighs_as_the_recipe_says(face_pack: Path, foreign_weights: Path) -> None:
    def move(learner: Learner) -> None:
        for parameter in learner.backbone.parameters():
            with torch.no_grad():
                parameter.mul_(1.3)

    losses = [
        first_step(tuning_recipe(face_pack, foreign_weights, anchor=weight), move).loss for weight in (0.0, 1.0, 4.0)
    ]
    assert losses[1] > losses[0]
    assert losses[2] - losses[0] == pytest.approx(4 * (losses[1] - losses[0]), rel=1e-3)


def test_random_numbers_of_a_step_follow_from_the_recipes_seed_alone(face_pack: Path, tiny: dict[str, Any]) -> None:
    recipe = recognizer_recipe(face_pack, model={**tiny, "dropout": 0.5})
    kept = prepare_training(recipe, open_dataset(recipe), ALONE)

    def start_alike(learner: Learner) -> None:
        learner.backbone.load_state_dict(kept.backbone.state_dict())
        learner.head.weight.copy_(kept.head.weight)
        torch.seed()

    losses = [first_step(one, start_alike).loss for one in (recipe, recipe, recipe.model_copy(update={"seed": 2}))]
    assert losses[0] == losses[1] != losses[2]


@pytest.fixture
def teacher_file(tmp_path: Path) -> Path:
    """A checkpoint of another network, with more numbers than the student has."""
    torch.manual_seed(5)
    torch.save(build("mobilefacenet", 48).state_dict(), tmp_path / "teacher.pth")
    return tmp_path / "teacher.pth"


def test_the_teacher_and_the_head_weigh_as_the_recipe_says(face_pack: Path, teacher_file: Path) -> None:
    def loss(**weights: float) -> float:
        teacher = {"model": str(teacher_file), **weights}
        return first_step(recognizer_recipe(face_pack, teacher=teacher)).loss

    head = first_step(recognizer_recipe(face_pack)).loss
    alone = loss(head=0.0, embedding=1.0)
    assert 0 < alone < 2
    assert loss(embedding=1.0) == pytest.approx(head + alone, rel=1e-4)
    assert loss(head=0.5, embedding=10.0) == pytest.approx(0.5 * head + 10 * alone, rel=1e-4)
    assert loss(head=0.0, embedding=1.0, distance=1.0, angle=1.0) > alone


def test_a_student_comes_nearer_to_its_teacher_and_a_resumed_run_gives_the_same(
    face_pack: Path, teacher_file: Path, tmp_path: Path
) -> None:
    teacher = {"model": str(teacher_file), "head": 0.0, "embedding": 10.0, "distance": 1.0}
    recipe = recognizer_recipe(face_pack, teacher=teacher, optimizer={"clip": 1.0})
    train(recipe, tmp_path / "whole")
    losses = losses_of(tmp_path / "whole")
    assert min(losses[-2:]) < losses[0]
    shutil.copytree(tmp_path / "whole", tmp_path / "cut")
    for newer in sorted((tmp_path / "cut" / "checkpoints").iterdir())[1:]:
        shutil.rmtree(newer)
    train(recipe, tmp_path / "cut")
    assert losses_of(tmp_path / "cut") == losses
    moved = teacher_file.rename(teacher_file.with_name("moved.pth"))
    train(
        recognizer_recipe(face_pack, teacher=teacher | {"model": str(moved)}, optimizer={"clip": 1.0}),
        tmp_path / "cut",
    )
    torch.manual_seed(9)
    torch.save(build("mobilefacenet", 48).state_dict(), teacher_file)
    with pytest.raises(RecipeError, match=r"teacher\.model has another content than when the run began"):
        train(recipe, tmp_path / "cut")
