"""What the loop asks of a task, asked of every kind: recognizers and detectors keep the same promises."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

import toy  # noqa: E402
from made_up import detector_recipe, recognizer_recipe  # noqa: E402

from mien.train.compute.distributed import ALONE  # noqa: E402
from mien.train.detectors.plan import DetectorPlan  # noqa: E402
from mien.train.detectors.task import DetectionTask  # noqa: E402
from mien.train.kinds import open_task  # noqa: E402
from mien.train.recognizers.plan import RecognizerPlan  # noqa: E402
from mien.train.recognizers.task import RecognitionTask  # noqa: E402
from mien.train.resume import save  # noqa: E402
from mien.train.run import checkpoint  # noqa: E402
from mien.train.run.folder import RunFolder  # noqa: E402
from mien.train.run.writer import CheckpointWriter  # noqa: E402
from mien.train.task import Task, TrainingPlan  # noqa: E402

TASKS = (RecognitionTask, DetectionTask, toy.ToyTask)
Open = Callable[[], Task[Any]]


def asked_of(protocol: type) -> dict[str, list[str]]:
    """The methods of a protocol, with the names of their parameters."""
    return {
        name: list(inspect.signature(one).parameters)
        for name, one in vars(protocol).items()
        if inspect.isfunction(one) and not name.startswith("_")
    }


@pytest.mark.parametrize("kind", TASKS)
def test_a_task_has_every_method_with_the_same_parameters(kind: type) -> None:
    asked = asked_of(Task)
    assert {"batches", "step", "state", "shard", "restore", "evaluate", "report"} <= asked.keys()
    assert {name: list(inspect.signature(getattr(kind, name)).parameters) for name in asked} == asked


@pytest.mark.parametrize("kind", [RecognizerPlan, DetectorPlan, toy.ToyPlan])
def test_a_plan_has_its_rows_and_values(kind: type) -> None:
    asked = asked_of(TrainingPlan)
    assert asked == {"rows": ["self"], "values": ["self"]}
    assert {name: list(inspect.signature(getattr(kind, name)).parameters) for name in asked} == asked
    assert "seconds" in kind.__dataclass_fields__  # type: ignore[attr-defined]


@pytest.fixture(params=["recognizer", "detector"])
def open_one(request: pytest.FixtureRequest, face_pack: Path, scenes: Path) -> Open:
    """Opens the same task each time: six steps, with a set to evaluate on."""
    if request.param == "recognizer":
        return lambda: open_task(
            recognizer_recipe(face_pack, schedule={"batch": 16}, evaluate=[{"name": "one", "set": str(face_pack)}]),
            ALONE,
        )
    return lambda: open_task(detector_recipe(scenes, evaluate=[{"name": "one", "set": str(scenes)}]), ALONE)


def pixels_of(batch: Any) -> np.ndarray:
    images: np.ndarray = batch.crops if hasattr(batch, "crops") else batch.images
    return images


def test_batches_begin_at_any_step_and_are_the_same_again(open_one: Open) -> None:
    task = open_one()
    assert task.steps == 6 and task.steps_per_epoch == 3 and task.world is ALONE
    whole, rest = list(task.batches(0)), list(task.batches(4))
    assert [batch.step for batch in whole] == list(range(6)) and [batch.step for batch in rest] == [4, 5]
    for one, other in zip(whole[4:], rest, strict=True):
        assert np.array_equal(pixels_of(one), pixels_of(other))
    assert not np.array_equal(pixels_of(whole[0]), pixels_of(whole[3])), "an epoch is not the last one again"


def test_a_task_that_is_restored_goes_on_as_the_one_that_was_saved(open_one: Open, tmp_path: Path) -> None:
    task, other = open_one(), open_one()
    first, second = list(task.batches(0))[:2]
    outcome = task.step(first, 1e-2)
    assert outcome.finite and outcome.norm > 0
    with CheckpointWriter(RunFolder(tmp_path), 2) as writer:
        save(task, writer, 1)
    saved = checkpoint.latest(tmp_path / "checkpoints")
    assert saved is not None and saved.step == 1
    start = {name: value.clone() for name, value in other.state()["weights"].items()}
    other.restore(saved)
    weights = other.state()["weights"]
    assert any(not torch.equal(weights[name], start[name]) for name in start)
    again, unbroken = other.step(second, 1e-2), task.step(second, 1e-2)
    assert (again.loss, again.norm, again.parts) == (unbroken.loss, unbroken.norm, unbroken.parts)


def test_a_rate_of_zero_changes_no_weight(open_one: Open) -> None:
    task = open_one()
    names = [name for name in task.state()["weights"] if not name.endswith(("mean", "var", "tracked"))]
    before = {name: task.state()["weights"][name].clone() for name in names}
    batch = next(iter(task.batches(0)))
    task.step(batch, 0.0)
    assert all(torch.equal(task.state()["weights"][name], before[name]) for name in names)
    task.step(batch, 1e-2)
    assert not all(torch.equal(task.state()["weights"][name], before[name]) for name in names)


def test_an_evaluation_names_its_set_and_a_fault_its_samples(open_one: Open, tmp_path: Path) -> None:
    task = open_one()
    numbers, sentence = task.evaluate(0, 0, tmp_path)
    assert [one.name for one in task.validation_sets] == ["one"]
    assert numbers and all(name.startswith("one/") for name in numbers) and sentence
    fault = task.describe_fault(next(iter(task.batches(0))))
    assert fault.count(", ") >= 2 and "egins with" in fault
