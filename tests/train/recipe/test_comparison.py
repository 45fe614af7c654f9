"""Which recipes a run may continue with."""

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import shortest_recipe  # noqa: E402

from mien.train.kinds import parse_recipe  # noqa: E402
from mien.train.recipe.comparison import Changes, compare_recipes  # noqa: E402


def compared(contents: dict[str, bool] | None = None, **changes: Any) -> Changes:
    there, here = (parse_recipe(shortest_recipe(**more), "r") for more in ({}, changes))
    return compare_recipes(there, here, contents or {})


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "another"},
        {"guard": {"allowed": 0.1}},
        {"data": {"sets": ["x"], "check": True}},
        {"evaluate": [{"name": "lfw", "set": "lfw.bin"}]},
        {"about": {"licence": "ours"}},
        {"run": {"threads": 3, "save_every": 7, "gather": True, "compile": True, "recompute": True}},
    ],
)
def test_what_has_no_effect_on_the_steps_is_no_other_training(changes: dict[str, Any]) -> None:
    assert compared(**changes) == Changes((), (), ())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"seed": 5}, "seed is 1 there and 5 here"),
        ({"head": {"margin": 0.3}}, "head.margin is 0.5 there and 0.3 here"),
        ({"data": {"sets": ["y"]}}, "data.sets is ['x'] there and ['y'] here"),
        ({"schedule": {"batch": 16, "steps": 2}}, "schedule.batch is 8 there and 16 here"),
        ({"init": {"weights": "w.pth"}}, "init is not given there and not given here"),
    ],
)
def test_another_training_is_one(changes: dict[str, Any], says: str) -> None:
    found = compared(**changes)
    assert says in found.sentence() or "init.weights is not given there and w.pth here" in found.sentence()


def test_a_precision_that_changes_results_is_said_and_more_steps_are_longer() -> None:
    found = compared(
        head={"products": "bf16"},
        run={"precision": "f32", "exchange": "bf16", "accumulate": 2},
        schedule={"batch": 8, "steps": 9},
    )
    assert found.other == ()
    assert found.said == (
        "run.precision is bf16 there and f32 here",
        "run.exchange is f32 there and bf16 here",
        "run.accumulate is 1 there and 2 here",
        "head.products is auto there and bf16 here",
    )
    assert found.longer == ("schedule.steps is 2 there and 9 here",)


def test_the_same_data_under_another_path_are_the_same() -> None:
    moved = {"data": {"sets": ["elsewhere/x"]}}
    assert compared({"data.sets": True}, **moved).other == ()
    assert compared({"data.sets": False}, **moved).other == ("data.sets is ['x'] there and ['elsewhere/x'] here",)


def test_other_data_under_the_same_path_are_others() -> None:
    assert compared({"data.sets": False}).other == ("data.sets has another content than when the run began",)


def test_many_differences_are_counted() -> None:
    found = compared(seed=4, head={"margin": 0.1, "scale": 3.0}, model={"backbone": "ir50", "embedding": 64},
                     optimizer={"rate": 0.2, "clip": 1.0})  # fmt: skip
    assert len(found.other) == 7 and found.sentence().endswith(", and 2 more")
