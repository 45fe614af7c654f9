"""The learning rate of each step."""

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.train.recipe.settings import ScheduleSettings  # noqa: E402


def test_schedules() -> None:
    linear = ScheduleSettings(batch=8, epochs=10, warm_up=1)
    rates = [linear.factor(step, 100, 10) for step in range(100)]
    assert rates[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert rates[10] == 1 and rates[55] == pytest.approx(0.5) and rates[-1] == pytest.approx(1 / 90)
    steps = ScheduleSettings(batch=8, epochs=10, decay="step", milestones=(2, 5), gamma=0.1)
    assert [steps.factor(s, 100, 10) for s in (0, 19, 20, 49, 50)] == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    assert ScheduleSettings(batch=8, epochs=10, decay="constant").factor(99, 100, 10) == 1
