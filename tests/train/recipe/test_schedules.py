"""The learning rate of each step."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from made_up import shortest_recipe  # noqa: E402

from mien.errors import RecipeError  # noqa: E402
from mien.train.kinds import parse_recipe  # noqa: E402
from mien.train.recipe.schedules import DECAYS  # noqa: E402
from mien.train.recipe.settings import ScheduleSettings  # noqa: E402


def test_schedules() -> None:
    linear = ScheduleSettings(batch=8, epochs=10, warm_up=1)
    rates = [linear.factor(step, 100, 10) for step in range(100)]
    assert rates[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert rates[10] == 1 and rates[55] == pytest.approx(0.5) and rates[-1] == pytest.approx(1 / 90)
    steps = ScheduleSettings(batch=8, epochs=10, decay="step", milestones=(2, 5), gamma=0.1)
    assert [steps.factor(s, 100, 10) for s in (0, 19, 20, 49, 50)] == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    assert ScheduleSettings(batch=8, epochs=10, decay="constant").factor(99, 100, 10) == 1


def test_a_polynomial_falls_by_its_power() -> None:
    square = ScheduleSettings(batch=8, epochs=10, power=2.0)
    assert [square.factor(step, 100, 10) for step in (0, 50, 90)] == pytest.approx([1, 0.25, 0.01])


def test_a_cosine_falls_slowly_at_both_ends() -> None:
    schedule = ScheduleSettings(batch=8, epochs=10, warm_up=2, decay="cosine")
    rates = [schedule.factor(step, 100, 10) for step in (20, 40, 60, 80, 99)]
    assert rates == pytest.approx([1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2, 0.000385], abs=1e-4)


def test_steps_are_given_or_follow_from_the_epochs() -> None:
    assert ScheduleSettings(batch=8, steps=17).total_steps(10) == 17
    assert ScheduleSettings(batch=8, epochs=2.5).total_steps(10) == 25
    assert ScheduleSettings(batch=8, epochs=0.01).total_steps(10) == 1


def test_a_made_up_decay_is_one_function_and_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DECAYS, "stairs", lambda done, reached, settings: 0.5 if reached(2) else done)
    recipe = parse_recipe(shortest_recipe(schedule={"batch": 8, "epochs": 4, "decay": "stairs"}), "r")
    assert [recipe.schedule.factor(step, 40, 10) for step in (0, 10, 20)] == [0, 0.25, 0.5]
    with pytest.raises(RecipeError, match=r"schedule\.decay: there is no decay 'stair'; did you mean stairs\?"):
        parse_recipe(shortest_recipe(schedule={"batch": 8, "epochs": 4, "decay": "stair"}), "r")
